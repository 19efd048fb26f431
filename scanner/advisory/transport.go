package advisory

import (
	"slices"
	"strings"
)

// Ports with a fixed meaning: mail between servers (RFC 5321, section 4.5.4.2),
// submission with TLS from the first byte (RFC 8314, section 7.3) and submission
// (RFC 6409, section 3.1).
const (
	portSMTP        = 25
	portSubmissions = 465
	portSubmission  = 587
)

// onSubmission is the severity of something that clients with passwords rely
// on, and usual that of the same thing between servers.
func (f *Facts) onSubmission(severity, usual Severity) Severity {
	if f.Port == portSubmissions || f.Port == portSubmission {
		return severity
	}
	return usual
}

// has reports whether the EHLO reply names a keyword.
func (c *Capabilities) has(keyword string) bool {
	return c != nil && slices.Contains(c.Keywords, keyword)
}

// accepted reports whether the greeting invited us to speak. After any other
// one an EHLO reply says little about what others are offered.
func (f *Facts) accepted() bool {
	return f.Greeting != nil && f.Greeting.Code/100 == 2
}

// transport judges whether and how TLS is offered.
func (r *report) transport(f *Facts) {
	switch {
	case isTrue(f.ImplicitTLS):
		if f.Port == portSMTP || f.Port == portSubmission {
			r.add("tls-on-plain-port", "TLS from the first byte on port %d", f.Port)
		}
	case isFalse(f.ImplicitTLS) && f.Port == portSubmissions:
		r.add("plain-text-on-tls-port", "greeting in plain text on port %d", f.Port)
	}
	if !isTrue(f.ImplicitTLS) {
		r.starttls(f)
	}
	if f.TLS != nil {
		r.handshake(f)
	}
}

// starttls judges the offer of RFC 3207. There is a finding about a missing one
// only where EHLO was really answered.
func (r *report) starttls(f *Facts) {
	switch {
	case f.Before.has("STARTTLS"):
		if f.STARTTLS != "" && !strings.HasPrefix(f.STARTTLS, "220") { // RFC 3207, section 4: 220 is the only go-ahead
			r.add("starttls-refused", "reply to STARTTLS: %q", firstLine(f.STARTTLS))
		}
	case f.Before != nil && f.accepted():
		if masked := maskedKeyword(f.Before.Keywords); masked != "" {
			r.add("starttls-masked", "EHLO keyword %q in the place of STARTTLS", masked)
			return
		}
		r.addAs("starttls-not-offered", f.onSubmission(High, Medium), "EHLO answered with %d keywords, none of them STARTTLS", len(f.Before.Keywords))
	case f.EHLO != nil && f.Status == "success" && (f.EHLO.Code == 500 || f.EHLO.Code == 502): // RFC 5321, section 4.2.4
		r.add("ehlo-not-supported", "reply code to EHLO: %d", f.EHLO.Code)
	}
	if f.Injected != "" {
		r.add("text-before-handshake", "%d bytes after the reply to STARTTLS: %q", len(f.Injected), firstLine(f.Injected))
	}
}

// maskedKeyword finds what a firewall writes over STARTTLS: as many letters X,
// the last one at times an A.
func maskedKeyword(keywords []string) string {
	for _, k := range keywords {
		if len(k) == len("STARTTLS") && strings.Trim(k[:len(k)-1], "X") == "" && strings.ContainsAny(k[len(k)-1:], "XA") {
			return k
		}
	}
	return ""
}

// handshake judges protocol version and cipher suite. The scanner offers TLS
// 1.0 to 1.3, so the version negotiated is the newest the server has.
func (r *report) handshake(f *Facts) {
	t := f.TLS
	if t.Version == "" {
		r.failedHandshake(f)
		return
	}
	if strings.Contains(t.Curve, "MLKEM") {
		r.add("tls-hybrid-key-exchange", "negotiated %s", t.Curve)
	}
	if t.Version < "TLS 1.2" { // "SSL 3.0" sorts before "TLS", RFC 8996 ends 1.0 and 1.1
		r.add("tls-version-old", "newest version spoken: %s", t.Version)
	}
	switch {
	case isWeakCipher(t.Cipher):
		r.add("tls-cipher-weak", "negotiated %s", t.Cipher)
	case strings.HasPrefix(t.Cipher, "TLS_RSA_"):
		r.add("tls-no-forward-secrecy", "negotiated %s", t.Cipher)
	}
}

// failedHandshake tells what the server said or sent, which is its doing, from a
// connection that ended: that may be the doing of anybody.
func (r *report) failedHandshake(f *Facts) {
	switch {
	case f.TLS.Error == "":
	case f.Status == "tls-failed":
		r.add("tls-handshake-failed", "%q", f.TLS.Error)
	case f.Status == "tls-timeout", f.Status == "connection-closed", f.Status == "connection-reset":
		r.addAs("tls-handshake-failed", Info, "%q", f.TLS.Error)
	}
}

// isWeakCipher reports whether a suite has a cipher that RFC 7465 (RC4) or RFC
// 9325, section 4.1, forbids.
func isWeakCipher(suite string) bool {
	for _, weak := range []string{"RC4", "3DES", "_DES_", "NULL", "EXPORT", "anon", "IDEA"} {
		if strings.Contains(suite, weak) {
			return true
		}
	}
	return false
}

// firstLine returns s up to its first line ending.
func firstLine(s string) string {
	line, _, _ := strings.Cut(s, "\n")
	return strings.TrimSuffix(line, "\r")
}
