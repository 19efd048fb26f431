package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// openTerminal returns a terminal of 120 columns and what is shown on it, up
// to its closing.
func openTerminal(t *testing.T) (tty *os.File, shown func() string) {
	t.Helper()
	ptmx, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	fd := int(ptmx.Fd())
	if err := unix.IoctlSetPointerInt(fd, unix.TIOCSPTLCK, 0); err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	n, err := unix.IoctlGetInt(fd, unix.TIOCGPTN)
	if err != nil {
		t.Fatal(err)
	}
	tty, err = os.OpenFile(fmt.Sprintf("/dev/pts/%d", n), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Skipf("needs a pseudo terminal: %v", err)
	}
	if err := unix.IoctlSetWinsize(fd, unix.TIOCSWINSZ, &unix.Winsize{Row: 40, Col: 120}); err != nil {
		t.Fatal(err)
	}
	text := make(chan string)
	go func() {
		b, _ := io.ReadAll(ptmx) // ends with EIO when the terminal is closed
		text <- string(b)
	}()
	return tty, func() string {
		tty.Close()
		defer ptmx.Close()
		return <-text
	}
}

// On a terminal results are lines for people, with colors unless they are
// unwanted; a bar grows meanwhile, unless it is.
func TestTerminal(t *testing.T) {
	const bar, color = "answered ", "\x1b[1m"
	script := smtptest.OpenSMTPD("mx.example.com")
	script.Greeting.Delay = 500 * time.Millisecond // long enough for the bar to be drawn
	server := smtptest.NewServer(t, script)
	for _, tt := range []struct {
		name, env, flags string
		want, wantNot    []string
	}{
		{"plain", "", "", []string{bar, color, "done in"}, nil},
		{"no color flag", "", "-nc", []string{bar, "done in"}, []string{color}},
		{"NO_COLOR", "NO_COLOR=1", "", []string{"done in"}, []string{color}},
		{"dumb", "TERM=dumb", "", []string{"done in"}, []string{color, bar}},
		{"silent", "", "-silent", []string{color}, []string{bar, "done in"}},
		{"stats", "", "-stats -si 100ms", []string{"known endpoints done", "done in"}, []string{bar + " "}},
		{"json", "", "-j -nc", []string{`"type":"service"`}, []string{"OpenSMTPD  "}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tty, shown := openTerminal(t)
			a := testApp(strings.NewReader(""), tty, tty)
			a.getenv = func(name string) string {
				value, _ := strings.CutPrefix(tt.env, name+"=")
				if value == tt.env {
					return ""
				}
				return value
			}
			args := append(strings.Fields(tt.flags), "-ehlo-domain", "auditor.example", "-ptr=false", server.Addr)
			if code := a.run(t.Context(), args); code != exitDone {
				t.Errorf("exit code %d", code)
			}
			text := shown()
			for _, want := range append(tt.want, "OpenSMTPD") {
				if !strings.Contains(text, want) {
					t.Errorf("%q is missing in %q", want, text)
				}
			}
			for _, not := range tt.wantNot {
				if strings.Contains(text, not) {
					t.Errorf("%q is in %q", not, text)
				}
			}
		})
	}
}
