package scanner

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Ten thousand domains on fifty hosts: every endpoint is contacted once, and
// every domain has its rows and then its own record.
func TestEachEndpointOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const domains, hosts = 10_000, 50
		dns := &fakeDNS{mx: map[string]Resolution{}, latency: 20 * time.Millisecond}
		var in []Input
		for i := range domains {
			name := fmt.Sprintf("d%d.example", i)
			a, b := i%hosts, (i+1)%hosts
			dns.mx[name] = mail(
				exchanger(fmt.Sprintf("mx%d.example", a), 10, fmt.Sprintf("198.41.0.%d", a+1)),
				exchanger(fmt.Sprintf("mx%d.example", b), 20, fmt.Sprintf("198.41.0.%d", b+1)))
			in = append(in, domain(name))
		}
		network := &fakeNet{latency: 50 * time.Millisecond}
		s := &Scanner{Resolver: dns, Dial: network.dial, NoPTR: true, Rate: -1, Stats: new(Stats), Ports: []Port{{Number: 25}, {Number: 587}}}
		r := scan(t, s, in...)

		if len(network.dials) != hosts*2 {
			t.Errorf("%d endpoints contacted, want %d", len(network.dials), hosts*2)
		}
		for to, n := range network.dials {
			if n != 1 {
				t.Errorf("%v contacted %d times", to, n)
			}
		}
		if len(r.services) != domains*4 || len(r.domains) != domains {
			t.Errorf("%d services and %d domains, want %d and %d", len(r.services), len(r.domains), domains*4, domains)
		}
		fresh := 0
		rows := map[string]int{}
		for _, v := range r.services {
			rows[v.Domain]++
			if !v.Reused {
				fresh++
			}
			if v.Status != StatusSuccess || v.Greeting == nil || v.Software.Slug != "postfix" {
				t.Fatalf("incomplete row: %+v", v)
			}
			if v.MX == nil || v.MX.Name != v.Host {
				t.Fatalf("row of MX %+v for host %q", v.MX, v.Host)
			}
		}
		if fresh != hosts*2 {
			t.Errorf("%d rows are not reused, want %d", fresh, hosts*2)
		}
		for _, d := range r.domains {
			if rows[d.Domain] != 4 || d.Services != 4 {
				t.Errorf("%s has %d rows and says %d, want 4", d.Domain, rows[d.Domain], d.Services)
			}
		}
		want := Summary{Inputs: domains, Domains: domains, Endpoints: hosts * 2, Contacted: hosts * 2, Connections: hosts * 2, Answered: hosts * 2, Services: domains * 4}
		got := *r.summary
		if got.Inputs != want.Inputs || got.Domains != want.Domains || got.Endpoints != want.Endpoints || got.Contacted != want.Contacted ||
			got.Connections != want.Connections || got.Answered != want.Answered || got.Services != want.Services || got.Interrupted {
			t.Errorf("summary %+v, want %+v", got, want)
		}
		if n := got.ByStatus[StatusSuccess]; n != hosts*2 {
			t.Errorf("by_status counts %d successes, want %d", n, hosts*2)
		}
		if len(got.BySoftware) != 1 || got.BySoftware[0].Count != hosts*2 {
			t.Errorf("by_software is %v", got.BySoftware)
		}
		if c := s.Stats.Snapshot(); c.Done != c.Known || c.InFlight != 0 || c.Deferred != 0 || !c.InputsRead {
			t.Errorf("counters at the end: %+v", c)
		}
	})
}

// The record of a domain comes after those of its services, and the summary
// last.
func TestOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{mx: map[string]Resolution{
			"a.example": mail(exchanger("mx.a.example", 1, "198.41.0.1", "198.41.0.2")),
		}}
		network := &fakeNet{latency: time.Second}
		r := scan(t, &Scanner{Resolver: dns, Dial: network.dial, Ports: smtp25()}, domain("a.example"))
		if want := []string{"service", "service", "domain:a.example", "summary"}; !slices.Equal(r.order, want) {
			t.Errorf("order %v, want %v", r.order, want)
		}
	})
}

