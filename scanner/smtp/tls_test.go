package smtp_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// config returns the configuration of a server for mx.example.com, and a CA
// that vouches for it.
func config(t testing.TB) (*tls.Config, *smtptest.CA) {
	t.Helper()
	ca, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	c, err := ca.Config("mx.example.com")
	if err != nil {
		t.Fatal(err)
	}
	return c, ca
}

// contact probes a server over TCP.
func contact(t testing.TB, p *smtp.Prober, script smtptest.Script, mode smtp.Mode) (*smtp.Transcript, smtptest.Session) {
	t.Helper()
	srv, err := smtptest.Listen("127.0.0.1:0", script)
	if err != nil {
		t.Fatal(err)
	}
	if p.Name == "" {
		p.Name = "probe.example.net"
	}
	tr := p.Probe(t.Context(), dial(t, srv), mode, "mx.example.com")
	srv.Close()
	return tr, srv.Sessions()[0]
}

func TestSTARTTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config, ca := config(t)
		script := smtptest.Exchange("mx.example.com").WithTLS(config)
		tr, session := talk(t.Context(), &smtp.Prober{Roots: ca.Pool(), Ask: all}, script, smtp.ModeSTARTTLS)
		if tr.Err != nil || tr.TLSErr != nil || tr.Phase != smtp.PhaseQUIT || tr.ImplicitTLS {
			t.Fatalf("ended in %q with %v, TLS %v, implicit %v", tr.Phase, tr.Err, tr.TLSErr, tr.ImplicitTLS)
		}
		want := []string{"EHLO probe.example.net", "STARTTLS", "EHLO probe.example.net",
			"HELP", "XMXSWEEP", "NOOP", "RSET", "VRFY postmaster", "HELO probe.example.net", "QUIT"}
		if !slices.Equal(session.Commands, want) || session.Early || session.SNI != "mx.example.com" {
			t.Errorf("said %q, early %v, SNI %q", session.Commands, session.Early, session.SNI)
		}
		if !tr.Capabilities.STARTTLS || tr.CapabilitiesTLS.STARTTLS || !slices.Equal(tr.CapabilitiesTLS.Auth, []string{"NTLM", "LOGIN"}) {
			t.Errorf("before %+v, after %+v", tr.Capabilities, tr.CapabilitiesTLS)
		}
		if v := tr.TLS; v.Version != "TLS 1.3" || v.Curve != "X25519MLKEM768" || v.Cipher == "" || v.ServerName != "mx.example.com" || !*v.ChainValid || !*v.NameValid || v.ChainError != "" {
			t.Errorf("%+v", v)
		}
		if tr.Injected != "" || tr.Timings.TLS == nil || tr.Timings.STARTTLS == nil {
			t.Errorf("injected %q, timings %+v", tr.Injected, tr.Timings)
		}
	})
}

func TestImplicitTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := smtptest.Postfix("mx.example.com")
		script.TLS, _ = config(t)
		script.ImplicitTLS = true
		script.Secure = nil // it offers STARTTLS even here, and must not be taken up
		tr, session := talk(t.Context(), new(smtp.Prober), script, smtp.ModeTLS)
		if tr.Err != nil || !tr.ImplicitTLS || tr.TLS.Version != "TLS 1.3" || !tr.Capabilities.STARTTLS || tr.EHLOTLS != nil {
			t.Errorf("%v, implicit %v, %+v", tr.Err, tr.ImplicitTLS, tr.TLS)
		}
		if !slices.Equal(session.Commands, []string{"EHLO probe.example.net", "QUIT"}) {
			t.Errorf("said %q", session.Commands)
		}
	})
}

// A server that waits for a ClientHello on a plain port gets one when the
// greeting clock has run out.
func TestTLSOnPlainPort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := smtptest.Postfix("mx.example.com")
		script.TLS, _ = config(t)
		script.ImplicitTLS = true
		start := time.Now()
		tr, _ := talk(t.Context(), new(smtp.Prober), script, smtp.ModeSTARTTLS)
		if tr.Err != nil || !tr.ImplicitTLS || tr.TLS == nil || tr.Phase != smtp.PhaseQUIT || time.Since(start) != 30*time.Second || tr.GreetingDelay != 0 {
			t.Errorf("after %v: %v, implicit %v, %+v, delay %v", time.Since(start), tr.Err, tr.ImplicitTLS, tr.TLS, tr.GreetingDelay)
		}
	})
}

