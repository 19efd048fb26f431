package scanner

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"iter"
	"net"
	"net/netip"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// pass lets time pass; it returns false if ctx ends before. No timer of zero is
// made: in a synctest bubble under the race detector, Go 1.26 crashes when a
// select finds a channel timer that is due already.
func pass(ctx context.Context, d time.Duration) bool {
	if d == 0 {
		return ctx.Err() == nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// A fakeNet is an in-memory network. Every address answers as an ordinary SMTP
// server unless behave says otherwise.
type fakeNet struct {
	latency time.Duration
	// behave chooses what a connection meets; nil or "" is serve. n counts
	// the connections to that endpoint from 1.
	behave func(to netip.AddrPort, n int) string

	mu       sync.Mutex
	dials    map[netip.AddrPort]int
	open     map[netip.AddrPort]int
	openHost map[netip.Addr]int
	maxPort  int // most connections at once to one address and port
	maxHost  int // ... to one address
	maxAll   int
	total    int // connections open now
	times    []time.Time
}

// What a connection can meet.
const (
	serve    = ""
	refuse   = "refuse"
	ignore   = "ignore"   // no answer to SYN
	mute     = "mute"     // connected, then silence
	hangUp   = "hang up"  // closed before the greeting
	tooBusy  = "too busy" // 421
	crowded  = "EMFILE"
	noTunnel = "ENETUNREACH"
)

func (n *fakeNet) count(to netip.AddrPort, d int) int {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.dials == nil {
		n.dials, n.open, n.openHost = map[netip.AddrPort]int{}, map[netip.AddrPort]int{}, map[netip.Addr]int{}
	}
	n.open[to] += d
	n.openHost[to.Addr()] += d
	n.total += d
	n.maxPort = max(n.maxPort, n.open[to])
	n.maxHost = max(n.maxHost, n.openHost[to.Addr()])
	n.maxAll = max(n.maxAll, n.total)
	if d > 0 {
		n.dials[to]++
		n.times = append(n.times, time.Now())
	}
	return n.dials[to]
}

func (n *fakeNet) dial(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	i := n.count(to, 1)
	how := serve
	if n.behave != nil {
		how = n.behave(to, i)
	}
	fail := func(err error) (net.Conn, error) {
		n.count(to, -1)
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: err}
	}
	if !pass(ctx, n.latency) {
		return fail(ctx.Err())
	}
	switch how {
	case refuse:
		return fail(syscall.ECONNREFUSED)
	case crowded:
		return fail(syscall.EMFILE)
	case noTunnel:
		return fail(syscall.ENETUNREACH)
	case ignore:
		<-ctx.Done()
		return fail(ctx.Err())
	}
	ours, theirs := net.Pipe()
	go func() {
		defer theirs.Close()
		talk(theirs, how)
	}()
	return &countedConn{Conn: ours, closed: func() { n.count(to, -1) }}, nil
}

// A countedConn tells when it is closed for the first time.
type countedConn struct {
	net.Conn
	once   sync.Once
	closed func()
}

func (c *countedConn) Close() error {
	c.once.Do(c.closed)
	return c.Conn.Close()
}

// talk is a minimal SMTP server.
func talk(conn net.Conn, how string) {
	r := bufio.NewReader(conn)
	switch how {
	case hangUp:
		return
	case mute:
		_, _ = r.ReadString('\n')
		return
	case tooBusy:
		fmt.Fprint(conn, "421 too many connections\r\n")
		_, _ = r.ReadString('\n')
		return
	}
	fmt.Fprint(conn, "220 mx.example.com ESMTP Postfix\r\n")
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return
		}
		switch verb, _, _ := strings.Cut(strings.TrimSpace(line), " "); verb {
		case "EHLO":
			fmt.Fprint(conn, "250-mx.example.com\r\n250 PIPELINING\r\n")
		case "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			fmt.Fprint(conn, "500 what?\r\n")
		}
	}
}

// A fakeDNS answers from maps; a name that is in none does not exist.
type fakeDNS struct {
	mx      map[string]Resolution
	host    map[string][]string
	ptr     map[string][]string // by address
	latency time.Duration
	fail    func(name string, n int) Status // "" is no failure; n counts the lookups of name from 1

	mu      sync.Mutex
	lookups map[string]int
}

