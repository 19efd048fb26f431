package output

import (
	"encoding/json"
	"maps"
	"net/netip"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

func TestRedactText(t *testing.T) {
	m := newRedactor()
	m.begin("8.17.1.9", "mail01")
	for _, tt := range []struct{ in, want string }{
		{"220 mx1.example.com ESMTP Postfix 3.7.11", "220 host2.org1.example ESMTP Postfix 3.7.11"},
		{"250-MX1.EXAMPLE.COM Hello [192.0.2.7]", "250-host2.org1.example Hello [240.0.0.1]"},
		{"again example.com.", "again org1.example."},
		{"Sendmail 8.17.1.9; at 12:00:01", "Sendmail 8.17.1.9; at 12:00:01"},
		{"192.0.2.7:25 and 192.0.2.0/24", "240.0.0.1:25 and 240.0.0.2/24"},
		{"IPv6:2001:db8::1 ::ffff:192.0.2.7", "IPv6:2001:db8::3 240.0.0.1"},
		{"postmaster@example.com", "mailbox@org1.example"},
		{"220 mail01 ready", "220 host3 ready"},
		{"a.b.example.co.uk", "host5.org4.example"},
		{"version 15.1.2507.39", "version 15.1.2507.39"},
		{"*.example.com", "*.org1.example"},
		{"bücher.example", "org6.example"},
	} {
		if got := m.text(tt.in); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
		}
	}
}

// Of a published record the terms stay, and the stand-ins.
func TestRedactPublished(t *testing.T) {
	m := newRedactor()
	m.begin("", "acme.example")
	for _, tt := range []struct{ in, want string }{
		{"v=STSv1; id=2026", "v=STSv1; (masked)"},
		{"v=STSv1;id=20261101T000000Z;", "v=STSv1;(masked);"},
		{"v=spf1 ip6:2001:470:1::/48 IP6:2001:470:2::9 include:cafe mx:acme.example/24 -all", "v=spf1 ip6:2001:db8::1/48 IP6:2001:db8::2 include:(masked) mx:org1.example/24 -all"},
		{"v=spf1 redirect=_spf.acme.example", "v=spf1 redirect=host2.org1.example"},
		{"v=DMARC1; p=none; rua=mailto:x@acme.example", "v=DMARC1; p=none; rua=mailto:mailbox@org1.example"},
		{"3 1 1 abcd0123", "3 1 1 (masked)"},
		{"site-verification=abcd", "(masked)"},
		{"max_age: 604800", "max_age: 604800"},
	} {
		if got := m.published(tt.in); got != tt.want {
			t.Errorf("%q became %q, want %q", tt.in, got, tt.want)
		}
	}
}

