package advisory

import (
	"fmt"
	"slices"
	"strings"
)

// checks judges what the active checks have brought to light.
func (r *report) checks(f *Facts) {
	r.relay(f)
	r.injection(f.Injection)
	if c := code(f.Vrfy); c == 250 || c == 251 { // RFC 5321, section 3.5.3; 252 says nothing
		r.add("vrfy-answered", "reply to VRFY postmaster: %q", firstLine(f.Vrfy))
	}
	if t := f.NTLM; t != nil && *t != (NTLM{}) {
		r.add("ntlm-disclosure", "%s", t.text())
	}
	if v := f.TLSVersions; v != nil && f.TLS != nil && f.TLS.Version >= "TLS 1.2" {
		if i := slices.IndexFunc(v.Accepted, func(version string) bool { return version < "TLS 1.2" }); i >= 0 { // RFC 8996
			r.add("tls-old-accepted", "accepted: %s", strings.Join(v.Accepted, ", "))
		}
	}
}

// injection looks for a second reply to a single command inside TLS, of which the
// first is then to the command sent before. A greeting (220) or a farewell (421)
// may come there by itself.
func (r *report) injection(exchanges []Exchange) {
	if len(exchanges) < 2 { // no handshake
		return
	}
	last := exchanges[len(exchanges)-1]
	first := code(last.Reply)
	if replies(last.Reply) > 1 && first != 220 && first != 221 && first != 421 {
		r.add("starttls-injection", "reply inside TLS before that to %s: %q", last.Command, firstLine(last.Reply))
	}
}

// replies counts the replies in a text: the last line of each has no hyphen
// after its code (RFC 5321, section 4.2.1).
func replies(text string) (n int) {
	for line := range strings.Lines(text) {
		if code(line) > 0 && (len(line) < 4 || line[3] != '-') {
			n++
		}
	}
	return n
}

// relay looks for a recipient at example.com that was accepted. The forms that
// end in the server's own name show something only if it has refused another
// recipient under that name, the control.
func (r *report) relay(f *Facts) {
	control, refused := 0, false
	var accepted *Exchange
	for i, e := range f.Relay {
		path, found := strings.CutPrefix(e.Command, "RCPT TO:")
		if !found {
			continue
		}
		refused = refused || code(e.Reply)/100 == 5
		switch {
		case !strings.Contains(path, "example.com"):
			control = code(e.Reply)
		case accepted == nil && code(e.Reply)/100 == 2 && (strings.HasSuffix(path, "@example.com>") || control/100 == 5):
			accepted = &f.Relay[i]
		}
	}
	if accepted == nil {
		return
	}
	severity, doubt := High, ""
	switch {
	case !refused: // RFC 5321, section 3.3, lets a server refuse after DATA
		severity, doubt = Medium, "; it refused no recipient at all, and may check them later"
	case isPrivate(f.Addr):
		severity, doubt = Medium, "; its address is private, and so the scanner may be one whose mail it is to take"
	}
	r.addAs("open-relay", severity, "%s: %q%s", accepted.Command, firstLine(accepted.Reply), doubt)
}

// code is that of a raw reply, 0 if it is none.
func code(reply string) (n int) {
	if len(reply) < 3 {
		return 0
	}
	for _, c := range []byte(reply[:3]) {
		if c < '0' || c > '9' {
			return 0
		}
		n = 10*n + int(c-'0')
	}
	return n
}

func (t *NTLM) text() string {
	var parts []string
	for _, p := range [][2]string{{"host", t.Host}, {"domain", t.Domain}, {"DNS name", t.DNSHost}, {"DNS domain", t.DNSDomain}, {"Windows", t.Version}} {
		if p[1] != "" {
			parts = append(parts, fmt.Sprintf("%s %q", p[0], p[1]))
		}
	}
	return strings.Join(parts, ", ")
}
