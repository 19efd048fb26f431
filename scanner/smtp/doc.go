// Package smtp holds one SMTP conversation with one server and writes down all
// that was said. It delivers nothing: it is the listening half of a client.
//
// # The conversation
//
// SMTP is a strict question and answer game, and the server speaks first
// (RFC 5321, section 3.1). [Prober.Probe] keeps to it: it never sends a byte
// before the greeting is complete, never sends a command before the last one is
// answered, and takes its leave with QUIT where the server is still listening.
// Servers treat clients that do otherwise as spammers, and are right to.
//
//	S: 220 mx.example.com ESMTP         PhaseGreeting  own clock: delays of 20 s are normal
//	C: EHLO probe.example.net           PhaseEHLO      whether or not the greeting says ESMTP
//	S: 250-mx.example.com
//	S: 250 STARTTLS
//	C: STARTTLS                         PhaseSTARTTLS  only where it was offered (RFC 3207)
//	S: 220 ready
//	   (handshake)                      PhaseTLS       verifies nothing, records everything
//	C: EHLO probe.example.net           PhaseEHLOTLS   a new session, often with other keywords
//	C: HELP                             PhaseAsk       what Prober.Ask chose, if anything
//	C: QUIT                             PhaseQUIT
//
// HELO follows where EHLO is refused with a 5xx reply (RFC 5321, section 3.2).
// On a TLS port ([ModeTLS], RFC 8314) the handshake comes first and STARTTLS is
// left out. The identifying commands come last because some servers hang up on
// clients that make errors: by then there is nothing left to lose.
//
// # When the server does not want to talk
//
// A greeting other than 2xx ends the conversation: after 421 the server closes
// (RFC 5321, section 3.8), after 554 and its kin it waits for QUIT and nothing
// else (section 3.1). A 421 at any later point ends it as well.
//
// # TLS where it is not expected
//
// A server in ModeSTARTTLS that keeps silent for the whole greeting clock may
// be waiting for a TLS client. The connection is lost then anyway, so it is
// spent on a ClientHello; if the server answers, Transcript.ImplicitTLS says so
// and the conversation goes on. The other way round this does not work: a plain
// server that was sent a ClientHello has those bytes in its command buffer. Its
// greeting is kept and the probe ends with [KindPlainText]; probe again in
// ModeSTARTTLS on a new connection to hear the rest.
//
// # Everything is hostile
//
// Each reply is bounded in bytes, lines, line length and time (one clock for
// the whole reply, so one byte a second does not keep a probe alive), and what
// was read before a bound was hit is kept. The bytes of every reply survive in
// [Reply].Raw exactly as received.
package smtp
