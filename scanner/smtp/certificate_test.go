package smtp_test

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// show lets a server show a certificate to a client that trusts ca.
func show(t *testing.T, ca *smtptest.CA, c smtptest.Cert) (*smtp.TLS, tls.Certificate) {
	t.Helper()
	cert, err := ca.Issue(c)
	if err != nil {
		t.Fatal(err)
	}
	script := smtptest.Script{TLS: &tls.Config{Certificates: []tls.Certificate{cert}}, ImplicitTLS: true}
	tr, _ := contact(t, &smtp.Prober{Roots: ca.Pool()}, script, smtp.ModeTLS)
	if tr.TLS == nil {
		t.Fatal(tr.Err)
	}
	return tr.TLS, cert
}

func authorities(t *testing.T) (ec, rsa *smtptest.CA) {
	t.Helper()
	ec, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	rsa, err = smtptest.NewRSACA()
	if err != nil {
		t.Fatal(err)
	}
	return ec, rsa
}

// The usual faults of certificates: each is seen, none ends the conversation,
// and none is mistaken for another.
func TestCertificateJudged(t *testing.T) {
	ec, rsa := authorities(t)
	other, _ := authorities(t)
	names := []string{"mx.example.com"}
	hour := time.Hour
	tests := []struct {
		name       string
		ca         *smtptest.CA
		cert       smtptest.Cert
		chain, ok  bool // ChainValid, NameValid
		self, wild bool
		because    string // part of ChainError
	}{
		{"good", ec, smtptest.Cert{Names: names}, true, true, false, false, ""},
		{"other name", ec, smtptest.Cert{Names: []string{"mx.example.org"}}, true, false, false, false, ""},
		{"wildcard", ec, smtptest.Cert{Names: []string{"*.example.com"}}, true, true, false, true, ""},
		{"wildcard in the common name", ec, smtptest.Cert{CommonName: "*.example.com"}, true, false, false, true, ""},
		{"common name only", ec, smtptest.Cert{CommonName: "mx.example.com"}, true, false, false, false, ""},
		{"no name at all", ec, smtptest.Cert{}, true, false, false, false, ""},
		{"expired", ec, smtptest.Cert{Names: names, NotBefore: time.Now().Add(-9 * hour), NotAfter: time.Now().Add(-hour)}, false, true, false, false, "expired"},
		{"not yet valid", ec, smtptest.Cert{Names: names, NotBefore: time.Now().Add(hour)}, false, true, false, false, "not yet valid"},
		{"self-signed", ec, smtptest.Cert{Names: names, SelfSigned: true}, false, true, true, false, "unknown authority"},
		{"SHA-1", rsa, smtptest.Cert{Names: names, Key: smtptest.RSA2048, Algorithm: x509.SHA1WithRSA}, false, true, false, false, "SHA1"},
		{"self-signed with SHA-1", rsa, smtptest.Cert{Names: names, SelfSigned: true, Key: smtptest.RSA2048, Algorithm: x509.SHA1WithRSA}, false, true, true, false, ""},
		{"useless chain", ec, smtptest.Cert{Names: names, Chain: []*x509.Certificate{other.Certificate}}, true, true, false, false, ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, _ := show(t, tt.ca, tt.cert)
			if got.Version != "TLS 1.3" || got.Error != "" {
				t.Fatalf("no handshake: %+v", got)
			}
			if *got.ChainValid != tt.chain || *got.NameValid != tt.ok || got.Certificate.SelfSigned != tt.self || got.Certificate.Wildcard != tt.wild {
				t.Errorf("chain %v, name %v, self-signed %v, wildcard %v", *got.ChainValid, *got.NameValid, got.Certificate.SelfSigned, got.Certificate.Wildcard)
			}
			if (got.ChainError == "") != tt.chain || !strings.Contains(got.ChainError, tt.because) {
				t.Errorf("because %q", got.ChainError)
			}
		})
	}
}

