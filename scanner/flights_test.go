package scanner

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

var (
	here  = netip.MustParseAddrPort("192.0.2.1:40000")
	there = netip.MustParseAddrPort("198.51.100.1:25")
)

// A sky has flights without a network: it notes when SYNs are sent and what
// becomes of them, and keeps the alarm.
type sky struct {
	flights
	began time.Time
	sent  []string
	ends  []string
	deaf  error // of sending
	at    time.Time
}

func newSky(timeout time.Duration) *sky {
	s := &sky{began: time.Now()}
	s.timeout, s.aloft, s.key = timeout, map[netip.AddrPort]*flight{}, newCookieKey()
	s.syn = func(to netip.AddrPort) (netip.AddrPort, error) {
		s.sent = append(s.sent, fmt.Sprint(to, " ", time.Since(s.began)))
		return here, s.deaf
	}
	s.alarm = func(t time.Time) { s.at = t }
	return s
}

func (s *sky) start(to netip.AddrPort) bool {
	return s.launch(to, func(err error) { s.ends = append(s.ends, fmt.Sprint(to, " ", time.Since(s.began), " ", err)) })
}

// fly lets the alarm ring until there is none.
func (s *sky) fly() {
	for !s.at.IsZero() {
		<-time.After(time.Until(s.at))
		s.tick(time.Now())
	}
}

func wantLines(t *testing.T, what string, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

// A SYN is repeated once, after a second, and waited for until the timeout.
func TestFlightTimes(t *testing.T) {
	for _, tt := range []struct {
		timeout time.Duration
		sent    []string
		end     string
	}{
		{500 * time.Millisecond, []string{"198.51.100.1:25 0s"}, "198.51.100.1:25 500ms i/o timeout"},
		{time.Second, []string{"198.51.100.1:25 0s"}, "198.51.100.1:25 1s i/o timeout"},
		{5 * time.Second, []string{"198.51.100.1:25 0s", "198.51.100.1:25 1s"}, "198.51.100.1:25 5s i/o timeout"},
	} {
		synctest.Test(t, func(t *testing.T) {
			s := newSky(tt.timeout)
			if !s.start(there) || s.start(there) {
				t.Error("not exactly one flight to one endpoint")
			}
			s.fly()
			wantLines(t, "sent", s.sent, tt.sent...)
			wantLines(t, "ends", s.ends, tt.end)
			if len(s.aloft)+len(s.once)+len(s.twice) != 0 {
				t.Error("something is kept of a flight that is over")
			}
		})
	}
}

// Flights that begin apart end apart, at most lookEvery late.
func TestFlightOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSky(2 * time.Second)
		s.start(there)
		<-time.After(3 * time.Millisecond)
		s.start(netip.MustParseAddrPort("198.51.100.2:25"))
		s.fly()
		wantLines(t, "sent", s.sent, "198.51.100.1:25 0s", "198.51.100.2:25 3ms", "198.51.100.1:25 1s", "198.51.100.2:25 1.01s")
		wantLines(t, "ends", s.ends, "198.51.100.1:25 2s i/o timeout", "198.51.100.2:25 2.01s i/o timeout")
	})
}

// Only what proves to have seen the SYN ends its flight (RFC 9293, section
// 3.10.7.3), whichever of the two it has seen.
func TestFlightAnswers(t *testing.T) {
	const port = 40000
	for _, tt := range []struct {
		name  string
		more  uint32 // acknowledged beyond the cookie
		to    uint16
		flags byte
		want  string // "": believed by none
	}{
		{"accepted", 1, port, flagSYN | flagACK, "<nil>"},
		{"refused", 1, port, flagRST | flagACK, "connect: connection refused"},
		{"refused and accepted", 1, port, flagRST | flagSYN | flagACK, "connect: connection refused"},
		{"another number", 0, port, flagSYN | flagACK, ""},
		{"another number", 2, port, flagRST | flagACK, ""},
		{"another port", 1, port + 1, flagSYN | flagACK, ""},
		{"nothing acknowledged", 1, port, flagRST, ""},
		{"nothing acknowledged", 1, port, flagSYN, ""},
		{"nothing but an acknowledgment", 1, port, flagACK, ""},
	} {
		for _, repeated := range []bool{false, true} {
			synctest.Test(t, func(t *testing.T) {
				s := newSky(2 * time.Second)
				s.start(there)
				if repeated {
					<-time.After(time.Second)
					s.tick(time.Now())
				}
				answer := segment{source: 25, destination: tt.to, ack: s.key.cookie(here, there) + tt.more, flags: tt.flags}
				s.answer(netip.MustParseAddrPort("198.51.100.1:26"), answer) // of nobody who was asked
				s.answer(there, answer)
				s.answer(there, answer) // the second is too late
				at := "0s"
				if repeated {
					at = "1s"
				}
				want := fmt.Sprint("198.51.100.1:25 ", at, " ", tt.want)
				if tt.want == "" {
					want = "198.51.100.1:25 2s i/o timeout"
				}
				s.fly()
				wantLines(t, tt.name, s.ends, want)
			})
		}
	}
}