// Nothing of a record that names somebody is in any format of a redacted
// report.
func TestRedactedReport(t *testing.T) {
	s := typical()
	s.Banner = "220 mx1.example.com (secret.corp.example.com) mail01 [192.0.2.10]\r\n"
	s.Greeting.Hostname = "mail01"
	s.Error = "connect: 192.0.2.10:25 mx1.example.com"
	s.TLS.Certificate.Subject, s.TLS.Certificate.SANs = "CN=mx1.example.com,O=Secret Corp", []string{"mx1.example.com", "secret.corp.example.com"}
	s.TLS.ChainValid = new(false)
	s.TLS.Certificate.Issuer, s.TLS.Certificate.IssuerOrg = "O=Secret Corp", "Secret Corp"
	s.Injected = "250 example.com\r\n"
	s.Help = "214 Welcome to Secret Corp, ask secretadmin@example.com, session secret123456789\r\n"
	s.EHLO.Raw, s.Capabilities.Keywords = "250-mx1.example.com at Secret\r\n250-SECRETWARE\r\n250 SIZE 99\r\n", []string{"SECRETWARE", "SIZE"}
	s.Checks = []smtp.Checked{{Check: smtp.CheckNTLM, Error: "greeting: the server answered 554 Secret Corp",
		Exchanges: []smtp.Exchange{{Command: "MAIL FROM:<a@example.com>", Reply: "334 c2VjcmV0IHNlY3JldCBzZWNyZXQ=\r\n"}, {Command: "*", Reply: "501 Secret\r\n"}}}}
	s.Findings = []advisory.Finding{{ID: "ntlm-names", Severity: advisory.Low, Evidence: `host "SECRETHOST", domain "SECRET"`}, {ID: "scanner-rejected", Evidence: `"go away, says Secret Corp"`}}
	s.Software.Evidence[0].Matched = "220 mx1.example.com (secret.corp.example.com) mail01"
	domain := records()[6]
	domain.Domain.SPF = &scanner.RRset{Name: "example.com", Status: scanner.StatusSuccess, Records: []string{"v=spf1 ip4:192.0.2.0/24 include:_spf.secret.example.com exp=secretword -all"}}
	domain.Domain.DMARC = &scanner.RRset{Name: "_dmarc.example.com", Status: scanner.StatusSuccess, Records: []string{"v=DMARC1; p=reject; rua=mailto:secret@example.com"}}
	run := records()[0]
	run.Run.Options["list"] = "secret-corp"
	text := ndjson(run, scanner.Result{Service: s}, domain, scanner.Result{Summary: &scanner.Summary{Findings: []advisory.Finding{{ID: "software-differs", Severity: advisory.Low, Evidence: `mx1.example.com: "Secret"`}}}})
	leak := regexp.MustCompile(`(?i)example\.com|secret|c2Vjc|mail01|192\.0\.2\.|audit\.example|fleet\.ndjson`)
	for _, format := range []ReportFormat{ReportHTML, ReportMarkdown, ReportCSV, ReportSARIF, ReportDefectDojo} {
		r := newTestReport(t, ReportOptions{Redact: true}, text)
		page := reportText(t, r, format)
		for _, block := range blocks(t, page) {
			page += block
		}
		if found := leak.FindString(page); found != "" {
			at := strings.Index(page, found)
			t.Errorf("%s holds %q: %.200s", format, found, page[max(0, at-100):])
		}
		for _, want := range []string{"240.0.0.1", "SIZE", "v=spf1 ip4:", "p=reject", "(masked)"} {
			if format == ReportHTML && !strings.Contains(page, want) {
				t.Errorf("what tells nothing is masked, too: %q is missing", want)
			}
		}
	}
	if raw := s.Banner; !strings.Contains(string(raw), "mx1.example.com") {
		t.Error("the test's own record was masked")
	}
}

func TestRedactKeepsPublicIssuers(t *testing.T) {
	s := typical()
	issuer := s.TLS.Certificate.Issuer
	s.TLS.ChainValid = new(true)
	newRedactor().service(s)
	if s.TLS.Certificate.Issuer != issuer || s.TLS.Certificate.SHA256 != "" {
		t.Errorf("issuer %q, fingerprint %q", s.TLS.Certificate.Issuer, s.TLS.Certificate.SHA256)
	}
}

// FuzzRedact masks arbitrary text: masked names and addresses are not found in
// it, whatever stands around them.
func FuzzRedact(f *testing.F) {
	f.Add("220 ", " ESMTP")
	f.Add("[", "]:25")
	f.Add("2001:", ".org")
	f.Fuzz(func(t *testing.T, before, after string) {
		m := newRedactor()
		m.begin("")
		got := m.text(before + " mx1.secret.example " + after + " 192.0.2.77 ")
		if strings.Contains(got, "mx1.secret.example") || strings.Contains(got, "192.0.2.77") {
			t.Errorf("%q", got)
		}
		_ = m.name(before)
		s := typical()
		s.Banner, s.Host = smtp.Raw(before), after
		m.service(s)
	})
}

// What fillLeak puts into records: names, replies and what mxsweep says itself,
// all of which tell whose they are.
const (
	leakName  = "mx1.leakage.example"
	leakReply = "220-mx1.leakage.example Leak Corp ESMTP leakleak12345678 [192.0.2.66]\r\n220 Leak\r\n"
	leakLine  = "LEAKAGE-FILTER leak12345678leak leak@leakage.example"
	leakText  = `mx1.leakage.example [192.0.2.66] said "Leak Corp" to <leak@leakage.example>`
)

