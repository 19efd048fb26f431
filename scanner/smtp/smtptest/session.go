package smtptest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"time"
)

// A Session is what a server saw of one connection.
type Session struct {
	Commands  []string // command lines in the order received, without line ending, at most 100
	TLS       bool     // a handshake succeeded
	TLSError  string   // why one failed
	SNI       string   // the name asked for in the handshake
	Early     bool     // the client spoke before the greeting, or before a reply, was complete
	Quit      bool     // the client took its leave
	Remaining int      // bytes the client sent that were never read as a command, e.g. a ClientHello
}

const (
	maxCommands = 100
	maxCommand  = 4096
)

// errOver ends a session from within a Step.
var errOver = errors.New("session over")

// A talk is one session under way.
type talk struct {
	script  *Script
	conn    net.Conn // TLS or not
	plain   net.Conn
	in      *bufio.Reader
	done    <-chan struct{}
	session Session
	name    string // of the client, by EHLO
	errors  int
}

// serve holds one session and closes the connection.
func serve(conn net.Conn, script *Script, done <-chan struct{}) Session {
	defer conn.Close()
	t := &talk{script: script, conn: conn, plain: conn, done: done, in: bufio.NewReaderSize(conn, maxCommand)}
	if script.ImplicitTLS && !t.startTLS() {
		return t.session
	}
	err := t.do(script.greeting(), "")
	for err == nil {
		err = t.next()
	}
	t.session.Remaining = t.in.Buffered()
	return t.session
}

// next answers one command.
func (t *talk) next() error {
	line, err := t.in.ReadSlice('\n')
	if err != nil {
		return err
	}
	command := strings.TrimRight(string(line), "\r\n")
	if len(t.session.Commands) < maxCommands {
		t.session.Commands = append(t.session.Commands, command)
	}
	verb, arg, _ := strings.Cut(strings.ToUpper(command), " ")
	switch verb {
	case "EHLO", "HELO":
		t.name = command[len(command)-len(arg):]
	case "QUIT":
		t.session.Quit = true
	}
	step := t.script.step(command, t.session.TLS)
	if err := t.do(step, command); err != nil {
		return err
	}
	if verb == "STARTTLS" && t.script.TLS != nil && !t.session.TLS && strings.HasPrefix(step.Send, "220") {
		if !t.startTLS() {
			return errOver
		}
	}
	return nil
}

// startTLS makes the handshake. What the client sent before it belongs to the
// plain session and must not be read as part of TLS (RFC 3207, section 4.2),
// unless the script has that fault.
func (t *talk) startTLS() bool {
	t.session.Early = t.session.Early || t.in.Buffered() > 0
	peeked, _ := t.in.Peek(t.in.Buffered()) // what is there can be had
	early := bytes.Clone(peeked)
	conn := tls.Server(t.plain, t.script.TLS)
	if err := conn.Handshake(); err != nil {
		t.session.TLSError = err.Error()
		return false
	}
	t.session.TLS = true
	t.session.SNI = conn.ConnectionState().ServerName
	t.conn = conn
	t.in.Reset(conn)
	if t.script.Injectable {
		t.in.Reset(io.MultiReader(bytes.NewReader(early), conn))
	}
	return true
}

// do takes a Step.
func (t *talk) do(step Step, command string) error {
	if err := t.wait(step.Delay); err != nil {
		return err
	}
	text := t.expand(step.Send, command)
	if t.script.MaxErrors > 0 && strings.HasPrefix(text, "5") {
		t.errors++
		if t.errors >= t.script.MaxErrors {
			text, step.Then = "421 4.7.0 Too many errors\r\n", Close
		}
	}
	err := t.write(text, step)
	for step.Then == Endless && err == nil && text != "" {
		err = t.write(text, step)
	}
	if err != nil {
		return err
	}
	return t.then(step.Then)
}

// then ends the session, or does not.
func (t *talk) then(action Action) error {
	switch action {
	case Close:
		// In memory the farewells of TLS would block each other: nobody
		// reads while both sides write.
		if _, ok := t.plain.(*net.TCPConn); ok {
			_ = t.conn.Close()
		}
		_ = t.plain.Close()
		return errOver
	case Reset:
		if tcp, ok := t.plain.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = t.plain.Close()
		return errOver
	case Silence:
		_, err := io.Copy(io.Discard, t.in)
		return errors.Join(errOver, err)
	}
	return nil
}

// write sends a text in segments.
func (t *talk) write(text string, step Step) error {
	for text != "" {
		n := len(text)
		if step.Segment > 0 {
			n = min(n, step.Segment)
		}
		if _, err := io.WriteString(t.conn, text[:n]); err != nil {
			return err
		}
		text = text[n:]
		if text == "" && step.Then != Endless {
			return nil
		}
		if err := t.wait(step.Every); err != nil {
			return err
		}
	}
	return nil
}

// wait lets time pass, in which the client ought to be quiet.
func (t *talk) wait(d time.Duration) error {
	if t.in.Buffered() > 0 {
		t.session.Early = true
	}
	if d <= 0 {
		return nil
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	if t.in.Buffered() == 0 {
		_ = t.plain.SetReadDeadline(time.Now().Add(d))
		_, err := t.in.Peek(1)
		_ = t.plain.SetReadDeadline(time.Time{})
		switch {
		case err == nil:
			t.session.Early = true
		case !errors.Is(err, os.ErrDeadlineExceeded):
			return err // the client has left
		}
	}
	select {
	case <-timer.C:
		return nil
	case <-t.done:
		return errOver
	}
}

// expand replaces the words of Script in a reply.
func (t *talk) expand(text, command string) string {
	if !strings.Contains(text, "{") {
		return text
	}
	verb, _, _ := strings.Cut(command, " ")
	host, _, err := net.SplitHostPort(t.plain.RemoteAddr().String())
	if err != nil {
		host = "127.0.0.1" // in memory
	}
	return strings.NewReplacer(
		"{name}", t.name,
		"{addr}", host,
		"{verb}", verb,
		"{line}", command,
		"{date}", time.Now().Format("Mon, 2 Jan 2006 15:04:05 -0700"),
	).Replace(text)
}
