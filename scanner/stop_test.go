package scanner

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// stopAfter runs inputs to the end that a stop brings, and returns what is on
// record then.
func stopAfter(t *testing.T, after time.Duration, s *Scanner, prepare func(*engine), in ...Input) *records {
	t.Helper()
	stop := make(chan struct{})
	s.Stop = stop
	time.AfterFunc(after, func() { close(stop) })
	r := new(records)
	e := newEngine(t.Context(), s, r.emit)
	prepare(e)
	if err := e.perform(inputs(in...)); !errors.Is(err, ErrStopped) || r.summary == nil || !r.summary.Interrupted {
		t.Errorf("error %v, summary %+v", err, r.summary)
	}
	return r
}

// A domain whose policy was being fetched when the run was stopped has no
// record: that the fetch failed would be taken for what the domain is like.
func TestStopWhileFetching(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		nowhere := Resolution{Status: StatusSuccess, MX: []MX{{Name: "lost.example", Preference: 10, Status: StatusNXDomain}},
			MTASTS: &RRset{Status: StatusSuccess, Records: []string{"v=STSv1; id=1"}}}
		s := &Scanner{Ports: smtp25(), Dial: new(fakeNet).dial, Resolver: &fakeDNS{mx: map[string]Resolution{"a.example": nowhere}},
			FetchSTS: func(ctx context.Context, _ string, _ func(netip.Addr) error) *STSPolicy {
				<-ctx.Done()
				return &STSPolicy{Error: ctx.Err().Error()}
			}}
		r := stopAfter(t, time.Second, s, func(*engine) {}, domain("a.example"))
		if len(r.domains) != 0 || len(r.services) != 0 {
			t.Errorf("on record: %+v, %+v", r.domains, r.services)
		}
	})
}

// What waited for our own side to recover when the run was stopped has no
// record, also where it was the last attempt.
func TestStopWhileOurFault(t *testing.T) {
	for _, errno := range []syscall.Errno{syscall.ENETUNREACH, syscall.EMFILE} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			network := &fakeNet{}
			ours := func() bool { return time.Since(began) > 500*time.Millisecond }
			s := &Scanner{NoPTR: true, Ports: smtp25(), Retries: -1, Rate: 10}
			r := stopAfter(t, 1100*time.Millisecond, s, func(e *engine) {
				e.route = func(netip.Addr) bool { return !ours() }
				e.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
					if ours() {
						return nil, &net.OpError{Op: "dial", Err: errno}
					}
					return network.dial(ctx, to)
				}
			}, sweepOf("198.41.0.0-198.41.0.19"))
			if got := r.statuses(); got[StatusSuccess] == 0 || len(got) != 1 {
				t.Errorf("%v: statuses %v", errno, got)
			}
		})
	}
}

// plainOnTLS answers as a server that speaks plain text on a TLS port.
type plainOnTLS struct{ prober }

func (plainOnTLS) Probe(_ context.Context, conn net.Conn, mode smtp.Mode, _ string) *smtp.Transcript {
	defer conn.Close()
	if mode == smtp.ModeTLS {
		return &smtp.Transcript{Phase: smtp.PhaseTLS, Err: &smtp.Error{Phase: smtp.PhaseTLS, Kind: smtp.KindPlainText, Err: errors.New("plain text")}}
	}
	return &smtp.Transcript{Phase: smtp.PhaseQUIT, Greeting: smtp.ParseReply("220 mx.example.com ESMTP\r\n")}
}

// A server that was to be asked in plain text after all when the run was stopped
// has no record: the one that it would have is of that conversation.
func TestStopBeforePlainText(t *testing.T) {
	for _, tt := range []struct {
		stop time.Duration
		want int
	}{{5 * time.Second, 0}, {25 * time.Second, 1}} { // after one of four connections, after three
		synctest.Test(t, func(t *testing.T) {
			network := &fakeNet{}
			s := &Scanner{NoPTR: true, Ports: []Port{{465, smtp.ModeTLS}}, Rate: 0.1}
			r := stopAfter(t, tt.stop, s, func(e *engine) {
				e.prober = plainOnTLS{}
				e.dial = network.dial
			}, sweepOf("198.41.0.1"), sweepOf("198.41.0.2"))
			if got := r.statuses(); len(r.services) != tt.want || got[StatusSuccess] != tt.want {
				t.Errorf("stopped after %v: statuses %v", tt.stop, got)
			}
		})
	}
}
