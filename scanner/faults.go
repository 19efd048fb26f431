package scanner

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"

	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// localFault names the fault of our own side behind an error of a dial, or
// returns "". Such a fault says nothing about the server.
func localFault(err error) string {
	errno, ok := errors.AsType[syscall.Errno](err)
	if !ok {
		return ""
	}
	switch errno {
	case syscall.EMFILE:
		return "too many open files in this process (raise ulimit -n or lower the concurrency)"
	case syscall.ENFILE:
		return "too many open files on this machine"
	case syscall.EADDRNOTAVAIL, syscall.EADDRINUSE:
		return "no free local port, or no such local address"
	case syscall.EAGAIN, syscall.ENOBUFS, syscall.ENOMEM:
		return "the kernel lacks memory or buffers"
	case syscall.ENETDOWN:
		return "the network is down"
	case syscall.EACCES, syscall.EPERM:
		return "this machine does not permit the connection (a local firewall?)"
	case syscall.EAFNOSUPPORT:
		return "this machine does not support the address family"
	}
	return ""
}

// passing reports whether a local fault may pass by waiting a moment. A lack
// does; a prohibition stays.
func passing(err error) bool {
	return !errors.Is(err, syscall.EACCES) && !errors.Is(err, syscall.EPERM) && !errors.Is(err, syscall.EAFNOSUPPORT)
}

// connectStatus names the outcome of a dial that failed. ENETUNREACH comes both
// from a router on the way and from our own routing table; only the latter can
// be asked again, for nothing.
func (e *engine) connectStatus(addr netip.Addr, err error) Status {
	if errors.Is(err, errNoFamily) ||
		errors.Is(err, syscall.ENETUNREACH) && e.route != nil && !e.route(addr) {
		return StatusNoRoute
	}
	return dialStatus(err)
}

// noRoute reports whether an error of a connect that sent nothing says that
// there is no way to the address.
func noRoute(err error) bool {
	return errors.Is(err, syscall.ENETUNREACH) || errors.Is(err, syscall.EHOSTUNREACH) ||
		errors.Is(err, syscall.EADDRNOTAVAIL) || errors.Is(err, syscall.EAFNOSUPPORT)
}

// dialStatus names the outcome of a dial by its error alone. What we do not
// know is not blamed on the server.
func dialStatus(err error) Status {
	if errno, ok := errors.AsType[syscall.Errno](err); ok {
		switch errno {
		case syscall.ECONNREFUSED:
			return StatusRefused
		case syscall.ECONNRESET, syscall.ECONNABORTED:
			return StatusReset
		case syscall.ETIMEDOUT:
			return StatusConnectTimeout
		case syscall.EHOSTUNREACH, syscall.ENETUNREACH, syscall.EHOSTDOWN,
			syscall.ENOPROTOOPT, syscall.EPROTO: // what becomes of ICMP errors (RFC 1122, section 4.2.3.9)
			return StatusUnreachable
		}
		return StatusLocal
	}
	var ne net.Error
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &ne) && ne.Timeout() {
		return StatusConnectTimeout
	}
	return StatusLocal
}

// dialText returns the error without addresses, which the record has in fields
// of their own.
func dialText(err error) string {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Err != nil {
		err = op.Err
	}
	return err.Error()
}

// transcriptStatus names the outcome of a conversation, the phase in which it
// ended and the error, for people.
func transcriptStatus(t *smtp.Transcript) (Status, smtp.Phase, string) {
	err := t.Err
	if err == nil && t.TLS != nil && t.TLSErr != nil { // STARTTLS was accepted and came to nothing
		err = t.TLSErr
	}
	if err == nil {
		return StatusSuccess, t.Phase, ""
	}
	failed, ok := errors.AsType[*smtp.Error](err)
	if !ok {
		return StatusLocal, t.Phase, err.Error()
	}
	return kindStatus(failed.Kind, failed.Phase), failed.Phase, err.Error()
}

// kindStatus maps what package smtp says of a failure to the vocabulary of the
// records.
func kindStatus(kind smtp.Kind, phase smtp.Phase) Status {
	switch kind {
	case smtp.KindTimeout:
		switch phase {
		case smtp.PhaseGreeting:
			return StatusGreetingTimeout
		case smtp.PhaseTLS:
			return StatusTLSTimeout
		}
		return StatusReplyTimeout
	case smtp.KindDeadline:
		return StatusTargetTimeout
	case smtp.KindCanceled:
		return StatusCancelled
	case smtp.KindClosed:
		return StatusClosed
	case smtp.KindReset:
		return StatusReset
	case smtp.KindUnreachable:
		return StatusUnreachable
	case smtp.KindNotSMTP:
		return StatusNotSMTP
	case smtp.KindTLS, smtp.KindPlainText:
		return StatusTLSFailed
	case smtp.KindProtocol, smtp.KindTooLong:
		return StatusProtocolError
	case smtp.KindRateLimited:
		return StatusRateLimited
	case smtp.KindRejected:
		return StatusRejected
	}
	return StatusLocal
}
