package smtptest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"net"
	"time"
)

// A CA issues certificates. Its own is valid for ten years and known to nobody
// but those who are given its Pool.
type CA struct {
	Certificate *x509.Certificate
	key         crypto.Signer
}

// A Cert describes a certificate. The zero value is an ECDSA P-256 leaf without
// names, valid from an hour ago for 90 days.
type Cert struct {
	Names      []string // DNS names and addresses for the SAN extension
	CommonName string   // "": the first of Names
	NotBefore  time.Time
	NotAfter   time.Time
	Key        Key
	SelfSigned bool                    // signed by its own key instead of the CA's
	Algorithm  x509.SignatureAlgorithm // zero: the usual one of the signing key
	// Chain is what is sent behind the leaf. nil sends nothing: clients have
	// the root, and there is no intermediate.
	Chain []*x509.Certificate
}

// A Key is a type and size of key.
type Key string

// The keys that a Cert can have.
const (
	P256    Key = "" // the quickest to make
	P384    Key = "P384"
	Ed25519 Key = "Ed25519"
	RSA1024 Key = "RSA1024"
	RSA2048 Key = "RSA2048"
)

// NewCA makes a CA with an ECDSA P-256 key.
func NewCA() (*CA, error) { return newCA(P256) }

// NewRSACA makes a CA with an RSA key, whose signatures can also be of SHA-1.
func NewRSACA() (*CA, error) { return newCA(RSA2048) }

func newCA(kind Key) (*CA, error) {
	key, err := newKey(kind)
	if err != nil {
		return nil, err
	}
	template := &x509.Certificate{
		SerialNumber:          big.NewInt(1),
		Subject:               pkix.Name{CommonName: "smtptest CA", Organization: []string{"smtptest"}},
		NotBefore:             time.Now().Add(-time.Hour),
		NotAfter:              time.Now().AddDate(10, 0, 0),
		IsCA:                  true,
		BasicConstraintsValid: true,
		KeyUsage:              x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, fmt.Errorf("smtptest: %w", err)
	}
	cert, err := x509.ParseCertificate(der)
	return &CA{Certificate: cert, key: key}, err
}

// Pool returns a pool with the CA's certificate, for a client that trusts it.
func (ca *CA) Pool() *x509.CertPool {
	pool := x509.NewCertPool()
	pool.AddCert(ca.Certificate)
	return pool
}

// Config returns the configuration of a server with a good certificate for the
// names.
func (ca *CA) Config(names ...string) (*tls.Config, error) {
	cert, err := ca.Issue(Cert{Names: names})
	if err != nil {
		return nil, err
	}
	return &tls.Config{Certificates: []tls.Certificate{cert}}, nil
}

// Issue makes a certificate. It fails where crypto/x509 refuses to make what is
// described.
func (ca *CA) Issue(c Cert) (tls.Certificate, error) {
	key, err := newKey(c.Key)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := c.template()
	parent, signer := ca.Certificate, ca.key
	if c.SelfSigned {
		parent, signer = template, key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, key.Public(), signer)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("smtptest: %w", err)
	}
	chain := [][]byte{der}
	for _, cert := range c.Chain {
		chain = append(chain, cert.Raw)
	}
	return tls.Certificate{Certificate: chain, PrivateKey: key}, nil
}

// template fills in the defaults.
func (c Cert) template() *x509.Certificate {
	now := time.Now()
	t := &x509.Certificate{
		SerialNumber:       big.NewInt(now.UnixNano()),
		Subject:            pkix.Name{CommonName: c.CommonName},
		NotBefore:          c.NotBefore,
		NotAfter:           c.NotAfter,
		SignatureAlgorithm: c.Algorithm,
		KeyUsage:           x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage:        []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
	}
	if t.NotBefore.IsZero() {
		t.NotBefore = now.Add(-time.Hour)
	}
	if t.NotAfter.IsZero() {
		t.NotAfter = now.AddDate(0, 0, 90)
	}
	if c.CommonName == "" && len(c.Names) > 0 {
		t.Subject.CommonName = c.Names[0]
	}
	for _, name := range c.Names {
		if ip := net.ParseIP(name); ip != nil {
			t.IPAddresses = append(t.IPAddresses, ip)
		} else {
			t.DNSNames = append(t.DNSNames, name)
		}
	}
	return t
}

func newKey(kind Key) (crypto.Signer, error) {
	switch kind {
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case Ed25519:
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return key, err
	case RSA1024:
		return rsa.GenerateKey(rand.Reader, 1024)
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}
