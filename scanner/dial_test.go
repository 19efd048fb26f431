package scanner

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// Every error that a connect can return has its status; local faults are never
// the server's.
func TestDialStatus(t *testing.T) {
	tests := []struct {
		err  error
		want Status
	}{
		{syscall.ECONNREFUSED, StatusRefused},
		{syscall.ECONNRESET, StatusReset},
		{syscall.ECONNABORTED, StatusReset},
		{syscall.EHOSTUNREACH, StatusUnreachable},
		{syscall.ENETUNREACH, StatusUnreachable},
		{syscall.EHOSTDOWN, StatusUnreachable},
		{syscall.EPROTO, StatusUnreachable},
		{syscall.ETIMEDOUT, StatusConnectTimeout},
		{os.ErrDeadlineExceeded, StatusConnectTimeout},
		{context.DeadlineExceeded, StatusConnectTimeout},
		{&net.DNSError{IsTimeout: true}, StatusConnectTimeout},
		{syscall.EMFILE, StatusLocal},
		{syscall.ENFILE, StatusLocal},
		{syscall.EADDRNOTAVAIL, StatusLocal},
		{syscall.EADDRINUSE, StatusLocal},
		{syscall.ENOBUFS, StatusLocal},
		{syscall.ENOMEM, StatusLocal},
		{syscall.ENETDOWN, StatusLocal},
		{syscall.EACCES, StatusLocal},
		{syscall.EPERM, StatusLocal},
		{syscall.EAFNOSUPPORT, StatusLocal},
		{syscall.EINVAL, StatusLocal},
		{io.ErrUnexpectedEOF, StatusLocal},
	}
	for _, tt := range tests {
		for _, err := range []error{tt.err, &net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", tt.err)}, fmt.Errorf("proxy: %w", tt.err)} {
			if got := dialStatus(err); got != tt.want {
				t.Errorf("%v: %v, want %v", err, got, tt.want)
			}
		}
		if errno, ok := tt.err.(syscall.Errno); ok && tt.want == StatusLocal && errno != syscall.EINVAL && localFault(errno) == "" {
			t.Errorf("%v is not known as a local fault", tt.err)
		}
		if tt.want != StatusLocal && localFault(tt.err) != "" {
			t.Errorf("%v is taken for a local fault", tt.err)
		}
	}
}

// ENETUNREACH is no-route where our own table says so, else ICMP said it.
func TestNoRoute(t *testing.T) {
	for _, hasRoute := range []bool{true, false} {
		e := newEngine(t.Context(), &Scanner{}, nil)
		e.route = func(netip.Addr) bool { return hasRoute }
		want := map[bool]Status{true: StatusUnreachable, false: StatusNoRoute}[hasRoute]
		if got := e.connectStatus(netip.MustParseAddr("198.41.0.1"), syscall.ENETUNREACH); got != want {
			t.Errorf("route %v: %v, want %v", hasRoute, got, want)
		}
	}
	e := newEngine(t.Context(), &Scanner{NoPTR: true, Ports: smtp25()}, new(records).emit)
	e.route = func(netip.Addr) bool { return false }
	e.dial = func(context.Context, netip.AddrPort) (net.Conn, error) {
		t.Error("an address without a route was dialed")
		return nil, syscall.ENETUNREACH
	}
	var r records
	e.emit = r.emit
	if err := e.perform(inputs(sweepOf("2600::1"))); err != nil {
		t.Fatal(err)
	}
	if v := r.services[0]; v.Status != StatusNoRoute || v.Attempts != 0 || v.Timings.Connect != nil {
		t.Errorf("row %+v", v)
	}
}

func TestTranscriptStatus(t *testing.T) {
	tests := []struct {
		kind  smtp.Kind
		phase smtp.Phase
		want  Status
	}{
		{smtp.KindTimeout, smtp.PhaseGreeting, StatusGreetingTimeout},
		{smtp.KindTimeout, smtp.PhaseEHLO, StatusReplyTimeout},
		{smtp.KindTimeout, smtp.PhaseTLS, StatusTLSTimeout},
		{smtp.KindDeadline, smtp.PhaseEHLO, StatusTargetTimeout},
		{smtp.KindCanceled, smtp.PhaseEHLO, StatusCancelled},
		{smtp.KindClosed, smtp.PhaseEHLO, StatusClosed},
		{smtp.KindReset, smtp.PhaseGreeting, StatusReset},
		{smtp.KindUnreachable, smtp.PhaseGreeting, StatusUnreachable},
		{smtp.KindNotSMTP, smtp.PhaseGreeting, StatusNotSMTP},
		{smtp.KindPlainText, smtp.PhaseTLS, StatusTLSFailed},
		{smtp.KindTLS, smtp.PhaseTLS, StatusTLSFailed},
		{smtp.KindProtocol, smtp.PhaseEHLO, StatusProtocolError},
		{smtp.KindTooLong, smtp.PhaseGreeting, StatusProtocolError},
		{smtp.KindRateLimited, smtp.PhaseGreeting, StatusRateLimited},
		{smtp.KindRejected, smtp.PhaseGreeting, StatusRejected},
		{smtp.KindLocal, smtp.PhaseGreeting, StatusLocal},
	}
	for _, tt := range tests {
		status, phase, text := transcriptStatus(&smtp.Transcript{Phase: smtp.PhaseQUIT, Err: &smtp.Error{Phase: tt.phase, Kind: tt.kind, Err: errors.New("why")}})
		if status != tt.want || phase != tt.phase || !strings.Contains(text, "why") {
			t.Errorf("%v in %v: %v in %v (%q), want %v", tt.kind, tt.phase, status, phase, text, tt.want)
		}
	}
}