// A plain server on a TLS port is recognized by its greeting.
func TestPlainOnTLSPort(t *testing.T) {
	tests := []struct {
		greeting smtptest.Step
		kind     smtp.Kind
		phase    smtp.Phase
	}{
		{smtptest.Reply(220, "mx.example.com ESMTP", "more"), smtp.KindPlainText, "tls"},
		{smtptest.Step{Send: "220-mx.example.com\r\n220 more\r\n", Segment: 7, Every: time.Millisecond}, smtp.KindPlainText, "tls"},
		{smtptest.Reply(554, "SMTP synchronization error"), smtp.KindPlainText, "tls"},
		{smtptest.Reply(421, "too many connections"), smtp.KindRateLimited, "greeting"},
		{smtptest.Step{Send: "HTTP/1.1 400 Bad Request\r\n\r\n", Then: smtptest.Close}, smtp.KindNotSMTP, "greeting"},
		{smtptest.Step{Send: "SSH-2.0-OpenSSH_9.2\r\n"}, smtp.KindNotSMTP, "greeting"},
	}
	for _, tt := range tests {
		tr, _ := contact(t, new(smtp.Prober), greet(tt.greeting), smtp.ModeTLS)
		if smtp.KindOf(tr.Err) != tt.kind || tr.Phase != tt.phase || tr.ImplicitTLS || tr.TLS != nil {
			t.Errorf("%q: ended in %q with %v", tt.greeting.Send, tr.Phase, tr.Err)
		}
		if tr.Greeting == nil || !strings.HasPrefix(string(tr.Greeting.Raw), tt.greeting.Send) {
			t.Errorf("kept %+v", tr.Greeting)
		}
	}
}

// The ways in which STARTTLS fails, and what is left of the conversation.
func TestSTARTTLSFails(t *testing.T) {
	config, _ := config(t)
	offers := func(reply smtptest.Step) smtptest.Script {
		return with(map[string]smtptest.Step{"EHLO": offer, "STARTTLS": reply})
	}
	tests := []struct {
		name   string
		script smtptest.Script
		kind   smtp.Kind // of TLSErr
		phase  smtp.Phase
		quit   bool
		text   string // part of TLS.Error; "": no handshake
	}{
		{"refused", offers(smtptest.Reply(454, "4.3.0 TLS not available")), smtp.KindRejected, "quit", true, ""},
		{"refused for good", offers(smtptest.Reply(502, "what?")), smtp.KindRejected, "quit", true, ""},
		{"refused for now", offers(smtptest.Reply(451, "too many TLS sessions")), smtp.KindRateLimited, "quit", true, ""},
		{"plain text in the next segment", offers(smtptest.Step{Send: "220 go on\r\n500 what was that?\r\n", Segment: 11, Every: time.Millisecond}),
			smtp.KindTLS, "tls", false, `plain text instead of TLS: "500 what`},
		{"closed", offers(smtptest.Step{Send: "220 go\r\n", Then: smtptest.Close}), smtp.KindClosed, "tls", false, "closed by the server"},
		{"record bomb", offers(smtptest.Step{Send: "220 go\r\n" + strings.Repeat("\x15\x03\x03\x00\x02\x01\x5a", 100), Segment: 8, Every: time.Millisecond}),
			smtp.KindTLS, "tls", false, "too many"},
		{"no common version", smtptest.Script{TLS: nil, Replies: nil}.WithTLS(&tls.Config{Certificates: config.Certificates,
			GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, errors.New("no") }}), smtp.KindTLS, "tls", false, "remote error: tls: internal error"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr, session := talk(t.Context(), new(smtp.Prober), tt.script, smtp.ModeSTARTTLS)
				if tr.Err != nil || smtp.KindOf(tr.TLSErr) != tt.kind || tr.Phase != tt.phase || session.Quit != tt.quit {
					t.Errorf("ended in %q with %v, TLS: %v, QUIT %v", tr.Phase, tr.Err, tr.TLSErr, session.Quit)
				}
				if tt.text == "" && tr.TLS != nil || tt.text != "" && (tr.TLS == nil || !strings.Contains(tr.TLS.Error, tt.text) || tr.TLS.Version != "") {
					t.Errorf("TLS %+v", tr.TLS)
				}
				if !tr.Capabilities.STARTTLS || tr.CapabilitiesTLS != nil || tr.ImplicitTLS {
					t.Error("what was known before is lost")
				}
			})
		})
	}
}

