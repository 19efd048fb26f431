package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/csv"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// nasty has bytes for every reader of the outputs: a bell, an escape sequence
// that sets a terminal's title, NUL, a formula, HTML, a bidirectional override,
// and what is not UTF-8.
const nasty = "=HYPERLINK(\"http://evil.test\") \x07\x1b]0;owned\x07\x1b[2J\x00 <script>alert(1)</script> \u202eexe.\u202c \u2066\u2069\u200f\u061c\ufeff\u2028 \xff\xfe\xc0\x80"

// nastyName is what of that a certificate can hold: its names are ASCII.
const nastyName = "=HYPERLINK(1)\x07\x1b]0;owned\x07\x00<script>alert(1)</script>"

// nastySubject is what a subject can hold: any Unicode.
const nastySubject = "=1+1\x00\x1b[2J\u202eexe.\u202c\u2066\u200f<script>alert(1)</script>\U000e0041\u0430\u0301"

// hostileServers are servers that nobody wants to meet, by what they do. Secure
// is for those that also speak TLS.
func hostileServers(ca *smtptest.CA) (map[string]smtptest.Script, error) {
	config, err := ca.Config("mx.example.com")
	if err != nil {
		return nil, err
	}
	greeted := func(replies map[string]smtptest.Step) smtptest.Script {
		return smtptest.Script{Replies: replies, TLS: config}
	}
	offer := smtptest.Reply(250, "mx.example.com", "STARTTLS")
	long := strings.Repeat("x", 64<<10)
	scripts := map[string]smtptest.Script{
		"endless greeting without newline": {Greeting: smtptest.Step{Send: long, Then: smtptest.Endless}},
		"endless greeting":                 {Greeting: smtptest.Step{Send: strings.Repeat("220-more to come\r\n", 1000), Then: smtptest.Endless}},
		"one byte now and then":            {Greeting: smtptest.Step{Send: "220 mx.example.com ESMTP " + long, Segment: 1, Every: 20 * time.Millisecond}},
		"silence after connect":            {Greeting: smtptest.Step{Then: smtptest.Silence}},
		"closed after connect":             {Greeting: smtptest.Step{Then: smtptest.Close}},
		"reset after connect":              {Greeting: smtptest.Step{Then: smtptest.Reset}},
		"nasty greeting":                   {Greeting: smtptest.Step{Send: "220 " + nasty + "\r\n"}},
		"nasty multi-line greeting":        {Greeting: smtptest.Step{Send: "220-" + nasty + "\n220-\r\n220 " + nasty + "\r\n"}},
		"not SMTP":                         {Greeting: smtptest.Step{Send: nasty, Then: smtptest.Close}},
		"too busy":                         smtptest.TooBusy("mx.example.com"),
		"silence after EHLO":               greeted(map[string]smtptest.Step{"EHLO": {Then: smtptest.Silence}}),
		"reset after EHLO":                 greeted(map[string]smtptest.Step{"EHLO": {Then: smtptest.Reset}}),
		"endless EHLO":                     greeted(map[string]smtptest.Step{"EHLO": {Send: strings.Repeat("250-X\r\n", 1000), Then: smtptest.Endless}}),
		"nasty EHLO":                       greeted(map[string]smtptest.Step{"EHLO": {Send: "250-" + nasty + "\r\n250-AUTH " + nasty + "\r\n250 SIZE " + strings.Repeat("9", 400) + "\r\n"}}),
		"plain text after STARTTLS":        greeted(map[string]smtptest.Step{"EHLO": offer, "STARTTLS": {Send: "220 go ahead\r\n250 " + nasty + "\r\n", Then: smtptest.Silence}}),
		"rubbish instead of a handshake":   greeted(map[string]smtptest.Step{"EHLO": offer, "STARTTLS": {Send: "220 go ahead\r\n\x16\x03\x01\xff\xff" + long, Then: smtptest.Endless}}),
		"reset in STARTTLS":                greeted(map[string]smtptest.Step{"EHLO": offer, "STARTTLS": {Send: "220 go ahead\r\n", Then: smtptest.Reset}}),
		"TLS record bomb":                  greeted(map[string]smtptest.Step{"EHLO": offer, "STARTTLS": {Send: "220 go ahead\r\n" + strings.Repeat("\x15\x03\x03\x00\x02\x01\x5a", 1000), Segment: 11, Every: time.Millisecond, Then: smtptest.Endless}}),
		"empty TLS records":                greeted(map[string]smtptest.Step{"EHLO": offer, "STARTTLS": {Send: "220 go ahead\r\n" + strings.Repeat("\x16\x03\x03\x00\x00", 1000), Then: smtptest.Endless}}),
		"text before the handshake":        greeted(map[string]smtptest.Step{"STARTTLS": {Send: "220 go ahead\r\n250-" + nasty + "\r\n250 AUTH PLAIN\r\n"}}),
		"reset in QUIT":                    greeted(map[string]smtptest.Step{"QUIT": {Then: smtptest.Reset}}),
		"reset in HELO":                    greeted(map[string]smtptest.Step{"EHLO": smtptest.Reply(502, "no"), "HELO": {Then: smtptest.Reset}}),
		"421 to STARTTLS":                  greeted(map[string]smtptest.Step{"EHLO": offer, "STARTTLS": {Send: "421 4.7.0 too many connections\r\n", Then: smtptest.Close}}),
		"endless QUIT":                     greeted(map[string]smtptest.Step{"EHLO": smtptest.Reply(250, "mx.example.com"), "QUIT": {Send: long, Then: smtptest.Endless}}),
		"good":                             smtptest.Postfix("mx.example.com").WithTLS(config),
	}
	inside := greeted(nil)
	inside.Secure = map[string]smtptest.Step{"EHLO": {Then: smtptest.Silence}}
	scripts["silence inside TLS"] = inside
	inside.Secure = map[string]smtptest.Step{"EHLO": {Send: strings.Repeat("250-"+nasty+"\r\n", 1000), Then: smtptest.Endless}}
	scripts["endless inside TLS"] = inside
	inside.Secure = map[string]smtptest.Step{"EHLO": {Then: smtptest.Reset}}
	scripts["reset inside TLS"] = inside
	return scripts, hostileCertificates(ca, scripts)
}

