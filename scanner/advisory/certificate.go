package advisory

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// A certificate is renewed when a third of its life is left, so the last days
// tell that renewal has failed.
const (
	expiresSoon = 30 * 24 * time.Hour
	expiresNow  = 7 * 24 * time.Hour
)

// certificate judges the leaf and the chain. Servers encrypt to each other
// whatever the certificate says unless MTA-STS or DANE asks for more (RFC 7435),
// while a mail client that hands over a password must check it (RFC 8314,
// section 4); hence most findings count for more on the submission ports.
func (r *report) certificate(f *Facts) {
	if f.TLS == nil || f.TLS.Certificate == nil {
		return
	}
	r.validity(f)
	r.chain(f)
	r.key(f.TLS.Certificate)
	if isFalse(f.TLS.NameValid) {
		r.addAs("certificate-name-mismatch", f.onSubmission(Medium, Low), "%s", nameEvidence(f))
	}
	r.unrelated(f)
	if f.TLS.Certificate.Wildcard {
		r.add("certificate-wildcard", "names: %q", head(f.TLS.Certificate.SANs))
	}
}

func (r *report) validity(f *Facts) {
	c := f.TLS.Certificate
	if f.Time.IsZero() || c.NotAfter.IsZero() {
		return
	}
	left := c.NotAfter.Sub(f.Time)
	switch {
	case left < 0:
		r.addAs("certificate-expired", f.onSubmission(High, Medium), "expired on %s", c.NotAfter.UTC().Format(time.DateOnly))
	case c.NotBefore.After(f.Time):
		r.addAs("certificate-not-yet-valid", f.onSubmission(High, Medium), "valid from %s on", c.NotBefore.UTC().Format(time.DateTime))
	case left < expiresSoon:
		severity := Info
		if left < expiresNow && c.NotAfter.Sub(c.NotBefore) > expiresSoon { // certificates of a week are always about to expire
			severity = Low
		}
		r.addAs("certificate-expires-soon", severity, "expires on %s", c.NotAfter.UTC().Format(time.DateOnly))
	}
}

// chain says why no trusted root was reached. An expired leaf breaks the chain
// too, and is reported as what it is.
func (r *report) chain(f *Facts) {
	t, severity := f.TLS, f.onSubmission(Medium, Low)
	expired := !f.Time.IsZero() && (f.Time.After(t.Certificate.NotAfter) || f.Time.Before(t.Certificate.NotBefore))
	switch {
	case t.Certificate.SelfSigned && !isTrue(t.ChainValid):
		r.addAs("certificate-self-signed", severity, "issued by itself: %q", t.Certificate.SubjectCN)
	case !isFalse(t.ChainValid) || expired:
	case !unknownAuthority(t.ChainError):
		r.addAs("certificate-chain-invalid", severity, "%q", t.ChainError)
	case !hasIssuer(t):
		r.addAs("certificate-chain-incomplete", severity, "certificates sent: %d, none of issuer %q", t.ChainLength, t.Certificate.Issuer)
	default:
		r.addAs("certificate-unknown-issuer", severity, "%d certificates sent; issuer %q", t.ChainLength, t.Certificate.Issuer)
	}
}

// unknownAuthority reports whether a chain is not valid because no root is behind
// it, as crypto/x509 words that. It says so, too, where a known issuer has signed
// with an algorithm that it does not accept.
func unknownAuthority(reason string) bool {
	return strings.Contains(reason, "unknown authority") && !strings.Contains(reason, "insecure algorithm")
}

// hasIssuer reports whether the issuer of the leaf is among the certificates sent.
// RFC 8446, section 4.4.2, lets a server leave out the root only, which a client
// that trusts it has. Records have the first few of a chain.
func hasIssuer(t *TLS) bool {
	return t.ChainLength > 1+len(t.Chain) ||
		slices.ContainsFunc(t.Chain, func(c ChainCertificate) bool { return c.Subject == "" || c.Subject == t.Certificate.Issuer })
}

