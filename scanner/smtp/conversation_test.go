package smtp_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// talk holds a conversation with a script in memory, in the time of the
// bubble that the caller runs in.
func talk(ctx context.Context, p *smtp.Prober, script smtptest.Script, mode smtp.Mode) (*smtp.Transcript, smtptest.Session) {
	if p.Name == "" {
		p.Name = "probe.example.net"
	}
	conn, over := smtptest.Pipe(script)
	t := p.Probe(ctx, conn, mode, "mx.example.com")
	return t, <-over
}

// all asks for everything.
func all(*smtp.Transcript) []smtp.Command {
	return []smtp.Command{smtp.CmdHelp, smtp.CmdUnknown, smtp.CmdNoop, smtp.CmdRset, smtp.CmdVrfy, smtp.CmdHelo}
}

// with returns a well-behaved script with some replies of its own.
func with(replies map[string]smtptest.Step) smtptest.Script { return smtptest.Script{Replies: replies} }

// greet returns a well-behaved script with a greeting of its own.
func greet(s smtptest.Step) smtptest.Script { return smtptest.Script{Greeting: s} }

// raw is a Step that sends a text as it stands.
func raw(text string) smtptest.Step { return smtptest.Step{Send: text} }

// offer is an EHLO reply that offers STARTTLS.
var offer = smtptest.Reply(250, "mx.example.com", "STARTTLS")

