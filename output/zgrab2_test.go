package output

import (
	"bytes"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/scanner"
)

func TestZGrab2(t *testing.T) {
	var b bytes.Buffer
	w, err := New(&b, ZGrab2, Options{})
	if err != nil {
		t.Fatal(err)
	}
	refused := &scanner.Service{Type: "service", Timestamp: noon, Host: "mx2.example.com", Port: 25, IP: typical().IP, Status: scanner.StatusRefused, Error: "connection refused"}
	for _, r := range []scanner.Result{{Run: &scanner.Run{}}, {Service: typical()}, {Service: refused}, {Service: &scanner.Service{Timestamp: noon, Host: "no.example", Status: scanner.StatusNXDomain}}} {
		if err := w.Write(&r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	golden(t, "zgrab2.ndjson", b.Bytes())
	// classify reads it back as it reads what zgrab2 wrote.
	o, err := ParseObject([]byte(strings.SplitN(b.String(), "\n", 2)[0]))
	if err != nil {
		t.Fatal(err)
	}
	if got, want := ServiceOf(o), typical(); got.Banner != want.Banner || got.EHLO.Raw != want.EHLO.Raw || got.TLS.Certificate.SubjectCN != want.TLS.Certificate.SubjectCN {
		t.Errorf("read back: %+v", got)
	}
}

// Each status has a word that zgrab2 has.
func TestZGrab2Status(t *testing.T) {
	for status, want := range map[scanner.Status]string{
		scanner.StatusSuccess: "success", scanner.StatusRefused: "connection-refused", scanner.StatusReset: "connection-closed",
		scanner.StatusConnectTimeout: "connection-timeout", scanner.StatusGreetingTimeout: "io-timeout", scanner.StatusTLSFailed: "handshake-error",
		scanner.StatusNotSMTP: "protocol-error", scanner.StatusRateLimited: "application-error", scanner.StatusBadName: "invalid-inputs",
		scanner.StatusExcluded: "blocklisted-target", scanner.StatusNXDomain: "unknown-error", scanner.StatusLocal: "unknown-error",
	} {
		if got := zgrab2Status(status); got != want {
			t.Errorf("%s: got %s, want %s", status, got, want)
		}
	}
}
