package smtptest_test

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/json"
	"io"
	"net"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// A client says lines and hears replies, with no knowledge of package smtp.
type client struct {
	t    *testing.T
	conn net.Conn
	in   *bufio.Reader
}

func newClient(t *testing.T, conn net.Conn) *client {
	return &client{t, conn, bufio.NewReader(conn)}
}

// hear reads one reply.
func (c *client) hear() string {
	c.t.Helper()
	var reply string
	for {
		line, err := c.in.ReadString('\n')
		reply += line
		if err != nil {
			return reply + "(" + err.Error() + ")"
		}
		if len(line) > 3 && line[3] != '-' {
			return reply
		}
	}
}

// say sends a line and hears the reply.
func (c *client) say(line string) string {
	c.t.Helper()
	if _, err := io.WriteString(c.conn, line+"\r\n"); err != nil {
		c.t.Fatal(err)
	}
	return c.hear()
}

func dial(t *testing.T, srv *smtptest.Server) *client {
	t.Helper()
	conn, err := net.Dial("tcp", srv.Addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return newClient(t, conn)
}

func TestZeroScript(t *testing.T) {
	srv := smtptest.NewServer(t, smtptest.Script{})
	c := dial(t, srv)
	for line, want := range map[string]string{
		"":         "220 mx.example.com ESMTP\r\n",
		"EHLO me":  "250-mx.example.com\r\n250-PIPELINING\r\n250 8BITMIME\r\n",
		"helo me":  "250 2.0.0 Ok\r\n",
		"STARTTLS": "500 5.5.1 Command unrecognized\r\n",
		"HELP":     "500 5.5.1 Command unrecognized\r\n",
	} {
		got := ""
		if line == "" {
			c = dial(t, srv)
			got = c.hear()
		} else {
			c = dial(t, srv)
			c.hear()
			got = c.say(line)
		}
		if got != want {
			t.Errorf("%q: %q, want %q", line, got, want)
		}
	}
	if got := c.say("QUIT"); got != "221 2.0.0 Bye\r\n" {
		t.Errorf("QUIT: %q", got)
	}
	if got := c.hear(); got != "(EOF)" {
		t.Errorf("after QUIT: %q", got)
	}
	if srv.Connections() != 6 {
		t.Errorf("%d connections", srv.Connections())
	}
}

// A session tells all that a test of a client wants to know.
func TestSession(t *testing.T) {
	conn, over := smtptest.Pipe(smtptest.Script{MaxErrors: 2})
	c := newClient(t, conn)
	c.hear()
	c.say("EHLO me")
	c.say("FOO")
	if got := c.say("BAR"); got != "421 4.7.0 Too many errors\r\n" {
		t.Errorf("second error: %q", got)
	}
	if got := <-over; !slices.Equal(got.Commands, []string{"EHLO me", "FOO", "BAR"}) || got.Quit || got.Early || got.TLS {
		t.Errorf("%+v", got)
	}
}

// Clients that speak out of turn are found out, in each of the ways.
func TestEarly(t *testing.T) {
	slow := smtptest.Step{Send: "220 hi\r\n", Delay: time.Second}
	for name, tt := range map[string]struct {
		script smtptest.Script
		talk   func(*client)
		want   bool
	}{
		"polite":              {smtptest.Script{Greeting: slow}, func(c *client) { c.hear(); c.say("NOOP"); c.say("QUIT") }, false},
		"before the greeting": {smtptest.Script{Greeting: slow}, func(c *client) { c.say("EHLO me"); c.hear() }, true},
		"two in one segment":  {smtptest.Script{}, func(c *client) { c.hear(); c.say("NOOP\r\nQUIT"); c.hear() }, true},
		"before the reply is complete": {smtptest.Script{Replies: map[string]smtptest.Step{"NOOP": {Send: "250-a\r\n250 b\r\n", Segment: 7, Every: time.Second}}},
			func(c *client) {
				c.hear()
				io.WriteString(c.conn, "NOOP\r\n")
				c.in.ReadString('\n')
				c.say("QUIT")
				c.hear()
			}, true},
	} {
		synctest.Test(t, func(t *testing.T) {
			conn, over := smtptest.Pipe(tt.script)
			tt.talk(newClient(t, conn))
			conn.Close()
			if got := <-over; got.Early != tt.want {
				t.Errorf("%s: %+v", name, got)
			}
		})
	}
}

func TestActions(t *testing.T) {
	srv := smtptest.NewServer(t, smtptest.Script{Replies: map[string]smtptest.Step{
		"CLOSE":    {Send: "250 bye\r\n", Then: smtptest.Close},
		"RESET":    {Then: smtptest.Reset},
		"ENDLESS":  {Send: "250-again\r\n", Then: smtptest.Endless},
		"VRFY ME":  {Send: "252 {verb} of {name}, {line}\r\n"},
		"VRFY":     {Send: "550 no\r\n"},
		"SEGMENTS": {Send: "250 in pieces\r\n", Segment: 1},
	}})
	for line, want := range map[string]string{
		"close":     "^250 bye\r\n$",
		"reset":     `^\(.*reset by peer\)$`,
		"vrfy me":   "^252 vrfy of , vrfy me\r\n$",
		"vrfy them": "^550 no\r\n$",
		"segments":  "^250 in pieces\r\n$",
	} {
		c := dial(t, srv)
		c.hear()
		if got := c.say(line); !regexp.MustCompile(want).MatchString(got) {
			t.Errorf("%s: %q", line, got)
		}
	}
	c := dial(t, srv)
	c.hear()
	io.WriteString(c.conn, "ENDLESS\r\n")
	if n, err := io.CopyN(io.Discard, c.in, 1<<20); err != nil {
		t.Errorf("endless ended after %d bytes: %v", n, err)
	}
}

func TestTLS(t *testing.T) {
	ca, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	config, err := ca.Config("mx.example.com")
	if err != nil {
		t.Fatal(err)
	}
	srv := smtptest.NewServer(t, smtptest.Haraka("mx.example.com").WithTLS(config))
	c := dial(t, srv)
	c.hear()
	if got := c.say("EHLO me"); !strings.HasSuffix(got, "250 STARTTLS\r\n") {
		t.Errorf("EHLO: %q", got)
	}
	c.say("STARTTLS")
	conn := tls.Client(c.conn, &tls.Config{ServerName: "mx.example.com", RootCAs: ca.Pool()})
	secure := newClient(t, conn)
	if got := secure.say("EHLO me"); strings.Contains(got, "STARTTLS") || !strings.HasSuffix(got, "250 SIZE 0\r\n") {
		t.Errorf("EHLO inside TLS: %q", got)
	}
	secure.say("QUIT")
	srv.Close()
	if s := srv.Sessions(); len(s) != 1 || !s[0].TLS || s[0].SNI != "mx.example.com" || !s[0].Quit {
		t.Errorf("%+v", s)
	}
}

// Close ends everything, once and for all.
func TestClose(t *testing.T) {
	srv := smtptest.NewServer(t, smtptest.Script{Greeting: smtptest.Step{Delay: time.Hour, Send: "220 late\r\n"}})
	c := dial(t, srv)
	srv.Close()
	srv.Close()
	if got := c.hear(); strings.HasPrefix(got, "220") {
		t.Errorf("heard %q", got)
	}
	if _, err := net.Dial("tcp", srv.Addr); err == nil {
		t.Error("still listening")
	}
	if _, err := smtptest.Listen("192.0.2.1:25", smtptest.Script{}); err == nil {
		t.Error("listening on an address of somebody else")
	}
}

// Without TLS no preset offers STARTTLS, with it all but qmail do.
func TestPresetsOfferTLS(t *testing.T) {
	for name, preset := range presets() {
		conn, over := smtptest.Pipe(preset("mx.example.com"))
		c := newClient(t, conn)
		greeting := c.hear()
		hello := c.say("EHLO probe.example.net")
		if !strings.HasPrefix(greeting, "220 mx.example.com ") || !strings.HasPrefix(hello, "250-mx.example.com") || strings.Contains(hello, "STARTTLS") {
			t.Errorf("%s: %q, %q", name, greeting, hello)
		}
		if !regexp.MustCompile("(?m)^250 .*\r\n$").MatchString(hello) {
			t.Errorf("%s: the reply does not end: %q", name, hello)
		}
		if got := c.say("STARTTLS"); got[0] != '5' {
			t.Errorf("%s: STARTTLS without TLS: %q", name, got)
		}
		if got := c.say("QUIT"); !strings.HasPrefix(got, "221 ") {
			t.Errorf("%s: QUIT: %q", name, got)
		}
		<-over
	}
}

func presets() map[string]func(string) smtptest.Script {
	return map[string]func(string) smtptest.Script{
		"postfix": smtptest.Postfix, "exim": smtptest.Exim, "sendmail": smtptest.Sendmail, "opensmtpd": smtptest.OpenSMTPD,
		"exchange": smtptest.Exchange, "gmail": smtptest.Gmail, "qmail": smtptest.Qmail, "haraka": smtptest.Haraka, "ironport": smtptest.IronPort,
	}
}

// Where there is a recording of the real server, the preset says the same.
func TestPresetsAreFaithful(t *testing.T) {
	for _, name := range []string{"postfix", "exim", "sendmail", "opensmtpd"} {
		data, err := os.ReadFile("../../fingerprint/testdata/transcripts/" + name + ".ndjson")
		if err != nil {
			t.Skip("no recordings:", err)
		}
		real := firstTLS(t, data)
		ca, err := smtptest.NewCA()
		if err != nil {
			t.Fatal(err)
		}
		config, err := ca.Config("mx.example.org")
		if err != nil {
			t.Fatal(err)
		}
		script := presets()[name]("mx.example.org").WithTLS(config)
		script.MaxErrors = 0
		c := dial(t, smtptest.NewServer(t, script))
		compare(t, name, "banner", real, c.hear())
		compare(t, name, "ehlo", real, c.say("EHLO probe.example.net"))
		for key, line := range map[string]string{"helo": "HELO probe.example.net", "help": "HELP", "unknown_command": "XMXSWEEP",
			"noop": "NOOP", "rset": "RSET", "vrfy": "VRFY postmaster"} {
			compare(t, name, key, real, c.say(line))
		}
		compare(t, name, "starttls", real, c.say("STARTTLS"))
		secure := newClient(t, tls.Client(c.conn, &tls.Config{InsecureSkipVerify: true}))
		compare(t, name, "ehlo_tls", real, secure.say("EHLO probe.example.net"))
		compare(t, name, "quit", real, secure.say("QUIT"))
	}
}

// firstTLS returns the first recording of a server that was unmasked and could
// speak TLS.
func firstTLS(t *testing.T, ndjson []byte) map[string]any {
	for dec := json.NewDecoder(bytes.NewReader(ndjson)); ; {
		var real map[string]any
		if err := dec.Decode(&real); err != nil {
			t.Fatal("no recording with TLS:", err)
		}
		if real["starttls"] != nil && real["masked"] == false {
			return real
		}
	}
}

// compare compares a reply with the recorded one but for times and the limit of
// SIZE, which is a matter of configuration.
func compare(t *testing.T, name, key string, real map[string]any, got string) {
	t.Helper()
	varies := regexp.MustCompile(`\w{3}, +\d+ \w{3} \d{4} [\d:]{8} (GMT|[+-]\d{4})|SIZE \d+`)
	want, ok := real[key].(string)
	if ok && varies.ReplaceAllString(got, "") != varies.ReplaceAllString(want, "") {
		t.Errorf("%s: %s is %q, recorded %q", name, key, got, want)
	}
}
