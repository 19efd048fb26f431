package main

import (
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// A certLab makes configurations of servers.
type certLab struct {
	t              *testing.T
	ca, other, rsa *smtptest.CA
	roots          *x509.CertPool
	good           *tls.Config
}

func newCertLab(t *testing.T) *certLab {
	t.Helper()
	l := &certLab{t: t}
	var err [3]error
	l.ca, err[0] = smtptest.NewCA()
	l.other, err[1] = smtptest.NewCA()
	l.rsa, err[2] = smtptest.NewRSACA()
	for _, err := range err {
		if err != nil {
			t.Fatal(err)
		}
	}
	l.roots = l.ca.Pool()
	l.roots.AddCert(l.rsa.Certificate)
	l.good = l.config(l.ca, smtptest.Cert{})
	return l
}

// config is that of a server for the specimen's name, edited.
func (l *certLab) config(ca *smtptest.CA, c smtptest.Cert, edits ...func(*tls.Config)) *tls.Config {
	l.t.Helper()
	if c.Names == nil {
		c.Names = []string{specimenHost}
	}
	cert, err := ca.Issue(c)
	if err != nil {
		l.t.Fatal(err)
	}
	config := &tls.Config{Certificates: []tls.Certificate{cert}}
	for _, edit := range edits {
		edit(config)
	}
	return config
}

// postfix is the good one with changes to single replies; "greeting" is one, too.
func (l *certLab) postfix(replies map[string]string) smtptest.Script {
	s := smtptest.Postfix(specimenHost).WithTLS(l.good)
	for verb, text := range replies {
		step := smtptest.Step{Send: text}
		if verb == "greeting" {
			s.Greeting = step
			continue
		}
		s.Replies[verb] = step
	}
	return s
}

// offering is a Postfix with further keywords.
func (l *certLab) offering(config *tls.Config, before, after string) smtptest.Script {
	s := smtptest.Postfix(specimenHost).WithTLS(config)
	for replies, keyword := range map[string]string{"plain": before, "TLS": after} {
		if keyword == "" {
			continue
		}
		steps := s.Replies
		if replies == "TLS" {
			steps = s.Secure
		}
		step := steps["EHLO"]
		step.Send = strings.Replace(step.Send, "250-PIPELINING", "250-"+keyword+"\r\n250-PIPELINING", 1)
		steps["EHLO"] = step
	}
	return s
}

const noHybrid = "-tls-hybrid-key-exchange"

func (l *certLab) transport(t *testing.T) []serverSpecimen {
	upTo := func(version uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MinVersion, c.MaxVersion = tls.VersionTLS10, version }
	}
	suite := func(id uint16) func(*tls.Config) {
		return func(c *tls.Config) { c.MaxVersion, c.CipherSuites = tls.VersionTLS12, []uint16{id} }
	}
	rsa := smtptest.Cert{Key: smtptest.RSA2048}
	postfix := smtptest.Postfix(specimenHost)
	implicit := postfix.WithTLS(l.good)
	implicit.ImplicitTLS, implicit.Replies = true, l.offering(nil, "", "").Replies
	implicit.Replies["EHLO"] = postfix.Secure["EHLO"]
	lost := l.postfix(nil)
	lost.Replies["STARTTLS"] = smtptest.Step{Send: "220 go\r\n", Then: smtptest.Close}
	return []serverSpecimen{
		{name: "without TLS", script: postfix, want: "+starttls-not-offered " + noHybrid},
		{name: "behind a PIX", script: l.offering(nil, "XXXXXXXA", ""), want: "+starttls-masked " + noHybrid},
		{name: "STARTTLS 454", script: l.postfix(map[string]string{"STARTTLS": "454 4.7.0 TLS not available due to local problem\r\n"}), want: "+starttls-refused " + noHybrid},
		{name: "replies joined to STARTTLS", script: l.postfix(map[string]string{"STARTTLS": "220 2.0.0 Ready\r\n250 forged\r\n"}), want: "+text-before-handshake"},
		{name: "HELO only", script: l.postfix(map[string]string{"EHLO": "502 5.5.2 Error: command not recognized\r\n"}), want: "+ehlo-not-supported " + noHybrid + " -vrfy-advertised"},
		{name: "465", script: implicit, port: scanner.Port{Number: 465, Mode: smtp.ModeTLS}, want: ""},
		{name: "587 with TLS at once", script: implicit, port: scanner.Port{Number: 587}, want: "+tls-on-plain-port"},
		{name: "no common suite", script: postfix.WithTLS(l.config(l.ca, smtptest.Cert{}, suite(tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256))), want: "+tls-handshake-failed " + noHybrid},
		{name: "hangs up on the ClientHello", script: lost, want: "+tls-handshake-failed " + noHybrid},
		{name: "TLS 1.1", script: postfix.WithTLS(l.config(l.ca, smtptest.Cert{}, upTo(tls.VersionTLS11))), want: "+tls-version-old " + noHybrid},
		{name: "TLS 1.2", script: postfix.WithTLS(l.config(l.ca, smtptest.Cert{}, upTo(tls.VersionTLS12))), want: noHybrid},
		{name: "3DES", script: postfix.WithTLS(l.config(l.rsa, rsa, suite(tls.TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA))), want: "+tls-cipher-weak " + noHybrid},
		{name: "RSA key exchange", script: postfix.WithTLS(l.config(l.rsa, rsa, suite(tls.TLS_RSA_WITH_AES_128_GCM_SHA256))), want: "+tls-no-forward-secrecy " + noHybrid},
		{name: "X25519 only", script: postfix.WithTLS(l.config(l.ca, smtptest.Cert{}, func(c *tls.Config) { c.CurvePreferences = []tls.CurveID{tls.X25519} })), want: noHybrid},
	}
}