// Plain text between the reply to STARTTLS and the handshake is evidence, and
// is never heard as if it had been said inside TLS.
func TestInjection(t *testing.T) {
	config, _ := config(t)
	script := smtptest.Script{TLS: config, Replies: map[string]smtptest.Step{
		"STARTTLS": raw("220 go\r\n250-evil.example\r\n250 AUTH PLAIN\r\n"),
	}}
	tr, _ := contact(t, new(smtp.Prober), script, smtp.ModeSTARTTLS)
	if tr.Err != nil || tr.Injected != "250-evil.example\r\n250 AUTH PLAIN\r\n" {
		t.Errorf("%v, injected %q", tr.Err, tr.Injected)
	}
	if tr.STARTTLS.Raw != "220 go\r\n" || tr.EHLOTLS.Hostname() != "mx.example.com" || len(tr.CapabilitiesTLS.Auth) > 0 {
		t.Errorf("%+v, then %+v", tr.STARTTLS, tr.EHLOTLS)
	}
}

// Trouble inside TLS ends the conversation, and keeps what was known.
func TestTroubleInsideTLS(t *testing.T) {
	config, _ := config(t)
	for _, tt := range []struct {
		ehlo smtptest.Step
		kind smtp.Kind
	}{
		{smtptest.Step{Then: smtptest.Close}, smtp.KindClosed},
		{smtptest.Step{Then: smtptest.Silence}, smtp.KindTimeout},
		{smtptest.Step{Send: "250-x\r\n", Then: smtptest.Endless}, smtp.KindTooLong},
		{smtptest.Reply(421, "busy"), smtp.KindRateLimited},
		{smtptest.Reply(500, "what?"), smtp.KindRejected},
		{raw("what?\r\n"), smtp.KindProtocol},
	} {
		script := smtptest.Script{TLS: config, Secure: map[string]smtptest.Step{"EHLO": tt.ehlo}}
		synctest.Test(t, func(t *testing.T) {
			tr, _ := talk(t.Context(), new(smtp.Prober), script, smtp.ModeSTARTTLS)
			if smtp.KindOf(tr.Err) != tt.kind || tr.Phase != smtp.PhaseEHLOTLS || tr.TLS.Version == "" || !tr.Capabilities.STARTTLS || tr.CapabilitiesTLS != nil {
				t.Errorf("want %s: ended in %q with %v, %+v", tt.kind, tr.Phase, tr.Err, tr.TLS)
			}
		})
	}
}

// A reset at each step, and the kernel's own words for it.
func TestReset(t *testing.T) {
	config, _ := config(t)
	reset := smtptest.Step{Send: "2", Then: smtptest.Reset}
	for phase, script := range map[smtp.Phase]smtptest.Script{
		smtp.PhaseGreeting: greet(smtptest.Step{Delay: 10 * time.Millisecond, Send: "2", Then: smtptest.Reset}),
		smtp.PhaseEHLO:     with(map[string]smtptest.Step{"EHLO": reset}),
		smtp.PhaseHELO:     with(map[string]smtptest.Step{"EHLO": smtptest.Reply(500, "what?"), "HELO": reset}),
		smtp.PhaseSTARTTLS: with(map[string]smtptest.Step{"EHLO": offer, "STARTTLS": reset}),
		smtp.PhaseEHLOTLS:  {TLS: config, Secure: map[string]smtptest.Step{"EHLO": reset}},
	} {
		tr, _ := contact(t, new(smtp.Prober), script, smtp.ModeSTARTTLS)
		if tr.Phase != phase || smtp.KindOf(tr.Err) != smtp.KindReset || !errors.Is(tr.Err, syscall.ECONNRESET) {
			t.Errorf("%s: ended in %q with %v", phase, tr.Phase, tr.Err)
		}
	}
	tr, _ := contact(t, &smtp.Prober{Ask: all}, with(map[string]smtptest.Step{"HELP": reset}), smtp.ModeSTARTTLS)
	if tr.Err != nil || tr.Phase != smtp.PhaseAsk {
		t.Errorf("ask: ended in %q with %v", tr.Phase, tr.Err)
	}
}

