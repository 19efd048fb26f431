package scanner

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// The rate holds from the first connection to the last.
func TestRate(t *testing.T) {
	for _, perSecond := range []float64{0.5, 10, 1000} {
		synctest.Test(t, func(t *testing.T) {
			network := &fakeNet{latency: time.Second, behave: always(refuse)}
			scan(t, &Scanner{Dial: network.dial, Ports: smtp25(), Rate: perSecond}, sweepOf("198.41.0.0-198.41.0.99"))
			slices.SortFunc(network.times, time.Time.Compare)
			took := network.times[99].Sub(network.times[0])
			burst := max(1, perSecond/100)
			want := time.Duration((100 - burst) / perSecond * float64(time.Second))
			if took < want || took > want+want/20+time.Millisecond {
				t.Errorf("100 connections at %v/s took %v, want %v", perSecond, took, want)
			}
		})
	}
}

func always(how string) func(netip.AddrPort, int) string {
	return func(netip.AddrPort, int) string { return how }
}

// Many names on one address: never more connections to it than the limit, one
// at most to each port, and other hosts need not wait.
func TestHostLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{mx: map[string]Resolution{}}
		var in []Input
		for i := range 300 {
			name := fmt.Sprintf("d%d.example", i)
			dns.mx[name] = mail(exchanger("mx."+name, 10, "198.41.0.1"))
			in = append(in, domain(name))
		}
		in = append(in, sweepOf("198.41.0.2"))
		var ports []Port
		for i := range uint16(10) {
			ports = append(ports, Port{Number: 2500 + i})
		}
		network := &fakeNet{latency: time.Second}
		began, other := time.Now(), time.Duration(0)
		s := &Scanner{Resolver: dns, Dial: network.dial, Ports: ports, Rate: -1, Concurrency: 50, NoPTR: true}
		rows := 0
		err := s.Run(t.Context(), inputs(in...), func(r Result) error {
			if r.Service != nil {
				if rows++; r.Service.IP == netip.MustParseAddr("198.41.0.2") {
					other = time.Since(began)
				}
			}
			return nil
		})
		if err != nil || rows != 3010 {
			t.Fatalf("error %v, %d rows", err, rows)
		}
		if network.maxHost != 3 || network.maxPort != 1 {
			t.Errorf("%d connections at once to one address and %d to one port, want 3 and 1", network.maxHost, network.maxPort)
		}
		if took := time.Since(began); took < 1000*time.Second || took > 1010*time.Second {
			t.Errorf("3000 probes three at a time took %v, want 1000 s: slots stood empty", took)
		}
		if other > 10*time.Second {
			t.Errorf("another host had to wait %v", other)
		}
	})
}

// What waits for a slot of its address is bounded: then the intake stops.
func TestParkedBound(t *testing.T) {
	s := newSchedule(1, 10, 0, new(Stats))
	s.deferred = make([]retry, maxDeferred/2) // no more may be put off
	j := &job{}
	ep := func(i int) Endpoint {
		return Endpoint{Addr: netip.MustParseAddr("198.41.0.1"), Name: fmt.Sprint(i), Port: Port{Number: 25}}
	}
	synctest.Test(t, func(t *testing.T) {
		s.room = sync.NewCond(&s.mu)
		var running *task
		admitted := 0
		go func() {
			for i := range maxParked + 10 {
				_, task, _ := s.claim(t.Context(), ep(i), row{job: j})
				if s.admit(t.Context(), task) {
					running = task
				}
				admitted++
			}
		}()
		synctest.Wait()
		if admitted != maxParked+1 || s.parked != maxParked {
			t.Errorf("%d taken and %d parked, want %d parked", admitted, s.parked, maxParked)
		}
		for running != nil {
			_, next := s.settle(t.Context(), running, &outcome{status: StatusSuccess}, &policy{})
			if running = nil; len(next) > 0 {
				running = next[0]
			}
			synctest.Wait()
		}
		if admitted != maxParked+10 || s.parked != 0 {
			t.Errorf("%d taken and %d parked at the end", admitted, s.parked)
		}
	})
}

