package output

import (
	"regexp"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/scanner"
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
	run := records()[0]
	run.Run.Options["list"] = "secret-corp"
	text := ndjson(run, scanner.Result{Service: s}, records()[6])
	leak := regexp.MustCompile(`(?i)example\.com|secret|mail01|192\.0\.2\.|audit\.example|fleet\.ndjson`)
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
		if format == ReportHTML && !strings.Contains(page, "240.0.0.1") {
			t.Errorf("the address has no stand-in")
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
