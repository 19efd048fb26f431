package resolver

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// expected ends the reason of a target whose form is not known at all.
const expected = "expected a domain, host, address, prefix (192.0.2.0/24) or range (192.0.2.10-20)"

// Parse reads one target. source says where it was named, for the Input and for
// errors. The error is always an *scanner.InputError. The forms are:
//
//	example.com                a mail domain (with opts.Direct a host)
//	bücher.example             the same, as the A-label xn--bcher-kva.example
//	user@example.com           the domain of a mailbox; mailto: may precede it
//	user@[192.0.2.1]           the address that stands for it (RFC 5321, section 4.1.3)
//	mx.example.com:2525        a host and the one port to probe
//	192.0.2.1, 2001:db8::1     an address; IPv4 in IPv6 is taken as IPv4
//	192.0.2.1:25, [2001:db8::1]:25
//	192.0.2.0/24               all addresses of a prefix; host bits are ignored
//	192.0.2.10-20              a range, the last octet alone or the whole last address
//	192.0.2.10-192.0.3.4
//	192.0.2.0/24:25            either with a port; IPv6 in brackets as above
//	smtp://host, smtps://host:4465
//
// A port may be followed by a mode, as in host:4465:tls; without one the mode
// is scanner.UsualMode. A name with a port is a host and not a domain, for it
// names one service and leaves nothing for MX records to decide. A URL means
// port 25 or 465, if it names none.
//
// Nothing is guessed: octets with leading zeros, which some programs read as
// octal, and numbers that are nearly addresses are refused; so are IPv6 zones,
// and IPv6 ranges of more than 2^24 addresses, which no sweep can cover.
func Parse(text, source string, opts InputOptions) (scanner.Input, error) {
	in, err := parseTarget(text)
	if err == nil && in.Kind == scanner.KindRange {
		err = checkSize(in.First, in.Last)
	}
	if err != nil {
		return scanner.Input{}, &scanner.InputError{Source: source, Text: clip(text), Reason: err.Error()}
	}
	in.Source = source
	if opts.Direct && in.Kind == scanner.KindDomain {
		in.Kind = scanner.KindHost
	}
	return in, nil
}

// clip bounds a text that goes into an error to 200 bytes.
func clip(s string) string {
	const limit = 200
	if len(s) <= limit {
		return s
	}
	cut := limit
	for cut > limit-utf8.UTFMax && !utf8.RuneStart(s[cut]) {
		cut--
	}
	return strings.Clone(s[:cut])
}

// parseTarget reads a target of any form and any size.
func parseTarget(text string) (scanner.Input, error) {
	if len(text) > maxTarget {
		return scanner.Input{}, fmt.Errorf("longer than %d bytes; expected one target per line", maxTarget)
	}
	text = strings.TrimSpace(text)
	in, err := parseForm(text)
	in.Text = text
	return in, err
}

// parseForm tells the forms with an @ or a scheme from the rest.
func parseForm(text string) (scanner.Input, error) {
	if text == "" {
		return scanner.Input{}, errors.New("empty; " + expected)
	}
	if scheme, rest, ok := strings.Cut(text, "://"); ok {
		return parseURL(scheme, rest)
	}
	const mailto = "mailto:"
	if len(text) > len(mailto) && strings.EqualFold(text[:len(mailto)], mailto) {
		mailbox, _, _ := strings.Cut(text[len(mailto):], "?") // RFC 6068, section 2: header fields
		return parseMailbox(mailbox)
	}
	if strings.IndexByte(text, '@') >= 0 {
		return parseMailbox(text)
	}
	host, port, err := splitPort(text)
	if err != nil {
		return scanner.Input{}, err
	}
	in, err := parseHost(host)
	if err != nil || port == "" {
		return in, err
	}
	p, err := parsePort(port)
	return onPort(in, p), err
}

// onPort restricts an input to one port. A name becomes that of a host.
func onPort(in scanner.Input, port scanner.Port) scanner.Input {
	in.Ports = []scanner.Port{port}
	if in.Kind == scanner.KindDomain {
		in.Kind = scanner.KindHost
	}
	return in
}