// Rows that wait for a deferred endpoint are bounded: it is then retried
// early, and the intake goes on.
func TestWaitingBound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = maxWaiting + 100
		dns := &fakeDNS{mx: map[string]Resolution{}}
		shared := mail(exchanger("mx.example", 10, "198.41.0.1"))
		in := func(yield func(Input, error) bool) {
			for i := range n {
				if !yield(domain(fmt.Sprintf("d%d.example", i)), nil) {
					return
				}
			}
		}
		dns.mx["*"] = shared
		network := &fakeNet{behave: always(tooBusy)}
		s := &Scanner{Resolver: sameMX{dns}, Dial: network.dial, Ports: smtp25(), NoPTR: true, Rate: -1}
		most, rows, e := 0, 0, newEngine(t.Context(), s, nil)
		e.emit = func(r Result) error {
			if r.Service != nil {
				if rows++; r.Service.Status != StatusRateLimited || r.Service.Attempts != 2 {
					t.Fatalf("row %+v", r.Service)
				}
			}
			e.mu.Lock()
			most = max(most, e.waiting)
			e.mu.Unlock()
			return nil
		}
		if err := e.perform(in); err != nil || rows != n {
			t.Errorf("error %v, %d rows of %d", err, rows, n)
		}
		if got := network.dials[netip.MustParseAddrPort("198.41.0.1:25")]; got != 2 || most > maxWaiting+1 {
			t.Errorf("%d contacts, %d rows waited", got, most)
		}
	})
}

// sameMX answers for every domain as for "*".
type sameMX struct{ *fakeDNS }

func (s sameMX) LookupMX(context.Context, string) Resolution { return s.mx["*"] }

// Transient failures are tried again at the end of the run and no sooner; the
// domain's record waits for it.
func TestRetries(t *testing.T) {
	for _, how := range []string{ignore, mute, hangUp, tooBusy} {
		t.Run(how, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				flaky := netip.MustParseAddrPort("198.41.0.1:25")
				network := &fakeNet{latency: time.Second, behave: func(to netip.AddrPort, n int) string {
					if to == flaky && n <= 2 {
						return how
					}
					return serve
				}}
				dns := &fakeDNS{mx: map[string]Resolution{"a.example": mail(exchanger("mx.a.example", 1, "198.41.0.1", "198.41.0.2"))}}
				s := &Scanner{Resolver: dns, Dial: network.dial, Ports: smtp25(), Retries: 2}
				r := scan(t, s, domain("a.example"), sweepOf("198.41.1.0-198.41.1.99"))
				if got := network.dials[flaky]; got != 3 {
					t.Fatalf("%d attempts, want 3", got)
				}
				last := r.services[len(r.services)-1]
				if last.Status != StatusSuccess || last.Attempts != 3 || last.IP != flaky.Addr() {
					t.Errorf("last row: %v %d attempts %v", last.Status, last.Attempts, last.IP)
				}
				if len(r.services) != 102 || len(r.domains) != 1 || r.domains[0].Services != 2 {
					t.Errorf("%d rows, domains %+v", len(r.services), r.domains)
				}
				if r.summary.Connections != 104 || r.summary.Contacted != 102 {
					t.Errorf("summary: %+v", r.summary)
				}
			})
		})
	}
}

func TestNoRetries(t *testing.T) {
	tests := []struct {
		name    string
		how     string
		in      Input
		retries int
		want    int
	}{
		{"final", refuse, sweepOf("198.41.0.1"), 3, 1},
		{"silent range", ignore, sweepOf("198.41.0.1-198.41.0.2"), 3, 1},
		{"mute range", mute, sweepOf("198.41.0.1-198.41.0.2"), 3, 4},
		{"turned off", mute, sweepOf("198.41.0.1"), -1, 1},
		{"default", mute, sweepOf("198.41.0.1"), 0, 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := &fakeNet{behave: always(tt.how)}
				scan(t, &Scanner{Dial: network.dial, Ports: smtp25(), Retries: tt.retries}, tt.in)
				if got := network.dials[netip.MustParseAddrPort("198.41.0.1:25")]; got != tt.want {
					t.Errorf("%d attempts, want %d", got, tt.want)
				}
			})
		})
	}
}

