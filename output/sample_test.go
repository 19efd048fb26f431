package output

import (
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/fingerprint"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares got with a file in testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s differs (run with -update if that is meant); got:\n%s", path, got)
	}
}

var noon = time.Date(2026, 11, 24, 12, 0, 0, 250e6, time.UTC)

// typical is a healthy server with everything seen, as most records are.
func typical() *scanner.Service {
	starttls := &smtp.Capabilities{
		Keywords: []string{"PIPELINING", "SIZE", "VRFY", "ETRN", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"},
		STARTTLS: true, Auth: []string{}, Size: new(int64(10240000)), Pipelining: true, Chunking: true, EightBitMIME: true,
		SMTPUTF8: true, DSN: true, EnhancedStatusCodes: true, ETRN: true, VRFY: true,
	}
	inTLS := *starttls
	inTLS.STARTTLS, inTLS.Auth = false, []string{"PLAIN", "LOGIN"}
	return &scanner.Service{
		Type: "service", Timestamp: noon, Input: "example.com", Domain: "example.com",
		MX:   &scanner.ServiceMX{Name: "mx1.example.com", Preference: 10},
		Host: "mx1.example.com", IP: netip.MustParseAddr("192.0.2.10"), Port: 25,
		PTR: []string{"mx1.example.com"}, PTRValid: new(true),
		Status: scanner.StatusSuccess, Phase: smtp.PhaseQUIT,
		Banner:   "220 mx1.example.com ESMTP Postfix (Debian/GNU)\r\n",
		Greeting: &scanner.Greeting{Code: 220, Lines: []string{"mx1.example.com ESMTP Postfix (Debian/GNU)"}, Hostname: "mx1.example.com", ESMTP: true, DelayMS: 12.5},
		EHLO: &scanner.EHLO{NameSent: "scan.example.net", Code: 250, Hostname: "mx1.example.com",
			Raw:   "250-mx1.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n",
			Lines: []string{"mx1.example.com", "PIPELINING", "SIZE 10240000", "VRFY", "ETRN", "STARTTLS", "ENHANCEDSTATUSCODES", "8BITMIME", "DSN", "SMTPUTF8", "CHUNKING"}},
		Capabilities: starttls, STARTTLS: "220 2.0.0 Ready to start TLS\r\n",
		EHLOTLS: &scanner.EHLO{NameSent: "scan.example.net", Code: 250, Hostname: "mx1.example.com",
			Raw: "250-mx1.example.com\r\n250 AUTH PLAIN LOGIN\r\n", Lines: []string{"mx1.example.com", "AUTH PLAIN LOGIN"}},
		CapabilitiesTLS: &inTLS, Quit: "221 2.0.0 Bye\r\n", ImplicitTLS: new(false),
		TLS: &smtp.TLS{Version: "TLS 1.3", Cipher: "TLS_AES_256_GCM_SHA384", Curve: "X25519", ServerName: "mx1.example.com",
			Certificate: certificate(), Chain: []smtp.ChainCert{{Subject: "CN=R11,O=Example CA,C=US", Issuer: "CN=Root X1", NotAfter: noon.AddDate(1, 0, 0), SHA256: "ab12"}},
			ChainLength: 2, ChainValid: new(true), NameValid: new(true)},
		Software: fingerprint.Software{Vendor: "Postfix", Product: "Postfix", Slug: "postfix", OS: "Debian",
			CPE: "cpe:2.3:a:postfix:postfix:*:*:*:*:*:*:*:*", Confidence: 0.98,
			Evidence: []fingerprint.Evidence{{Signal: "greeting", Rule: "postfix/greeting", Matched: "ESMTP Postfix (Debian/GNU)"}}},
		Findings: []advisory.Finding{},
		Attempts: 1,
		Timings:  smtp.Timings{Connect: new(1.25), Greeting: new(12.5), EHLO: new(0.75), STARTTLS: new(0.5), TLS: new(8.0), Total: new(23.0)},
	}
}

func certificate() *smtp.Certificate {
	return &smtp.Certificate{SubjectCN: "mx1.example.com", Subject: "CN=mx1.example.com", Issuer: "CN=R11,O=Example CA,C=US", IssuerCN: "R11", IssuerOrg: "Example CA",
		SANs: []string{"mx1.example.com", "mail.example.com"}, SANCount: 2, NotBefore: noon.AddDate(0, -1, 0), NotAfter: noon.AddDate(0, 2, 0),
		Serial: "04a1", KeyType: "ECDSA", KeyBits: 256, SignatureAlgorithm: "ECDSA-SHA384", SHA256: "cafe", SPKISHA256: "beef", DERSize: 1024}
}

func change(s *scanner.Service, edit func(*scanner.Service)) scanner.Result {
	edit(s)
	return scanner.Result{Service: s}
}

// failed is a service that nothing was heard of.
func failed(addr string, port uint16, status scanner.Status, phase smtp.Phase, text string) scanner.Result {
	ip, _ := netip.ParseAddr(addr)
	return scanner.Result{Service: &scanner.Service{Type: "service", Timestamp: noon, Input: "example.com", Domain: "example.com",
		MX:   &scanner.ServiceMX{Name: "mx2.example.com", Preference: 20},
		Host: "mx2.example.com", IP: ip, Port: port, Status: status, Phase: phase, Error: text, Attempts: 1}}
}

// hostileBanner holds what a server may send to harm who looks at it: terminal
// control, a formula, HTML, bidirectional and invisible characters, bytes that
// are not UTF-8, NUL, line breaks of all kinds and a backslash.
const hostileBanner = "220 =1+1\x1b]0;owned\a\x1b[2J <b>\u202eevil\u2066\u200b\u00ad \xff\xfe\x00 a\u0085b\u2028c\u009b\\d \U000e0041\r\n"

func hostile() scanner.Result {
	return change(typical(), func(s *scanner.Service) {
		s.Input, s.Domain, s.MX, s.Host = "192.0.2.66", "", nil, ""
		s.IP, s.Port, s.PTR = netip.MustParseAddr("192.0.2.66"), 465, []string{"=cmd|' /C calc'!A0"}
		s.Banner, s.Help = hostileBanner, "214 \xc3\r\n"
		s.EHLO.Raw = "250 \x80\r\n"
		s.ImplicitTLS, s.CapabilitiesTLS = new(true), nil
		s.Greeting.Hostname = "＝1+1"
		s.Software = fingerprint.Software{Vendor: "@SUM(1)", Product: "+\x1b[31mMTA", Version: "-1\n2", Evidence: []fingerprint.Evidence{}}
		s.Provider = `say "hi", friend`
		s.TLS.Certificate.SubjectCN = "\tevil"
	})
}

// sample is one run with the cases that a reader of its output meets.
func sample() []scanner.Result {
	return []scanner.Result{
		{Run: &scanner.Run{Type: "run", Schema: scanner.SchemaVersion, ID: "00112233445566778899aabbccddeeff", Timestamp: noon, Version: "v0.1.0",
			Options: map[string]string{"port": "25", "exclude-hosts": "192.0.2.0/28"}, Seed: 42, EHLODomain: "scan.example.net",
			Data: scanner.DataVersions{Fingerprints: 20, FingerprintsDate: "2026-11-01", AdvisoriesDate: "2026-11-02"}}},
		{Service: typical()},
		change(typical(), func(s *scanner.Service) {
			s.IP, s.Port = netip.MustParseAddr("2001:db8:85a3:8d3:1319:8a2e:370:7348"), 587
			s.Host = "a-rather-long-host-name.mail.eu-central-1.example.com"
			s.Software.Product, s.Software.Version, s.Software.Update = "Exim", "4.96", "15+deb12u5"
			s.TLS.Version, s.TLS.ChainValid = "TLS 1.1", new(false)
			s.Findings = []advisory.Finding{
				{ID: "version-shown", Severity: advisory.Info, References: []string{}},
				{ID: "tls-old-version", Severity: advisory.Medium, Title: "TLS 1.1 was negotiated", Evidence: "TLS 1.1", References: []string{"RFC 8996"}},
				{ID: "certificate-untrusted", Severity: advisory.High, References: []string{}},
				{ID: "known-vulnerabilities", Severity: advisory.Critical, References: []string{}, Advisories: []advisory.Match{{CVE: "CVE-2023-42115", Severity: advisory.Critical, CVSS: 9.8}, {CVE: "CVE-2023-42116"}}},
				{ID: "certificate-weak-key", Severity: advisory.High, References: []string{}},
			}
		}),
		change(typical(), func(s *scanner.Service) {
			s.Input, s.Domain, s.Reused = "example.org", "example.org", true
			s.Software = fingerprint.Software{}
			s.Capabilities.STARTTLS, s.CapabilitiesTLS, s.TLS, s.EHLOTLS = false, nil, nil, nil
			s.Findings = []advisory.Finding{{ID: "starttls-missing", Severity: advisory.High}}
		}),
		hostile(),
		failed("192.0.2.11", 25, scanner.StatusRefused, smtp.PhaseConnect, "connect: connection refused"),
		failed("192.0.2.12", 465, scanner.StatusRejected, smtp.PhaseGreeting, "554 5.7.1 Your address 198.51.100.7 is listed; see https://lists.example/why for the reason and how to be removed"),
		failed("", 0, scanner.StatusNXDomain, smtp.PhaseDNS, "mx2.example.com: no such name"),
		change(typical(), func(s *scanner.Service) {
			s.Port, s.Status, s.Phase, s.Error = 587, scanner.StatusTLSFailed, smtp.PhaseTLS, "remote error: tls: handshake failure"
			s.TLS = &smtp.TLS{Error: "remote error: tls: handshake failure"}
			s.EHLOTLS, s.CapabilitiesTLS = nil, nil
		}),
		{Progress: &scanner.Progress{Type: "progress", Timestamp: noon, Input: "192.0.2.0/24", Done: 100, Total: 768}},
		{Domain: &scanner.Domain{Type: "domain", Timestamp: noon, Input: "example.com", Domain: "example.com", Status: scanner.StatusSuccess,
			MX:     []scanner.MX{{Name: "mx1.example.com", Preference: 10, Status: scanner.StatusSuccess, Addresses: []netip.Addr{netip.MustParseAddr("192.0.2.10")}, AuthenticData: new(false)}},
			NullMX: new(false), ImplicitMX: new(false), CNAME: []string{}, AuthenticData: new(true), Services: 6,
			Findings: []advisory.Finding{{ID: "mx-is-alias", Severity: advisory.Medium}}}},
		{Domain: &scanner.Domain{Type: "domain", Timestamp: noon, Input: "example.net", Domain: "example.net", Status: scanner.StatusServFail, Error: "SERVFAIL from 192.0.2.53"}},
		{Summary: &scanner.Summary{Type: "summary", Timestamp: noon, Inputs: 1203, BadInputs: 1, Domains: 3, Endpoints: 66304, Contacted: 66300, Connections: 66471, Answered: 28,
			Silent: 65233, Services: 1071, ByStatus: map[scanner.Status]uint64{"success": 26, "connection-refused": 1043, "tls-failed": 2},
			BySoftware: []scanner.SoftwareCount{{Product: "Postfix", Count: 17}, {Product: "Exim", Version: "4.96", Count: 9}, {Count: 2}}, DurationMS: 332417}},
	}
}

// written returns what a Writer makes of results.
func written(t testing.TB, f Format, o Options, results ...scanner.Result) string {
	t.Helper()
	var b writeLog
	w, err := New(&b, f, o)
	if err != nil {
		t.Fatal(err)
	}
	for i := range results {
		if err := w.Write(&results[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}