// parseURL reads what follows smtp:// or smtps://. A path other than "/" is
// refused, for smtp://192.0.2.0/24 would quietly mean one address.
func parseURL(scheme, rest string) (scanner.Input, error) {
	mode, number := smtp.ModeSTARTTLS, uint16(25)
	switch strings.ToLower(scheme) {
	case "smtp":
	case "smtps":
		mode, number = smtp.ModeTLS, 465
	default:
		return scanner.Input{}, fmt.Errorf("a %s:// URL is no mail target; %s", clip(scheme), expected)
	}
	place := strings.TrimSuffix(rest, "/")
	if strings.ContainsAny(place, "/@") {
		return scanner.Input{}, fmt.Errorf("expected %s://host or %s://host:port, without user and path", scheme, scheme)
	}
	host, port, err := splitPort(place)
	if err != nil {
		return scanner.Input{}, err
	}
	if port != "" {
		if number, err = parsePortNumber(port); err != nil {
			return scanner.Input{}, err
		}
	}
	in, err := parseHost(host)
	return onPort(in, scanner.Port{Number: number, Mode: mode}), err
}

// parseMailbox reads an e-mail address and keeps its domain or address literal
// (RFC 5321, section 4.1.2). Only a quoted local part may hold a second @.
func parseMailbox(s string) (scanner.Input, error) {
	at := strings.LastIndexByte(s, '@')
	local, domain := s[:max(at, 0)], s[at+1:]
	quoted := len(local) > 1 && local[0] == '"' && local[len(local)-1] == '"'
	if at < 0 || !quoted && strings.ContainsAny(local, " \t@,;:<>()[]\"") {
		return scanner.Input{}, errors.New("not one e-mail address; expected user@example.com")
	}
	if strings.HasPrefix(domain, "[") && strings.HasSuffix(domain, "]") {
		addr, err := parseAddress(addressLiteral(domain[1 : len(domain)-1]))
		return scanner.Input{Kind: scanner.KindRange, First: addr, Last: addr}, err
	}
	name, err := parseName(domain)
	return scanner.Input{Kind: scanner.KindDomain, Name: name}, err
}

// splitPort parts "host:port" and "[host]:port"; port is "" if there is none.
// Without brackets an IPv6 address is told from host:port:mode by its colons: it
// has two in a row, or seven. After a slash a colon always begins a port.
func splitPort(s string) (host, port string, err error) {
	if strings.HasPrefix(s, "[") {
		return splitBrackets(s)
	}
	slash := max(strings.IndexByte(s, '/'), 0)
	colon := strings.IndexByte(s[slash:], ':')
	if colon < 0 {
		return s, "", nil
	}
	host, port = s[:slash+colon], s[slash+colon+1:]
	if slash == 0 && (strings.Contains(s, "::") || strings.Count(port, ":") > 1) {
		return s, "", nil
	}
	if port == "" {
		return "", "", errors.New("the port after the colon is missing")
	}
	return host, port, nil
}

// splitBrackets parts "[host]" and "[host]:port".
func splitBrackets(s string) (host, port string, err error) {
	host, after, closed := strings.Cut(s[1:], "]")
	port, named := strings.CutPrefix(after, ":")
	if !closed || after != "" && (!named || port == "") {
		return "", "", errors.New("brackets are not closed or not followed by a port; expected [2001:db8::1]:25")
	}
	if !looksLikeAddress(host) {
		return "", "", errors.New("only an address belongs in brackets; expected [2001:db8::1]:25")
	}
	return addressLiteral(host), port, nil
}

// parseHost reads a name, an address or a range of addresses, without port.
func parseHost(s string) (scanner.Input, error) {
	if looksLikeAddress(s) {
		first, last, err := parseRange(s)
		return scanner.Input{Kind: scanner.KindRange, First: first, Last: last}, err
	}
	name, err := parseName(s)
	return scanner.Input{Kind: scanner.KindDomain, Name: name}, err
}
