package smtp_test

import (
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf16"

	"github.com/mxsweep/mxsweep/scanner/smtp"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// ask makes a check on a script in memory.
func ask(t *testing.T, script smtptest.Script, check smtp.Check) (smtp.Checked, smtptest.Session) {
	t.Helper()
	conn, over := smtptest.Pipe(script)
	mode := smtp.ModeSTARTTLS
	if script.ImplicitTLS {
		mode = smtp.ModeTLS
	}
	p := smtp.Prober{Name: "probe.example.net"}
	c, _ := p.Check(t.Context(), conn, mode, "mx.example.com", check)
	return c, <-over
}

// commands writes what was exchanged as "command: reply".
func commands(c smtp.Checked) []string {
	list := []string{}
	for _, e := range c.Exchanges {
		list = append(list, e.Command+": "+strings.TrimSpace(string(e.Reply)))
	}
	return list
}

// A relay check is transactions without DATA, each ended by RSET, and QUIT.
func TestCheckRelay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := with(map[string]smtptest.Step{
			"MAIL": smtptest.Reply(250, "2.1.0 Ok"),
			"RCPT": smtptest.Reply(554, "5.7.1 Relay access denied"),
			"RCPT TO:<@MX.EXAMPLE.COM:MXSWEEP-RELAY-TEST@EXAMPLE.COM>": smtptest.Reply(250, "2.1.5 Ok"),
		})
		c, session := ask(t, script, smtp.CheckRelay)
		want := []string{
			"RCPT TO:<mxsweep-no-such-user@mx.example.com>: 554 5.7.1 Relay access denied",
			"RCPT TO:<mxsweep-relay-test@example.com>: 554 5.7.1 Relay access denied",
			"RCPT TO:<mxsweep-relay-test@example.com>: 554 5.7.1 Relay access denied",
			"RCPT TO:<@mx.example.com:mxsweep-relay-test@example.com>: 250 2.1.5 Ok",
			"RCPT TO:<mxsweep-relay-test%example.com@mx.example.com>: 554 5.7.1 Relay access denied",
			"RCPT TO:<example.com!mxsweep-relay-test@mx.example.com>: 554 5.7.1 Relay access denied",
		}
		got := slices.DeleteFunc(commands(c), func(s string) bool { return !strings.HasPrefix(s, "RCPT") })
		if !slices.Equal(got, want) || c.Error != "" {
			t.Errorf("error %q, exchanged\n%s", c.Error, strings.Join(commands(c), "\n"))
		}
		resets, mails := 0, 0
		for _, line := range session.Commands {
			switch verb, _, _ := strings.Cut(line, " "); verb {
			case "RSET":
				resets++
			case "MAIL":
				mails++
			case "DATA", "BDAT":
				t.Errorf("said %q", line)
			}
		}
		if resets != 6 || mails != 6 || !session.Quit {
			t.Errorf("said %q", session.Commands)
		}
	})
}

// Where no sender is taken, no recipient is named; a server that hangs up has
// given no answer.
func TestCheckRelayRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, session := ask(t, with(map[string]smtptest.Step{"MAIL": smtptest.Reply(530, "5.7.0 Authentication required")}), smtp.CheckRelay)
		if c.Error != "" || len(c.Exchanges) != 12 || slices.ContainsFunc(session.Commands, func(s string) bool { return strings.HasPrefix(s, "RCPT") }) {
			t.Errorf("error %q, said %q", c.Error, session.Commands)
		}
		c, _ = ask(t, with(map[string]smtptest.Step{"RCPT": {Then: smtptest.Close}, "MAIL": smtptest.Reply(250, "ok")}), smtp.CheckRelay)
		if got := commands(c); c.Error == "" || len(got) != 2 || !strings.HasSuffix(got[1], ": ") {
			t.Errorf("error %q, exchanged %q", c.Error, got)
		}
		c, _ = ask(t, smtptest.Rejecting("mx.example.com"), smtp.CheckRelay)
		if c.Error == "" || c.Exchanges == nil || len(c.Exchanges) != 0 {
			t.Errorf("%+v", c)
		}
	})
}