// Every fact of a certificate is recorded.
func TestCertificateFacts(t *testing.T) {
	ec, rsa := authorities(t)
	for _, tt := range []struct {
		ca   *smtptest.CA
		key  smtptest.Key
		kind string
		bits int
		sig  string
	}{
		{ec, smtptest.P256, "ECDSA", 256, "ECDSA-SHA256"},
		{ec, smtptest.P384, "ECDSA", 384, "ECDSA-SHA256"},
		{ec, smtptest.Ed25519, "Ed25519", 256, "ECDSA-SHA256"},
		{rsa, smtptest.RSA2048, "RSA", 2048, "SHA256-RSA"},
		{rsa, smtptest.RSA1024, "RSA", 1024, "SHA256-RSA"},
	} {
		before := time.Now().Add(-48 * time.Hour).UTC().Truncate(time.Second)
		after := before.AddDate(1, 0, 0)
		v, cert := show(t, tt.ca, smtptest.Cert{Key: tt.key, Names: []string{"mx.example.com", "192.0.2.1", "2001:db8::1"},
			NotBefore: before, NotAfter: after, Chain: []*x509.Certificate{tt.ca.Certificate}})
		leaf, err := x509.ParseCertificate(cert.Certificate[0])
		if err != nil {
			t.Fatal(err)
		}
		sum, spki := sha256.Sum256(leaf.Raw), sha256.Sum256(leaf.RawSubjectPublicKeyInfo)
		want := smtp.Certificate{
			SubjectCN: "mx.example.com", Subject: "CN=mx.example.com", Issuer: "CN=smtptest CA,O=smtptest",
			IssuerCN: "smtptest CA", IssuerOrg: "smtptest", SANs: []string{"mx.example.com", "192.0.2.1", "2001:db8::1"}, SANCount: 3,
			NotBefore: before, NotAfter: after, Serial: fmt.Sprintf("%x", leaf.SerialNumber), KeyType: tt.kind, KeyBits: tt.bits,
			SignatureAlgorithm: tt.sig, SHA256: hex.EncodeToString(sum[:]), SPKISHA256: hex.EncodeToString(spki[:]), DERSize: len(leaf.Raw),
		}
		if got := fmt.Sprintf("%+v", *v.Certificate); got != fmt.Sprintf("%+v", want) {
			t.Errorf("%s:\ngot  %s\nwant %+v", tt.key, got, want)
		}
		if v.ChainLength != 2 || len(v.Chain) != 1 || v.Chain[0].Subject != "CN=smtptest CA,O=smtptest" || v.Chain[0].Issuer != v.Chain[0].Subject {
			t.Errorf("chain of %d: %+v", v.ChainLength, v.Chain)
		}
	}
}

// Certificates made to hurt are bounded, and what is odd in them is kept as it
// is.
func TestHostileCertificates(t *testing.T) {
	ca, _ := authorities(t)
	chain := slices.Repeat([]*x509.Certificate{ca.Certificate}, 400)
	v, _ := show(t, ca, smtptest.Cert{Names: []string{"mx.example.com"}, Chain: chain})
	if v.ChainLength != 401 || len(v.Chain) != 10 || !*v.ChainValid {
		t.Errorf("long chain: %d, %d recorded, error %q", v.ChainLength, len(v.Chain), v.ChainError)
	}
	v, _ = show(t, ca, smtptest.Cert{Names: []string{"mx.example.com"}, Chain: slices.Repeat(chain, 3)})
	if v.Version != "" || !strings.Contains(v.Error, "exceeds maximum") {
		t.Errorf("chain beyond the bound: %+v", v)
	}
	long := strings.Repeat("a.", 20000)
	v, _ = show(t, ca, smtptest.Cert{Names: slices.Repeat([]string{long}, 3), CommonName: long})
	if v.Version == "" || len(v.Certificate.SANs) != 3 || len(v.Certificate.SANs[0]) > 512 || len(v.Certificate.Subject) > 4096 || v.Certificate.DERSize < 100000 {
		t.Errorf("long names: %d names of %d bytes, error %q", len(v.Certificate.SANs), len(v.Certificate.SANs[0]), v.Error)
	}
	var many []string
	for i := range 2000 {
		many = append(many, fmt.Sprintf("%d.example.com", i))
	}
	v, _ = show(t, ca, smtptest.Cert{Names: many})
	if len(v.Certificate.SANs) != 100 || v.Certificate.SANCount != 2000 {
		t.Errorf("many names: %d of %d", len(v.Certificate.SANs), v.Certificate.SANCount)
	}
	const odd = "a\x00b\x1b[31m\u202e=HYPERLINK()<script>"
	v, _ = show(t, ca, smtptest.Cert{CommonName: odd})
	if v.Certificate == nil || v.Certificate.SubjectCN != odd {
		t.Errorf("odd name: %+v", v.Certificate)
	}
	v, _ = show(t, ca, smtptest.Cert{Names: []string{"mx.example.com\x00.evil.example"}})
	if v.Certificate == nil || *v.NameValid || v.Certificate.SANs[0] != "mx.example.com\x00.evil.example" {
		t.Errorf("NUL in a name: %+v, error %q", v.Certificate, v.Error)
	}
}