// While emit blocks, no more inputs are taken than there are workers, and two.
func TestBackPressure(t *testing.T) {
	for _, concurrency := range []int{1, 4, 50} {
		t.Run(fmt.Sprint(concurrency), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var pulled atomic.Int64
				in := func(yield func(Input, error) bool) {
					for i := range 1000 {
						pulled.Add(1)
						if !yield(sweepOf(advance(netip.MustParseAddr("198.41.0.0"), uint64(i)).String()), nil) {
							return
						}
					}
				}
				network := &fakeNet{latency: time.Second}
				s := &Scanner{Dial: network.dial, Ports: smtp25(), Concurrency: concurrency, Rate: -1}
				workers := int64(2 * concurrency) // that resolve, and that probe
				blocked := false
				err := s.Run(t.Context(), in, func(Result) error {
					if !blocked {
						blocked = true
						time.Sleep(time.Hour)
						if n := pulled.Load(); n > workers+2 {
							t.Errorf("%d inputs taken while the first record was being written, want at most %d", n, workers+2)
						}
					}
					return nil
				})
				if err != nil || pulled.Load() != 1000 {
					t.Errorf("error %v after %d inputs", err, pulled.Load())
				}
			})
		})
	}
}

// A slow writer slows the intake down: the engine does not hoard. With ten times
// the inputs the race detector of Go 1.26 itself crashes, one time in eight.
func TestSlowWriter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var pulled, written atomic.Int64
		in := func(yield func(Input, error) bool) {
			for i := range 200 {
				pulled.Add(1)
				if !yield(sweepOf(advance(netip.MustParseAddr("198.41.0.0"), uint64(i)).String()), nil) {
					return
				}
			}
		}
		network := &fakeNet{}
		s := &Scanner{Dial: network.dial, Ports: smtp25(), Concurrency: 8, Rate: -1}
		err := s.Run(t.Context(), in, func(r Result) error {
			time.Sleep(time.Second)
			if r.Service != nil {
				written.Add(1)
			}
			if ahead := pulled.Load() - written.Load(); ahead > 2*8+2 {
				t.Fatalf("%d inputs ahead of the writer", ahead)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	})
}

func TestEmitError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &fakeNet{latency: time.Second}
		s := &Scanner{Dial: network.dial, Ports: smtp25(), Concurrency: 10}
		calls := 0
		err := s.Run(t.Context(), inputs(sweepOf("198.41.0.0-198.41.255.255")), func(Result) error {
			if calls++; calls == 3 {
				return errEmit
			}
			return nil
		})
		if !errors.Is(err, errEmit) || calls != 3 {
			t.Errorf("error %v after %d calls, want %v after 3", err, calls, errEmit)
		}
	})
}

// Closing Stop ends the intake; what is under way is finished and written.
func TestStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		network := &fakeNet{latency: 10 * time.Second}
		s := &Scanner{
			Dial: network.dial, Ports: smtp25(), Concurrency: 10, Rate: 10, Stop: stop, ConnectTimeout: time.Minute,
			Stats: new(Stats),
		}
		var r records
		time.AfterFunc(2050*time.Millisecond, func() { close(stop) })
		began := time.Now()
		err := s.Run(t.Context(), inputs(sweepOf("198.41.0.0-198.41.0.255")), r.emit)
		if !errors.Is(err, ErrStopped) {
			t.Errorf("error %v, want %v", err, ErrStopped)
		}
		if r.summary == nil || !r.summary.Interrupted {
			t.Fatalf("summary %+v, want one that says interrupted", r.summary)
		}
		if len(network.times) != 10 || len(r.services) != 10 {
			t.Errorf("%d connections and %d rows, want 10 of each", len(network.times), len(r.services))
		}
		if took := time.Since(began); took > 12*time.Second {
			t.Errorf("took %v", took)
		}
		if n := r.summary.ByStatus[StatusCancelled]; n != 246 {
			t.Errorf("%d endpoints cancelled, want 246", n)
		}
	})
}