// The other checks of a server with STARTTLS are made inside TLS.
func TestCheckInsideTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config, _ := config(t)
		c, session := ask(t, smtptest.Postfix("mx.example.com").WithTLS(config), smtp.CheckVrfy)
		if got := commands(c); len(got) != 1 || !strings.HasPrefix(got[0], "VRFY postmaster: 252 ") || !session.TLS || !session.Quit {
			t.Errorf("exchanged %q, TLS %v, quit %v", got, session.TLS, session.Quit)
		}
	})
}

// Over TCP, since both sides speak at once where the fault is there.
func TestCheckInjection(t *testing.T) {
	config, _ := config(t)
	for _, tt := range []struct {
		name   string
		script smtptest.Script
		last   string
		err    string
	}{
		{"sound", smtptest.Script{TLS: config}, "QUIT: 221 2.0.0 Bye", ""},
		{"faulty", smtptest.Script{TLS: config, Injectable: true}, "QUIT: 250 2.0.0 Ok\r\n221 2.0.0 Bye", ""},
		{"says 250 to QUIT", smtptest.Script{TLS: config, Replies: map[string]smtptest.Step{"QUIT": {Send: "250 bye\r\n", Then: smtptest.Close}}}, "QUIT: 250 bye", ""},
		{"no STARTTLS", smtptest.Script{}, "", "not offered"},
		{"TLS port", smtptest.Script{TLS: config, ImplicitTLS: true}, "", "not offered"},
		{"refuses", smtptest.Script{TLS: config, Replies: map[string]smtptest.Step{"STARTTLS": smtptest.Reply(554, "pipelining")}}, "STARTTLS\r\nNOOP: 554 pipelining", "554"},
		{"hangs up", smtptest.Script{TLS: config, Replies: map[string]smtptest.Step{"STARTTLS": {Then: smtptest.Close}}}, "STARTTLS\r\nNOOP: ", "ask: "},
	} {
		srv, err := smtptest.Listen("127.0.0.1:0", tt.script)
		if err != nil {
			t.Fatal(err)
		}
		mode := smtp.ModeSTARTTLS
		if tt.script.ImplicitTLS {
			mode = smtp.ModeTLS
		}
		p := smtp.Prober{Name: "probe.example.net"}
		c, _ := p.Check(t.Context(), dial(t, srv), mode, "mx.example.com", smtp.CheckInjection)
		srv.Close()
		session := srv.Sessions()[0]
		got, last := commands(c), ""
		if len(got) > 0 {
			last = got[len(got)-1]
		}
		if last != tt.last || !strings.Contains(c.Error, tt.err) || (c.Error == "") != (tt.err == "") {
			t.Errorf("%s: exchanged %q, error %q", tt.name, got, c.Error)
		}
		if session.TLS && !tt.script.ImplicitTLS && !session.Early {
			t.Errorf("%s: NOOP was not there before the handshake", tt.name)
		}
	}
}

// challenge makes an NTLM challenge as MS-NLMP, section 2.2.1.2, lays it out.
func challenge(pairs map[uint16]string, version ...byte) []byte {
	var info []byte
	for _, id := range []uint16{2, 1, 4, 3} {
		var text []byte
		for _, u := range utf16.Encode([]rune(pairs[id])) {
			text = binary.LittleEndian.AppendUint16(text, u)
		}
		info = binary.LittleEndian.AppendUint16(info, id)
		info = binary.LittleEndian.AppendUint16(info, uint16(len(text)))
		info = append(info, text...)
	}
	info = append(info, 0, 0, 0, 0)
	m := make([]byte, 56)
	copy(m, "NTLMSSP\x00\x02")
	if len(version) > 0 {
		m[23] = 2
		copy(m[48:], version)
	}
	binary.LittleEndian.PutUint16(m[40:], uint16(len(info)))
	binary.LittleEndian.PutUint16(m[42:], uint16(len(info)))
	binary.LittleEndian.PutUint32(m[44:], 56)
	return append(m, info...)
}

