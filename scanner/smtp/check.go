package smtp

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"unicode/utf16"
)

// A Check is a question that goes beyond reading what a server offers, and needs
// the permission of whoever runs it. Each has a connection of its own, begins no
// mail and ends with QUIT.
type Check string

// The checks.
const (
	// CheckRelay asks with MAIL and RCPT, never DATA, whether the server
	// would take mail for example.com (RFC 2606, section 3), which is no
	// domain of its own: in five forms, each followed by RSET, after
	// a mailbox of the server that cannot exist.
	CheckRelay Check = "relay"
	// CheckInjection sends NOOP in the same packet as STARTTLS. A server
	// that answers it inside TLS takes what anybody has put before the
	// handshake for the words of the client (CVE-2011-0411).
	CheckInjection Check = "starttls-injection"
	// CheckVrfy sends VRFY postmaster.
	CheckVrfy Check = "vrfy"
	// CheckNTLM begins AUTH NTLM, reads the challenge, which has the names of
	// the host and its domain, and cancels (RFC 4954, section 4).
	CheckNTLM Check = "ntlm"
)

// ParseCheck returns the check of that name.
func ParseCheck(name string) (Check, error) {
	all := []Check{CheckRelay, CheckInjection, CheckVrfy, CheckNTLM}
	if c := Check(name); slices.Contains(all, c) {
		return c, nil
	}
	return "", fmt.Errorf("%q is no check: expected relay, starttls-injection, vrfy or ntlm", name)
}

// An Exchange is a command and the reply to it.
type Exchange struct {
	Command string `json:"command"` // without its last line ending
	Reply   Raw    `json:"reply"`   // "": there was none
}

// Checked is what came of a check. What it means is for others to say.
type Checked struct {
	Check     Check      `json:"check"`
	Exchanges []Exchange `json:"exchanges"` // of the check itself, without greeting, EHLO and QUIT
	Error     string     `json:"error"`     // why it ended early, or was not begun; "": it did not
}

// Check makes a check on conn, which it owns and closes, in the way of
// [Prober.Probe]: inside TLS where that is offered, except for CheckInjection.
// The error is the one of the result, an *Error where the conversation ended
// early.
func (p *Prober) Check(ctx context.Context, conn net.Conn, mode Mode, serverName string, check Check) (out Checked, err error) {
	c := p.begin(ctx, conn, serverName)
	defer c.end()
	out = Checked{Check: check, Exchanges: []Exchange{}}
	err = c.prepare(mode, check)
	if err == nil {
		err = c.check(check, &out.Exchanges)
	}
	if c.idle {
		c.quit(true)
	}
	if err != nil {
		out.Error = err.Error()
	}
	return out, err
}

// prepare goes as far as the last EHLO before the check.
func (c *conversation) prepare(mode Mode, check Check) error {
	if err := CheckName(c.t.NameSent); err != nil {
		return err
	}
	if err := c.open(mode); err != nil {
		return err
	}
	if err := c.hello(PhaseEHLO, &c.t.EHLO, &c.t.Capabilities); err != nil {
		return err
	}
	if check == CheckInjection {
		return nil
	}
	if err := c.startTLS(); err != nil {
		return err
	}
	if !c.idle {
		return c.t.TLSErr
	}
	return nil
}

func (c *conversation) check(check Check, log *[]Exchange) error {
	switch check {
	case CheckRelay:
		return c.relay(log)
	case CheckInjection:
		return c.injection(log)
	case CheckVrfy:
		_, err := c.say(log, string(CmdVrfy))
		return err
	case CheckNTLM:
		return c.ntlm(log)
	}
	return fmt.Errorf("%q is no check", check)
}

// say sends a command of a check and notes what came of it.
func (c *conversation) say(log *[]Exchange, command string) (code int, err error) {
	var r *Reply
	err = c.command(PhaseAsk, &r, command, "")
	e := Exchange{Command: command}
	if r != nil {
		e.Reply, code = r.Raw, r.Code
	}
	*log = append(*log, e)
	return code, err
}

// The local parts of a relay check. Neither is a mailbox anywhere.
const (
	relayUser  = "mxsweep-relay-test"
	nobodyUser = "mxsweep-no-such-user"
)