func (l *certLab) certificates(t *testing.T) []serverSpecimen {
	with := func(ca *smtptest.CA, c smtptest.Cert) smtptest.Script {
		return smtptest.Postfix(specimenHost).WithTLS(l.config(ca, c))
	}
	day := func(n int) time.Time { return time.Now().AddDate(0, 0, n) }
	chain := []*x509.Certificate{l.other.Certificate}
	wildcard := []string{"*.example.org"}
	leaf, err := x509.ParseCertificate(l.good.Certificates[0].Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	key := fmt.Sprintf("3 1 1 %x", sha256.Sum256(leaf.RawSubjectPublicKeyInfo))
	return []serverSpecimen{
		{name: "expired", script: with(l.ca, smtptest.Cert{NotBefore: day(-90), NotAfter: day(-1)}), want: "+certificate-expired"},
		{name: "not yet valid", script: with(l.ca, smtptest.Cert{NotBefore: day(1)}), want: "+certificate-not-yet-valid"},
		{name: "29 days left", script: with(l.ca, smtptest.Cert{NotAfter: day(29)}), want: "+certificate-expires-soon"},
		{name: "31 days left", script: with(l.ca, smtptest.Cert{NotAfter: day(31)}), want: ""},
		{name: "self-signed", script: with(l.ca, smtptest.Cert{SelfSigned: true}), want: "+certificate-self-signed"},
		{name: "leaf alone", script: with(l.other, smtptest.Cert{CommonName: "x"}), want: "+certificate-chain-incomplete"},
		{name: "own CA", script: with(l.other, smtptest.Cert{Chain: chain}), want: "+certificate-unknown-issuer"},
		{name: "other name", script: with(l.ca, smtptest.Cert{Names: []string{"mail.example.net"}}), want: "+certificate-name-mismatch +certificate-names-unrelated"},
		{name: "name of the PTR", script: with(l.ca, smtptest.Cert{Names: []string{"mail.example.net"}}), ptr: []string{"mail.example.net"}, want: "+certificate-name-mismatch"},
		{name: "RSA 1024", script: with(l.ca, smtptest.Cert{Key: smtptest.RSA1024}), want: "+certificate-key-weak"},
		{name: "SHA-1", script: with(l.rsa, smtptest.Cert{Key: smtptest.RSA2048, Algorithm: x509.SHA1WithRSA}), want: "+certificate-chain-invalid +certificate-signature-weak"},
		{name: "wildcard", script: with(l.ca, smtptest.Cert{Names: wildcard}), want: "+certificate-wildcard"},
		{name: "DANE", script: l.postfix(nil), tlsa: []string{key}, want: ""},
		{name: "DANE of an old key", script: l.postfix(nil), tlsa: []string{"3 1 1 " + strings.Repeat("5a", 32)}, want: "+tlsa-mismatch"},
	}
}

func (l *certLab) names(t *testing.T) []serverSpecimen {
	greets := func(name string) smtptest.Script {
		return l.postfix(map[string]string{"greeting": "220 " + name + " ESMTP Postfix (Debian/GNU)\r\n"})
	}
	return []serverSpecimen{
		{name: "no PTR", script: l.postfix(nil), ptr: []string{}, want: "+ptr-missing"},
		{name: "PTR of elsewhere", script: l.postfix(nil), ptr: []string{"a.example.net"}, facing: []string{"198.41.0.99"}, want: "+ptr-not-confirmed"},
		{name: "localhost", script: greets("localhost.localdomain"), want: "+ehlo-name-differs +greeting-name-unfit"},
		{name: "farm", script: greets("node7.example.org"), ptr: []string{"pool.example.org"}, want: "+ehlo-name-differs +greeting-name-unresolvable"},
		{name: "gateway", script: greets(strangerHost), want: "+ehlo-name-differs +greeting-name-differs"},
		{name: "known by two names", script: greets("node7.example.org"), ptr: []string{"node7.example.org"}, want: "+ehlo-name-differs"},
	}
}

func (l *certLab) conduct(t *testing.T) []serverSpecimen {
	greeting := func(step smtptest.Step) smtptest.Script {
		s := l.postfix(nil)
		s.Greeting = step
		return s
	}
	hello := "220 " + specimenHost + " ESMTP Postfix (Debian/GNU)\r\n"
	tarpit := greeting(smtptest.Step{Send: hello, Delay: 9 * time.Second})
	for verb, step := range tarpit.Replies {
		step.Delay = 7 * time.Second
		tarpit.Replies[verb] = step
	}
	mute := "-distribution-shown " + noHybrid + " -version-not-shown -vrfy-advertised"
	skewed := time.Now().Add(-time.Hour).Format("Mon, 2 Jan 2006 15:04:05 -0700")
	return []serverSpecimen{
		{name: "EXPN", script: l.offering(l.good, "EXPN", "EXPN"), want: "+expn-advertised"},
		{name: "XCLIENT", script: l.offering(l.good, "XCLIENT NAME ADDR", ""), want: "+xclient-offered"},
		{name: "blocks us", script: smtptest.Script{Greeting: smtptest.Reply(554, "5.7.1 "+specimenHost+" Service unavailable; Client host blocked using zen.spamhaus.org")}, want: "+scanner-rejected " + mute},
		{name: "SSH", script: smtptest.Script{Greeting: smtptest.Step{Send: "SSH-2.0-OpenSSH_9.6\r\n"}}, want: "+not-smtp " + mute},
		{name: "waits for bots", script: greeting(smtptest.Step{Send: hello, Delay: 9 * time.Second}), want: "+greeting-slow"},
		{name: "tarpit", script: tarpit, want: "+greeting-slow +tarpit"},
		{name: "drips", script: greeting(smtptest.Step{Send: hello, Segment: 1, Every: time.Second}), want: "+tarpit " + mute},
		{name: "umlauts", script: greeting(smtptest.Reply(220, specimenHost+" ESMTP Postfix (Debian/GNU) Grüße")), want: "+greeting-not-ascii"},
		{name: "slow clock", script: greeting(smtptest.Reply(220, specimenHost+" ESMTP Postfix (Debian/GNU) "+skewed)), want: "+clock-skew"},
		{name: "right clock", script: greeting(smtptest.Reply(220, specimenHost+" ESMTP Postfix (Debian/GNU) {date}")), want: ""},
		{name: "passwords before TLS", script: l.offering(l.good, "AUTH PLAIN LOGIN", "AUTH PLAIN LOGIN"), want: "+auth-clear-text +auth-on-port-25"},
		{name: "submission", script: l.offering(l.good, "", "AUTH PLAIN LOGIN"), port: scanner.Port{Number: 587}, want: ""},
		{name: "CRAM before TLS", script: l.offering(l.good, "AUTH CRAM-MD5", "AUTH CRAM-MD5"), want: "+auth-mechanism-weak +auth-on-port-25 +auth-without-tls"},
		{name: "NTLM", script: l.offering(l.good, "", "AUTH NTLM"), port: scanner.Port{Number: 587}, want: "+auth-ntlm"},
	}
}

func (l *certLab) software(t *testing.T) []serverSpecimen {
	exim := func(version string) smtptest.Script {
		s := smtptest.Exim(specimenHost).WithTLS(l.good)
		s.Greeting = smtptest.Reply(220, specimenHost+" ESMTP Exim "+version+" {date}")
		return s
	}
	const shown = "+version-shown -distribution-shown -version-not-shown -vrfy-advertised"
	return []serverSpecimen{
		{name: "Exim 4.92", script: exim("4.92"), want: "+end-of-life +known-exploited +known-vulnerabilities " + shown},
		{name: "Exim 4.96", script: exim("4.96"), want: "+end-of-life +known-vulnerabilities " + shown},
		{name: "Exim 4.100.1", script: exim("4.100.1"), want: shown},
		{name: "Exim of a build number", script: exim("125302"), want: "-distribution-shown -vrfy-advertised"},
		{name: "CommuniGate 5.1d2", script: smtptest.Script{Greeting: smtptest.Reply(220, specimenHost+" ESMTP CommuniGate Pro 5.1d2"), TLS: l.good},
			want: "+ehlo-name-differs +version-not-comparable +version-shown -distribution-shown -version-not-shown -vrfy-advertised"},
		{name: "Exim 4.100", script: exim("4.100"), want: "+known-vulnerabilities +outdated " + shown},
	}
}

func (l *certLab) checked(t *testing.T) []serverSpecimen {
	answers := func(mail, rcpt, vrfy string) smtptest.Script {
		return l.postfix(map[string]string{"MAIL": mail, "RCPT": rcpt, "VRFY": vrfy})
	}
	const taken, denied, local = "250 2.1.0 Ok\r\n", "554 5.7.1 Relay access denied\r\n", "252 2.0.0 postmaster\r\n"
	ownDomain := answers(taken, denied, local)
	for _, rcpt := range []string{"MXSWEEP-NO-SUCH-USER", "MXSWEEP-RELAY-TEST%EXAMPLE.COM", "EXAMPLE.COM!MXSWEEP-RELAY-TEST"} {
		ownDomain.Replies["RCPT TO:<"+rcpt+"@MX.EXAMPLE.ORG>"] = smtptest.Reply(250, "2.1.5 Ok")
	}
	relay := answers(taken, denied, local)
	relay.Replies["RCPT TO:<MXSWEEP-RELAY-TEST@EXAMPLE.COM>"] = smtptest.Reply(250, "2.1.5 Ok")
	message := append([]byte("NTLMSSP\x00\x02\x00\x00\x00"), make([]byte, 44)...)
	message[40], message[44] = 12, 56 // MS-NLMP, section 2.2.1.2: the target information, its size and place
	message = append(message, 1, 0, 8, 0, 'E', 0, 'X', 0, '0', 0, '1', 0)
	ntlm := l.offering(l.good, "", "AUTH NTLM")
	ntlm.Replies["AUTH"] = smtptest.Reply(334, "")
	ntlm.Replies["*"] = smtptest.Reply(501, "5.7.0 cancelled")
	ntlm.Unknown = smtptest.Reply(334, base64.StdEncoding.EncodeToString(message))
	old := l.config(l.ca, smtptest.Cert{}, func(c *tls.Config) { c.MinVersion = tls.VersionTLS10 })
	return []serverSpecimen{
		{name: "checked: sound", script: answers(taken, denied, local), asks: true, want: ""},
		{name: "checked: takes all of its own", script: ownDomain, asks: true, want: ""},
		{name: "checked: greylists", script: answers(taken, "450 4.2.0 Greylisted\r\n", local), asks: true, want: ""},
		{name: "checked: wants AUTH", script: answers("530 5.7.0 Authentication required\r\n", taken, local), asks: true, want: ""},
		{name: "checked: relays", script: relay, asks: true, want: "+open-relay"},
		{name: "checked: refuses after DATA", script: answers(taken, taken, local), asks: true, want: "+open-relay"},
		{name: "checked: VRFY", script: answers(taken, denied, "250 2.1.5 <postmaster@example.org>\r\n"), asks: true, want: "+vrfy-answered"},
		{name: "checked: NTLM", script: ntlm, asks: true, want: "+auth-ntlm +auth-on-port-25 +ntlm-disclosure"},
		{name: "checked: TLS 1.0", script: smtptest.Postfix(specimenHost).WithTLS(old), asks: true, want: "+tls-old-accepted"},
	}
}
