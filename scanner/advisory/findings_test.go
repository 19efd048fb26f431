package advisory

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"
)

var yes, no = new(true), new(false)

// probeTime is when the test servers were seen.
var probeTime = time.Date(2026, 11, 24, 2, 31, 0, 0, time.UTC)

// good is a Postfix as one wishes for: current, with a valid certificate and a
// PTR record that leads back.
func good() *Facts {
	keywords := []string{"PIPELINING", "SIZE", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "CHUNKING"}
	return &Facts{
		Time: probeTime, Host: "mx.example.org", Addr: netip.MustParseAddr("203.0.113.25"), Port: 25,
		Status: "success", ImplicitTLS: no, PTR: []string{"mx.example.org"}, PTRValid: yes,
		Greeting: &Greeting{Code: 220, Lines: []string{"mx.example.org ESMTP Postfix"}, Hostname: "mx.example.org", DelayMS: 12},
		EHLO:     &EHLO{Code: 250, Hostname: "mx.example.org"},
		EHLOTLS:  &EHLO{Code: 250, Hostname: "mx.example.org"},
		Before:   &Capabilities{Keywords: keywords},
		After:    &Capabilities{Keywords: keywords[:2]},
		STARTTLS: "220 2.0.0 Ready to start TLS\r\n",
		TLS: &TLS{
			Version: "TLS 1.3", Cipher: "TLS_AES_256_GCM_SHA384", ChainLength: 2, ChainValid: yes, NameValid: yes,
			Chain: []ChainCertificate{{Subject: "CN=R11,O=Let's Encrypt,C=US", SHA256: strings.Repeat("ca", 32), SPKISHA256: strings.Repeat("6b", 32)}},
			Certificate: &Certificate{
				SubjectCN: "mx.example.org", Issuer: "CN=R11,O=Let's Encrypt,C=US", SANs: []string{"mx.example.org"},
				NotBefore: probeTime.AddDate(0, 0, -20), NotAfter: probeTime.AddDate(0, 0, 70),
				KeyType: "ECDSA", KeyBits: 256, SignatureAlgorithm: "SHA256-RSA",
				SHA256: strings.Repeat("c0", 32), SPKISHA256: strings.Repeat("5a", 32),
			},
		},
		TLSA:     published("_25._tcp.mx.example.org", "3 1 1 "+strings.Repeat("5a", 32)),
		Software: Software{Product: "Postfix", Slug: "postfix", Version: "3.11.7"},
	}
}

func published(name string, texts ...string) *Records {
	return &Records{Name: name, Authentic: yes, Texts: texts}
}

func goodDomain() *DomainFacts {
	return &DomainFacts{
		Domain: "example.org", Status: "success", NullMX: no, ImplicitMX: no,
		SPF:    published("example.org", "v=spf1 mx ip4:203.0.113.0/24 ip6:2001:db8::/32 include:_spf.example.net -all"),
		DMARC:  published("_dmarc.example.org", "v=DMARC1; p=reject; rua=mailto:d@example.org"),
		MTASTS: published("_mta-sts.example.org", "v=STSv1; id=20261124T0000;"),
		TLSRPT: published("_smtp._tls.example.org", "v=TLSRPTv1; rua=mailto:t@example.org"),
		Policy: &STSPolicy{Text: "version: STSv1\r\nmode: enforce\r\nmx: mx.example.org\r\nmx: *.Example.org\r\nmax_age: 604800\r\n"},
		MX: []MX{
			{Name: "mx.example.org", Preference: 10, Status: "success", Addresses: []netip.Addr{netip.MustParseAddr("203.0.113.25")}},
			{Name: "mx2.example.org", Preference: 20, Status: "success", Addresses: []netip.Addr{netip.MustParseAddr("2001:db8::25")}},
		},
	}
}

