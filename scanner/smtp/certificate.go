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
func (t *TLS) record(sent []*x509.Certificate, serverName string, roots *x509.CertPool) {
	t.ChainLength = len(sent)
	if len(sent) == 0 {
		return
	}
	leaf, behind := sent[0], sent[1:min(len(sent), 1+maxIntermediates)]
	t.Certificate = facts(leaf)
	for _, cert := range behind[:min(len(behind), maxChain)] {
		t.Chain = append(t.Chain, ChainCert{
			Subject:  cut(cert.Subject.String(), maxName),
			Issuer:   cut(cert.Issuer.String(), maxName),
			NotAfter: cert.NotAfter.UTC(),
			SHA256:   fingerprint(cert.Raw),
		})
	}
	t.judge(leaf, behind, serverName, roots)
}

// judge checks chain and name apart from each other: a certificate that is
// valid for another name is not an untrusted one.
func (t *TLS) judge(leaf *x509.Certificate, behind []*x509.Certificate, serverName string, roots *x509.CertPool) {
	if serverName != "" {
		// A name in the subject alone does not count (RFC 6125,
		// section 6.4.4, and RFC 9525, section 6.3).
		valid := leaf.VerifyHostname(serverName) == nil
		t.NameValid = &valid
	}
	pool := x509.NewCertPool()
	for _, cert := range behind {
		pool.AddCert(cert)
	}
	_, err := leaf.Verify(x509.VerifyOptions{
		Roots:         roots,
		Intermediates: pool,
		CurrentTime:   time.Now(),
		KeyUsages:     []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	})
	if err != nil {
		t.ChainError = err.Error()
	}
	if _, noRoots := errors.AsType[x509.SystemRootsError](err); !noRoots {
		valid := err == nil
		t.ChainValid = &valid
	}
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