// An ICMP error counts if it quotes the SYN.
func TestFlightErrors(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSky(2 * time.Second)
		s.start(there)
		quote := segment{source: 40000, destination: 25, seq: s.key.cookie(here, there)}
		for _, forged := range []segment{{40000, 25, quote.seq + 1, 0, 0}, {40001, 25, quote.seq, 0, 0}, {40000, 26, quote.seq, 0, 0}} {
			s.fail(there.Addr(), forged, syscall.EHOSTUNREACH)
		}
		wantLines(t, "forged", s.ends)
		s.fail(there.Addr(), quote, syscall.EHOSTUNREACH)
		s.fly()
		wantLines(t, "quoted", s.ends, "198.51.100.1:25 0s connect: no route to host")
	})
}

// What cannot be sent is no flight; a repetition that cannot be sent is one that
// was lost.
func TestFlightNotSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSky(2 * time.Second)
		s.deaf = syscall.ENETUNREACH
		if s.start(there) || len(s.aloft) > 0 {
			t.Error("a flight without a SYN")
		}
		s.deaf = nil
		s.start(there)
		s.deaf = syscall.ENOBUFS
		s.fly()
		wantLines(t, "ends", s.ends, "198.51.100.1:25 2s i/o timeout")
	})
}

// At the end of the run all end at once, and none begin.
func TestFlightsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newSky(time.Hour)
		s.start(there)
		<-time.After(time.Minute)
		s.tick(time.Now())
		s.start(netip.MustParseAddrPort("198.51.100.2:25"))
		s.cancel()
		s.fly()
		wantLines(t, "ends", s.ends, "198.51.100.2:25 1m0s context canceled", "198.51.100.1:25 1m0s context canceled")
		if s.start(there) {
			t.Error("begun after the end")
		}
	})
}

// A scouted run has a network of which SYNs tell the truth: silent, refused, or
// accepted.
func scouted(t *testing.T, s *Scanner, fake *fakeNet, syns *[]time.Time) (*engine, *records) {
	t.Helper()
	var r records
	var mu sync.Mutex // of syns
	s.Dial, s.NoPTR, s.Ports = fake.dial, true, smtp25()
	e := newEngine(t.Context(), s, r.emit)
	e.open = func(to netip.AddrPort, done func(net.Conn, error)) { // as the sockets that go with a scout do
		e.spawn(func() { done(e.dial(e.run, to)) })
	}
	e.scout = func(to netip.AddrPort, done func(error)) bool {
		how := fake.behave(to, 0)
		if how == noTunnel {
			return false
		}
		mu.Lock()
		*syns = append(*syns, time.Now())
		mu.Unlock()
		after, err := 10*time.Millisecond, error(nil)
		switch how {
		case refuse:
			err = os.NewSyscallError("connect", syscall.ECONNREFUSED)
		case ignore:
			after, err = e.s.ConnectTimeout, os.ErrDeadlineExceeded
		}
		timer := time.AfterFunc(after, func() { done(err) })
		context.AfterFunc(e.run, func() {
			if timer.Stop() {
				done(context.Canceled)
			}
		})
		return true
	}
	return e, &r
}

// mixed is a network of which one in 64 answers, one in 64 refuses, for one no SYN
// can be sent, and the others are silent.
func mixed(to netip.AddrPort, _ int) string {
	switch b := to.Addr().As4(); {
	case b[3]%64 == 1:
		return serve
	case b[3]%64 == 2:
		return refuse
	case b[3] == 3 && b[2] == 3:
		return noTunnel
	}
	return ignore
}