func TestWellConfigured(t *testing.T) {
	s := loadEmbedded(t)
	for name, edit := range map[string]func(*Facts){
		"version shown": func(*Facts) {},
		"version hidden, Debian": func(f *Facts) {
			f.Software.Version, f.Software.OS = "", "Debian"
			f.Greeting.Lines[0] += " (Debian/GNU)"
		},
		"submission": func(f *Facts) { f.Port, f.After.Auth = 587, []string{"PLAIN", "LOGIN"} },
		"port 465": func(f *Facts) {
			f.Port, f.ImplicitTLS, f.STARTTLS, f.After = 465, yes, "", nil
			f.Before = &Capabilities{Keywords: []string{"AUTH"}, Auth: []string{"PLAIN"}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := good()
			edit(f)
			for _, finding := range s.Service(f) {
				if finding.Severity != Info {
					t.Errorf("%s %s: %s", finding.Severity, finding.ID, finding.Evidence)
				}
			}
		})
	}
	if found := s.Domain(goodDomain()); len(found) != 0 {
		t.Errorf("domain: %+v", found)
	}
}

// Unknown is never no: without facts there are no findings, and the lack of
// any one fact of the good server does not lead to one above info.
func TestUnknown(t *testing.T) {
	s := loadEmbedded(t)
	if found := s.Service(&Facts{}); found == nil || len(found) != 0 {
		t.Errorf("no facts: %+v", found)
	}
	if found := s.Domain(&DomainFacts{}); found == nil || len(found) != 0 {
		t.Errorf("no domain facts: %+v", found)
	}
	for i, hide := range []func(*Facts){
		func(f *Facts) { f.Time = time.Time{} },
		func(f *Facts) { f.Host = "" },
		func(f *Facts) { f.ImplicitTLS = nil },
		func(f *Facts) { f.PTR, f.PTRValid = nil, nil },
		func(f *Facts) { f.PTRValid = nil },
		func(f *Facts) { f.Greeting = nil },
		func(f *Facts) { f.EHLO, f.Before = nil, nil },
		func(f *Facts) { f.EHLOTLS, f.After = nil, nil },
		func(f *Facts) { f.STARTTLS = "" },
		func(f *Facts) { f.TLS = nil },
		func(f *Facts) { f.TLS = &TLS{Error: "connection reset by peer"}; f.Status = "connection-reset" },
		func(f *Facts) { f.TLS.Certificate = nil },
		func(f *Facts) { f.TLS.ChainValid, f.TLS.NameValid = nil, nil },
		func(f *Facts) { *f.TLS.Certificate = Certificate{} },
		func(f *Facts) { f.Software = Software{} },
		func(f *Facts) { f.Software.Slug = "nobody-knows" },
	} {
		f := good()
		hide(f)
		for _, finding := range s.Service(f) {
			if finding.Severity != Info {
				t.Errorf("case %d: %s %s: %s", i, finding.Severity, finding.ID, finding.Evidence)
			}
		}
	}
}

func TestFindings(t *testing.T) {
	s := loadEmbedded(t)
	covered := map[string]bool{}
	for _, tt := range serviceCases() {
		t.Run(tt.id+" "+string(tt.severity), func(t *testing.T) {
			covered[tt.id] = true
			has, hasNot := good(), good()
			tt.has(has)
			if tt.hasNot != nil {
				tt.hasNot(hasNot)
			}
			checkFinding(t, tt.id, tt.severity, tt.evidence, s.Service(has), s.Service(hasNot))
		})
	}
	for _, tt := range domainCases() {
		t.Run(tt.id, func(t *testing.T) {
			covered[tt.id] = true
			has, hasNot := goodDomain(), goodDomain()
			tt.has(has)
			if tt.hasNot != nil {
				tt.hasNot(hasNot)
			}
			checkFinding(t, tt.id, tt.severity, tt.evidence, s.Domain(has), s.Domain(hasNot))
		})
	}
	testFleetFindings(t, covered)
	testPolicyFindings(t, covered)
	for _, e := range Catalog() {
		if !covered[e.ID] {
			t.Errorf("%s: no facts in this test have it", e.ID)
		}
	}
}

