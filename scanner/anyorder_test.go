package scanner

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"
)

// anyOrder is ranges and single addresses of ten, with ports, in any order and at
// any time.
func anyOrder(rng *rand.Rand) (in []Input, waits []time.Duration) {
	for range 1 + rng.IntN(12) {
		first := rng.IntN(10)
		last := first
		if rng.IntN(2) == 0 {
			last = first + rng.IntN(10-first)
		}
		text := fmt.Sprintf("198.41.0.%d-198.41.0.%d", first, last)
		var ports []Port
		for _, p := range rng.Perm(3)[:1+rng.IntN(3)] {
			ports = append(ports, Port{Number: []uint16{25, 26, 587}[p]})
		}
		in = append(in, sweepOf(text, ports...))
		waits = append(waits, []time.Duration{0, 0, time.Second, time.Minute}[rng.IntN(4)])
	}
	return in, waits
}

// waiting yields inputs, and waits after each.
func waiting(t *testing.T, in []Input, waits []time.Duration) iter.Seq2[Input, error] {
	return func(yield func(Input, error) bool) {
		for i := range in {
			if !yield(in[i], nil) || !pass(t.Context(), waits[i]) {
				return
			}
		}
	}
}

// However ranges and addresses follow and overlap each other, an endpoint that
// answers is contacted once, and one that is tried again with success twice. The
// first row of each is not reused, an address has all of its rows, and a range
// what no earlier one has.
func TestAnyOrder(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 100 {
		in, waits := anyOrder(rng)
		broken := uint8(rng.IntN(20)) // an address that hangs up once
		shut := uint8(rng.IntN(20))   // one that must not be contacted
		synctest.Test(t, func(t *testing.T) {
			network := &fakeNet{latency: time.Second, behave: func(to netip.AddrPort, n int) string {
				if to.Addr().As4()[3] == broken && n == 1 {
					return hangUp
				}
				return serve
			}}
			s := &Scanner{
				Dial: network.dial, HostLimit: 1 + rng.IntN(3), Concurrency: 1 + rng.IntN(8), Retries: 1,
				Exclude: func(a netip.Addr, _ string) bool { return a.IsValid() && a.As4()[3] == shut },
			}
			e, r := newEngine(t.Context(), s, nil), new(records)
			e.emit = r.emit
			if err := e.perform(waiting(t, in, waits)); err != nil {
				t.Fatal(err)
			}
			checkAnyOrder(t, in, network.dials, r.services, broken, shut)
		})
		if t.Failed() {
			t.Fatalf("%v waiting %v; %d hangs up, %d is excluded", in, waits, broken, shut)
		}
	}
}

func checkAnyOrder(t *testing.T, in []Input, dials map[netip.AddrPort]int, rows []Service, broken, shut uint8) {
	t.Helper()
	named, ranged := map[netip.AddrPort]int{}, map[netip.AddrPort]int{}
	for _, i := range in {
		for a := i.First; a.Compare(i.Last) <= 0; a = a.Next() {
			for _, p := range i.Ports {
				if to := netip.AddrPortFrom(a, p.Number); i.isRange() {
					ranged[to] = 1 // of a range, the first one has it
				} else {
					named[to]++
				}
			}
		}
	}
	fresh, all := map[netip.AddrPort]int{}, map[netip.AddrPort]int{}
	for _, v := range rows {
		to := netip.AddrPortFrom(v.IP, v.Port)
		all[to]++
		if !v.Reused {
			fresh[to]++
		}
	}
	for last := range uint8(10) {
		for _, port := range []uint16{25, 26, 587} {
			to := netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 41, 0, last}), port)
			want, contacts := named[to]+ranged[to], min(1, named[to]+ranged[to])
			first := contacts
			if last == broken {
				contacts *= 2
			}
			if last == shut {
				want, contacts, first = named[to], 0, named[to]
			}
			if all[to] != want || fresh[to] != first || dials[to] != contacts {
				t.Errorf("%v: %d rows, %d fresh, contacted %d times; want %d, %d, %d", to, all[to], fresh[to], dials[to], want, first, contacts)
			}
		}
	}
}

// A run that is broken off anywhere leaves nothing behind.
func TestBreakOffAnywhere(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 60 {
		in, waits := anyOrder(rng)
		at, how := 1+rng.IntN(20), rng.IntN(4)
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			stop := make(chan struct{})
			s := &Scanner{Dial: (&fakeNet{latency: time.Second}).dial, Resolver: &fakeDNS{latency: time.Second}, Concurrency: 1 + rng.IntN(8), Stop: stop}
			n := 0
			defer func() { recover() }() // of emit
			s.Run(ctx, waiting(t, in, waits), func(Result) error {
				if n++; n == at {
					switch how {
					case 0:
						return errors.New("full")
					case 1:
						close(stop)
					case 2:
						panic("emit")
					case 3:
						cancel()
					}
				}
				return nil
			})
		})
	}
}