// hostileCertificates adds servers whose certificates are made to hurt: in
// memory, or whoever reads the names.
func hostileCertificates(ca *smtptest.CA, scripts map[string]smtptest.Script) error {
	long := strings.Repeat("a.", 20_000)
	for kind, cert := range map[string]smtptest.Cert{
		"chain of four hundred": {Names: []string{"mx.example.com"}, Chain: slices.Repeat([]*x509.Certificate{ca.Certificate}, 400)},
		"chain of a thousand":   {Names: []string{"mx.example.com"}, Chain: slices.Repeat([]*x509.Certificate{ca.Certificate}, 1000)},
		"certificate of 120 KB": {Names: []string{long, long, long}},
		"certificate of 1 MB":   {Names: slices.Repeat([]string{long}, 25)},
		"nasty certificate":     {CommonName: nastyName, Names: []string{nastyName, "mx.example.com\x00.evil.example"}},
		"nasty subject":         {CommonName: nastySubject, Names: []string{"mx.example.com"}, SelfSigned: true},
	} {
		issued, err := ca.Issue(cert)
		if err != nil {
			return err
		}
		scripts[kind] = smtptest.Postfix("mx.example.com").WithTLS(&tls.Config{Certificates: []tls.Certificate{issued}})
	}
	return nil
}