// The conversations in plain text: what the server does, what the client says,
// how it ends.
func TestConversation(t *testing.T) {
	const e, h = "EHLO probe.example.net", "HELO probe.example.net"
	tests := []struct {
		name   string
		script smtptest.Script
		ask    func(*smtp.Transcript) []smtp.Command
		said   []string
		phase  smtp.Phase
		kind   smtp.Kind // of Err
	}{
		{"plain", smtptest.Script{}, nil, []string{e, "QUIT"}, "quit", ""},
		{"no ESMTP in the greeting", greet(raw("220 mx.example.com ready\r\n")), nil, []string{e, "QUIT"}, "quit", ""},
		{"greeting of three lines", greet(smtptest.Reply(220, "mx.example.com", "no spam", "ESMTP")), nil, []string{e, "QUIT"}, "quit", ""},
		{"greeting with bare LF", greet(raw("220-mx.example.com\n220 ESMTP\n")), nil, []string{e, "QUIT"}, "quit", ""},
		{"greeting without text", greet(raw("220\r\n")), nil, []string{e, "QUIT"}, "quit", ""},
		{"greeting with a wrong code inside", greet(raw("220-mx\r\n250 ESMTP\r\n")), nil, []string{e, "QUIT"}, "quit", ""},
		{"greeting lines without hyphens", greet(raw("220 mx\r\n220 more\r\n220 ESMTP\r\n")), nil, []string{e, "QUIT"}, "quit", ""},
		{"code-less line in the greeting", greet(raw("220-mx\r\nstray\r\n220 ESMTP\r\n")), nil, []string{e, "QUIT"}, "quit", ""},
		{"greeting is a 421", greet(smtptest.Reply(421, "busy")), nil, nil, "greeting", smtp.KindRateLimited},
		{"greeting is a 450", greet(smtptest.Reply(450, "later")), nil, []string{"QUIT"}, "greeting", smtp.KindRejected},
		{"greeting is a 451, too many", greet(smtptest.Reply(451, "Too many connections from you")), nil, []string{"QUIT"}, "greeting", smtp.KindRateLimited},
		{"greeting is a 554", smtptest.Rejecting("mx.example.com"), nil, []string{"QUIT"}, "greeting", smtp.KindRejected},
		{"greeting is a 354", greet(smtptest.Reply(354, "go")), nil, []string{"QUIT"}, "greeting", smtp.KindProtocol},
		{"greeting is a 554 and the door closes", greet(smtptest.Step{Send: "554 no\r\n", Then: smtptest.Close}), nil, nil, "greeting", smtp.KindRejected},
		{"greeting is a 554 without line ending", greet(smtptest.Step{Send: "554 no", Then: smtptest.Close}), nil, nil, "greeting", smtp.KindRejected},
		{"closed without a greeting", greet(smtptest.Step{Then: smtptest.Close}), nil, nil, "greeting", smtp.KindClosed},
		{"closed in the greeting", greet(smtptest.Step{Send: "220-mx\r\n", Then: smtptest.Close}), nil, nil, "greeting", smtp.KindClosed},
		{"closed after the greeting", greet(smtptest.Step{Send: "220 mx\r\n", Then: smtptest.Close}), nil, nil, "ehlo", smtp.KindClosed},
		{"silence", greet(smtptest.Step{Then: smtptest.Silence}), nil, nil, "greeting", smtp.KindTimeout},
		{"half a greeting", greet(smtptest.Step{Send: "220-mx\r\n220", Then: smtptest.Silence}), nil, nil, "greeting", smtp.KindTimeout},
		{"endless greeting line", greet(smtptest.Step{Send: "220 " + strings.Repeat("x", 999), Then: smtptest.Endless}), nil, nil, "greeting", smtp.KindTooLong},
		{"endless greeting lines", greet(smtptest.Step{Send: "220-x\r\n", Then: smtptest.Endless}), nil, nil, "greeting", smtp.KindTooLong},
		{"SSH", greet(raw("SSH-2.0-OpenSSH_9.2p1\r\n")), nil, nil, "greeting", smtp.KindNotSMTP},
		{"POP3", greet(raw("+OK ready\r\n")), nil, nil, "greeting", smtp.KindNotSMTP},
		{"IMAP", greet(raw("* OK IMAP4rev1\r\n")), nil, nil, "greeting", smtp.KindNotSMTP},
		{"HTTP", greet(raw("HTTP/1.1 400 Bad Request\r\n\r\n")), nil, nil, "greeting", smtp.KindNotSMTP},
		{"bytes without a line", greet(smtptest.Step{Send: "\x4a\x00\x00\x00\x0a8.0.36", Then: smtptest.Silence}), nil, nil, "greeting", smtp.KindNotSMTP},
		{"TLS alert", greet(smtptest.Step{Send: "\x15\x03\x01\x00\x02\x02\x46", Then: smtptest.Silence}), nil, nil, "greeting", smtp.KindNotSMTP},

		{"HELO on 500", with(map[string]smtptest.Step{"EHLO": smtptest.Reply(500, "what?")}), nil, []string{e, h, "QUIT"}, "quit", ""},
		{"HELO on 502", with(map[string]smtptest.Step{"EHLO": smtptest.Reply(502, "what?")}), nil, []string{e, h, "QUIT"}, "quit", ""},
		{"HELO on 550", with(map[string]smtptest.Step{"EHLO": smtptest.Reply(550, "who?")}), nil, []string{e, h, "QUIT"}, "quit", ""},
		{"LMTP", with(map[string]smtptest.Step{"EHLO": smtptest.Reply(500, "5.5.1 LHLO"), "HELO": smtptest.Reply(500, "5.5.1 LHLO")}),
			nil, []string{e, h, "QUIT"}, "helo", smtp.KindNotSMTP},
		{"FTP", smtptest.Script{Greeting: smtptest.Reply(220, "(vsFTPd 3.0.3)"), Replies: map[string]smtptest.Step{
			"EHLO": smtptest.Reply(530, "Please login with USER and PASS."), "HELO": smtptest.Reply(530, "Please login with USER and PASS.")}},
			nil, []string{e, h, "QUIT"}, "helo", smtp.KindNotSMTP},
		{"EHLO is put off", with(map[string]smtptest.Step{"EHLO": smtptest.Reply(451, "later")}), nil, []string{e, "QUIT"}, "ehlo", smtp.KindRejected},
		{"EHLO gets 421", with(map[string]smtptest.Step{"EHLO": smtptest.Reply(421, "busy")}), nil, []string{e}, "ehlo", smtp.KindRateLimited},
		{"EHLO gets 220 only", with(map[string]smtptest.Step{"EHLO": smtptest.Reply(220, "hi")}), nil, []string{e}, "ehlo", smtp.KindProtocol},
		{"EHLO gets 220 for ever", with(map[string]smtptest.Step{"EHLO": {Send: "220 hi\r\n", Then: smtptest.Endless}}), nil, []string{e}, "ehlo", smtp.KindProtocol},
		{"EHLO gets garbage", with(map[string]smtptest.Step{"EHLO": raw("hello\r\n")}), nil, []string{e}, "ehlo", smtp.KindProtocol},
		{"EHLO gets silence", with(map[string]smtptest.Step{"EHLO": {Then: smtptest.Silence}}), nil, []string{e}, "ehlo", smtp.KindTimeout},
		{"EHLO ends it", with(map[string]smtptest.Step{"EHLO": {Then: smtptest.Close}}), nil, []string{e}, "ehlo", smtp.KindClosed},
		{"EHLO gets too much", with(map[string]smtptest.Step{"EHLO": {Send: "250-x\r\n", Then: smtptest.Endless}}), nil, []string{e}, "ehlo", smtp.KindTooLong},
		{"HELO ends it", with(map[string]smtptest.Step{"EHLO": smtptest.Reply(500, "what?"), "HELO": {Then: smtptest.Close}}),
			nil, []string{e, h}, "helo", smtp.KindClosed},
		{"no farewell", with(map[string]smtptest.Step{"QUIT": {Then: smtptest.Close}}), nil, []string{e, "QUIT"}, "quit", ""},
		{"silence at the farewell", with(map[string]smtptest.Step{"QUIT": {Then: smtptest.Silence}}), nil, []string{e, "QUIT"}, "quit", ""},

		{"STARTTLS is not offered", with(map[string]smtptest.Step{"STARTTLS": smtptest.Reply(220, "go")}), nil, []string{e, "QUIT"}, "quit", ""},
		{"STARTTLS is not offered to HELO", with(map[string]smtptest.Step{"EHLO": smtptest.Reply(500, "STARTTLS")}), nil, []string{e, h, "QUIT"}, "quit", ""},
		{"STARTTLS gets silence", with(map[string]smtptest.Step{"EHLO": offer, "STARTTLS": {Then: smtptest.Silence}}), nil, []string{e, "STARTTLS"}, "starttls", smtp.KindTimeout},
		{"STARTTLS gets 421", with(map[string]smtptest.Step{"EHLO": offer, "STARTTLS": smtptest.Reply(421, "busy")}), nil, []string{e, "STARTTLS"}, "starttls", smtp.KindRateLimited},

		{"everything asked", smtptest.Script{}, all, []string{e, "HELP", "XMXSWEEP", "NOOP", "RSET", "VRFY postmaster", h, "QUIT"}, "quit", ""},
		{"asked in the order given", smtptest.Script{}, func(*smtp.Transcript) []smtp.Command { return []smtp.Command{smtp.CmdNoop, smtp.CmdHelp, "DATA"} },
			[]string{e, "NOOP", "HELP", "QUIT"}, "quit", ""},
		{"HELO is not asked twice", with(map[string]smtptest.Step{"EHLO": smtptest.Reply(500, "what?")}), all,
			[]string{e, h, "HELP", "XMXSWEEP", "NOOP", "RSET", "VRFY postmaster", "QUIT"}, "quit", ""},
		{"dropped at the second error", smtptest.Script{MaxErrors: 2}, all, []string{e, "HELP", "XMXSWEEP"}, "ask", ""},
		{"dropped without a word", with(map[string]smtptest.Step{"HELP": {Then: smtptest.Close}}), all, []string{e, "HELP"}, "ask", ""},
		{"silence when asked", with(map[string]smtptest.Step{"HELP": {Then: smtptest.Silence}}), all, []string{e, "HELP"}, "ask", ""},
		{"garbage when asked", with(map[string]smtptest.Step{"HELP": raw("try a manual\r\n")}), all, []string{e, "HELP"}, "ask", ""},
		{"not asked when refused", with(map[string]smtptest.Step{"EHLO": smtptest.Reply(450, "no")}), all, []string{e, "QUIT"}, "ehlo", smtp.KindRejected},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				tr, session := talk(t.Context(), &smtp.Prober{Ask: tt.ask}, tt.script, smtp.ModeSTARTTLS)
				if tr.Phase != tt.phase || smtp.KindOf(tr.Err) != tt.kind || (tr.Err != nil) != (tt.kind != "") {
					t.Errorf("ended in phase %q with %v", tr.Phase, tr.Err)
				}
				if !slices.Equal(session.Commands, tt.said) {
					t.Errorf("said %q, want %q", session.Commands, tt.said)
				}
				if session.Early {
					t.Error("spoke out of turn")
				}
				if tr.TLS != nil || tr.TLSErr != nil || tr.ImplicitTLS {
					t.Errorf("TLS %+v, error %v", tr.TLS, tr.TLSErr)
				}
			})
		})
	}
}