// An address that complains is left alone until the end of the run: under all
// its names and on all its ports. If it goes on complaining then, it is not
// contacted any more.
func TestComplaint(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const names = 20
		busy := netip.MustParseAddr("198.41.0.1")
		began := time.Now()
		var dials []time.Duration
		var mu sync.Mutex
		network := &fakeNet{latency: 10 * time.Millisecond, behave: func(to netip.AddrPort, _ int) string {
			mu.Lock()
			defer mu.Unlock()
			if to.Addr() != busy {
				return serve
			}
			dials = append(dials, time.Since(began))
			return tooBusy
		}}
		dns := &fakeDNS{mx: map[string]Resolution{}}
		in := []Input{sweepOf("198.41.1.0-198.41.2.255")} // 512 other addresses
		for i := range names {
			name := fmt.Sprintf("d%d.example", i)
			dns.mx[name] = mail(exchanger("mx."+name, 1, busy.String()))
			in = append(in, domain(name))
		}
		s := &Scanner{Resolver: dns, Dial: network.dial, NoPTR: true, HostLimit: 1, Ports: []Port{{Number: 25}, {Number: 587}}, Stats: new(Stats)}
		r := scan(t, s, in...)
		if len(dials) != 2 {
			t.Errorf("%d connections to the address that complains, want one and another at the end", len(dials))
		}
		for _, at := range dials[1:] {
			if at < 5*time.Second { // 1024 others at 200 a second
				t.Errorf("asked again after %v, before the end of the run", at)
			}
		}
		if got := r.statuses(); got[StatusRateLimited] != 2*names || got[StatusSuccess] != 1024 || len(r.domains) != names {
			t.Errorf("statuses %v, %d domains", got, len(r.domains))
		}
		if c := s.Stats.Snapshot(); c.Deferred != 0 || c.Done != c.Known {
			t.Errorf("counters at the end: %+v", c)
		}
	})
}

// Of two failed attempts the one that was greeted is reported.
func TestBetterOutcome(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &fakeNet{behave: func(_ netip.AddrPort, n int) string {
			if n == 1 {
				return tooBusy
			}
			return ignore
		}}
		r := scan(t, &Scanner{Dial: network.dial, Ports: smtp25()}, sweepOf("198.41.0.1"))
		if v := r.services[0]; v.Status != StatusRateLimited || v.Greeting == nil || v.Greeting.Code != 421 || v.Attempts != 2 {
			t.Errorf("status %v, greeting %+v, %d attempts", v.Status, v.Greeting, v.Attempts)
		}
	})
}

// A lack on our own side is waited out, announced once, and not the server's
// failure.
func TestLocalFault(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		network := &fakeNet{behave: func(netip.AddrPort, int) string {
			if time.Since(began) < time.Second {
				return crowded
			}
			return serve
		}}
		var warnings []string
		s := &Scanner{Dial: network.dial, Ports: smtp25(), Warn: func(text string) { warnings = append(warnings, text) }}
		r := scan(t, s, sweepOf("198.41.0.1-198.41.0.20"))
		if n := r.statuses()[StatusSuccess]; n != 20 || len(r.services) != 20 {
			t.Errorf("statuses %v", r.statuses())
		}
		if len(warnings) != 1 || !strings.Contains(warnings[0], "too many open files") {
			t.Errorf("warnings %q", warnings)
		}
	})
	synctest.Test(t, func(t *testing.T) {
		r := scan(t, &Scanner{Dial: (&fakeNet{behave: always(crowded)}).dial, Ports: smtp25()}, sweepOf("198.41.0.1-198.41.0.2"))
		if n := r.statuses()[StatusLocal]; n != 2 {
			t.Errorf("a fault that stays: %v, want two local errors", r.statuses())
		}
	})
}

// What is retried early leaves the list of what waits for another attempt, and
// nothing else does.
func TestEarlyRetryLeavesList(t *testing.T) {
	s := newSchedule(3, 10, 0, new(Stats))
	ep := func(i int) Endpoint {
		return Endpoint{Addr: netip.AddrFrom4([4]byte{198, 41, 0, byte(i)}), Port: Port{Number: 25}}
	}
	for i := range 10 {
		if i == 5 {
			s.postpone(time.Now(), func() {}) // a lookup in between
		}
		_, task, _ := s.claim(t.Context(), ep(i), row{job: &job{}})
		s.admit(t.Context(), task)
		task.attempts++
		s.settle(t.Context(), task, &outcome{at: time.Now(), status: StatusRateLimited, uncontacted: true}, &policy{retries: 1})
	}
	s.waiting = maxWaiting
	early := []int{9, 0, 3, 5, 4}
	for _, i := range early {
		if _, task, fresh := s.claim(t.Context(), ep(i), row{job: &job{}}); task == nil || fresh || task.ep != ep(i) {
			t.Fatalf("endpoint %d: task %v, fresh %v", i, task, fresh)
		}
	}
	left := map[Endpoint]bool{}
	lookups := 0
	for _, r := range s.takeDeferred() {
		if r.task == nil {
			lookups++
		} else if left[r.task.ep] = true; !s.resume(r.task) {
			t.Errorf("%v is listed and not deferred", r.task.ep)
		}
	}
	if len(left) != 5 || lookups != 1 {
		t.Errorf("left: %v and %d lookups", left, lookups)
	}
	for _, i := range early {
		if left[ep(i)] {
			t.Errorf("endpoint %d is still listed", i)
		}
	}
}
