package scanner

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"testing"
	"time"
)

// dialers are the ways in which a run opens connections, with the options of s.
func dialers(t *testing.T, s *Scanner) map[string]DialFunc {
	t.Helper()
	e := dialing(t, s)
	return map[string]DialFunc{"package net": e.s.dialer(), "of our own": e.dial}
}

// dialing returns an engine that does nothing but open connections.
func dialing(t *testing.T, s *Scanner) *engine {
	t.Helper()
	e := newEngine(t.Context(), s, nil)
	watch, release := e.openSockets()
	done := make(chan struct{})
	go func() { watch(); close(done) }()
	t.Cleanup(func() { release(); <-done })
	return e
}

// serving starts a server for one connection after the other and returns its
// address.
func serving(t *testing.T, serve func(*net.TCPConn)) netip.AddrPort {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serve(conn.(*net.TCPConn))
			conn.Close()
		}
	}()
	t.Cleanup(func() { listener.Close(); <-done })
	return listener.Addr().(*net.TCPAddr).AddrPort()
}

// What a conversation needs of a connection holds for every way to get one.
func TestConnections(t *testing.T) {
	tests := map[string]func(t *testing.T, dial DialFunc){
		"dialogue": func(t *testing.T, dial DialFunc) {
			conn := open(t, dial, serving(t, func(c *net.TCPConn) { _, _ = io.Copy(c, c) }))
			for _, text := range []string{"a", "bcd", "efghijklmnop"} {
				if _, err := conn.Write([]byte(text)); err != nil {
					t.Fatal(err)
				}
				got := make([]byte, len(text))
				for i := range got { // byte by byte: what is left must not be forgotten
					if n, err := conn.Read(got[i : i+1]); n != 1 || err != nil {
						t.Fatalf("read %d bytes: %v", n, err)
					}
				}
				if string(got) != text {
					t.Errorf("read %q, want %q", got, text)
				}
			}
			if _, ok := conn.LocalAddr().(*net.TCPAddr); !ok || conn.RemoteAddr().String() == "" {
				t.Errorf("addresses %v and %v", conn.LocalAddr(), conn.RemoteAddr())
			}
		},
		"more than the buffers hold": func(t *testing.T, dial DialFunc) {
			sent := make([]byte, 8<<20)
			_, _ = rand.Read(sent)
			hash := make(chan []byte, 1)
			conn := open(t, dial, serving(t, func(c *net.TCPConn) {
				got, _ := io.ReadAll(io.LimitReader(c, int64(len(sent))))
				_, _ = c.Write(got)
				hash <- got
			}))
			if n, err := conn.Write(sent); n != len(sent) || err != nil {
				t.Fatalf("wrote %d: %v", n, err)
			}
			if back, err := io.ReadAll(conn); err != nil || !bytes.Equal(back, sent) || !bytes.Equal(<-hash, sent) {
				t.Errorf("%d bytes came back: %v", len(back), err)
			}
		},
		"last words and end at once": func(t *testing.T, dial DialFunc) {
			conn := open(t, dial, serving(t, func(c *net.TCPConn) { _, _ = c.Write([]byte("554 go\r\n")) }))
			text, err := io.ReadAll(conn) // both may come in one event
			if string(text) != "554 go\r\n" || err != nil {
				t.Errorf("read %q: %v", text, err)
			}
			if _, err := conn.Read(make([]byte, 1)); err != io.EOF {
				t.Errorf("after the end: %v", err)
			}
		},
		"reset": func(t *testing.T, dial DialFunc) {
			conn := open(t, dial, serving(t, func(c *net.TCPConn) { _, _ = c.Read(make([]byte, 1)); _ = c.SetLinger(0) }))
			_, _ = conn.Write([]byte("x"))
			if _, err := conn.Read(make([]byte, 1)); dialStatus(err) != StatusReset {
				t.Errorf("read: %v", err)
			}
			for range 3 { // the first may go to nowhere
				if _, err := conn.Write([]byte("x")); err != nil {
					return
				}
			}
			t.Error("writes go on after a reset")
		},
		"deadline": func(t *testing.T, dial DialFunc) {
			release := make(chan struct{})
			defer close(release)
			conn := open(t, dial, serving(t, func(*net.TCPConn) { <-release }))
			for _, d := range []time.Duration{-time.Hour, time.Microsecond, time.Millisecond} {
				_ = conn.SetDeadline(time.Now().Add(time.Hour))
				_ = conn.SetDeadline(time.Now().Add(d))
				if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("after %v: %v", d, err)
				}
			}
			_ = conn.SetDeadline(time.Time{})
			if _, err := conn.Write([]byte("x")); err != nil {
				t.Errorf("without a deadline again: %v", err)
			}
			go func() { _ = conn.SetDeadline(time.Unix(1, 0)) }() // as the end of a run does
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("set while reading: %v", err)
			}
			if _, err := conn.Write([]byte("x")); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("write after the deadline: %v", err)
			}
		},
		"close": func(t *testing.T, dial DialFunc) {
			conn := open(t, dial, serving(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) }))
			if err := conn.Close(); err != nil {
				t.Error(err)
			}
			_, readErr := conn.Read(make([]byte, 1))
			_, writeErr := conn.Write([]byte("x"))
			for _, err := range []error{readErr, writeErr, conn.Close(), conn.SetDeadline(time.Now())} {
				if !errors.Is(err, net.ErrClosed) {
					t.Errorf("after Close: %v", err)
				}
			}
		},
		"refused": func(t *testing.T, dial DialFunc) {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				t.Fatal(err)
			}
			listener.Close()
			conn, err := dial(t.Context(), listener.Addr().(*net.TCPAddr).AddrPort())
			if conn != nil || dialStatus(err) != StatusRefused || dialText(err) != "connect: connection refused" {
				t.Errorf("connection %v, error %v, text %q", conn, err, dialText(err))
			}
		},
	}
	for name, dial := range dialers(t, &Scanner{}) {
		for title, test := range tests {
			t.Run(name+"/"+title, func(t *testing.T) { test(t, dial) })
		}
	}
}