// What a plain conversation records.
func TestTranscript(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		script := smtptest.Sendmail("mx.example.com")
		script.Greeting.Delay = 7 * time.Second
		script.Replies["EHLO"] = smtptest.Reply(250, "mx.example.com", "SIZE 100", "AUTH PLAIN")
		tr, _ := talk(t.Context(), &smtp.Prober{Ask: all}, script, smtp.ModeSTARTTLS)
		if tr.Err != nil || tr.GreetingDelay != 7*time.Second || *tr.Timings.Greeting != 7000 || *tr.Timings.Total != 7000 || *tr.Timings.EHLO != 0 {
			t.Errorf("error %v, delay %v, timings %+v", tr.Err, tr.GreetingDelay, tr.Timings)
		}
		if tr.Timings.TLS != nil || tr.Timings.STARTTLS != nil {
			t.Error("steps that were not taken have a duration")
		}
		if tr.Greeting.Hostname() != "mx.example.com" || tr.EHLO.Code != 250 || *tr.Capabilities.Size != 100 || tr.CapabilitiesTLS != nil {
			t.Errorf("greeting %+v, EHLO %+v, %+v", tr.Greeting, tr.EHLO, tr.Capabilities)
		}
		for name, got := range map[string]*smtp.Reply{
			"214-2.0.0 This is sendmail version 8.17.1.9": tr.Help,
			`500 5.5.1 Command unrecognized: "XMXSWEEP"`:  tr.Unknown,
			"250 2.0.0 OK":                                      tr.Noop,
			"250 2.0.0 Reset state":                             tr.Rset,
			"550 5.1.1 postmaster... User unknown":              tr.Vrfy,
			"250 mx.example.com Hello localhost [127.0.0.1], p": tr.HELO,
			"221 2.0.0 mx.example.com closing connection\r\n":   tr.Quit,
		} {
			if got == nil || !strings.HasPrefix(string(got.Raw), name) {
				t.Errorf("got %+v, want %q", got, name)
			}
		}
	})
}