var (
	leakNames = []string{"domain", "host", "name", "hostname", "ptr", "cname", "name_sent", "subject_cn", "sans", "server_name", "ehlo_domain"}
	leakLines = []string{"lines", "keywords", "auth", "limits"}
)

// fillLeak fills every field of a record, however deep.
func fillLeak(v reflect.Value, name string) {
	switch {
	case v.Type() == reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(netip.MustParseAddr("192.0.2.66")))
	case v.Type() == reflect.TypeFor[smtp.Raw]():
		v.SetString(leakReply)
	case v.Kind() == reflect.String && slices.Contains(leakNames, name):
		v.SetString(leakName)
	case v.Kind() == reflect.String && slices.Contains(leakLines, name):
		v.SetString(leakLine)
	case v.Kind() == reflect.String:
		v.SetString(leakText)
	case v.Kind() == reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fillLeak(v.Elem(), name)
	case v.Kind() == reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fillLeak(v.Index(0), name)
		fillLeak(v.Index(1), name)
	case v.Type() == reflect.TypeFor[map[string]string]():
		v.Set(reflect.ValueOf(map[string]string{"list": leakName, "resolvers": "192.0.2.66"}))
	case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
		for i := range v.NumField() {
			tag, _, _ := strings.Cut(v.Type().Field(i).Tag.Get("json"), ",")
			fillLeak(v.Field(i), tag)
		}
	}
}

// leaks adds the paths of all texts that still hold what fill put there.
func leaks(found map[string]bool, path string, value any) {
	switch value := value.(type) {
	case string:
		if regexp.MustCompile(`(?i)leak|192\.0\.2`).MatchString(value) {
			found[path] = true
		}
	case []any:
		for _, item := range value {
			leaks(found, path, item)
		}
	case map[string]any:
		for name, item := range value {
			leaks(found, path+"."+name, item)
		}
	}
}

// Every text of every record is masked, apart from those whose words are not
// those of a server: a field that is added to the records leaks until the
// redactor knows it.
func TestRedactLeavesNothing(t *testing.T) {
	fixed := []string{ // words of mxsweep, its data and the protocols
		"type", "status", "phase", "severity", "id", "title", "references", "cwe", "provider", "version", "cipher", "curve", "alpn",
		"key_type", "signature_algorithm", "signal", "rule", "vendor", "product", "slug", "update", "os", "cpe", "check", "accepted", "refused",
		"cve", "conditions", "fixed", "fixed_package", "cvss_vector", "match", "sources", "package", "confidence",
		"fingerprints_date", "advisories_date", "reason",
	}
	kept := map[string]bool{}
	for _, r := range []scanner.Result{{Run: new(scanner.Run)}, {Service: new(scanner.Service)}, {Domain: new(scanner.Domain)}, {Summary: new(scanner.Summary)}, {Progress: new(scanner.Progress)}} {
		for i := range reflect.TypeOf(r).NumField() {
			if field := reflect.ValueOf(&r).Elem().Field(i); field.Kind() == reflect.Pointer && !field.IsNil() {
				fillLeak(field.Elem(), "")
			}
		}
		if r.Service != nil {
			r.Service.TLS.ChainValid = new(bool) // of a public authority the issuer is kept
			software := &r.Service.Software
			software.Version, software.Product, software.OS, software.Vendor = "9.9", "P", "O", "V"
			software.Evidence[0].Matched = "mx1.leakage.example"
			software.Evidence[1].Matched = " ESMTP leakleak12345678 ["
		}
		r.Unknown = `{"type":"service","later":"leakleak12345678"}`
		newRedactor().result(&r)
		var value any
		if err := json.Unmarshal(AppendResult(nil, &r), &value); err != nil {
			t.Fatal(err)
		}
		leaks(kept, "", value)
	}
	for _, path := range slices.Sorted(maps.Keys(kept)) {
		if name := path[strings.LastIndexByte(path, '.')+1:]; !slices.Contains(fixed, name) {
			t.Errorf("%s is not masked", path)
		}
	}
}
