package smtp

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"syscall"
	"testing"
)

// The errors that connections really return.
func TestKindOfConnectionErrors(t *testing.T) {
	sys := func(call string, errno syscall.Errno) error {
		return &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError(call, errno)}
	}
	for _, tt := range []struct {
		err  error
		want Kind
	}{
		{io.EOF, KindClosed},
		{io.ErrUnexpectedEOF, KindClosed},
		{io.ErrClosedPipe, KindClosed},
		{sys("read", syscall.ECONNRESET), KindReset},
		{sys("write", syscall.EPIPE), KindReset},
		{sys("read", syscall.ECONNABORTED), KindReset},
		{sys("read", syscall.EHOSTUNREACH), KindUnreachable},
		{sys("read", syscall.ENETUNREACH), KindUnreachable},
		{sys("read", syscall.ETIMEDOUT), KindTimeout},
		{&net.OpError{Op: "read", Err: os.ErrDeadlineExceeded}, KindTimeout},
		{context.DeadlineExceeded, KindTimeout},
		{sys("read", syscall.ENOBUFS), KindLocal},
		{sys("write", syscall.ENETDOWN), KindLocal},
		{sys("write", syscall.EPERM), KindLocal}, // a local firewall
		{net.ErrClosed, KindLocal},
		{x509.UnknownAuthorityError{}, KindLocal},
		{fmt.Errorf("wrapped: %w", errNoReply), KindProtocol},
		{errTooLong, KindTooLong},
	} {
		if got := kindOf(tt.err); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.err, got, tt.want)
		}
	}
}

func TestErrorTree(t *testing.T) {
	err := fmt.Errorf("probe: %w", &Error{PhaseGreeting, KindClosed, io.EOF})
	if KindOf(err) != KindClosed || !errors.Is(err, io.EOF) || err.Error() != "probe: greeting: EOF" {
		t.Errorf("%v has kind %q", err, KindOf(err))
	}
	if KindOf(io.EOF) != "" || KindOf(nil) != "" {
		t.Error("an error of another package has a kind")
	}
}

func TestRefusal(t *testing.T) {
	for raw, want := range map[Raw]Kind{
		"421 4.7.0 Try again later\r\n":                       KindRateLimited,
		"450 4.7.1 Too Many connections\r\n":                  KindRateLimited,
		"452 4.4.5 Connection rate limit exceeded\r\n":        KindRateLimited,
		"450 4.7.1 Client host rejected: no reverse name\r\n": KindRejected,
		"554 5.7.1 Too many connections\r\n":                  KindRejected,
		"550 no\r\n":                                          KindRejected,
		"354 go\r\n":                                          KindProtocol,
		"252 hm\r\n":                                          KindProtocol,
	} {
		if got := refusal(PhaseEHLO, ParseReply(raw)); got.Kind != want {
			t.Errorf("%q: %s, want %s", raw, got.Kind, want)
		}
	}
}