// What was read of a reply that never ended is kept, byte for byte.
func TestPartialReplyKept(t *testing.T) {
	const half = "220-\x00\x1b[2J\xff\xfe=HYPERLINK\r\n220-more"
	for name, script := range map[string]smtptest.Script{
		"greeting": greet(smtptest.Step{Send: half, Then: smtptest.Silence}),
		"ehlo":     with(map[string]smtptest.Step{"EHLO": {Send: half, Then: smtptest.Close}}),
		"late":     with(map[string]smtptest.Step{"EHLO": {Send: "220 late\r\n" + half, Then: smtptest.Close}}),
	} {
		synctest.Test(t, func(t *testing.T) {
			tr, _ := talk(t.Context(), new(smtp.Prober), script, smtp.ModeSTARTTLS)
			got := tr.EHLO
			if name == "greeting" {
				got = tr.Greeting
			}
			if tr.Err == nil || got == nil || got.Raw != half || tr.Capabilities != nil {
				t.Errorf("%s: error %v, kept %+v", name, tr.Err, got)
			}
			if name == "late" && string(tr.Greeting.Raw) != "220 mx.example.com ESMTP\r\n220 late\r\n" {
				t.Errorf("the greeting is %q", tr.Greeting.Raw)
			}
		})
	}
}

