package scanner

import (
	"context"
	"net"
	"net/netip"
	"runtime"
	"syscall"
	"testing"

	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// BenchmarkRangeDry measures what the engine itself costs for each endpoint of
// a range where nothing answers: permutation, exclusion, slots, limits and
// counters, everything but the system call. Purpose: a sweep must be bound by
// the network and the rate, never by us; the goal is 500,000 endpoints a second
// per core, thus 2 µs each, in flat memory.
func BenchmarkRangeDry(b *testing.B) {
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	e := newEngine(b.Context(), &Scanner{
		Rate: -1, Stats: new(Stats), Exclude: func(netip.Addr, string) bool { return false },
	}, func(Result) error { return nil })
	e.dial = func(context.Context, netip.AddrPort) (net.Conn, error) { return nil, refused }
	e.route = nil
	in := sweepOf("11.0.0.0-11.255.255.255", DefaultPorts()...)
	b.ReportAllocs()
	in.Last = advance(in.First, uint64(max(b.N/3, 1)))
	if err := e.perform(inputs(in)); err != nil {
		b.Fatal(err)
	}
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	b.ReportMetric(float64(m.Sys)/1e6, "MB-of-the-system")
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "endpoints/s")
}

// BenchmarkDomains measures the way from a domain whose hosts are known to its
// records, the common case in a long list, with a resolver that costs nothing.
func BenchmarkDomains(b *testing.B) {
	in := func(yield func(Input, error) bool) {
		names := domain("some.example")
		for range b.N {
			if !yield(names, nil) {
				return
			}
		}
	}
	known := instant(mail(exchanger("mx1.example", 10, "198.41.0.1"), exchanger("mx2.example", 20, "198.41.0.2")))
	s := &Scanner{Resolver: known, Dial: (&fakeNet{}).dial, Rate: -1, NoPTR: true, Ports: smtp25()}
	b.ReportAllocs()
	if err := s.Run(b.Context(), in, func(Result) error { return nil }); err != nil {
		b.Fatal(err)
	}
}

// instant is a Resolver that has one answer.
type instant Resolution

func (r instant) LookupMX(context.Context, string) Resolution   { return Resolution(r) }
func (r instant) LookupHost(context.Context, string) Resolution { return Resolution(r) }
func (r instant) LookupPTR(context.Context, netip.Addr) ([]string, Status) {
	return nil, StatusNXDomain
}

func BenchmarkPermute(b *testing.B) {
	p := newPermutation(3<<24, 42)
	b.ReportAllocs()
	for i := range uint64(b.N) {
		p.at(i % p.n)
	}
}

// BenchmarkCursor measures taking an endpoint of a range: the next index, its
// place in the permuted order, and the address and port there.
func BenchmarkCursor(b *testing.B) {
	in := sweepOf("11.0.0.0-11.255.255.255", DefaultPorts()...)
	c, err := newCursor(&job{in: in}, in.Ports, 42)
	if err != nil {
		b.Fatal(err)
	}
	c.begin(Shard{}, nil)
	b.ReportAllocs()
	for b.Loop() {
		if c.exhausted() {
			c.at = 0
		}
		c.endpoint(c.next())
	}
}

// BenchmarkSafeguards measures what each thing costs that keeps a sweep polite
// and complete, for one endpoint: none of them can be turned off, so their costs
// must not matter beside the 20 µs of a connection.
func BenchmarkSafeguards(b *testing.B) {
	in := sweepOf("11.0.0.0-11.255.255.255", smtp25()...)
	excluded := netip.MustParsePrefix("11.1.0.0/16")
	e := newEngine(b.Context(), &Scanner{
		Rate: 1e9, Stats: new(Stats), Exclude: func(addr netip.Addr, _ string) bool { return excluded.Contains(addr) },
	}, nil)
	c, err := newCursor(&job{in: in}, in.Ports, 42)
	if err != nil {
		b.Fatal(err)
	}
	refused := &outcome{status: StatusRefused, phase: smtp.PhaseConnect}
	ep, named := c.endpoint(7), c.endpoint(7)
	named.Name = "mx.some.example"
	attempt := func(ep Endpoint) {
		_, t, _ := e.claim(e.intake, ep, row{job: c.job})
		e.admit(e.intake, t)
		e.refrain(t, &e.policy)
		refused.at = e.began
		e.settle(e.intake, t, refused, &e.policy)
		e.forget(t)
	}
	for _, c := range []struct {
		name  string
		guard func(i uint64)
	}{
		{"permuted order", func(i uint64) { c.perm.at(i) }},
		{"exclusion", func(uint64) { e.excludedAddr(ep.Addr) }},
		{"rate limit", func(uint64) { e.pace() }},
		{"once, address limit", func(uint64) { attempt(ep) }},
		{"and provider limit", func(uint64) { attempt(named) }},
	} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for i := range uint64(b.N) {
				c.guard(i)
			}
		})
	}
}
