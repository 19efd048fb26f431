package scanner

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// What has answered a SYN is connected to soon, however much of the range is left.
func TestDiscoveredSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var syns []time.Time
		fake := &fakeNet{behave: mixed}
		e, r := scouted(t, &Scanner{Rate: 100, Concurrency: 2, Retries: -1}, fake, &syns)
		if err := e.perform(inputs(sweepOf("198.18.0.0-198.18.15.255"))); err != nil {
			t.Fatal(err)
		}
		if len(r.services) != 64 {
			t.Fatalf("%d records", len(r.services))
		}
		if half, all := fake.times[32].Sub(syns[0]), syns[len(syns)-1].Sub(syns[0]); half > all*3/4 {
			t.Errorf("half of what answers was connected to after %v of a sweep of %v", half, all)
		}
	})
}

// A plan shows every port of what was named before the end of a range.
func TestPlanNamedSoon(t *testing.T) {
	var shown []netip.AddrPort
	s := &Scanner{Ports: []Port{{Number: 25}, {Number: 587}}}
	in := inputs(sweepOf("198.18.0.0-198.18.15.255"), sweepOf("198.51.100.1"))
	if err := s.Plan(t.Context(), in, func(_ Input, ep Endpoint) error {
		shown = append(shown, ep.addrPort())
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	at := slices.Index(shown, netip.MustParseAddrPort("198.51.100.1:587"))
	if len(shown) != 2*4097 || at < 0 || at > len(shown)/2 {
		t.Errorf("the second port of an address came at place %d of %d", at, len(shown))
	}
}

// What goes on while a consumer panics does not crash the program.
func TestConsumerPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		defer func() {
			if got := recover(); got != "enough" {
				t.Errorf("recovered %v", got)
			}
			<-time.After(time.Minute) // the second connection is made meanwhile
		}()
		fake := &fakeNet{}
		slow := func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			if to.Addr() == netip.MustParseAddr("198.51.100.2") {
				pass(context.WithoutCancel(ctx), time.Second)
			}
			return fake.dial(context.WithoutCancel(ctx), to)
		}
		s := &Scanner{Dial: slow, Resolver: &fakeDNS{}, Ports: smtp25()}
		for range s.Scan(t.Context(), sweepOf("198.51.100.1-198.51.100.2")) {
			panic("enough")
		}
	})
}

// What is named late is contacted as soon as the rate permits, although a range
// could take every slot.
func TestNamedSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var asked, contacted time.Time
		named := netip.MustParseAddrPort("198.51.100.1:25")
		fake := &fakeNet{latency: 10 * time.Millisecond, behave: func(to netip.AddrPort, _ int) string {
			if to == named {
				contacted = time.Now()
			}
			return serve
		}}
		e := newEngine(t.Context(), &Scanner{Dial: fake.dial, NoPTR: true, Ports: smtp25(), Rate: 10, Concurrency: 100}, (&records{}).emit)
		e.open = func(to netip.AddrPort, done func(net.Conn, error)) { // as sockets of our own do
			e.spawn(func() { done(e.dial(e.run, to)) })
		}
		if err := e.perform(func(yield func(Input, error) bool) {
			yield(sweepOf("198.18.0.0-198.18.3.255"), nil)
			<-time.After(60 * time.Second)
			asked = time.Now()
			yield(sweepOf("198.51.100.1"), nil)
		}); err != nil {
			t.Fatal(err)
		}
		if d := contacted.Sub(asked); d < 0 || d > time.Second {
			t.Errorf("contacted after %v", d)
		}
	})
}