// A certificate is kept even if the handshake fails after it: here a client
// certificate is demanded, of which the server then complains.
func TestCertificateOfFailedHandshake(t *testing.T) {
	conf, ca := config(t)
	conf.ClientAuth = tls.RequireAnyClientCert
	conf.MaxVersion = tls.VersionTLS12
	script := smtptest.Script{TLS: conf}
	conn, over := smtptest.Pipe(script)
	tr := (&smtp.Prober{Roots: ca.Pool()}).Probe(t.Context(), conn, smtp.ModeSTARTTLS, "mx.example.com")
	<-over
	if tr.Err != nil || smtp.KindOf(tr.TLSErr) != smtp.KindTLS || tr.TLS.Version != "" || tr.TLS.Error == "" {
		t.Errorf("%v, TLS %v, %+v", tr.Err, tr.TLSErr, tr.TLS)
	}
	if c := tr.TLS.Certificate; c == nil || c.SubjectCN != "mx.example.com" || !*tr.TLS.ChainValid {
		t.Errorf("certificate %+v", c)
	}
}

// A certificate is judged once and not for every host that shows it; each
// record has its own word on the name.
func TestCertificateShared(t *testing.T) {
	ca, _ := authorities(t)
	cert, err := ca.Issue(smtptest.Cert{Names: []string{"mx.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	another, err := ca.Issue(smtptest.Cert{Names: []string{"mx.example.com"}})
	if err != nil {
		t.Fatal(err)
	}
	p := &smtp.Prober{Roots: ca.Pool()}
	var seen []*smtp.TLS
	for _, c := range []tls.Certificate{cert, cert, another} {
		script := smtptest.Script{TLS: &tls.Config{Certificates: []tls.Certificate{c}}, ImplicitTLS: true}
		tr, _ := contact(t, p, script, smtp.ModeTLS)
		if tr.TLS == nil || tr.TLS.ChainValid == nil || !*tr.TLS.ChainValid || tr.TLS.NameValid == nil {
			t.Fatalf("transcript %+v", tr)
		}
		seen = append(seen, tr.TLS)
	}
	if seen[0].Certificate != seen[1].Certificate {
		t.Error("the same certificate was judged twice")
	}
	if seen[1].Certificate == seen[2].Certificate || seen[1].Certificate.SHA256 == seen[2].Certificate.SHA256 {
		t.Error("two certificates were taken for one")
	}
	if seen[0].NameValid == seen[1].NameValid {
		t.Error("two records share their word on the name")
	}
}

// LightTLS offers no hybrid; the handshake is as good.
func TestLightTLS(t *testing.T) {
	ca, _ := authorities(t)
	config, err := ca.Config("mx.example.com")
	if err != nil {
		t.Fatal(err)
	}
	for light, want := range map[bool]string{false: tls.X25519MLKEM768.String(), true: tls.X25519.String()} {
		tr, _ := contact(t, &smtp.Prober{Roots: ca.Pool(), LightTLS: light}, smtptest.Script{TLS: config, ImplicitTLS: true}, smtp.ModeTLS)
		if tr.Err != nil || tr.TLS.Curve != want {
			t.Errorf("light %v: curve %q, want %q (%v)", light, tr.TLS.Curve, want, tr.Err)
		}
	}
}
