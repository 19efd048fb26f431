package scanner

import (
	"net/netip"
	"reflect"
	"testing"
	"testing/synctest"
	"time"
)

// An address that is named after the range that has it is not contacted again,
// however much later. Its row is that of the range.
func TestAddressAfterRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &fakeNet{latency: time.Second}
		e, r := newEngine(t.Context(), &Scanner{Dial: network.dial, Ports: smtp25()}, nil), new(records)
		e.emit = r.emit
		in := func(yield func(Input, error) bool) {
			_ = yield(sweepOf("198.41.0.0-198.41.0.9"), nil) && pass(t.Context(), time.Hour) &&
				yield(sweepOf("198.41.0.3"), nil) && yield(sweepOf("198.41.0.4"), nil)
		}
		if err := e.perform(in); err != nil || len(network.dials) != 10 {
			t.Fatalf("error %v, %d endpoints contacted", err, len(network.dials))
		}
		found := map[netip.Addr]Service{}
		reused := 0
		for _, v := range r.services {
			if n := network.dials[netip.AddrPortFrom(v.IP, 25)]; n != 1 {
				t.Errorf("%v contacted %d times", v.IP, n)
			}
			if v.Reused {
				reused++
				want := found[v.IP]
				want.Input, want.Reused = v.Input, true
				if v.Input != v.IP.String() || !reflect.DeepEqual(v, want) {
					t.Errorf("row %+v, want %+v", v, want)
				}
			}
			found[v.IP] = v
		}
		if reused != 2 || len(r.services) != 12 {
			t.Errorf("%d rows, %d of them reused", len(r.services), reused)
		}
		if e.swept != nil {
			t.Error("the outcomes of the range are kept although all have asked")
		}
	})
}

// What ranges have found is kept as long as addresses may follow, and no longer.
func TestOutcomesOfRangesKept(t *testing.T) {
	wide := sweepOf("198.41.0.0-198.41.0.99")
	tests := []struct {
		name    string
		waits   time.Duration // of the input, before it ends
		in      []Input
		forgets bool
	}{
		{"one range", 0, []Input{wide}, true},
		{"two ranges and names", 0, []Input{wide, domain("a.example"), hostIn("b.example"), sweepOf("198.41.1.0-198.41.1.99")}, true},
		{"the input goes on", time.Hour, []Input{wide}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &Scanner{Dial: (&fakeNet{latency: time.Second}).dial, Resolver: &fakeDNS{}, NoPTR: true, Ports: smtp25()}
				e := newEngine(t.Context(), s, nil)
				kept := 0
				e.emit = func(Result) error {
					e.mu.Lock()
					defer e.mu.Unlock()
					if e.swept != nil {
						kept = max(kept, len(e.swept.entries))
					}
					return nil
				}
				in := func(yield func(Input, error) bool) {
					inputs(tt.in...)(yield)
					pass(t.Context(), tt.waits)
				}
				if err := e.perform(in); err != nil || (kept == 0) != tt.forgets || e.swept != nil {
					t.Errorf("error %v, %d outcomes kept, in the end %v", err, kept, e.swept)
				}
			})
		})
	}
}
