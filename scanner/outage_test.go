package scanner

import (
	"context"
	"net"
	"net/netip"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// While the network is down the run waits and says so: no server is called
// unreachable for it.
func TestNetworkDown(t *testing.T) {
	tests := []struct {
		name  string
		down  time.Duration
		sweep string
		want  Status
	}{
		{"a minute, IPv4", time.Minute, "198.41.0.0-198.41.0.99", StatusSuccess},
		{"a minute, IPv6", time.Minute, "2600::-2600::63", StatusSuccess},
		{"for good", 100 * time.Hour, "198.41.0.0-198.41.0.99", StatusLocal},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				began := time.Now()
				up := func() bool {
					since := time.Since(began)
					return since < time.Second || since > time.Second+tt.down
				}
				network := &fakeNet{}
				var warnings []string
				var r records
				s := &Scanner{NoPTR: true, Ports: smtp25(), Rate: 50, Concurrency: 20, Warn: func(text string) { warnings = append(warnings, text) }}
				e := newEngine(t.Context(), s, r.emit)
				e.route = func(netip.Addr) bool { return up() }
				e.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
					if !up() {
						return nil, &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
					}
					return network.dial(ctx, to)
				}
				if err := e.perform(inputs(sweepOf(tt.sweep))); err != nil {
					t.Fatal(err)
				}
				if got := r.statuses(); len(r.services) != 100 || got[tt.want] < 40 || got[StatusLocal]+got[StatusSuccess] != 100 {
					t.Errorf("%d rows: %v", len(r.services), got)
				}
				if len(warnings) != 1 || !strings.Contains(warnings[0], "network") {
					t.Errorf("warnings %q", warnings)
				}
			})
		})
	}
}

// What was under way when the network went down is asked again, even where its
// silence would be final.
func TestSilenceDuringOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		down := func() bool {
			since := time.Since(began)
			return since > time.Second && since < 8*time.Second
		}
		network := &fakeNet{}
		var r records
		e := newEngine(t.Context(), &Scanner{NoPTR: true, Ports: smtp25(), Rate: 20, Concurrency: 20, All: true}, r.emit)
		e.route = func(netip.Addr) bool { return !down() }
		e.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			if down() {
				return nil, &net.OpError{Op: "dial", Err: syscall.ENETUNREACH}
			}
			time.Sleep(400 * time.Millisecond) // of the way
			if down() {
				time.Sleep(e.s.ConnectTimeout)
				return nil, context.DeadlineExceeded
			}
			return network.dial(ctx, to)
		}
		if err := e.perform(inputs(sweepOf("198.41.0.0-198.41.0.63"))); err != nil {
			t.Fatal(err)
		}
		if got := r.statuses(); got[StatusSuccess] != 64 {
			t.Errorf("statuses %v", got)
		}
	})
}

// No way to one network is no outage.
func TestOneNetworkWithoutRoute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &fakeNet{}
		var r records
		began := time.Now()
		e := newEngine(t.Context(), &Scanner{NoPTR: true, Ports: smtp25()}, r.emit)
		lost := netip.MustParsePrefix("198.42.0.0/16")
		e.route = func(a netip.Addr) bool { return !lost.Contains(a) }
		e.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			if lost.Contains(to.Addr()) {
				return nil, syscall.ENETUNREACH
			}
			return network.dial(ctx, to)
		}
		if err := e.perform(inputs(sweepOf("198.41.0.1"), sweepOf("198.42.0.1"), sweepOf("198.42.0.2"))); err != nil {
			t.Fatal(err)
		}
		if got := r.statuses(); got[StatusSuccess] != 1 || got[StatusNoRoute] != 2 || time.Since(began) > time.Minute {
			t.Errorf("statuses %v after %v", got, time.Since(began))
		}
	})
}

// A lack of our own, of whatever kind, is waited out and announced once; it
// neither costs the server its time nor becomes its failure.
func TestOwnLacks(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.EADDRNOTAVAIL, syscall.ENOBUFS, syscall.ENETDOWN} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			network := &fakeNet{}
			warnings := 0
			var r records
			s := &Scanner{NoPTR: true, Ports: smtp25(), Warn: func(string) { warnings++ }}
			e := newEngine(t.Context(), s, r.emit)
			e.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
				if time.Since(began) < 3*time.Second {
					return nil, &net.OpError{Op: "dial", Err: errno}
				}
				return network.dial(ctx, to)
			}
			if err := e.perform(inputs(sweepOf("198.41.0.0-198.41.0.19"))); err != nil {
				t.Fatal(err)
			}
			if n := r.statuses()[StatusSuccess]; n != 20 || warnings != 1 || r.summary.Covered != 20 {
				t.Errorf("%v: statuses %v, %d warnings, %d covered", errno, r.statuses(), warnings, r.summary.Covered)
			}
		})
	}
}