// SYNs and connections together keep to the rate, few probes at once are no
// hindrance, and only what accepts is connected to.
func TestDiscoveryRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var syns []time.Time
		net := &fakeNet{behave: mixed}
		e, r := scouted(t, &Scanner{Rate: 50, Concurrency: 2, Retries: -1}, net, &syns)
		began := time.Now()
		if err := e.perform(inputs(sweepOf("198.18.0.0-198.18.3.255"))); err != nil {
			t.Fatal(err)
		}
		all := slices.SortedFunc(slices.Values(append(slices.Clone(syns), net.times...)), time.Time.Compare)
		if len(syns) != 1023 || len(net.times) != 17 {
			t.Errorf("%d SYNs and %d connections, want 1023 and 17", len(syns), len(net.times))
		}
		for i := 50; i < len(all); i++ {
			if d := all[i].Sub(all[i-50]); d < 999*time.Millisecond {
				t.Fatalf("51 begun within %v", d)
			}
		}
		if took, want := time.Since(began), 1040*time.Second/50+5*time.Second; took > want+time.Second {
			t.Errorf("took %v, want at most %v", took, want)
		}
		v := r.summary
		if len(r.services) != 16 || v.Contacted != 1024 || v.Connections != 1024 || v.Silent != 1024-16 || v.ByStatus[StatusRefused] != 16 {
			t.Errorf("%d records, %+v", len(r.services), v)
		}
		if r.services[0].Attempts != 1 || e.aloft != 0 || e.stats.inFlight.Load() != 0 {
			t.Errorf("%d attempts; in the end %d aloft, %d in flight", r.services[0].Attempts, e.aloft, e.stats.inFlight.Load())
		}
	})
}

// What is named is connected to at once.
func TestDiscoveryNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var syns []time.Time
		net := &fakeNet{behave: func(netip.AddrPort, int) string { return serve }}
		e, r := scouted(t, &Scanner{}, net, &syns)
		if err := e.perform(inputs(sweepOf("198.18.0.1"), sweepOf("198.18.0.9"))); err != nil {
			t.Fatal(err)
		}
		if len(syns) != 0 || len(r.services) != 2 {
			t.Errorf("%d SYNs, %d records", len(syns), len(r.services))
		}
	})
}

// A stop lets the SYNs that are out end and connects to nothing more; a
// cancellation ends them.
func TestDiscoveryStopped(t *testing.T) {
	for _, hard := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			var syns []time.Time
			net := &fakeNet{behave: mixed}
			stop := make(chan struct{})
			e, r := scouted(t, &Scanner{Rate: 100, Stop: stop}, net, &syns)
			end := time.AfterFunc(2*time.Second+time.Millisecond, func() {
				if hard {
					e.abort(errors.New("enough"))
				} else {
					close(stop)
				}
			})
			defer end.Stop()
			began := time.Now()
			err := e.perform(inputs(sweepOf("198.18.0.0-198.18.3.255")))
			took := time.Since(began)
			if !errors.Is(err, ErrStopped) || hard && took > 3*time.Second || !hard && took < 6*time.Second {
				t.Errorf("hard %v: error %v after %v", hard, err, took)
			}
			if n := len(syns); n < 150 || n > 250 || !hard && r.summary.Silent < 190 || e.aloft != 0 || e.stats.inFlight.Load() != 0 {
				t.Errorf("hard %v: %d SYNs, %+v, %d aloft", hard, n, r.summary, e.aloft)
			}
		})
	}
}

// More SYNs than may be aloft are not sent.
func TestDiscoveryBound(t *testing.T) {
	const others, n = maxAloft - 50, 200
	synctest.Test(t, func(t *testing.T) {
		var syns []time.Time
		net := &fakeNet{behave: func(netip.AddrPort, int) string { return ignore }}
		e, r := scouted(t, &Scanner{Rate: -1}, net, &syns)
		e.aloft = others
		if err := e.perform(inputs(sweepOf("198.18.0.0-198.18.0.199"))); err != nil {
			t.Fatal(err)
		}
		if len(syns) != n || r.summary.Silent != n || e.aloft != others {
			t.Fatalf("%d SYNs, %d silent, %d aloft", len(syns), r.summary.Silent, e.aloft)
		}
		for i := 50; i < n; i++ {
			if d := syns[i].Sub(syns[i-50]); d < 5*time.Second {
				t.Fatalf("51 more SYNs within %v where 50 more may be aloft", d)
			}
		}
	})
}

func TestParseDiscovery(t *testing.T) {
	for text, want := range map[string]Discovery{"connect": DiscoverConnect, "syn": DiscoverSYN} {
		if got, err := ParseDiscovery(text); got != want || err != nil {
			t.Errorf("%s: %v, %v", text, got, err)
		}
	}
	if _, err := ParseDiscovery("ping"); err == nil {
		t.Error("ping")
	}
}