func checkFinding(t *testing.T, id string, severity Severity, evidence string, has, hasNot []Finding) {
	t.Helper()
	i := slices.IndexFunc(has, func(f Finding) bool { return f.ID == id })
	if i < 0 {
		t.Fatalf("not found in %+v", has)
	}
	if f := has[i]; f.Severity != severity || !strings.Contains(f.Evidence, evidence) {
		t.Errorf("severity %s, evidence %q; want %s, %q", f.Severity, f.Evidence, severity, evidence)
	}
	if i := slices.IndexFunc(hasNot, func(f Finding) bool { return f.ID == id }); i >= 0 {
		t.Errorf("found where it is not: %+v", hasNot[i])
	}
}

func TestCatalog(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range Catalog() {
		if seen[e.ID] {
			t.Errorf("%s: twice", e.ID)
		}
		seen[e.ID] = true
		if strings.Trim(e.ID, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || e.Severity.Rank() == 0 {
			t.Errorf("%s: severity %q", e.ID, e.Severity)
		}
		for _, text := range []string{e.Title, e.Rule, e.Why, e.Remedy} {
			if text == "" || strings.TrimSpace(text) != text {
				t.Errorf("%s: text %q", e.ID, text)
			}
		}
		if e.CWE != "" && !strings.HasPrefix(e.CWE, "CWE-") || e.References == nil {
			t.Errorf("%s: CWE %q, references %v", e.ID, e.CWE, e.References)
		}
	}
}

// Worst first, and the same for the same facts.
func TestSorted(t *testing.T) {
	s := loadEmbedded(t)
	f := good()
	f.Software = Software{Product: "Exim", Slug: "exim", Version: "4.80"}
	f.TLS.Version, f.TLS.NameValid, f.PTR = "TLS 1.0", no, []string{}
	found := s.Service(f)
	ranks := make([]int, len(found))
	for i := range found {
		ranks[i] = -found[i].Severity.Rank()
	}
	if len(found) < 5 || !slices.IsSorted(ranks) {
		t.Errorf("%d findings, ranks %v", len(found), ranks)
	}
	for i, again := range s.Service(f) {
		if again.ID != found[i].ID || again.Evidence != found[i].Evidence {
			t.Errorf("finding %d is %s at first, then %s", i, found[i].ID, again.ID)
		}
	}
}

// FuzzService feeds what a hostile server may say into every rule.
func FuzzService(f *testing.F) {
	s := loadEmbedded(f)
	f.Add("mx.example.org ESMTP Exim 4.92 Tue, 24 Nov 2026 02:31:00 +0000", "exim", "4.92", uint16(25))
	f.Add("\xff\x1b[2J, Tue, 99 Nov -", "exchange", "15.2.986.14", uint16(465))
	f.Fuzz(func(t *testing.T, text, slug, version string, port uint16) {
		facts := good()
		facts.Port, facts.Status, facts.ImplicitTLS = port, "rejected", nil
		facts.Greeting = &Greeting{Code: 220, Lines: strings.Split(text, "\n"), Hostname: text}
		facts.EHLO.Hostname = version
		facts.Before = &Capabilities{Keywords: strings.Fields(text), Auth: strings.Fields(strings.ToUpper(text))}
		facts.STARTTLS, facts.Injected, facts.PTR, facts.PTRValid = text, text, []string{text}, no
		facts.TLS = &TLS{Version: version, Cipher: text, NameValid: no, ChainValid: no, ChainError: text,
			Certificate: &Certificate{SANs: []string{text, version}, Issuer: text, SignatureAlgorithm: text, Wildcard: true}}
		facts.Software = Software{Product: text, Slug: slug, Version: version, OS: "Debian", Update: text}
		for _, finding := range s.Service(facts) {
			if len(finding.Evidence) > maxEvidence || !utf8.ValidString(finding.Evidence) || strings.IndexFunc(finding.Evidence, unicode.IsControl) >= 0 {
				t.Fatalf("%s: evidence %q", finding.ID, finding.Evidence)
			}
			if s.entries[finding.ID].ID == "" || finding.Severity.Rank() == 0 {
				t.Fatalf("%s %s is not in the catalog", finding.Severity, finding.ID)
			}
		}
	})
}