// Whatever a run is waiting for when it is stopped, it does not wait on, and
// what is not final leaves neither a row nor a domain record.
func TestStopWhileWaiting(t *testing.T) {
	tests := []struct {
		name string
		dns  *fakeDNS
		net  *fakeNet
		rate float64
	}{
		{name: "for DNS", dns: &fakeDNS{latency: time.Hour}},
		{name: "for the rate", rate: 0.001},
		{name: "for a retry", net: &fakeNet{behave: always(tooBusy)}},
		{name: "for the retry of a lookup", dns: &fakeDNS{fail: func(string, int) Status { return StatusServFail }}},
		{name: "for descriptors", net: &fakeNet{behave: always(crowded)}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				if tt.dns == nil {
					tt.dns = new(fakeDNS)
				}
				if tt.net == nil {
					tt.net = new(fakeNet)
				}
				tt.dns.mx = map[string]Resolution{"a.example": mail(exchanger("mx.a.example", 1, "198.41.0.1", "198.41.0.2"))}
				stop := make(chan struct{})
				time.AfterFunc(time.Second, func() { close(stop) })
				s := &Scanner{Resolver: tt.dns, Dial: tt.net.dial, Ports: smtp25(), Rate: tt.rate, Stop: stop, NoPTR: true}
				began := time.Now()
				var r records
				if err := s.Run(t.Context(), inputs(domain("a.example")), r.emit); !errors.Is(err, ErrStopped) {
					t.Errorf("error %v", err)
				}
				if took := time.Since(began); took != time.Second {
					t.Errorf("took %v", took)
				}
				if len(r.domains) != 0 || len(r.services) > 1 || len(r.services) == 1 && tt.rate == 0 {
					t.Errorf("records %v", r.order)
				}
			})
		})
	}
}

// Cancellation ends what is under way at once, and that is no record.
func TestCancel(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{mx: map[string]Resolution{"a.example": mail(exchanger("mx.a.example", 1, "198.41.0.1", "198.41.0.2"))}}
		network := &fakeNet{behave: func(to netip.AddrPort, _ int) string {
			if to.Addr() == netip.MustParseAddr("198.41.0.2") {
				return mute
			}
			return serve
		}}
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		began := time.Now()
		var r records
		err := (&Scanner{Resolver: dns, Dial: network.dial, Ports: smtp25()}).Run(ctx, inputs(domain("a.example")), r.emit)
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took != 5*time.Second {
			t.Errorf("took %v", took)
		}
		if want := []string{"service", "summary"}; !slices.Equal(r.order, want) || !r.summary.Interrupted {
			t.Errorf("records %v, want %v", r.order, want)
		}
	})
}

// A deadline of the caller that comes before the limiter's turn ends the run
// as such, not as a complete one.
func TestDeadlineBeforeTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		network := &fakeNet{}
		err := (&Scanner{Dial: network.dial, Ports: smtp25(), Rate: 0.01}).Run(ctx, inputs(sweepOf("198.41.0.0-198.41.0.3")), new(records).emit)
		if !errors.Is(err, context.DeadlineExceeded) || len(network.times) != 1 {
			t.Errorf("error %v after %d connections", err, len(network.times))
		}
	})
}

func TestInputErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := &InputError{Source: "list:2", Text: "???", Reason: "expected a domain"}
		in := func(yield func(Input, error) bool) {
			_ = yield(sweepOf("198.41.0.1"), nil) && yield(Input{}, bad) && yield(sweepOf("198.41.0.2"), nil)
		}
		network := &fakeNet{}
		var told []*InputError
		s := &Scanner{Dial: network.dial, Ports: smtp25(), BadInput: func(e *InputError) error { told = append(told, e); return nil }}
		var r records
		if err := s.Run(t.Context(), in, r.emit); err != nil {
			t.Fatal(err)
		}
		if len(r.services) != 2 || len(told) != 1 || told[0] != bad || r.summary.BadInputs != 1 || r.summary.Inputs != 2 {
			t.Errorf("%d rows, told of %v, summary %+v", len(r.services), told, r.summary)
		}

		s.BadInput = func(e *InputError) error { return e }
		if err := s.Run(t.Context(), in, new(records).emit); err != error(bad) {
			t.Errorf("error %v, want %v", err, bad)
		}
	})
}