// Every hostile server has its record, soon and in little memory; what it sent
// comes back bit for bit from the NDJSON, and neither CSV nor text holds a byte
// that a terminal or spreadsheet would act on.
//
// Clocks that end soon are for the servers that only a clock gets rid of. The
// others have to be done with long before: how long a chain of certificates
// takes depends on what else the machine does, and must not decide.
func TestHostileServers(t *testing.T) {
	ca, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := hostileServers(ca)
	if err != nil {
		t.Fatal(err)
	}
	kinds := map[string]string{} // by address and port
	var waited, others []string
	for kind, script := range scripts { // each at an address of its own: what one does is not to be held against the others
		server, err := smtptest.Listen(fmt.Sprintf("127.25.10.%d:2526", len(kinds)+1), script)
		if err != nil {
			t.Skipf("needs all of 127.0.0.0/8 on loopback: %v", err)
		}
		t.Cleanup(server.Close)
		kinds[server.Addr] = kind
		switch hostileStatus(kind) {
		case scanner.StatusGreetingTimeout, scanner.StatusReplyTimeout, scanner.StatusTLSTimeout:
			waited = append(waited, server.Addr)
		default:
			others = append(others, server.Addr)
		}
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	began := time.Now()
	dir := t.TempDir()
	sweepHostile(t, kinds, filepath.Join(dir, "waited"), append([]string{"-greeting-timeout", "2s", "-timeout", "3s", "-target-timeout", "15s"}, waited...))
	if took := time.Since(began); took > 20*time.Second {
		t.Errorf("those that only a clock gets rid of took %v", took)
	}
	sweepHostile(t, kinds, filepath.Join(dir, "others"), append([]string{"-greeting-timeout", "1m", "-timeout", "1m", "-target-timeout", "2m"}, others...))
	runtime.ReadMemStats(&after)
	if used := after.TotalAlloc - before.TotalAlloc; used > 256<<20 {
		t.Errorf("%d MB were allocated", used>>20)
	}
}

// sweepHostile scans with those arguments into files that begin with path, and
// checks all of them.
func sweepHostile(t *testing.T, kinds map[string]string, path string, args []string) {
	t.Helper()
	var errs bytes.Buffer
	code := testApp(strings.NewReader(""), io.Discard, &errs).run(t.Context(), append([]string{
		"-r", "127.0.0.1:9", "-ehlo-domain", "auditor.example", "-ptr=false", "-dns-timeout", "100ms", "-retries", "0", "-host-limit", "50",
		"-o", path + ".ndjson", "-o", path + ".csv", "-o", path + ".txt",
	}, args...))
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	services := map[string]*scanner.Service{}
	for r, err := range output.NewReader(open(t, path+".ndjson")).Results() {
		if err != nil {
			t.Fatal(err)
		}
		if v := r.Service; v != nil {
			services[netip.AddrPortFrom(v.IP, v.Port).String()] = v
		}
	}
	targets := 0
	for _, addr := range args {
		kind, ok := kinds[addr]
		if !ok {
			continue
		}
		if targets++; services[addr] == nil {
			t.Errorf("%s: no record", kind)
			continue
		}
		checkHostile(t, kind, services[addr])
	}
	checkHarmless(t, path, targets)
}

// checkHarmless looks in CSV, text and report for what would do harm.
func checkHarmless(t *testing.T, path string, targets int) {
	t.Helper()
	for _, file := range []string{".csv", ".txt"} {
		text := read(t, path+file)
		if i := strings.IndexFunc(text, func(r rune) bool {
			return r < ' ' && r != '\n' && r != '\r' || unicode.In(r, unicode.Cf, unicode.Zl) || r == utf8.RuneError
		}); i >= 0 {
			t.Errorf("%s holds %q", file, text[i:min(i+20, len(text))])
		}
	}
	var errs bytes.Buffer
	if code := testApp(nil, io.Discard, &errs).run(t.Context(), []string{"report", path + ".ndjson", "-o", path + ".html"}); code != exitDone {
		t.Fatalf("report: exit code %d: %s", code, errs.String())
	}
	html := read(t, path+".html")
	for _, danger := range []string{"<script>alert", "\x00", "\x1b", "\x07", "\xff"} {
		if strings.Contains(html, danger) {
			t.Errorf("the report holds %q", danger)
		}
	}
	if i := strings.IndexFunc(html, func(r rune) bool { return unicode.In(r, unicode.Cf, unicode.Zl) }); i >= 0 {
		t.Errorf("the report holds %q", html[i:min(i+20, len(html))])
	}
	rows, err := csv.NewReader(open(t, path+".csv")).ReadAll()
	if err != nil || len(rows) != targets+1 {
		t.Errorf("the CSV has %d rows, error %v", len(rows), err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+@-") {
				t.Errorf("the cell %q is a formula", cell)
			}
		}
	}
}