// unrelated looks for any name of the server in the certificate. Without the PTR
// names, which may be in it, nothing is said.
func (r *report) unrelated(f *Facts) {
	if f.PTR == nil || isTrue(f.TLS.NameValid) {
		return
	}
	known := f.called()
	names := f.TLS.Certificate.names()
	if len(known) == 0 || slices.ContainsFunc(known, func(name string) bool { return covers(names, name) }) {
		return
	}
	r.add("certificate-names-unrelated", "certificate is for %q, the server is called %q", head(names), head(known))
}

// called are all names of a server that were seen, each once.
func (f *Facts) called() []string {
	all := append([]string{f.Host}, f.PTR...)
	if f.Greeting != nil {
		all = append(all, f.Greeting.Hostname)
	}
	for _, e := range []*EHLO{f.EHLO, f.EHLOTLS} {
		if e != nil {
			all = append(all, e.Hostname)
		}
	}
	var names []string
	for _, name := range all {
		if name != "" && !slices.ContainsFunc(names, func(other string) bool { return sameName(name, other) }) {
			names = append(names, name)
		}
	}
	return names
}

// names are what a certificate is for; the subject alone is as good as a name
// for people, if not for clients (RFC 9525, section 6.3).
func (c *Certificate) names() []string {
	if len(c.SANs) == 0 && c.SubjectCN != "" {
		return []string{c.SubjectCN}
	}
	return c.SANs
}

// key judges key and signature by RFC 9325, sections 4.2 and 4.5. Nobody relies
// on the signature of a self-signed certificate.
func (r *report) key(c *Certificate) {
	switch {
	case c.KeyType == "RSA" && c.KeyBits > 0 && c.KeyBits < 1024:
		r.addAs("certificate-key-weak", High, "%s key of %d bits", c.KeyType, c.KeyBits)
	case c.KeyType == "RSA" && c.KeyBits > 0 && c.KeyBits < 2048, c.KeyType == "DSA", c.KeyType == "ECDSA" && c.KeyBits > 0 && c.KeyBits < 224:
		r.add("certificate-key-weak", "%s key of %d bits", c.KeyType, c.KeyBits)
	}
	algorithm := strings.ToUpper(c.SignatureAlgorithm)
	if !c.SelfSigned && (strings.Contains(algorithm, "SHA1") || strings.Contains(algorithm, "MD5") || strings.Contains(algorithm, "MD2")) {
		r.add("certificate-signature-weak", "signed with %s", c.SignatureAlgorithm)
	}
}

// nameEvidence says what the certificate is for, and whether another name of
// the server is covered: then the MX record rather than the certificate is
// likely to be wrong.
func nameEvidence(f *Facts) string {
	names := f.TLS.Certificate.names()
	evidence := fmt.Sprintf("asked for %s, certificate is for %q", f.Host, head(names))
	if f.Greeting != nil && covers(names, f.Greeting.Hostname) {
		return fmt.Sprintf("%s; it covers the greeting's name %q", evidence, f.Greeting.Hostname)
	}
	for _, name := range f.PTR {
		if covers(names, name) {
			return fmt.Sprintf("%s; it covers the PTR name %q", evidence, name)
		}
	}
	return evidence
}

// covers reports whether one of the certificate's names is the host's, by RFC
// 9525, section 6.3: a wildcard stands for the whole leftmost label.
func covers(names []string, host string) bool {
	host = strings.TrimSuffix(host, ".")
	_, parent, _ := strings.Cut(host, ".")
	for _, name := range names {
		if host != "" && strings.EqualFold(name, host) {
			return true
		}
		if suffix, isWildcard := strings.CutPrefix(name, "*."); isWildcard && parent != "" && strings.EqualFold(suffix, parent) {
			return true
		}
	}
	return false
}

// head joins the first few of a list that may be long.
func head(list []string) string {
	const limit = 4
	if len(list) == 0 {
		return "no name"
	}
	if len(list) <= limit {
		return strings.Join(list, ", ")
	}
	return strings.Join(list[:limit], ", ") + ", ..."
}
