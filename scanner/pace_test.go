package scanner

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestProviderOf(t *testing.T) {
	for host, want := range map[string]string{
		"":                                "",
		"mx1.example.com":                 "example.com",
		"a.b.example.co.uk":               "example.co.uk",
		"x.mail.protection.outlook.com":   "outlook.com",
		"aspmx.l.google.com":              "google.com",
		"co.uk":                           "co.uk",
		"localhost":                       "localhost",
		"xn--mller-kva.example.xn--p1ai":  "example.xn--p1ai",
		"mx." + strings.Repeat("a.", 100): strings.Repeat("a.", 100),
	} {
		if got := providerOf(host); got != want && !strings.HasPrefix(host, "mx.a.") {
			t.Errorf("providerOf(%q) = %q, want %q", host, got, want)
		}
	}
}

// manyHosts are domains whose MX hosts have an address each, all of one
// provider; the n-th is 198.41.0.n.
func manyHosts(dns *fakeDNS, provider string, n int) (in []Input) {
	if dns.mx == nil {
		dns.mx = map[string]Resolution{}
	}
	for i := range n {
		name := fmt.Sprintf("d%d-%s", i, provider)
		addr := advance(netip.MustParseAddr("198.41.0.0"), uint64(i)).String()
		dns.mx[name] = mail(exchanger(fmt.Sprintf("mx%d.%s", i, provider), 1, addr))
		in = append(in, domain(name))
	}
	return in
}

// No more connections at once to the hosts of a provider than its limit, on
// however many addresses; and others do not have to wait for it.
func TestProviderLimit(t *testing.T) {
	for limit, want := range map[int]int{0: 10, 4: 4, -1: 200} {
		synctest.Test(t, func(t *testing.T) {
			dns := &fakeDNS{}
			in := append(manyHosts(dns, "big.example", 200), sweepOf("198.41.7.7"))
			network := &fakeNet{latency: time.Second}
			began, other := time.Now(), time.Duration(0)
			s := &Scanner{Resolver: dns, Dial: network.dial, Ports: smtp25(), NoPTR: true, Rate: -1, ProviderLimit: limit}
			var r records
			err := s.Run(t.Context(), inputs(in...), func(res Result) error {
				if res.Service != nil && res.Service.Host == "" {
					other = time.Since(began)
				}
				return r.emit(res)
			})
			if err != nil || r.statuses()[StatusSuccess] != 201 {
				t.Fatalf("error %v, statuses %v", err, r.statuses())
			}
			if network.maxAll < want || network.maxAll > want+1 { // the other host's
				t.Errorf("%d connections at once with a limit of %d, want %d", network.maxAll, limit, want)
			}
			if limit >= 0 && time.Since(began) > time.Duration(200/want+2)*time.Second {
				t.Errorf("200 probes, %d at a time, took %v: slots stood empty", want, time.Since(began))
			}
			if other > 3*time.Second {
				t.Errorf("another host had to wait %v", other)
			}
		})
	}
}

// A provider that takes three connections and complains of the fourth gets
// three, in the end, and all of its hosts an answer.
func TestProviderSlowsDown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{}
		in := manyHosts(dns, "big.example", 100)
		network := &fakeNet{latency: time.Second}
		complaints := 0
		network.behave = func(netip.AddrPort, int) string {
			network.mu.Lock()
			defer network.mu.Unlock()
			if network.total > 3 {
				complaints++
				return tooBusy
			}
			return serve
		}
		s := &Scanner{Resolver: dns, Dial: network.dial, Ports: smtp25(), NoPTR: true, Rate: -1, Retries: 5}
		r := scan(t, s, in...)
		if n := r.statuses()[StatusSuccess]; n != 100 {
			t.Errorf("statuses %v, want 100 successes", r.statuses())
		}
		if complaints > 60 {
			t.Errorf("%d complaints: the limit was not lowered", complaints)
		}
		if r.summary.Covered != 100 {
			t.Errorf("%d covered of 100", r.summary.Covered)
		}
	})
}

