package main

import (
	"bytes"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/resolver/dnstest"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

func found(severities ...advisory.Severity) []advisory.Finding {
	list := make([]advisory.Finding, len(severities))
	for i, s := range severities {
		list[i] = advisory.Finding{ID: "x", Severity: s}
	}
	return list
}

// A record that loses findings is a copy, since others hold the same memory;
// what is left out counts for -fail-on all the same.
func TestJudge(t *testing.T) {
	var out, errs bytes.Buffer
	w, err := output.New(&out, output.NDJSON, output.Options{})
	if err != nil {
		t.Fatal(err)
	}
	g := &judge{Writer: w, app: testApp(nil, &out, &errs), least: advisory.Medium, failOn: advisory.Low, counts: map[advisory.Severity]int{}}
	records := []scanner.Result{
		{Service: &scanner.Service{Findings: found(advisory.High, advisory.Low, advisory.Info)}},
		{Domain: &scanner.Domain{Findings: found(advisory.Info)}},
		{Summary: &scanner.Summary{Findings: found(advisory.Medium, advisory.Low)}},
		{Progress: &scanner.Progress{}},
	}
	for i := range records {
		if err := g.Write(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	if len(records[0].Service.Findings) != 3 || len(records[1].Domain.Findings) != 1 || len(records[2].Summary.Findings) != 2 {
		t.Error("a record of somebody else was changed")
	}
	if n := strings.Count(out.String(), `"id":"x"`); n != 2 || strings.Count(out.String(), "\n") != 4 {
		t.Errorf("%d findings in %s", n, out.String())
	}
	verdict := g.verdict(nil)
	if code := exitCode(verdict); code != exitFindings || !strings.Contains(verdict.Error(), "4") {
		t.Errorf("exit code %d: %v", code, verdict)
	}
	if want := "findings: 1 high, 1 medium, 2 low, 2 info; left out by -severity: 4\n"; !strings.Contains(errs.String(), want) {
		t.Errorf("said %q", errs.String())
	}
	if err := g.verdict(scanner.ErrStopped); exitCode(err) != exitInterrupted {
		t.Errorf("an interrupted run ends with %v", err)
	}
	g.failOn = advisory.Critical
	if err := g.verdict(nil); err != nil {
		t.Errorf("nothing critical: %v", err)
	}
}

func TestAgeNote(t *testing.T) {
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	for date, want := range map[string]bool{"2026-08-22": true, "2026-09-03": false, "2099-01-01": false, "": false} {
		if note := ageNote(date, now); (note != "") != want {
			t.Errorf("%q: %q", date, note)
		}
	}
	if note := ageNote("2026-08-22", now); !strings.Contains(note, "191 days old") {
		t.Errorf("%q", note)
	}
}

// Without a summary in the input, what comes of comparing the services is said
// on standard error. A torn end is no record.
func TestAssessTornFile(t *testing.T) {
	line := func(addr string) string {
		return `{"type":"service","timestamp":"2026-11-24T02:00:00Z","status":"success","host":"mx.example.com","ip":"` + addr +
			`","port":25,"banner":"220 mx.example.com ESMTP\r\n","tls":{"version":"TLS 1.3","certificate":{"sha256":"` + addr + `","spki_sha256":"0123456789abcdef0123"}}}` + "\n"
	}
	var out, errs bytes.Buffer
	in := strings.NewReader(line("192.0.2.1") + line("192.0.2.2") + line("192.0.2.3") + `{"type":"service","ip":"192`)
	code := testApp(in, &out, &errs).run(t.Context(), []string{"assess", "-"})
	if code != exitFailure || strings.Count(out.String(), "\n") != 3 {
		t.Errorf("exit code %d, output %s", code, out.String())
	}
	for _, want := range []string{"stdin: line 4 is torn", "low key-shared: the key 0123456789abcdef... is used at 3 addresses", "info certificate-differs"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%q is missing in %s", want, errs.String())
		}
	}
}

// An organization that does everything right reads nothing above information:
// a current Postfix with a trusted certificate, a PTR record that leads back,
// and the records of its domain in good order, through the whole pipeline.
func TestWellConfigured(t *testing.T) {
	ca, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	zone := "$TTL 300\n$ORIGIN example.\n$ORIGIN 30.25.127.in-addr.arpa.\n"
	good := "$ORIGIN example.\ngood MX 10 mx1.good\ngood MX 20 mx2.good\ngood TXT \"v=spf1 mx -all\"\n_dmarc.good TXT \"v=DMARC1; p=reject; rua=mailto:dmarc@good.example\"\n"
	for i, name := range []string{"mx1.good", "mx2.good"} {
		addr := []string{"127.25.30.1", "127.25.30.2"}[i]
		good += name + " A " + addr + "\n"
		zone += addr[len("127.25.30."):] + " PTR " + name + ".example.\n"
		cert, err := ca.Issue(smtptest.Cert{Names: []string{name + ".example"}})
		if err != nil {
			t.Fatal(err)
		}
		script := smtptest.Postfix(name + ".example")
		script.Greeting = smtptest.Reply(220, name+".example ESMTP Postfix (3.11.7)")
		for _, port := range []string{"2527", "4467"} {
			script.ImplicitTLS = port == "4467"
			server, err := smtptest.Listen(addr+":"+port, script.WithTLS(&tls.Config{Certificates: []tls.Certificate{cert}}))
			if err != nil {
				t.Skipf("this needs all of 127.0.0.0/8 on loopback: %v", err)
			}
			defer server.Close()
		}
	}
	dns, err := dnstest.NewServer(zone + good)
	if err != nil {
		t.Fatal(err)
	}
	defer dns.Close()
	root := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(root, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate.Raw}), 0o600); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	code := testApp(strings.NewReader(""), &out, &errs).run(t.Context(), []string{
		"-r", dns.Addr(), "-p", "2527,4467:tls", "-allow-private", "-ca-file", root, "-ehlo-domain", "auditor.example",
		"-no-stdin", "-silent", "good.example",
	})
	if code != exitDone {
		t.Errorf("exit code %d: %s", code, errs.String())
	}
	services := 0
	for r, err := range output.NewReader(&out).Results() {
		if err != nil {
			t.Fatal(err)
		}
		var findings []advisory.Finding
		switch {
		case r.Service != nil:
			services++
			findings = r.Service.Findings
			if sw := r.Service.Software; sw.Slug != "postfix" || sw.Version != "3.11.7" || r.Service.PTRValid == nil || !*r.Service.TLS.ChainValid {
				t.Errorf("the server is not seen as what it is: %+v", r.Service)
			}
		case r.Domain != nil:
			findings = r.Domain.Findings
		case r.Summary != nil:
			findings = r.Summary.Findings
		}
		for _, f := range findings {
			if f.Severity != advisory.Info && f.ID != "mx-private-address" { // the test is on loopback
				t.Errorf("%+v", f)
			}
		}
	}
	if services != 4 {
		t.Errorf("%d services", services)
	}
}

func TestDataUpdateWritesWholeFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "exim.yaml")
	for _, text := range []string{"one", "two"} {
		if err := replaceFile(path, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if got, err := os.ReadFile(path); err != nil || string(got) != text {
			t.Errorf("%q, %v", got, err)
		}
	}
	if _, err := os.Stat(path + ".new"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the temporary file is still there: %v", err)
	}
}