// relay asks for each form in a transaction of its own. The first one is the
// control: a server that takes any recipient of its own shows nothing by
// accepting the forms that end in its name.
func (c *conversation) relay(log *[]Exchange) error {
	me, host := c.t.NameSent, c.ownName()
	for _, form := range [][2]string{
		{"postmaster@" + me, nobodyUser + "@" + host},
		{"postmaster@" + me, relayUser + "@example.com"},
		{"postmaster@" + host, relayUser + "@example.com"},
		{"postmaster@" + me, "@" + host + ":" + relayUser + "@example.com"}, // RFC 5321, appendix C
		{"postmaster@" + me, relayUser + "%example.com@" + host},            // RFC 1123, section 5.2.16
		{"postmaster@" + me, "example.com!" + relayUser + "@" + host},       // RFC 976
	} {
		code, err := c.say(log, "MAIL FROM:<"+form[0]+">")
		if err == nil && code == 250 {
			_, err = c.say(log, "RCPT TO:<"+form[1]+">")
		}
		if err == nil {
			_, err = c.say(log, "RSET")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ownName is the name of the server in a mail address. A name from the DNS may
// hold any bytes, and must not end the command that it is put into.
func (c *conversation) ownName() string {
	if sni(c.serverName) != "" && CheckName(c.serverName) == nil && !strings.ContainsAny(c.serverName, "<>@") {
		return c.serverName
	}
	return addressLiteral(c.plain.RemoteAddr())
}

// injection sends a command together with STARTTLS. Inside TLS, QUIT alone is
// said: if two replies come, the first one is to the command. A single one is to
// QUIT, whatever its code, since not every server knows that it is 221.
func (c *conversation) injection(log *[]Exchange) error {
	if c.t.ImplicitTLS || c.t.Capabilities == nil || !c.t.Capabilities.STARTTLS {
		return errors.New("STARTTLS is not offered")
	}
	code, err := c.say(log, "STARTTLS\r\nNOOP")
	if err != nil {
		return err
	}
	if code != 220 {
		c.idle = false // a reply to NOOP may be under way
		return fmt.Errorf("STARTTLS refused with %d", code)
	}
	if early := c.take(len(c.buf)); early != "" { // answered before TLS, as it was sent
		last := &(*log)[len(*log)-1]
		last.Reply += early
	}
	if err := c.handshake(c.timeout()); err != nil {
		return err
	}
	code, err = c.say(log, "QUIT")
	c.idle = false
	if err != nil || code == 221 || c.clock(min(c.timeout(), quitTimeout)) != nil {
		return err
	}
	if second, _ := c.reply(); second != nil {
		(*log)[len(*log)-1].Reply += second.Raw
	}
	return nil
}

// ntlm asks for the challenge of MS-NLMP, section 2.2.1.2.
func (c *conversation) ntlm(log *[]Exchange) error {
	caps := c.t.Capabilities
	if c.t.CapabilitiesTLS != nil {
		caps = c.t.CapabilitiesTLS
	}
	if caps == nil || !slices.Contains(caps.Auth, "NTLM") {
		return errors.New("AUTH NTLM is not offered")
	}
	for _, line := range []string{"AUTH NTLM", base64.StdEncoding.EncodeToString(ntlmNegotiate()), "*"} {
		code, err := c.say(log, line)
		if err != nil || code != 334 {
			return err
		}
	}
	return nil
}

// ntlmNegotiate is a message that names nobody: MS-NLMP, section 2.2.1.1. The
// flags ask for Unicode, the names of the target, and NTLM.
func ntlmNegotiate() []byte {
	const unicode, requestTarget, ntlm, alwaysSign, version = 0x1, 0x4, 0x200, 0x8000, 0x2000000
	const flags = unicode | requestTarget | ntlm | alwaysSign | version
	message := append([]byte("NTLMSSP\x00\x01\x00\x00\x00"), flags&0xff, flags>>8&0xff, flags>>16&0xff, flags>>24)
	return append(message, make([]byte, 8+8+8)...) // no domain, no workstation, no version
}

// An NTLMTarget is what an NTLM challenge says of the server.
type NTLMTarget struct {
	Host, Domain       string // NetBIOS names
	DNSHost, DNSDomain string
	Version            string // of the operating system, as "10.0.17763"
}

// ParseNTLM reads the reply that holds a challenge: MS-NLMP, sections 2.2.1.2,
// 2.2.2.1 and 2.2.2.10. It returns false for anything else.
func ParseNTLM(reply Raw) (t NTLMTarget, ok bool) {
	text, ok := strings.CutPrefix(strings.TrimRight(string(reply), "\r\n"), "334 ")
	if !ok {
		return t, false
	}
	m, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
	if err != nil || len(m) < 48 || string(m[:12]) != "NTLMSSP\x00\x02\x00\x00\x00" {
		return t, false
	}
	const flagVersion = 0x02 // in byte 23
	if len(m) >= 56 && m[23]&flagVersion != 0 {
		t.Version = fmt.Sprintf("%d.%d.%d", m[48], m[49], le16(m[50:]))
	}
	size, offset := int(le16(m[40:])), int(le16(m[44:]))|int(le16(m[46:]))<<16
	if offset > len(m) || size > len(m)-offset {
		return t, true
	}
	for info := m[offset : offset+size]; len(info) >= 4; {
		id, n := le16(info), int(le16(info[2:]))
		if id == 0 || n > len(info)-4 {
			break
		}
		t.set(id, fromUTF16(info[4:4+n]))
		info = info[4+n:]
	}
	return t, true
}

func (t *NTLMTarget) set(id uint16, text string) {
	switch id {
	case 1:
		t.Host = text
	case 2:
		t.Domain = text
	case 3:
		t.DNSHost = text
	case 4:
		t.DNSDomain = text
	}
}

func le16(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }

func fromUTF16(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = le16(b[2*i:])
	}
	return string(utf16.Decode(units))
}