// An error of the sequence itself ends the run, but what was read before is
// finished.
func TestSequenceError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("read targets.txt: input/output error")
		in := func(yield func(Input, error) bool) {
			_ = yield(sweepOf("198.41.0.1"), nil) && yield(Input{}, broken)
		}
		var r records
		err := (&Scanner{Dial: (&fakeNet{latency: time.Second}).dial, Ports: smtp25()}).Run(t.Context(), in, r.emit)
		if !errors.Is(err, broken) || len(r.services) != 1 || r.summary == nil || !r.summary.Interrupted {
			t.Errorf("error %v, %d rows, summary %+v", err, len(r.services), r.summary)
		}
	})
}

func TestScan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &Scanner{Dial: (&fakeNet{}).dial, Ports: smtp25()}
		var r records
		for res := range s.Scan(t.Context(), sweepOf("198.41.0.1")) {
			_ = r.emit(res)
		}
		if want := []string{"service", "summary"}; !slices.Equal(r.order, want) {
			t.Errorf("records %v, want %v", r.order, want)
		}
		for range s.Scan(t.Context(), sweepOf("198.41.0.1-198.41.0.9")) {
			break // must end everything behind it: synctest fails otherwise
		}
	})
}

func TestTick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ticks := 0
		s := &Scanner{Dial: (&fakeNet{latency: 4 * time.Second}).dial, Ports: smtp25(), Tick: func() { ticks++ }}
		scan(t, s, sweepOf("198.41.0.1"))
		if ticks < 15 || ticks > 20 {
			t.Errorf("%d ticks in four seconds", ticks)
		}
	})
}

// Plan shows what Run contacts, once each, and contacts nothing.
func TestPlan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{mx: map[string]Resolution{
			"a.example": mail(exchanger("mx.a.example", 1, "198.41.0.1"), exchanger("mx2.a.example", 1, "10.0.0.1")),
			"b.example": mail(exchanger("mx.a.example", 1, "198.41.0.1"), exchanger("mx.b.example", 1, "198.41.0.3")),
		}}
		network := &fakeNet{}
		s := &Scanner{
			Resolver: dns, Dial: network.dial, Ports: smtp25(),
			Exclude: func(a netip.Addr, _ string) bool { return a == netip.MustParseAddr("198.41.0.3") },
		}
		in := func() iter.Seq2[Input, error] {
			return inputs(domain("a.example"), domain("b.example"), domain("none.example"), sweepOf("198.41.0.2-198.41.0.5"))
		}
		var planned []netip.AddrPort
		warned := 0
		s.Warn = func(string) { warned++ }
		err := s.Plan(t.Context(), in(), func(_ Input, e Endpoint) error {
			planned = append(planned, netip.AddrPortFrom(e.Addr, e.Port.Number))
			return nil
		})
		if err != nil || len(network.dials) != 0 {
			t.Fatalf("error %v, %d contacts", err, len(network.dials))
		}
		if warned != 3 {
			t.Errorf("told of %d names without endpoints, want 3: private, excluded, nxdomain", warned)
		}
		if err := s.Run(t.Context(), in(), new(records).emit); err != nil {
			t.Fatal(err)
		}
		var contacted []netip.AddrPort
		for to := range network.dials {
			contacted = append(contacted, to)
		}
		slices.SortFunc(planned, netip.AddrPort.Compare)
		slices.SortFunc(contacted, netip.AddrPort.Compare)
		if len(planned) != 4 || !slices.Equal(planned, contacted) {
			t.Errorf("planned %v, contacted %v", planned, contacted)
		}
		if err := s.Plan(t.Context(), in(), func(Input, Endpoint) error { return errEmit }); !errors.Is(err, errEmit) {
			t.Errorf("error %v, want that of show", err)
		}
	})
}