func open(t *testing.T, path string) *os.File {
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

// hostileStatus is what becomes of the server of a kind.
func hostileStatus(kind string) scanner.Status {
	return map[string]scanner.Status{
		"endless greeting without newline": scanner.StatusNotSMTP,
		"endless greeting":                 scanner.StatusProtocolError,
		"one byte now and then":            scanner.StatusGreetingTimeout,
		"silence after connect":            scanner.StatusGreetingTimeout,
		"closed after connect":             scanner.StatusClosed,
		"reset after connect":              scanner.StatusReset,
		"nasty greeting":                   scanner.StatusSuccess,
		"nasty multi-line greeting":        scanner.StatusSuccess,
		"not SMTP":                         scanner.StatusNotSMTP,
		"too busy":                         scanner.StatusRateLimited,
		"silence after EHLO":               scanner.StatusReplyTimeout,
		"reset after EHLO":                 scanner.StatusReset,
		"endless EHLO":                     scanner.StatusProtocolError,
		"nasty EHLO":                       scanner.StatusSuccess,
		"plain text after STARTTLS":        scanner.StatusTLSTimeout,
		"rubbish instead of a handshake":   scanner.StatusTLSFailed,
		"reset in STARTTLS":                scanner.StatusReset,
		"TLS record bomb":                  scanner.StatusTLSFailed,
		"empty TLS records":                scanner.StatusTLSFailed,
		"text before the handshake":        scanner.StatusSuccess,
		"reset in QUIT":                    scanner.StatusSuccess,
		"reset in HELO":                    scanner.StatusReset,
		"reset inside TLS":                 scanner.StatusReset,
		"421 to STARTTLS":                  scanner.StatusRateLimited,
		"endless QUIT":                     scanner.StatusSuccess,
		"silence inside TLS":               scanner.StatusReplyTimeout,
		"endless inside TLS":               scanner.StatusProtocolError,
		"good":                             scanner.StatusSuccess,
		"chain of four hundred":            scanner.StatusSuccess,
		"chain of a thousand":              scanner.StatusTLSFailed,
		"certificate of 120 KB":            scanner.StatusSuccess,
		"certificate of 1 MB":              scanner.StatusTLSFailed,
		"nasty certificate":                scanner.StatusSuccess,
		"nasty subject":                    scanner.StatusSuccess,
	}[kind]
}

// checkHostile compares a record with what the server did.
func checkHostile(t *testing.T, kind string, v *scanner.Service) {
	t.Helper()
	if want := hostileStatus(kind); v.Status != want {
		t.Errorf("%s: status %s (%s: %s), want %s", kind, v.Status, v.Phase, v.Error, want)
	}
	switch kind {
	case "nasty greeting":
		if got, want := string(v.Banner), "220 "+nasty+"\r\n"; got != want {
			t.Errorf("%s: the bytes came back as %q, want %q", kind, got, want)
		}
	case "nasty multi-line greeting":
		if got, want := string(v.Banner), "220-"+nasty+"\n220-\r\n220 "+nasty+"\r\n"; got != want {
			t.Errorf("%s: the bytes came back as %q, want %q", kind, got, want)
		}
	case "plain text after STARTTLS":
		if got, want := string(v.Injected), "250 "+nasty+"\r\n"; got != want {
			t.Errorf("%s: the injected bytes came back as %q, want %q", kind, got, want)
		}
	case "text before the handshake":
		if got, want := string(v.Injected), "250-"+nasty+"\r\n250 AUTH PLAIN\r\n"; got != want {
			t.Errorf("%s: the injected bytes came back as %q, want %q", kind, got, want)
		}
		found := slices.ContainsFunc(v.Findings, func(f advisory.Finding) bool { return f.ID == "text-before-handshake" })
		if v.TLS == nil || v.TLS.Version == "" || v.CapabilitiesTLS == nil || len(v.CapabilitiesTLS.Auth) != 0 || !found {
			t.Errorf("%s: TLS %+v, capabilities inside %+v, findings %v", kind, v.TLS, v.CapabilitiesTLS, v.Findings)
		}
	case "nasty subject":
		if v.TLS == nil || v.TLS.Certificate == nil || v.TLS.Certificate.SubjectCN != nastySubject {
			t.Errorf("%s: %+v", kind, v.TLS)
		}
	case "nasty certificate":
		if v.TLS == nil || v.TLS.Certificate == nil || v.TLS.Certificate.SubjectCN != nastyName || v.TLS.Certificate.SANs[0] != nastyName {
			t.Errorf("%s: %+v", kind, v.TLS)
		}
	case "421 to STARTTLS", "silence after EHLO", "reset after EHLO":
		if kind == "421 to STARTTLS" && (v.Capabilities == nil || !v.Capabilities.STARTTLS) {
			t.Errorf("%s: the offer of STARTTLS is lost", kind)
		}
		if kind != "421 to STARTTLS" && v.Capabilities != nil {
			t.Errorf("%s: capabilities %+v, want unknown", kind, v.Capabilities)
		}
	}
}