// An address that complains is asked again at growing intervals, as often as
// there are retries, and then it is rate-limited.
func TestGrowingPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &fakeNet{behave: always(tooBusy)}
		r := scan(t, &Scanner{Dial: network.dial, Ports: smtp25(), Retries: 3}, sweepOf("198.41.0.1"))
		if len(network.times) != 4 {
			t.Fatalf("%d connections, want one and three retries", len(network.times))
		}
		for i, want := range []time.Duration{10 * time.Second, 30 * time.Second, 90 * time.Second} {
			if gap := network.times[i+1].Sub(network.times[i]); gap < want || gap > want+time.Second {
				t.Errorf("pause %d was %v, want %v", i, gap, want)
			}
		}
		if v := r.services[0]; v.Status != StatusRateLimited || v.Attempts != 4 || r.summary.Covered != 0 {
			t.Errorf("status %v after %d attempts, %d covered", v.Status, v.Attempts, r.summary.Covered)
		}
	})
}

// What breaks without a word at an address that took connections before is no
// answer: it is rate-limited. What never answered is what it seems to be.
func TestSuspicion(t *testing.T) {
	tests := []struct {
		name  string
		later string // what the second connection and all further ones meet
		want  Status
	}{
		{"hangs up", hangUp, StatusRateLimited},
		{"goes mute", mute, StatusRateLimited},
		{"vanishes", ignore, StatusRateLimited},
		{"refuses", refuse, StatusRateLimited},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := &fakeNet{latency: time.Second}
				network.behave = func(to netip.AddrPort, n int) string {
					switch {
					case to.Port() != 25:
						return ignore // filtered, as most are
					case network.count(to, 0) > 1: // under another name
						return tt.later
					}
					return serve
				}
				dns := &fakeDNS{mx: map[string]Resolution{}}
				var in []Input
				for i := range 12 {
					name := fmt.Sprintf("d%d.example", i)
					dns.mx[name] = mail(exchanger("mx."+name, 1, "198.41.0.1"))
					in = append(in, domain(name))
				}
				s := &Scanner{Resolver: dns, Dial: network.dial, NoPTR: true, Ports: []Port{{Number: 25}, {Number: 587}}}
				r := scan(t, s, in...)
				for _, v := range r.services {
					switch {
					case v.Port == 587 && v.Status == StatusRateLimited && v.Attempts == 0: // not contacted any more
					case v.Port == 587 && v.Status != StatusConnectTimeout:
						t.Errorf("a port that never answered is %v", v.Status)
					case v.Port == 25 && v.Status != tt.want && v.Status != StatusSuccess:
						t.Errorf("status %v (%s), want %v", v.Status, v.Error, tt.want)
					}
				}
				if n := r.statuses()[StatusSuccess]; n != 1 {
					t.Errorf("%d successes, want one", n)
				}
			})
		})
	}
}

// A dead address is not blamed on limits.
func TestDeadIsNotLimited(t *testing.T) {
	for _, how := range []string{ignore, mute, hangUp} {
		synctest.Test(t, func(t *testing.T) {
			dns := &fakeDNS{mx: map[string]Resolution{}}
			var in []Input
			for i := range 12 {
				name := fmt.Sprintf("d%d.example", i)
				dns.mx[name] = mail(exchanger("mx."+name, 1, "198.41.0.1"))
				in = append(in, domain(name))
			}
			network := &fakeNet{behave: always(how)}
			r := scan(t, &Scanner{Resolver: dns, Dial: network.dial, NoPTR: true, Ports: smtp25()}, in...)
			if n := r.statuses()[StatusRateLimited]; n > 0 {
				t.Errorf("%s: statuses %v, want none rate-limited", how, r.statuses())
			}
		})
	}
}

