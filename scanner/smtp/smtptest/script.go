package smtptest

import (
	"crypto/tls"
	"fmt"
	"strings"
	"time"
)

// A Script is the behavior of a server. It must not be changed while a server
// runs it; several servers may share it.
//
// Reply texts are sent as they stand, line endings included ([Lines] adds
// them), but for these words, which stand for what a real server would insert:
// {name}, the argument of the client's EHLO or HELO; {addr}, the client's
// address; {verb} and {line}, the command as sent, in whole for the latter;
// {date}, the time in the form of RFC 5322.
type Script struct {
	// Greeting is what the server does first; the zero Step greets with
	// "220 mx.example.com ESMTP".
	Greeting Step
	// Replies has the reply to each verb, in upper case. "VERB ARGUMENT", in
	// upper case too, goes before "VERB". Verbs that are missing are answered
	// as by the zero Script (EHLO, HELO, STARTTLS if TLS is set, NOOP, RSET,
	// QUIT) or else by Unknown. A Step that is in the map but zero sends
	// nothing.
	Replies map[string]Step
	// Secure overrides Replies inside TLS.
	Secure map[string]Step
	// Unknown is the reply to all other lines; the zero Step sends
	// "500 5.5.1 Command unrecognized".
	Unknown Step
	// TLS is the configuration for STARTTLS, which begins after a reply of
	// 220, and for ImplicitTLS. nil: no handshake ever begins.
	TLS *tls.Config
	// ImplicitTLS begins with the handshake, as on port 465.
	ImplicitTLS bool
	// Injectable takes what the client sent before the handshake for its words
	// inside TLS, which is the fault of CVE-2011-0411.
	Injectable bool
	// MaxErrors hangs up after so many 5xx replies, with a 421; 0: never.
	MaxErrors int

	preset bool // without TLS, STARTTLS is neither offered nor known
}

// A Step is what a server does when its turn comes. It waits, sends, and
// perhaps ends the connection.
type Step struct {
	Delay   time.Duration // before the first byte
	Send    string        // the bytes, with the words of Script replaced
	Segment int           // bytes in each write; 0: all in one
	Every   time.Duration // from one segment to the next
	Then    Action
}

// An Action is what follows the bytes of a Step.
type Action uint8

// The actions.
const (
	Continue Action = iota // wait for the next command
	Close                  // close the connection in good order
	Reset                  // break it (RST), where the transport can
	Silence                // say nothing more, ever, until the client leaves
	Endless                // send the same bytes again and again until the client leaves
)

// Reply returns the Step that sends a reply of the given lines.
func Reply(code int, lines ...string) Step { return Step{Send: Lines(code, lines...)} }

// Lines formats a reply (RFC 5321, section 4.2): the code before each line, a
// hyphen after all but the last, CRLF. Without lines it is the bare code.
func Lines(code int, lines ...string) string {
	if len(lines) == 0 {
		return fmt.Sprintf("%d\r\n", code)
	}
	var b strings.Builder
	for i, line := range lines {
		sep := "-"
		if i == len(lines)-1 {
			sep = " "
		}
		fmt.Fprintf(&b, "%d%s%s\r\n", code, sep, line)
	}
	return b.String()
}

// step returns the answer to a command line.
func (s *Script) step(line string, secure bool) Step {
	line = strings.ToUpper(strings.TrimSpace(line))
	verb, _, _ := strings.Cut(line, " ")
	noTLS := s.preset && s.TLS == nil
	if noTLS && verb == "STARTTLS" {
		return s.Unknown
	}
	for _, key := range []string{line, verb} {
		if step, ok := s.Secure[key]; ok && secure {
			return step
		}
		if step, ok := s.Replies[key]; ok {
			if noTLS {
				step.Send = withoutSTARTTLS(step.Send)
			}
			return step
		}
	}
	switch {
	case verb == "EHLO" && s.TLS != nil && !secure:
		return Reply(250, "mx.example.com", "PIPELINING", "8BITMIME", "STARTTLS")
	case verb == "EHLO":
		return Reply(250, "mx.example.com", "PIPELINING", "8BITMIME")
	case verb == "STARTTLS" && s.TLS != nil && !secure:
		return Reply(220, "2.0.0 Ready to start TLS")
	case verb == "HELO", verb == "NOOP", verb == "RSET":
		return Reply(250, "2.0.0 Ok")
	case verb == "QUIT":
		return Step{Send: "221 2.0.0 Bye\r\n", Then: Close}
	case s.Unknown != Step{}:
		return s.Unknown
	}
	return Reply(500, "5.5.1 Command unrecognized")
}

// withoutSTARTTLS takes that line out of a reply.
func withoutSTARTTLS(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		if !strings.HasSuffix(line, "STARTTLS\r\n") || len(line) != len("250 STARTTLS\r\n") {
			lines = append(lines, line)
		}
	}
	if n := len(lines) - 1; n >= 0 && len(lines[n]) > 3 && lines[n][3] == '-' {
		lines[n] = lines[n][:3] + " " + lines[n][4:]
	}
	return strings.Join(lines, "")
}

// greeting returns the first Step.
func (s *Script) greeting() Step {
	if s.Greeting == (Step{}) {
		return Reply(220, "mx.example.com ESMTP")
	}
	return s.Greeting
}
