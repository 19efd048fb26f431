package advisory

import (
	"fmt"
	"slices"
	"strings"
)

// checks judges what the active checks have brought to light.
func (r *report) checks(f *Facts) {
	r.relay(f.Relay)
	if n := len(f.Injection); n > 1 {
		if last := f.Injection[n-1]; code(last.Reply)/100 == 2 && code(last.Reply) != 221 {
			r.add("starttls-injection", "reply inside TLS before that to %s: %q", last.Command, firstLine(last.Reply))
		}
	}
	if c := code(f.Vrfy); c == 250 || c == 251 { // RFC 5321, section 3.5.3; 252 says nothing
		r.add("vrfy-answered", "reply to VRFY postmaster: %q", firstLine(f.Vrfy))
	}
	if t := f.NTLM; t != nil {
		r.add("ntlm-disclosure", "%s", t.text())
	}
	if v := f.TLSVersions; v != nil && f.TLS != nil && f.TLS.Version >= "TLS 1.2" {
		if i := slices.IndexFunc(v.Accepted, func(version string) bool { return version < "TLS 1.2" }); i >= 0 { // RFC 8996
			r.add("tls-old-accepted", "accepted: %s", strings.Join(v.Accepted, ", "))
		}
	}
}

// relay looks for a recipient at example.com that was accepted. The forms that
// end in the server's own name show something only if it has refused another
// recipient under that name, the control.
func (r *report) relay(exchanges []Exchange) {
	control := 0
	for _, e := range exchanges {
		path, found := strings.CutPrefix(e.Command, "RCPT TO:")
		switch {
		case !found:
		case !strings.Contains(path, "example.com"):
			control = code(e.Reply)
		case code(e.Reply)/100 == 2 && (strings.HasSuffix(path, "@example.com>") || control/100 == 5):
			r.add("open-relay", "%s: %q", e.Command, firstLine(e.Reply))
			return
		}
	}
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