// Between two connections to an address its rest passes; no worker waits for
// it, nor does the end of the run.
func TestDelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const names = 20
		var mu sync.Mutex
		var dials []time.Time
		network := &fakeNet{latency: time.Second}
		network.behave = func(to netip.AddrPort, _ int) string {
			mu.Lock()
			defer mu.Unlock()
			if to.Addr() == netip.MustParseAddr("198.41.0.1") {
				dials = append(dials, time.Now())
			}
			return serve
		}
		dns := &fakeDNS{mx: map[string]Resolution{}}
		in := []Input{sweepOf("198.41.0.0-198.41.0.3")}
		for i := range names {
			name := fmt.Sprintf("d%d.example", i)
			dns.mx[name] = mail(exchanger("mx."+name, 1, "198.41.0.1"))
			in = append(in, domain(name))
		}
		began := time.Now()
		s := &Scanner{Resolver: dns, Dial: network.dial, NoPTR: true, Ports: []Port{{Number: 25}, {Number: 587}}, Delay: 30 * time.Second, Concurrency: 2, HostLimit: 9}
		r := scan(t, s, in...)
		if len(dials) != 2*names+2 || network.maxHost != 1 {
			t.Fatalf("%d connections to one address, %d at once", len(dials), network.maxHost)
		}
		for i, at := range dials[1:] {
			if gap := at.Sub(dials[i]); gap < 31*time.Second || gap > 32*time.Second { // one for the conversation
				t.Errorf("%v from one connection to the next, want 31 s", gap)
			}
		}
		if took, want := time.Since(began), time.Duration(len(dials)-1)*31*time.Second+time.Second; took > want+2*time.Second {
			t.Errorf("the run took %v, want %v: it waited after the last connection", took, want)
		}
		if len(r.services) != 2*names+8 {
			t.Errorf("%d rows", len(r.services))
		}
	})
}

func TestStopWhileResting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		time.AfterFunc(5*time.Second, func() { close(stop) })
		began := time.Now()
		s := &Scanner{Dial: (&fakeNet{}).dial, Ports: []Port{{Number: 25}, {Number: 587}}, Delay: time.Hour, Stop: stop}
		var r records
		if err := s.Run(t.Context(), inputs(sweepOf("198.41.0.1")), r.emit); err != ErrStopped {
			t.Errorf("error %v", err)
		}
		if took := time.Since(began); took > 6*time.Second || len(r.services) != 1 {
			t.Errorf("%d rows after %v", len(r.services), took)
		}
	})
}

// More endpoints than may be parked wait for one slow address: they are put
// off, and what comes behind them in the list is not held up.
func TestCrowdedAddress(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const names = maxParked + 2000
		dns := &fakeDNS{mx: map[string]Resolution{}}
		in := make([]Input, 0, names+1)
		for i := range names {
			name := fmt.Sprintf("d%d.example", i)
			dns.mx[name] = mail(exchanger("mx."+name, 1, "198.41.0.1"))
			in = append(in, domain(name))
		}
		in = append(in, sweepOf("198.41.0.2"), sweepOf("198.41.1.0-198.41.1.9"))
		network := &fakeNet{latency: time.Second}
		began, others := time.Now(), time.Duration(0)
		s := &Scanner{Resolver: dns, Dial: network.dial, NoPTR: true, Ports: smtp25(), Rate: -1, HostLimit: 1, Stats: new(Stats)}
		rows := 0
		err := s.Run(t.Context(), inputs(in...), func(r Result) error {
			if r.Service != nil {
				if rows++; r.Service.Host == "" {
					others = time.Since(began)
				}
			}
			return nil
		})
		if err != nil || rows != names+11 || network.maxPort != 1 {
			t.Errorf("error %v, %d rows, %d at once", err, rows, network.maxPort)
		}
		if others > 10*time.Second {
			t.Errorf("other hosts waited %v for a slow address", others)
		}
		if c := s.Stats.Snapshot(); c.Deferred != 0 || c.Done != c.Known {
			t.Errorf("counters at the end: %+v", c)
		}
	})
}

