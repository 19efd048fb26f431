package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/resolver/dnstest"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// testApp is an invocation whose streams are a test's own.
func testApp(stdin io.Reader, stdout io.Writer, stderr io.Writer) *app {
	return &app{stdin: stdin, stdout: stdout, stderr: stderr, getenv: func(string) string { return "" }, stopping: context.Background()}
}

// sharedHosting starts servers on port 2526 of loopback addresses and a name
// server with many domains that share them.
func sharedHosting(t *testing.T, domains, hosts int) (servers []*smtptest.Server, dns *dnstest.Server, list string) {
	t.Helper()
	var zone, names strings.Builder
	zone.WriteString("$TTL 300\n$ORIGIN example.\n")
	for i := range hosts {
		addr := fmt.Sprintf("127.25.2.%d", i+1)
		server, err := smtptest.Listen(net.JoinHostPort(addr, "2526"), smtptest.OpenSMTPD(fmt.Sprintf("mx%d.example", i)))
		if err != nil {
			t.Skipf("needs all of 127.0.0.0/8 on loopback: %v", err)
		}
		t.Cleanup(server.Close)
		servers = append(servers, server)
		fmt.Fprintf(&zone, "mx%d A %s\n", i, addr)
	}
	for i := range domains {
		fmt.Fprintf(&zone, "d%d MX 10 mx%d\n", i, i%hosts)
		fmt.Fprintf(&names, "d%d.example\n", i)
	}
	dns, err := dnstest.NewServer(zone.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dns.Close() })
	return servers, dns, names.String()
}

// Ten thousand domains on fifty hosts: every server is contacted once, as it
// counts itself, and every domain has its row.
func TestEachEndpointOnce(t *testing.T) {
	const domains, hosts = 10_000, 50
	servers, dns, list := sharedHosting(t, domains, hosts)
	var out, errs bytes.Buffer
	code := testApp(strings.NewReader(list), &out, &errs).run(t.Context(), []string{
		"-r", dns.Addr(), "-dns-rate-limit", "0", "-rl", "0", "-p", "2526", "-allow-private", "-ptr=false", "-j", "-silent",
	})
	if code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	for _, s := range servers {
		if n := s.Connections(); n != 1 {
			t.Errorf("%s was contacted %d times", s.Addr, n)
		}
	}
	services, finished, fresh := map[string]int{}, map[string]int{}, 0
	for r, err := range output.NewReader(&out).Results() {
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case r.Service != nil:
			services[r.Service.Domain]++
			if !r.Service.Reused {
				fresh++
			}
			if r.Service.Status != "success" || r.Service.Software.Slug != "opensmtpd" {
				t.Errorf("%s: %s %s", r.Service.Domain, r.Service.Status, r.Service.Software.Slug)
			}
		case r.Domain != nil:
			finished[r.Domain.Domain]++
		}
	}
	if len(services) != domains || len(finished) != domains || fresh != hosts {
		t.Errorf("%d domains have services, %d are finished, %d records are fresh; want %d, %d, %d",
			len(services), len(finished), fresh, domains, domains, hosts)
	}
	for name, n := range services {
		if n != 1 || finished[name] != 1 {
			t.Errorf("%s: %d services, %d domain records", name, n, finished[name])
		}
	}
}

// A reader of standard output that stops reading stops the intake.
func TestBlockedReaderStopsIntake(t *testing.T) {
	_, dns, _ := sharedHosting(t, 2000, 2)
	list := &countingReader{total: 2000}
	r, w, err := os.Pipe() // holds 64 KiB, then blocks
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan int)
	go func() {
		done <- testApp(list, w, io.Discard).run(ctx, []string{
			"-r", dns.Addr(), "-dns-rate-limit", "0", "-rl", "0", "-p", "2526", "-allow-private", "-ptr=false", "-j", "-silent", "-c", "10",
		})
		w.Close()
	}()
	settled := list.settle(t)
	// 64 KiB in the pipe, 64 KiB in our batch, workers and their hand-over:
	// at 1.5 KB or more a domain that is fewer than 200 domains.
	if settled > 400 {
		t.Errorf("%d of 2000 lines were read while nobody read the output", settled)
	}
	go io.Copy(io.Discard, r)
	if code := <-done; code != exitDone {
		t.Errorf("exit code %d", code)
	}
	cancel()
	if n := list.read(); n != 2000 {
		t.Errorf("%d lines were read in the end, want 2000", n)
	}
}

// A countingReader yields lines d0.example, d1.example and so on, one a Read,
// and counts them.
type countingReader struct {
	total int
	mu    sync.Mutex
	n     int
	last  time.Time
}

func (r *countingReader) Read(p []byte) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.n == r.total {
		return 0, io.EOF
	}
	line := fmt.Sprintf("d%d.example\n", r.n)
	r.n++
	r.last = time.Now()
	return copy(p, line), nil
}

func (r *countingReader) read() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.n
}

// settle waits until nothing has been read for a second, and returns how much
// was read until then.
func (r *countingReader) settle(t *testing.T) int {
	t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for range tick.C {
		r.mu.Lock()
		quiet := r.n > 0 && time.Since(r.last) > time.Second
		n := r.n
		r.mu.Unlock()
		if quiet {
			return n
		}
	}
	return 0
}