func open(t *testing.T, dial DialFunc, to netip.AddrPort) net.Conn {
	t.Helper()
	conn, err := dial(t.Context(), to)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn
}

func TestSourceAddress(t *testing.T) {
	to := serving(t, func(c *net.TCPConn) { _, _ = io.Copy(io.Discard, c) })
	for name, dial := range dialers(t, &Scanner{SourceIP: netip.MustParseAddr("127.0.0.5")}) {
		conn, err := dial(t.Context(), to)
		if err != nil {
			t.Skipf("this system has no 127.0.0.5: %v", err)
		}
		if got := conn.LocalAddr().(*net.TCPAddr).AddrPort().Addr(); got != netip.MustParseAddr("127.0.0.5") {
			t.Errorf("%s: connected from %v", name, got)
		}
		conn.Close()
		if _, err := dial(t.Context(), netip.MustParseAddrPort("[::1]:25")); !errors.Is(err, errNoFamily) {
			t.Errorf("%s: IPv6 from an IPv4 address: %v", name, err)
		}
	}
	for name, dial := range dialers(t, &Scanner{SourceIP: netip.MustParseAddr("198.41.0.4")}) {
		if _, err := dial(t.Context(), to); dialStatus(err) != StatusLocal {
			t.Errorf("%s: no local address: %v", name, err)
		}
	}
}

// A server whose queue is full lets connections wait.
func TestConnectTimeout(t *testing.T) {
	to, queued := fullQueue(t)
	defer queued()
	for name, dial := range dialers(t, &Scanner{ConnectTimeout: 20 * time.Millisecond}) {
		if _, err := dial(t.Context(), to); dialStatus(err) != StatusConnectTimeout {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, dial := range dialers(t, &Scanner{ConnectTimeout: time.Hour}) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(5*time.Millisecond, cancel)
		if conn, err := dial(ctx, to); conn != nil || err == nil {
			t.Errorf("%s: the end of the run does not end a dial", name)
		}
	}
}