// Whatever the servers do, every endpoint comes to an end, no limit is broken,
// and nothing is left behind.
func TestScheduleInvariants(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			dns := &fakeDNS{mx: map[string]Resolution{}}
			var in []Input
			for i := range 60 {
				var mx []MX
				for j := range 1 + random.IntN(3) {
					mx = append(mx, exchanger(fmt.Sprintf("mx%d.p%d.example", random.IntN(30), random.IntN(4)), uint16(j), fmt.Sprintf("198.41.0.%d", 1+random.IntN(8))))
				}
				name := fmt.Sprintf("d%d.example", i)
				dns.mx[name] = mail(mx...)
				in = append(in, domain(name))
			}
			in = append(in, sweepOf("198.41.0.0-198.41.0.15"))
			rand.New(random).Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
			var mu sync.Mutex
			network := &fakeNet{latency: 300 * time.Millisecond, behave: func(netip.AddrPort, int) string {
				mu.Lock()
				defer mu.Unlock()
				if random.IntN(3) > 0 {
					return serve
				}
				return []string{refuse, ignore, mute, hangUp, tooBusy}[random.IntN(5)]
			}}
			s := &Scanner{
				Resolver: dns, Dial: network.dial, NoPTR: true, Ports: []Port{{Number: 25}, {Number: 587}}, Rate: -1,
				Concurrency: 1 + random.IntN(30), HostLimit: 1 + random.IntN(3), ProviderLimit: 1 + random.IntN(4),
				Retries: random.IntN(4) - 1, Delay: time.Duration(random.IntN(2)) * time.Second, Stats: new(Stats),
			}
			var r records
			e := newEngine(t.Context(), s, r.emit)
			if err := e.perform(inputs(in...)); err != nil {
				t.Fatal(err)
			}
			if len(r.domains) != 60 || network.maxHost > s.HostLimit || network.maxPort > 1 {
				t.Errorf("seed %d: %d domains, %d at once to an address, %d to a port", seed, len(r.domains), network.maxHost, network.maxPort)
			}
			if c := s.Stats.Snapshot(); c.Done != c.Known || c.Deferred != 0 || c.InFlight != 0 {
				t.Errorf("seed %d: counters %+v", seed, c)
			}
			left := []int{len(e.hosts), len(e.providers), len(e.live), e.parked, e.waiting, len(e.deferred)}
			if slices.Max(left) != 0 {
				t.Errorf("seed %d: hosts, providers, live, parked, waiting, deferred: %v are left", seed, left)
			}
			limited := r.summary.ByStatus[StatusRateLimited]
			if r.summary.Covered+limited != r.summary.Endpoints {
				t.Errorf("seed %d: %d covered and %d rate-limited of %d", seed, r.summary.Covered, limited, r.summary.Endpoints)
			}
		})
	}
}

// A run in which nothing reaches port 25 while other ports answer says so.
func TestPort25Blocked(t *testing.T) {
	tests := []struct {
		name   string
		behave func(netip.AddrPort, int) string
		want   bool
	}{
		{"blocked", func(to netip.AddrPort, _ int) string {
			if to.Port() == 25 {
				return ignore
			}
			return serve
		}, true},
		{"one answers", func(to netip.AddrPort, _ int) string {
			if to.Port() == 25 && to.Addr() != netip.MustParseAddr("198.41.0.2") {
				return ignore
			}
			return serve
		}, false},
		{"one refuses", func(to netip.AddrPort, _ int) string {
			switch {
			case to.Port() == 587:
				return serve
			case to.Addr() == netip.MustParseAddr("198.41.0.2"):
				return refuse
			}
			return ignore
		}, false},
		{"all dark", always(ignore), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				network := &fakeNet{behave: tt.behave}
				r := scan(t, &Scanner{Dial: network.dial, Ports: []Port{{Number: 25}, {Number: 587}}}, sweepOf("198.41.0.0-198.41.0.9"))
				if r.summary.Port25Blocked != tt.want {
					t.Errorf("port 25 blocked: %v, want %v", r.summary.Port25Blocked, tt.want)
				}
			})
		})
	}
}
