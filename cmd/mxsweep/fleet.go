package main

import (
	"crypto/tls"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"time"

	"github.com/mxsweep/mxsweep/resolver/dnstest"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// The ports of the demonstration stand for 25, 465 and 587, which need
// privileges.
const (
	fleetRelay      = "2525"
	fleetTLS        = "4465"
	fleetSubmission = "5587"
)

// fleetZone is the world that the demonstration's name server knows.
const fleetZone = `
$TTL 300
$ORIGIN example.
acme        MX 10 mx1.acme
acme        MX 20 mx2.acme
mx1.acme    A 127.25.0.1
mx2.acme    A 127.25.0.2
corp        MX 5 exchange.corp
corp        MX 5 gateway.corp
exchange.corp A 127.25.0.3
gateway.corp  A 127.25.0.4
legacy      MX 10 mail.legacy
mail.legacy A 127.25.0.5
shop        A 127.25.0.6
startup     MX 10 mx.startup
mx.startup  CNAME box.startup
box.startup A 127.25.0.7
campus      MX 10 mx.campus
mx.campus   A 127.25.0.8
lists       MX 10 mx.campus
busy        MX 10 mx.busy
mx.busy     A 127.25.0.9
parked      MX 0 .
parked      TXT "v=spf1 -all"
acme        TXT "v=spf1 mx -all"
_dmarc.acme TXT "v=DMARC1; p=reject; rua=mailto:dmarc@acme.example"
_mta-sts.acme   TXT "v=STSv1; id=20261101"
_smtp._tls.acme TXT "v=TLSRPTv1; rua=mailto:tls@acme.example"
corp        TXT "v=spf1 ip4:127.25.0.4 ?all"
_dmarc.corp TXT "v=DMARC1; p=none"
startup     TXT "v=spf1 mx -all"
startup     TXT "v=spf1 include:_spf.mailer.example ~all"
gone-mx     MX 10 nowhere.gone-mx
$ORIGIN 0.25.127.in-addr.arpa.
1 PTR mx1.acme.example.
2 PTR mx2.acme.example.
3 PTR exchange.corp.example.
8 PTR mx.campus.example.
`

// fleetTargets names several domains, a host with a port and a range, one of
// them in a form that people get wrong.
func fleetTargets() []string {
	return []string{
		"acme.example", "corp.example", "legacy.example", "postmaster@shop.example", "startup.example",
		"campus.example", "lists.example", "busy.example", "parked.example", "gone-mx.example",
		"no-such.example", "broken.example", "127.25.1.0/28:2525", "not a target!",
	}
}

// A fleet is a small world of mail servers on loopback.
type fleet struct {
	dns     *dnstest.Server
	servers []*smtptest.Server
	caPEM   []byte
}

// startFleet starts it. The caller closes it.
func startFleet() (*fleet, error) {
	f := &fleet{}
	err := f.start()
	if err != nil {
		f.close()
		return nil, err
	}
	return f, nil
}

func (f *fleet) start() (err error) {
	if f.dns, err = dnstest.NewServer(fleetZone); err != nil {
		return err
	}
	f.dns.Behave("broken.example.", "", dnstest.Behavior{RCode: dnstest.ServFail})
	ca, err := smtptest.NewCA()
	if err != nil {
		return err
	}
	f.caPEM = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate.Raw})
	certs, err := issue(ca)
	if err != nil {
		return err
	}
	return errors.Join(f.startDomains(certs), f.startRange(certs))
}

// fleetCerts are configurations of servers, from good to bad.
type fleetCerts struct {
	acme, corp, expired, selfSigned, otherName *tls.Config
}