// However the network cuts it, the conversation is the same.
func TestSegments(t *testing.T) {
	for _, script := range []smtptest.Script{smtptest.Exchange("mx.example.com"), smtptest.Exim("mx.example.com"), smtptest.Rejecting("mx.example.com")} {
		var want string
		for n := range 120 { // 0: each reply in one segment
			synctest.Test(t, func(t *testing.T) {
				tr, session := talk(t.Context(), &smtp.Prober{Ask: all}, segmented(script, n), smtp.ModeSTARTTLS)
				got := string(flat(tr)) + strings.Join(session.Commands, "\n")
				if n == 0 {
					want = got
				}
				if got != want || session.Early {
					t.Errorf("in segments of %d bytes: %q, want %q", n, got, want)
				}
			})
		}
	}
}

// segmented returns a script that writes n bytes at a time.
func segmented(script smtptest.Script, n int) smtptest.Script {
	script.Greeting.Segment = n
	script.Unknown.Segment = n
	script.Replies, script.Secure = maps.Clone(script.Replies), maps.Clone(script.Secure)
	for _, table := range []map[string]smtptest.Step{script.Replies, script.Secure} {
		for verb, step := range table {
			step.Segment = n
			table[verb] = step
		}
	}
	return script
}

// flat joins all replies of a transcript.
func flat(tr *smtp.Transcript) (all smtp.Raw) {
	for _, r := range []*smtp.Reply{tr.Greeting, tr.EHLO, tr.HELO, tr.Help, tr.Unknown, tr.Noop, tr.Rset, tr.Vrfy, tr.Quit} {
		if r != nil {
			all += r.Raw
		}
		all += "|"
	}
	return all
}

// The name of the client, where none is given, is its address.
func TestAddressLiteral(t *testing.T) {
	for addr, want := range map[string]string{"127.0.0.1:0": "[127.0.0.1]", "[::1]:0": "[IPv6:::1]"} {
		srv, err := smtptest.Listen(addr, smtptest.Script{})
		if err != nil {
			t.Logf("no %s here: %v", addr, err)
			continue
		}
		tr := new(smtp.Prober).Probe(t.Context(), dial(t, srv), smtp.ModeSTARTTLS, "")
		srv.Close()
		if commands := srv.Sessions()[0].Commands; tr.Err != nil || tr.NameSent != want || commands[0] != "EHLO "+want {
			t.Errorf("%v: sent %q, said %q", tr.Err, tr.NameSent, commands)
		}
	}
}

// A name that would smuggle in a command is refused, not sent.
func TestBadName(t *testing.T) {
	for _, name := range []string{"a\r\nMAIL FROM:<>", "a b", "ä.example", "\x7f", strings.Repeat("a", 256)} {
		tr, session := talk(t.Context(), &smtp.Prober{Name: name}, smtptest.Script{}, smtp.ModeSTARTTLS)
		if smtp.KindOf(tr.Err) != smtp.KindLocal || session.Commands != nil {
			t.Errorf("%q: error %v, said %q", name, tr.Err, session.Commands)
		}
	}
}
