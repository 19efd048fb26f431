package smtp

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// A Kind says in which way a conversation failed. The set is closed.
type Kind string

// The kinds. Together with the phase they tell every failure from every other:
// KindTimeout in PhaseGreeting is a silent server, in PhaseTLS a slow
// handshake.
const (
	KindTimeout     Kind = "timeout"      // the clock of this phase ran out
	KindDeadline    Kind = "deadline"     // the deadline of the context, that of the whole probe, passed
	KindCanceled    Kind = "canceled"     // the context was canceled
	KindClosed      Kind = "closed"       // the server ended the connection in good order
	KindReset       Kind = "reset"        // the server, or something on the way, broke the connection
	KindUnreachable Kind = "unreachable"  // the network reported the host unreachable
	KindNotSMTP     Kind = "not-smtp"     // the first bytes are no SMTP reply
	KindPlainText   Kind = "plain-text"   // an SMTP server without TLS on a TLS port; its greeting is kept
	KindProtocol    Kind = "protocol"     // SMTP at first, then something that is no proper reply
	KindTooLong     Kind = "too-long"     // a reply beyond the bounds of this package
	KindTLS         Kind = "tls"          // the handshake failed
	KindRateLimited Kind = "rate-limited" // 421, or 4xx that speaks of too many connections
	KindRejected    Kind = "rejected"     // another 4xx or 5xx where the conversation cannot go on
	KindLocal       Kind = "local"        // a fault of our own side
)

// An Error is the reason why a conversation ended early, or why TLS could not
// be had. Every error in a Transcript is one.
type Error struct {
	Phase Phase
	Kind  Kind
	Err   error // never nil
}

// Error returns the phase and the cause, e.g. "greeting: no reply in time".
func (e *Error) Error() string { return string(e.Phase) + ": " + e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// KindOf returns the kind of the [Error] in err's tree, "" if there is none.
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return ""
}

// What the reader finds wrong with a reply.
var (
	errNoReply   = errors.New("no SMTP reply")
	errTooLong   = fmt.Errorf("reply longer than %d bytes, %d lines or %d bytes in a line", maxReply, maxLines, maxLine)
	errNoAnswer  = errors.New("no complete answer in time")
	errWholeTime = errors.New("the time for the whole probe is up")
)

// kindOf sorts the errors that a connection returns. Phase and context are the
// caller's business; what it does not know is taken for a fault of our own.
func kindOf(err error) Kind {
	var ne net.Error
	switch {
	case errors.Is(err, errNoReply):
		return KindProtocol
	case errors.Is(err, errTooLong):
		return KindTooLong
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.ErrClosedPipe):
		return KindClosed
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, syscall.ECONNABORTED):
		return KindReset
	case errors.Is(err, syscall.EHOSTUNREACH), errors.Is(err, syscall.ENETUNREACH):
		return KindUnreachable
	case errors.Is(err, os.ErrDeadlineExceeded), errors.As(err, &ne) && ne.Timeout():
		return KindTimeout
	}
	return KindLocal
}

// refusal turns a reply that ends the conversation into an error.
func refusal(phase Phase, r *Reply) *Error {
	kind := KindProtocol
	switch r.Code / 100 {
	case 4:
		kind = KindRejected
		if r.Code == 421 || tooMany(string(r.Raw)) {
			kind = KindRateLimited
		}
	case 5:
		kind = KindRejected
	}
	return &Error{phase, kind, fmt.Errorf("the server answered %d %s", r.Code, excerpt(strings.Join(r.Lines, " / ")))}
}

// tooMany reports whether the text of a 4xx reply speaks of the number or rate
// of our connections. RFC 5321 has no code for that but 421; servers use
// others, with these words.
func tooMany(text string) bool {
	text = strings.ToLower(text)
	for _, words := range []string{"too many", "rate limit", "connection limit", "connection rate", "limit exceeded", "throttl"} {
		if strings.Contains(text, words) {
			return true
		}
	}
	return false
}

// excerpt returns the beginning of a text, for messages.
func excerpt(text string) string {
	const most = 120
	text = strings.TrimRight(text, "\r\n")
	if len(text) > most {
		return text[:most] + "..."
	}
	return text
}

// protocol names the protocol of a server that speaks first, by its first
// words. It serves the error message only.
func protocol(r *Reply) string {
	text := string(r.Raw)
	switch {
	case looksTLS([]byte(text[:min(2, len(text))])):
		return "a TLS record"
	case strings.HasPrefix(text, "SSH-"):
		return "SSH"
	case strings.HasPrefix(text, "HTTP/"):
		return "HTTP"
	case strings.HasPrefix(text, "+OK"):
		return "POP3"
	case strings.HasPrefix(text, "* OK"), strings.HasPrefix(text, "* BYE"):
		return "IMAP"
	}
	return fmt.Sprintf("%q", excerpt(text))
}