func (d *fakeDNS) ask(ctx context.Context, name string) Status {
	d.mu.Lock()
	if d.lookups == nil {
		d.lookups = map[string]int{}
	}
	d.lookups[name]++
	n := d.lookups[name]
	d.mu.Unlock()
	if !pass(ctx, d.latency) {
		return StatusCancelled
	}
	if d.fail != nil {
		return d.fail(name, n)
	}
	return ""
}

func (d *fakeDNS) LookupMX(ctx context.Context, domain string) Resolution {
	if s := d.ask(ctx, domain); s != "" {
		return Resolution{Status: s, Error: "made to fail"}
	}
	if r, ok := d.mx[domain]; ok {
		return r
	}
	return Resolution{Status: StatusNXDomain, Error: "no such domain"}
}

func (d *fakeDNS) LookupHost(ctx context.Context, host string) Resolution {
	if s := d.ask(ctx, host); s != "" {
		return Resolution{Status: s, Error: "made to fail"}
	}
	texts, ok := d.host[host]
	if !ok {
		return Resolution{Status: StatusNXDomain, Error: "no such host"}
	}
	return Resolution{Status: StatusSuccess, MX: []MX{exchanger(host, 0, texts...)}}
}

func (d *fakeDNS) LookupPTR(ctx context.Context, addr netip.Addr) ([]string, Status) {
	if s := d.ask(ctx, addr.String()); s != "" {
		return nil, s
	}
	if names := d.ptr[addr.String()]; len(names) > 0 {
		return names, StatusSuccess
	}
	return nil, StatusNXDomain
}

// exchanger is an MX with addresses.
func exchanger(name string, preference uint16, addrs ...string) MX {
	mx := MX{Name: name, Preference: preference, Status: StatusSuccess}
	for _, a := range addrs {
		mx.Addresses = append(mx.Addresses, netip.MustParseAddr(a))
	}
	return mx
}

// mail is the answer for a domain with these exchangers.
func mail(mx ...MX) Resolution { return Resolution{Status: StatusSuccess, MX: mx} }

var errEmit = errors.New("disk full")

// records collects what a run emits.
type records struct {
	services []Service
	domains  []Domain
	summary  *Summary
	order    []string // "service", "domain:example.com", "summary"
}

func (r *records) emit(res Result) error {
	switch {
	case res.Service != nil:
		r.services = append(r.services, *res.Service)
		r.order = append(r.order, "service")
	case res.Domain != nil:
		r.domains = append(r.domains, *res.Domain)
		r.order = append(r.order, "domain:"+res.Domain.Domain)
	case res.Summary != nil:
		r.summary = res.Summary
		r.order = append(r.order, "summary")
	}
	return nil
}

// statuses counts the service records of each status.
func (r *records) statuses() map[Status]int {
	m := map[Status]int{}
	for _, s := range r.services {
		m[s.Status]++
	}
	return m
}

// scan runs the inputs and returns what came of it; an error fails the test.
func scan(t *testing.T, s *Scanner, in ...Input) *records {
	t.Helper()
	r := new(records)
	if err := s.Run(t.Context(), inputs(in...), r.emit); err != nil {
		t.Fatal(err)
	}
	return r
}

func inputs(in ...Input) iter.Seq2[Input, error] {
	return func(yield func(Input, error) bool) {
		for _, i := range in {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func domain(name string) Input { return Input{Text: name, Kind: KindDomain, Name: name} }
func hostIn(name string) Input { return Input{Text: name, Kind: KindHost, Name: name} }

// sweepOf is a range given as "first-last" or a single address.
func sweepOf(text string, ports ...Port) Input {
	first, last, ok := strings.Cut(text, "-")
	if !ok {
		last = first
	}
	return Input{Text: text, Kind: KindRange, First: netip.MustParseAddr(first), Last: netip.MustParseAddr(last), Ports: ports}
}

// smtp25 is a list of ports without 465, where the fake servers would have to
// speak TLS.
func smtp25() []Port { return []Port{{Number: 25}} }
