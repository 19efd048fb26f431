package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/resolver/dnstest"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// A world is a number of endpoints on loopback, good and hostile, with a name
// server. What each answers never changes.
type world struct {
	zone  string
	dns   *dnstest.Server
	list  string // a file with all targets
	flags []string
}

// newWorld starts servers on so many addresses: a range, of which each other is
// refused, and domains whose MX are among them and elsewhere. With slow, some
// say nothing.
func newWorld(t *testing.T, endpoints int, slow bool) *world {
	t.Helper()
	w := &world{}
	var zone, list strings.Builder
	zone.WriteString("$TTL 300\n$ORIGIN example.\n")
	first := netip.MustParseAddr("127.26.0.0")
	port := uint16(0) // of all, as the system chooses it for the first
	addr, last := first, first
	for i := range endpoints {
		if i > 0 {
			addr = addr.Next()
		}
		if i == endpoints*2/3 {
			fmt.Fprintf(&list, "%s-%s\n", first, last)
		}
		last = addr
		fmt.Fprintf(&zone, "mx%d A %s\n", i, addr)
		if script, listens := inhabitant(i, slow); listens {
			s, err := smtptest.Listen(netip.AddrPortFrom(addr, port).String(), script)
			if err != nil {
				t.Skipf("needs all of 127.0.0.0/8 on loopback: %v", err)
			}
			t.Cleanup(s.Close)
			port = netip.MustParseAddrPort(s.Addr).Port()
		}
		if i%5 == 0 {
			fmt.Fprintf(&zone, "d%d MX 10 mx%d\nd%d MX 20 mx%d\n", i, i, i, endpoints-1-i)
			fmt.Fprintf(&list, "d%d.example\n", i)
		}
	}
	fmt.Fprintf(&zone, "null MX 0 .\n")
	fmt.Fprintf(&list, "null.example\nnothing.example\nd5.example\n%s\nmx7.example:%d\n# the end\n%s\n", first, port, last)
	w.zone = zone.String()
	w.serveNames(t, "127.0.0.1:0")
	w.list = filepath.Join(t.TempDir(), "targets.txt")
	if err := os.WriteFile(w.list, []byte(list.String()), 0o666); err != nil {
		t.Fatal(err)
	}
	w.flags = []string{
		"-r", w.dns.Addr(), "-p", fmt.Sprint(port), "-allow-private", "-ehlo-domain", "auditor.example", "-no-stdin", "-ptr=false",
		"-rl", "0", "-dns-rate-limit", "0", "-l", w.list,
	}
	return w
}

// serveNames starts the name server; it can be closed and started again.
func (w *world) serveNames(t *testing.T, addr string) {
	t.Helper()
	dns, err := dnstest.Listen(addr, w.zone)
	if err != nil {
		t.Fatal(err)
	}
	w.dns = dns
	t.Cleanup(func() { _ = dns.Close() })
}

// inhabitant is the i-th server.
func inhabitant(i int, slow bool) (s smtptest.Script, listens bool) {
	host := fmt.Sprintf("mx%d.example", i)
	switch {
	case i%2 == 1 && i%3 != 0:
		return s, false
	case slow && i%40 == 12:
		return smtptest.Script{Greeting: smtptest.Step{Then: smtptest.Silence}}, true
	}
	switch i % 16 {
	case 0:
		return smtptest.Rejecting(host), true
	case 2:
		return smtptest.Script{Greeting: smtptest.Step{Then: smtptest.Reset}}, true
	case 4:
		return smtptest.Script{Greeting: smtptest.Step{Send: strings.Repeat("220 ", 1000), Then: smtptest.Endless}}, true
	case 6:
		return smtptest.Script{Greeting: smtptest.Step{Send: "HTTP/1.1 400 Bad Request\r\n\r\n", Then: smtptest.Close}}, true
	case 8:
		return smtptest.Script{Greeting: smtptest.Step{Send: "220 \xff\x1b[31m=cmd|' /C calc'!A0\r\n"}}, true
	case 10:
		return smtptest.Exim(host), true
	}
	return smtptest.Postfix(host), true
}

// run runs the command in this process.
func (w *world) run(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	var errs bytes.Buffer
	code = testApp(nil, new(bytes.Buffer), &errs).run(t.Context(), slices.Concat(w.flags, args))
	return code, errs.String()
}

// identities counts the records of a file by all that must be the same in each
// run, and checks that it is one whole output.
func identities(t *testing.T, path string) map[string]int {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	counts := map[string]int{}
	runs, n, summary := 0, 0, 0
	for r, err := range output.NewReader(f).Results() {
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		n++
		switch {
		case r.Run != nil:
			if runs++; n != 1 {
				t.Errorf("%s: the run record is the %d.", path, n)
			}
		case r.Service != nil:
			v := r.Service
			mx, _ := json.Marshal(v.MX)
			counts[fmt.Sprintln("service", v.Input, v.Domain, string(mx), v.Host, v.IP, v.Port, v.Status)]++
		case r.Domain != nil:
			counts[fmt.Sprintln("domain", r.Domain.Input, r.Domain.Status, r.Domain.Services)]++
		case r.Summary != nil:
			summary = n
			counts[figures(r.Summary)]++
		}
	}
	if runs != 1 || summary != n {
		t.Errorf("%s: %d run records, summary is record %d of %d", path, runs, summary, n)
	}
	return counts
}

// figures are those of a summary that do not depend on how a run came about.
func figures(s *scanner.Summary) string {
	return fmt.Sprintln("summary", s.Inputs, s.BadInputs, s.Domains, s.Endpoints, s.Answered, s.Silent, s.Services, s.ByStatus, s.BySoftware, s.Interrupted)
}

// linesOf counts the lines of a CSV or text file but for their order.
func linesOf(t *testing.T, path string) map[string]int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for line := range strings.Lines(string(text)) {
		counts[line]++
	}
	return counts
}

// worldFields are the columns that are the same in each run.
const worldFields = "input,domain,mx,ip,port,status,greeting_hostname,product"

// same compares counts and returns how many differ.
func same(t *testing.T, what string, got, want map[string]int) (differ int) {
	t.Helper()
	report := func(key string) {
		if got[key] == want[key] {
			return
		}
		if differ++; differ < 10 {
			t.Errorf("%s: %d times, want %d: %s", what, got[key], want[key], key)
		}
	}
	for key := range want {
		report(key)
	}
	for key := range got {
		if want[key] == 0 {
			report(key)
		}
	}
	return differ
}