// A handshake that fails after STARTTLS is the outcome; STARTTLS refused is a
// dialogue that went on.
func TestTLSOutcome(t *testing.T) {
	bad := &smtp.Error{Phase: smtp.PhaseTLS, Kind: smtp.KindTLS, Err: errors.New("why")}
	if status, phase, _ := transcriptStatus(&smtp.Transcript{Phase: smtp.PhaseQUIT, TLS: &smtp.TLS{}, TLSErr: bad}); status != StatusTLSFailed || phase != smtp.PhaseTLS {
		t.Errorf("handshake failed: %v in %v", status, phase)
	}
	if status, phase, _ := transcriptStatus(&smtp.Transcript{Phase: smtp.PhaseQUIT, TLSErr: bad}); status != StatusSuccess || phase != smtp.PhaseQUIT {
		t.Errorf("STARTTLS refused: %v in %v", status, phase)
	}
}

// A dial function of the caller is bounded by the connect timeout, too.
func TestDialer(t *testing.T) {
	to := netip.MustParseAddrPort("127.0.0.1:25")
	t.Run("custom dialer times out", func(t *testing.T) {
		s := (&Scanner{ConnectTimeout: time.Millisecond, Dial: func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}).filled()
		if _, err := s.dialer()(t.Context(), to); dialStatus(err) != StatusConnectTimeout {
			t.Errorf("error %v", err)
		}
	})
	t.Run("custom dialer sees the end of the run", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := (&Scanner{Dial: func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			cancel()
			<-ctx.Done()
			return nil, ctx.Err()
		}}).filled()
		if _, err := s.dialer()(ctx, to); !errors.Is(err, context.Canceled) {
			t.Errorf("error %v", err)
		}
	})
	t.Run("custom dialer's context is over when it has returned", func(t *testing.T) {
		for _, asked := range []bool{true, false} {
			var left context.Context
			s := (&Scanner{Dial: func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
				if left = ctx; asked {
					ctx.Done()
				}
				return nil, nil
			}}).filled()
			s.dialer()(t.Context(), to)
			select {
			case <-left.Done():
			default:
				t.Errorf("goes on, asked before: %v", asked)
			}
			if !errors.Is(left.Err(), context.Canceled) {
				t.Errorf("error %v, asked before: %v", left.Err(), asked)
			}
		}
	})
	t.Run("custom dialer is told its deadline", func(t *testing.T) {
		begin := time.Now()
		soon, cancel := context.WithDeadline(t.Context(), begin.Add(time.Second))
		defer cancel()
		for run, latest := range map[context.Context]time.Duration{t.Context(): time.Hour, soon: time.Second} {
			var at time.Time
			s := (&Scanner{ConnectTimeout: time.Hour, Dial: func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
				at, _ = ctx.Deadline()
				return nil, ctx.Err()
			}}).filled()
			if _, err := s.dialer()(run, to); err != nil || at.Before(begin.Add(latest)) || at.After(time.Now().Add(latest)) {
				t.Errorf("deadline after %v, want %v; error %v", at.Sub(begin), latest, err)
			}
		}
	})
	t.Run("route", func(t *testing.T) {
		if !hasRoute(netip.MustParseAddr("127.0.0.1")) {
			t.Error("no route to loopback")
		}
	})
}

func TestFitFileLimit(t *testing.T) {
	fits, limit := FitFileLimit(10)
	if fits != 10 || limit < 10+reservedFiles {
		t.Errorf("10 probes: %d fit in %d files", fits, limit)
	}
	if fits, limit := FitFileLimit(1 << 30); fits != max(1, limit-reservedFiles) {
		t.Errorf("%d fit in %d files", fits, limit)
	}
}
