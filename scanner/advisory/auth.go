package advisory

import (
	"slices"
	"strings"
)

// auth judges the SASL mechanisms offered (RFC 4954).
func (r *report) auth(f *Facts) {
	if f.Before != nil && !isTrue(f.ImplicitTLS) {
		r.authInClear(f)
	}
	offered := mechanisms(f)
	if len(offered) == 0 {
		return
	}
	if slices.Contains(offered, "NTLM") {
		r.add("auth-ntlm", "AUTH %s", head(offered))
	}
	if old := weakMechanism(offered); old != "" {
		r.add("auth-mechanism-weak", "AUTH %s", old)
	}
	if f.Port == portSMTP {
		r.add("auth-on-port-25", "AUTH %s", head(offered))
	}
}

// authInClear judges AUTH before any TLS. PLAIN and LOGIN send the password as
// it is, which RFC 4954, section 4, forbids without a protected channel.
func (r *report) authInClear(f *Facts) {
	var clear []string
	for _, m := range f.Before.Auth {
		if m == "PLAIN" || m == "LOGIN" {
			clear = append(clear, m)
		}
	}
	switch {
	case len(clear) > 0 && !f.Before.has("STARTTLS"):
		r.addAs("auth-clear-text", High, "AUTH %s without TLS, and no STARTTLS", strings.Join(clear, " "))
	case len(clear) > 0:
		r.addAs("auth-clear-text", Medium, "AUTH %s before STARTTLS", strings.Join(clear, " "))
	case len(f.Before.Auth) > 0:
		r.add("auth-without-tls", "AUTH %s before or without TLS", head(f.Before.Auth))
	}
}

// mechanisms returns what is offered before and after STARTTLS, each once.
func mechanisms(f *Facts) []string {
	var all []string
	for _, c := range []*Capabilities{f.Before, f.After} {
		if c == nil {
			continue
		}
		for _, m := range c.Auth {
			if !slices.Contains(all, m) {
				all = append(all, m)
			}
		}
	}
	return all
}

// weakMechanism returns the first mechanism that rests on MD5: DIGEST-MD5 is
// historic (RFC 6331), CRAM-MD5 makes the server keep what is as good as the
// password.
func weakMechanism(offered []string) string {
	for _, m := range offered {
		if m == "CRAM-MD5" || m == "DIGEST-MD5" {
			return m
		}
	}
	return ""
}
