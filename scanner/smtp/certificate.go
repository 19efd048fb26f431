package smtp

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"
)

// The bounds of what is kept of certificates, which crypto/tls bounds to 256
// KiB in all. Nothing in use comes near them.
const (
	maxChain         = 10  // certificates recorded behind the leaf
	maxIntermediates = 32  // certificates tried for a path to a root
	maxSANs          = 100 // names recorded
	maxName          = 4096
	maxNamePart      = 512
)

// record keeps and judges the certificates that a server sent, leaf first.
// Chain and name are judged apart from each other: a certificate that is valid
// for another name is not an untrusted one.
func (t *TLS) record(sent []*x509.Certificate, serverName string, known *chains, roots *x509.CertPool) {
	t.ChainLength = len(sent)
	if len(sent) == 0 {
		return
	}
	v := known.get(sent, roots)
	t.Certificate, t.Chain, t.ChainValid, t.ChainError = v.leaf, v.behind, v.valid, v.err
	if serverName != "" {
		// A name in the subject alone does not count (RFC 6125,
		// section 6.4.4, and RFC 9525, section 6.3).
		valid := sent[0].VerifyHostname(serverName) == nil
		t.NameValid = &valid
	}
}

// A chain is what was found out about certificates, whoever sends them. It is
// shared and never changed.
type chain struct {
	leaf   *Certificate
	behind []ChainCert
	valid  *bool
	err    string
	at     time.Time // of the judgment
}

// judge finds it out.
func judge(sent []*x509.Certificate, roots *x509.CertPool) *chain {
	leaf, behind := sent[0], sent[1:min(len(sent), 1+maxIntermediates)]
	v := &chain{leaf: facts(leaf), behind: []ChainCert{}, at: time.Now()}
	for _, cert := range behind[:min(len(behind), maxChain)] {
		v.behind = append(v.behind, ChainCert{
			Subject:    cut(cert.Subject.String(), maxName),
			Issuer:     cut(cert.Issuer.String(), maxName),
			NotAfter:   cert.NotAfter.UTC(),
			SHA256:     fingerprint(cert.Raw),
			SPKISHA256: fingerprint(cert.RawSubjectPublicKeyInfo),
		})
	}
	pool := x509.NewCertPool()
	for _, cert := range behind {
		pool.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: pool,
		CurrentTime:   v.at,
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		v.err = err.Error()
	}
	if _, noRoots := errors.AsType[x509.SystemRootsError](err); !noRoots {
		valid := err == nil
		v.valid = &valid
	}
	return v
}

// The bounds of how many judgments are kept, and for how long one holds, as
// certificates expire.
const (
	maxKept = 1024
	maxAge  = 10 * time.Minute
)

// chains keeps judgments. The hosts of a fleet often share a certificate, and
// verifying it costs as much as the rest of the handshake. The zero value is
// ready.
type chains struct {
	mu   sync.Mutex
	kept map[[sha256.Size]byte]*chain
}

// get returns what is to be said about certificates.
func (k *chains) get(sent []*x509.Certificate, roots *x509.CertPool) *chain {
	h := sha256.New()
	for _, cert := range sent { // each one says how long it is, so they can follow each other
		h.Write(cert.Raw)
	}
	id := [sha256.Size]byte(h.Sum(nil))
	k.mu.Lock()
	v := k.kept[id]
	k.mu.Unlock()
	if v != nil && time.Since(v.at) < maxAge {
		return v
	}
	v = judge(sent, roots)
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.kept) >= maxKept || k.kept == nil {
		k.kept = make(map[[sha256.Size]byte]*chain) // whatever is in use comes back at once
	}
	k.kept[id] = v
	return v
}

// facts returns what a certificate says.
func facts(cert *x509.Certificate) *Certificate {
	c := &Certificate{
		SubjectCN:          cut(cert.Subject.CommonName, maxNamePart),
		Subject:            cut(cert.Subject.String(), maxName),
		Issuer:             cut(cert.Issuer.String(), maxName),
		IssuerCN:           cut(cert.Issuer.CommonName, maxNamePart),
		IssuerOrg:          cut(strings.Join(cert.Issuer.Organization, ", "), maxNamePart),
		SANs:               []string{},
		SANCount:           len(cert.DNSNames) + len(cert.IPAddresses),
		NotBefore:          cert.NotBefore.UTC(),
		NotAfter:           cert.NotAfter.UTC(),
		Serial:             cert.SerialNumber.Text(16),
		SignatureAlgorithm: cert.SignatureAlgorithm.String(),
		SelfSigned:         selfSigned(cert),
		SHA256:             fingerprint(cert.Raw),
		SPKISHA256:         fingerprint(cert.RawSubjectPublicKeyInfo),
		DERSize:            len(cert.Raw),
	}
	c.KeyType, c.KeyBits = key(cert)
	for _, name := range cert.DNSNames {
		c.SANs = append(c.SANs, cut(name, maxNamePart))
	}
	for _, ip := range cert.IPAddresses {
		c.SANs = append(c.SANs, ip.String())
	}
	c.SANs = slices.Clip(c.SANs[:min(len(c.SANs), maxSANs)])
	names := cert.DNSNames
	if c.SANCount == 0 {
		names = []string{cert.Subject.CommonName}
	}
	c.Wildcard = slices.ContainsFunc(names, func(name string) bool { return strings.HasPrefix(name, "*.") })
	return c
}

// key returns type and size of the public key, 0 bits where it is not known.
func key(cert *x509.Certificate) (string, int) {
	switch k := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		return "RSA", k.N.BitLen()
	case *ecdsa.PublicKey:
		return "ECDSA", k.Curve.Params().BitSize
	case ed25519.PublicKey:
		return "Ed25519", 8 * len(k)
	}
	if cert.PublicKeyAlgorithm == x509.DSA {
		return "DSA", 0 // of no use in TLS since 1.3, nor to crypto/tls ever
	}
	return "unknown", 0
}

// selfSigned reports whether a certificate is its own issuer. The constraints
// of a CA are not asked for: most self-signed server certificates lack them.
// Where a signature is too weak for the standard library to check (MD5, RSA
// below 1024 bits), equal names have to do.
func selfSigned(cert *x509.Certificate) bool {
	if !bytes.Equal(cert.RawSubject, cert.RawIssuer) {
		return false
	}
	err := cert.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature)
	_, weak := errors.AsType[x509.InsecureAlgorithmError](err)
	kind, bits := key(cert)
	return err == nil || weak || kind == "RSA" && bits < 1024
}

// fingerprint returns the SHA-256 of some DER in hexadecimal.
func fingerprint(der []byte) string {
	sum := sha256.Sum256(der)
	return hex.EncodeToString(sum[:])
}