func issue(ca *smtptest.CA) (c fleetCerts, err error) {
	month := 30 * 24 * time.Hour
	for _, want := range []struct {
		config **tls.Config
		cert   smtptest.Cert
	}{
		{&c.acme, smtptest.Cert{Names: []string{"mx1.acme.example"}}},
		{&c.corp, smtptest.Cert{Names: []string{"exchange.corp.example", "gateway.corp.example"}, Key: smtptest.RSA2048}},
		{&c.expired, smtptest.Cert{
			Names:     []string{"mx2.acme.example"},
			NotBefore: time.Now().Add(-4 * month), NotAfter: time.Now().Add(-month),
		}},
		{&c.selfSigned, smtptest.Cert{Names: []string{"localhost.localdomain"}, SelfSigned: true, Key: smtptest.RSA1024}},
		{&c.otherName, smtptest.Cert{Names: []string{"www.startup.example"}}},
	} {
		cert, err := ca.Issue(want.cert)
		if err != nil {
			return c, err
		}
		*want.config = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	c.selfSigned.MinVersion, c.selfSigned.MaxVersion = tls.VersionTLS10, tls.VersionTLS10
	return c, nil
}

// startDomains starts the servers that the domains' MX records lead to.
func (f *fleet) startDomains(c fleetCerts) error {
	return errors.Join(
		f.serve("127.25.0.1", smtptest.Postfix("mx1.acme.example"), c.acme, fleetRelay, fleetTLS, fleetSubmission),
		f.serve("127.25.0.2", smtptest.Exim("mx2.acme.example"), c.expired, fleetRelay, fleetSubmission),
		f.serve("127.25.0.3", talkative(smtptest.Exchange("exchange.corp.example")), c.corp, fleetRelay, fleetSubmission),
		f.serve("127.25.0.4", smtptest.IronPort("gateway.corp.example"), c.corp, fleetRelay),
		f.serve("127.25.0.5", careless(smtptest.Sendmail("mail.legacy.example")), c.selfSigned, fleetRelay),
		f.serve("127.25.0.6", smtptest.Qmail("shop.example"), nil, fleetRelay),
		f.serve("127.25.0.7", smtptest.OpenSMTPD("box.startup.example"), c.otherName, fleetRelay, fleetTLS),
		f.serve("127.25.0.8", slow(smtptest.Postfix("mx.campus.example")), nil, fleetRelay),
		f.serve("127.25.0.9", smtptest.TooBusy("mx.busy.example"), nil, fleetRelay),
	)
}

// startRange starts servers that only a sweep finds, odd ones among them.
func (f *fleet) startRange(c fleetCerts) error {
	return errors.Join(
		f.serve("127.25.1.2", smtptest.Haraka("scanner.office.example"), c.otherName, fleetRelay),
		f.serve("127.25.1.5", smtptest.Rejecting("filter.example"), nil, fleetRelay),
		f.serve("127.25.1.7", ftp(), nil, fleetRelay),
		f.serve("127.25.1.9", smtptest.Script{Greeting: smtptest.Step{Send: "220 evil.example \x1b]0;owned\a\xff\xfe =HYPERLINK(\"x\") ESMTP\r\n"}}, nil, fleetRelay),
		f.serve("127.25.1.11", smtptest.Script{Greeting: smtptest.Step{Then: smtptest.Silence}}, nil, fleetRelay),
		f.serve("127.25.1.12", smtptest.Script{Greeting: smtptest.Step{Send: "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n"}}, nil, fleetRelay),
	)
}

// slow is a server that shows its first line at once and the last one later, to
// see who talks too early, as Postfix's postscreen does.
func slow(s smtptest.Script) smtptest.Script {
	text := s.Greeting.Send
	first := "220-" + text[len("220 "):]
	s.Greeting = smtptest.Step{Send: first + text, Segment: len(first), Every: 1200 * time.Millisecond}
	return s
}

// careless is a server that an active check finds fault with: it relays for
// everybody, and takes what comes before TLS for what is said inside it.
func careless(s smtptest.Script) smtptest.Script {
	s.Replies["MAIL"] = smtptest.Reply(250, "2.1.0 Sender ok")
	s.Replies["RCPT"] = smtptest.Reply(250, "2.1.5 Recipient ok")
	s.Injectable = true
	return s
}

// talkative is a server that answers AUTH NTLM with a challenge, of a host EX01
// in the domain CORP.
func talkative(s smtptest.Script) smtptest.Script {
	for _, replies := range []map[string]smtptest.Step{s.Replies, s.Secure} {
		replies["AUTH NTLM"] = smtptest.Reply(334, "NTLM supported")
		replies[ntlmNegotiate] = smtptest.Reply(334, ntlmChallenge)
		replies["*"] = smtptest.Reply(501, "5.7.0 Authentication canceled")
	}
	return s
}

// The messages of MS-NLMP, sections 2.2.1.1 (in upper case, as a Script has
// commands) and 2.2.1.2.
const (
	ntlmNegotiate = "TLRMTVNTUAABAAAABYIAAGAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=="
	ntlmChallenge = "TlRMTVNTUAACAAAACAAIADgAAAAFgoECASNFZ4mrze8AAAAAAAAAAF4AXgBAAAAACgBjRQAAAA9DAE8AUgBQAAIACABDAE8AUgBQ" +
		"AAEACABFAFgAMAAxAAQAGABjAG8AcgBwAC4AZQB4AGEAbQBwAGwAZQADACIAZQB4ADAAMQAuAGMAbwByAHAALgBlAHgAYQBtAHAA" +
		"bABlAAAAAAA="
)

// ftp is a file server on a mail port: it greets with 220, too.
func ftp() smtptest.Script {
	return smtptest.Script{
		Greeting: smtptest.Reply(220, "ProFTPD 1.3.5e Server (files) [127.25.1.7]"),
		Replies: map[string]smtptest.Step{
			"EHLO": smtptest.Reply(500, "EHLO not understood"),
			"HELO": smtptest.Reply(500, "HELO not understood"),
			"QUIT": {Send: "221 Goodbye.\r\n", Then: smtptest.Close},
		},
		Unknown: smtptest.Reply(530, "Please login with USER and PASS"),
	}
}

// serve runs a script on ports of one address, with TLS if config is not nil.
func (f *fleet) serve(addr string, script smtptest.Script, config *tls.Config, ports ...string) error {
	script.TLS = config
	for _, port := range ports {
		script.ImplicitTLS = port == fleetTLS
		server, err := smtptest.Listen(net.JoinHostPort(addr, port), script)
		if err != nil {
			return fmt.Errorf("start a server: %w", err)
		}
		f.servers = append(f.servers, server)
	}
	return nil
}

func (f *fleet) close() {
	for _, s := range f.servers {
		s.Close()
	}
	if f.dns != nil {
		_ = f.dns.Close()
	}
}