// Every version and suite that crypto/tls has left is spoken, so that old
// servers are seen.
func TestOldServers(t *testing.T) {
	ca, err := smtptest.NewRSACA()
	if err != nil {
		t.Fatal(err)
	}
	var certs []tls.Certificate
	for _, key := range []smtptest.Key{smtptest.RSA2048, smtptest.P256} {
		cert, err := ca.Issue(smtptest.Cert{Names: []string{"mx.example.com"}, Key: key})
		if err != nil {
			t.Fatal(err)
		}
		certs = append(certs, cert)
	}
	for version := uint16(tls.VersionTLS10); version <= tls.VersionTLS13; version++ {
		for _, suite := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
			if !slices.Contains(suite.SupportedVersions, version) {
				continue
			}
			conf := &tls.Config{Certificates: certs, MinVersion: version, MaxVersion: version, CipherSuites: []uint16{suite.ID}}
			client, server := net.Pipe()
			done := make(chan error, 1)
			go func() { done <- tls.Server(server, conf).Handshake(); server.Close() }()
			tr := new(smtp.Prober).Probe(t.Context(), client, smtp.ModeTLS, "mx.example.com")
			if err := <-done; err != nil || tr.TLS.Version != tls.VersionName(version) {
				t.Errorf("%s with %s: server %v, client %+v", tls.VersionName(version), suite.Name, err, tr.TLS)
			}
			if version < tls.VersionTLS13 && tr.TLS.Cipher != suite.Name {
				t.Errorf("%s became %s", suite.Name, tr.TLS.Cipher)
			}
			if smtp.KindOf(tr.Err) != smtp.KindClosed || !tr.ImplicitTLS || tr.TLS.Certificate == nil {
				t.Errorf("%s: %v", suite.Name, tr.Err)
			}
		}
	}
}

// Without a name there is no SNI and no judgment of names; an address is never
// sent as SNI, but checked.
func TestServerName(t *testing.T) {
	ca, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	conf, err := ca.Config("mx.example.com", "*.wild.example", "192.0.2.7", "2001:db8::7")
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]struct {
		sni   string
		valid any
	}{
		"mx.example.com":    {"mx.example.com", true},
		"mx.example.com.":   {"mx.example.com", true},
		"MX.Example.COM":    {"MX.Example.COM", true},
		"a.wild.example":    {"a.wild.example", true},
		"a.b.wild.example":  {"a.b.wild.example", false},
		"mx.example.org":    {"mx.example.org", false},
		"under_score.a.com": {"under_score.a.com", false},
		"192.0.2.7":         {"", true},
		"192.0.2.8":         {"", false},
		"2001:db8::7":       {"", true},
		"":                  {"", nil},
	} {
		conn, over := smtptest.Pipe(smtptest.Script{TLS: conf, ImplicitTLS: true})
		tr := (&smtp.Prober{Roots: ca.Pool()}).Probe(t.Context(), conn, smtp.ModeTLS, name)
		var valid any
		if tr.TLS.NameValid != nil {
			valid = *tr.TLS.NameValid
		}
		session := <-over
		if tr.Err != nil || session.SNI != want.sni || tr.TLS.ServerName != want.sni || valid != want.valid || !*tr.TLS.ChainValid {
			t.Errorf("%q: %v, SNI %q, recorded %q, valid %v", name, tr.Err, session.SNI, tr.TLS.ServerName, fmt.Sprint(valid))
		}
	}
}
