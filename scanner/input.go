package scanner

import (
	"fmt"
	"net/netip"

	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// Kind says what an input names.
type Kind uint8

// The kinds of input.
const (
	KindDomain Kind = iota // a mail domain: its MX hosts are probed
	KindHost               // a host name: its addresses are probed, no MX lookup
	KindRange              // an address or a contiguous range of addresses
)

// An Input is one target as a user named it. It is small and comparable except
// for Ports, and it is never changed once made.
type Input struct {
	Text   string // the target as named, trimmed
	Source string // where it was named: "targets.txt:12", "stdin:3", "argument 2"
	Kind   Kind
	Name   string     // KindDomain, KindHost: A-labels, lower case, no trailing dot
	First  netip.Addr // KindRange: the first address; without zone
	Last   netip.Addr // KindRange: the last address, inclusive; First for a single address
	Ports  []Port     // ports named with the target; nil means those of the Scanner
}

// A Port is a TCP port and the way to begin TLS on it.
type Port struct {
	Number uint16
	Mode   smtp.Mode
}

// String returns the port in the form of the -port flag: "25" where the mode is
// the usual one of that number, else "2525:starttls" or "4465:tls".
func (p Port) String() string {
	if p.Mode == UsualMode(p.Number) {
		return fmt.Sprint(p.Number)
	}
	return fmt.Sprintf("%d:%s", p.Number, p.Mode)
}

// UsualMode is TLS for 465 (RFC 8314, section 7.3) and STARTTLS for every other
// port.
func UsualMode(port uint16) smtp.Mode {
	if port == 465 {
		return smtp.ModeTLS
	}
	return smtp.ModeSTARTTLS
}

// DefaultPorts are probed where neither the input nor the Scanner names any.
func DefaultPorts() []Port {
	return []Port{{25, smtp.ModeSTARTTLS}, {465, smtp.ModeTLS}, {587, smtp.ModeSTARTTLS}}
}

// An Endpoint is the unit of work: one address and port, and the name to ask
// for in TLS. It is comparable.
type Endpoint struct {
	Addr netip.Addr
	Port Port
	Name string // MX or host name, for SNI and the name check; "" for a bare address
}

func (ep *Endpoint) addrPort() netip.AddrPort { return netip.AddrPortFrom(ep.Addr, ep.Port.Number) }

// An InputError is one line of input that could not be used. It never ends a
// run by itself.
type InputError struct {
	Source string // as Input.Source
	Text   string // the offending text, at most 200 bytes
	Reason string // what was wrong and what was expected
}

// Error returns "targets.txt:12: \"text\": reason".
func (e *InputError) Error() string {
	return fmt.Sprintf("%s: %q: %s", e.Source, e.Text, e.Reason)
}
