package smtp

import "time"

// Raw is what a server sent, byte for byte, line endings included. A Go string
// holds any bytes, so nothing is lost in memory. On the wire a Raw field "x" is
// a JSON string in which bytes that are not UTF-8 appear as U+FFFD; where there
// are such bytes, a second field "x_base64" beside it carries the exact bytes
// and wins when the record is read back.
type Raw string

// Mode says how TLS is begun on a port.
type Mode uint8

// The modes a port can be probed in.
const (
	ModeSTARTTLS Mode = iota // plain text first, STARTTLS when offered (RFC 3207)
	ModeTLS                  // TLS from the first byte (RFC 8314, section 3.3)
)

// String returns "starttls" or "tls", the words of the -port flag.
func (m Mode) String() string {
	if m == ModeTLS {
		return "tls"
	}
	return "starttls"
}

// A Phase is a step of the conversation. A failed probe names the phase in
// which it ended.
type Phase string

// The phases in the order in which they occur. PhaseDNS and PhaseConnect
// precede the conversation and are set by the scanner.
const (
	PhaseDNS      Phase = "dns"
	PhaseConnect  Phase = "connect"
	PhaseTLS      Phase = "tls" // the handshake, on a TLS port or after STARTTLS
	PhaseGreeting Phase = "greeting"
	PhaseEHLO     Phase = "ehlo"
	PhaseHELO     Phase = "helo"
	PhaseAsk      Phase = "ask" // HELP and the other identifying commands
	PhaseSTARTTLS Phase = "starttls"
	PhaseEHLOTLS  Phase = "ehlo_tls" // the second EHLO, inside TLS
	PhaseQUIT     Phase = "quit"
)

// A Transcript is everything one conversation saw. A nil reply was not seen:
// either it was never asked for or the conversation ended before it. The reply
// in which a conversation broke off is there as far as it was read.
type Transcript struct {
	NameSent    string // argument of EHLO and HELO
	ImplicitTLS bool   // TLS was spoken from the first byte

	Greeting      *Reply
	GreetingDelay time.Duration // from the end of connect (or handshake) to the last byte of the greeting
	EHLO          *Reply        // reply to the first EHLO
	HELO          *Reply
	STARTTLS      *Reply
	EHLOTLS       *Reply // reply to EHLO after STARTTLS
	Help          *Reply
	Unknown       *Reply // reply to one verb that no server knows
	Noop          *Reply
	Rset          *Reply
	Vrfy          *Reply
	Quit          *Reply

	Capabilities    *Capabilities // of EHLO; nil unless EHLO was answered with 250; inside TLS if ImplicitTLS
	CapabilitiesTLS *Capabilities // of EHLOTLS
	TLS             *TLS          // nil unless a handshake was begun
	Injected        Raw           // plain-text bytes that followed the STARTTLS reply before the handshake; discarded, never parsed

	Phase Phase // where the conversation ended; PhaseQUIT when it ran to its end
	// Err is why the conversation ended early, an *Error. It is nil after a
	// complete one, and also where the connection was lost only afterwards:
	// to a failed handshake after STARTTLS, which is TLSErr, or to an
	// identifying command.
	Err error
	// TLSErr is why a server that offers STARTTLS did not come to TLS, an
	// *Error: it refused the command (KindRejected, KindRateLimited) or the
	// handshake failed.
	TLSErr error

	Timings Timings

	// Clues is room for what [Prober.Ask] has found out, for whoever reads the
	// transcript afterwards. The conversation leaves it alone.
	Clues any
}

// Timings are the durations of the steps, in milliseconds on the wire; a step
// that was not taken is null.
type Timings struct {
	Connect  *float64 `json:"connect"`
	TLS      *float64 `json:"tls"`
	Greeting *float64 `json:"greeting"`
	EHLO     *float64 `json:"ehlo"`
	STARTTLS *float64 `json:"starttls"`
	Total    *float64 `json:"total"` // of the conversation; the caller adds what went before
}

// A Command is a command that identifies software by its reply: the line that
// is sent. None of them begins a mail.
type Command string

// The identifying commands.
const (
	CmdHelp    Command = "HELP"
	CmdUnknown Command = "XMXSWEEP" // a verb that no server knows
	CmdNoop    Command = "NOOP"
	CmdRset    Command = "RSET"
	CmdVrfy    Command = "VRFY postmaster" // RFC 5321 wants an argument, and section 4.5.1 that mailbox
	CmdHelo    Command = "HELO"            // after EHLO; the name is added
)

// reply returns where the reply to a command belongs, nil for a command that is
// none of the above.
func (t *Transcript) reply(cmd Command) **Reply {
	switch cmd {
	case CmdHelp:
		return &t.Help
	case CmdUnknown:
		return &t.Unknown
	case CmdNoop:
		return &t.Noop
	case CmdRset:
		return &t.Rset
	case CmdVrfy:
		return &t.Vrfy
	case CmdHelo:
		return &t.HELO
	}
	return nil
}
