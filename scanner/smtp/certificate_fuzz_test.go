package smtp

import (
	"crypto/ed25519"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"net"
	"testing"
	"time"
)

// FuzzCertificate records and judges whatever parses as a certificate.
func FuzzCertificate(f *testing.F) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	for _, subject := range []string{"mx.example.com", "*.example.com", "a\x00b\x1b[31m\u202e=1+1"} {
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: subject, Organization: []string{"o", "p"}},
			DNSNames: []string{"mx.example.com", "*.example.com"}, IPAddresses: []net.IP{{192, 0, 2, 1}}, NotAfter: time.Now().Add(time.Hour),
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, public, private)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(der, subject)
	}
	f.Fuzz(func(t *testing.T, der []byte, name string) {
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return
		}
		v := new(TLS)
		v.record([]*x509.Certificate{cert, cert}, name, new(chains), x509.NewCertPool())
		c := v.Certificate
		switch {
		case c == nil || v.ChainValid == nil || *v.ChainValid || v.ChainLength != 2 || len(v.Chain) != 1:
			t.Fatalf("%+v", v)
		case (name == "") != (v.NameValid == nil):
			t.Fatalf("name %q: %v", name, v.NameValid)
		case len(c.SANs) > maxSANs || c.SANCount < len(c.SANs) || len(c.Subject) > maxName+8 || len(c.SubjectCN) > maxNamePart+8:
			t.Fatalf("not bounded: %+v", c)
		}
	})
}