func TestCheckNTLM(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		message := challenge(map[uint16]string{1: "EX01", 2: "CORP", 3: "ex01.corp.example", 4: "corp.example"}, 10, 0, 0x63, 0x45)
		reply := "334 " + base64.StdEncoding.EncodeToString(message) + "\r\n"
		script := smtptest.Script{Replies: map[string]smtptest.Step{
			"EHLO":         smtptest.Reply(250, "mx", "AUTH NTLM LOGIN"),
			"AUTH NTLM":    smtptest.Reply(334, "NTLM supported"),
			"*":            smtptest.Reply(501, "5.7.0 cancelled"),
			"TLRMTVNTUAAB": raw(reply),
		}, Unknown: raw(reply)}
		c, session := ask(t, script, smtp.CheckNTLM)
		if len(c.Exchanges) != 3 || c.Error != "" || !session.Quit {
			t.Fatalf("%+v", c)
		}
		sent, err := base64.StdEncoding.DecodeString(c.Exchanges[1].Command)
		if err != nil || len(sent) < 32 || string(sent[:12]) != "NTLMSSP\x00\x01\x00\x00\x00" {
			t.Errorf("sent %q", sent)
		}
		got, ok := smtp.ParseNTLM(c.Exchanges[1].Reply)
		want := smtp.NTLMTarget{Host: "EX01", Domain: "CORP", DNSHost: "ex01.corp.example", DNSDomain: "corp.example", Version: "10.0.17763"}
		if !ok || got != want {
			t.Errorf("%+v, %v", got, ok)
		}
		if c, session := ask(t, smtptest.Script{}, smtp.CheckNTLM); !strings.Contains(c.Error, "not offered") || slices.Contains(session.Commands, "AUTH NTLM") {
			t.Errorf("%+v", c)
		}
	})
}

func FuzzParseNTLM(f *testing.F) {
	f.Add("334 " + base64.StdEncoding.EncodeToString(challenge(map[uint16]string{1: "EX01"}, 6, 3, 0, 0)) + "\r\n")
	f.Add("334 TlRMTVNTUAACAAAA")
	f.Fuzz(func(t *testing.T, reply string) {
		got, ok := smtp.ParseNTLM(smtp.Raw(reply))
		if !ok && got != (smtp.NTLMTarget{}) || len(got.Host) > 3*len(reply) {
			t.Errorf("%+v, %v", got, ok)
		}
	})
}

func TestSpeaksTLS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		config, _ := config(t)
		newer := config.Clone()
		newer.MinVersion = tls.VersionTLS12
		old := config.Clone()
		old.MinVersion, old.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		script := func(c *tls.Config) smtptest.Script { return smtptest.Script{TLS: c} }
		silent := smtptest.Script{TLS: config, Replies: map[string]smtptest.Step{"STARTTLS": {Send: "220 go\r\n", Then: smtptest.Silence}}}
		hangsUp := smtptest.Script{TLS: config, Replies: map[string]smtptest.Step{"STARTTLS": {Send: "220 go\r\n", Then: smtptest.Close}}}
		implicit := smtptest.Script{TLS: newer, ImplicitTLS: true}
		for _, tt := range []struct {
			name   string
			script smtptest.Script
			want   [4]string // of TLS 1.0 to 1.3
		}{
			{"current", script(newer), [4]string{"no", "no", "yes", "yes"}},
			{"port 465", implicit, [4]string{"no", "no", "yes", "yes"}},
			{"old", script(old), [4]string{"yes", "yes", "no", "no"}},
			{"no TLS", smtptest.Script{}, [4]string{"unknown", "unknown", "unknown", "unknown"}},
			{"silent", silent, [4]string{"unknown", "unknown", "unknown", "unknown"}},
			{"hangs up", hangsUp, [4]string{"unknown", "unknown", "unknown", "unknown"}},
		} {
			for i, want := range tt.want {
				conn, over := smtptest.Pipe(tt.script)
				mode := smtp.ModeSTARTTLS
				if tt.script.ImplicitTLS {
					mode = smtp.ModeTLS
				}
				p := smtp.Prober{Name: "probe.example.net", Timeout: time.Second}
				speaks, _ := p.SpeaksTLS(t.Context(), conn, mode, "mx.example.com", uint16(tls.VersionTLS10+i))
				session := <-over
				got := "unknown"
				if speaks != nil {
					got = map[bool]string{true: "yes", false: "no"}[*speaks]
				}
				if got != want || session.TLS != (want == "yes") || session.TLS && !session.Quit {
					t.Errorf("%s, TLS 1.%d: %s, want %s; handshake %v, quit %v", tt.name, i, got, want, session.TLS, session.Quit)
				}
			}
		}
	})
}
