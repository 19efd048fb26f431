package scanner

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// A patient is a server that counts its connections; later ones may meet another
// script.
type patient struct {
	first, later smtptest.Script
	from         int32 // the connection that meets later first, counted from 1; 0: none
	onDial       func(n int32)

	dials atomic.Int32
	open  atomic.Int32
	most  atomic.Int32
	times []time.Time // one at a time, or the test fails
}

func (p *patient) dial(context.Context, netip.AddrPort) (net.Conn, error) {
	n := p.dials.Add(1)
	p.times = append(p.times, time.Now())
	p.most.Store(max(p.most.Load(), p.open.Add(1)))
	if p.onDial != nil {
		p.onDial(n)
	}
	script := p.first
	if p.from > 0 && n >= p.from {
		script = p.later
	}
	conn, _ := smtptest.Pipe(script)
	return &countedConn{Conn: conn, closed: func() { p.open.Add(-1) }}, nil
}

// scanner is one that asks everything.
func (p *patient) scanner() *Scanner {
	return &Scanner{
		Dial: p.dial, Resolver: &fakeDNS{}, Ports: smtp25(), Rate: -1, NoPTR: true, TLSVersions: true, Probe: ProbePassive,
		Checks: []smtp.Check{smtp.CheckRelay, smtp.CheckVrfy, smtp.CheckNTLM},
	}
}

func tlsPostfix(t *testing.T) smtptest.Script {
	t.Helper()
	ca, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	config, err := ca.Config("mx.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return smtptest.Postfix("mx.example.com").WithTLS(config)
}

// What goes beyond the first conversation keeps the delay and the limit of
// connections to an address.
func TestFurther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patient{first: tlsPostfix(t)}
		s := p.scanner()
		s.Delay = 3 * time.Second
		v := scan(t, s, sweepOf("198.41.0.1")).services[0]
		if p.dials.Load() != 7 || p.most.Load() != 1 { // one, three versions and three checks
			t.Errorf("%d connections, %d at once", p.dials.Load(), p.most.Load())
		}
		for i := range p.times[1:] {
			if gap := p.times[i+1].Sub(p.times[i]); gap < s.Delay {
				t.Errorf("connection %d after %v", i+2, gap)
			}
		}
		if got := v.TLSVersions; !slices.Equal(got.Accepted, []string{"TLS 1.2", "TLS 1.3"}) || !slices.Equal(got.Refused, []string{"TLS 1.0", "TLS 1.1"}) {
			t.Errorf("versions %+v", got)
		}
		if len(v.Checks) != 3 || v.Checks[1].Exchanges[0].Reply != "252 2.0.0 postmaster\r\n" || v.Attempts != 1 {
			t.Errorf("checks %+v", v.Checks)
		}
	})
}

// A server that has had enough is left alone, and the record says what was not
// asked.
func TestFurtherEnough(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &patient{first: tlsPostfix(t), later: smtptest.TooBusy("mx.example.com"), from: 5}
		v := scan(t, p.scanner(), sweepOf("198.41.0.1")).services[0]
		if p.dials.Load() != 5 || v.Status != StatusSuccess {
			t.Errorf("%d connections, %s", p.dials.Load(), v.Status)
		}
		for i, want := range []string{"421", "not made: greeting: ", "not made: greeting: "} {
			if c := v.Checks[i]; !strings.Contains(c.Error, want) || c.Exchanges == nil || len(c.Exchanges) > 0 {
				t.Errorf("%+v", c)
			}
		}
		angry := tlsPostfix(t) // at too many errors, as one that refuses to relay
		angry.MaxErrors = 1
		p = &patient{first: tlsPostfix(t), later: angry, from: 5}
		v = scan(t, p.scanner(), sweepOf("198.41.0.1")).services[0]
		if c := v.Checks; !strings.Contains(c[0].Error, "421") || len(c[0].Exchanges) != 1 || c[1].Error != "" || p.dials.Load() != 7 {
			t.Errorf("%d connections, %+v", p.dials.Load(), c)
		}
		p = &patient{first: tlsPostfix(t), later: smtptest.TooBusy("mx.example.com"), from: 2}
		v = scan(t, p.scanner(), sweepOf("198.41.0.1")).services[0]
		if got := v.TLSVersions; p.dials.Load() != 2 || !slices.Equal(got.Accepted, []string{"TLS 1.3"}) || len(got.Refused) > 0 {
			t.Errorf("%d connections, versions %+v", p.dials.Load(), got)
		}
	})
}

// A run that is told to stop in the middle of it leaves the endpoint for the next
// part; one whose last question is under way keeps what it has.
func TestFurtherStopped(t *testing.T) {
	for at, want := range map[int32]int{1: 0, 4: 0, 6: 0, 7: 1} {
		synctest.Test(t, func(t *testing.T) {
			stop := make(chan struct{})
			p := &patient{first: tlsPostfix(t)}
			p.onDial = func(n int32) {
				if n == at {
					close(stop)
					synctest.Wait() // until the run knows
				}
			}
			s, r := p.scanner(), new(records)
			s.Stop = stop
			err := s.Run(t.Context(), inputs(sweepOf("198.41.0.1")), r.emit)
			if err != ErrStopped || len(r.services) != want || p.dials.Load() != at {
				t.Errorf("stopped at %d: %v, %d records, %d connections", at, err, len(r.services), p.dials.Load())
			}
		})
	}
}
