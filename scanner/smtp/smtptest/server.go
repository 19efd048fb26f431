package smtptest

import (
	"errors"
	"fmt"
	"net"
	"sync"
)

// A Server runs a Script for every connection to it.
type Server struct {
	Addr string // "127.0.0.1:34567"

	script   Script
	listener net.Listener
	done     chan struct{} // closed by Close
	running  sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]bool
	sessions []Session
	count    int
}

// MaxSessions is the number of sessions a server remembers; it goes on counting
// after that.
const MaxSessions = 1000

// TB is the part of testing.TB that NewServer needs. It stands here so that a
// program with a built-in demonstration does not drag package testing in.
type TB interface {
	Helper()
	Fatal(args ...any)
	Cleanup(func())
}

// NewServer starts a server on a free port of 127.0.0.1 and closes it at the
// end of the test.
func NewServer(tb TB, script Script) *Server {
	tb.Helper()
	s, err := Listen("127.0.0.1:0", script)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

// Listen starts a server on a TCP address, e.g. "127.0.0.2:2525" or "[::1]:0".
func Listen(addr string, script Script) (*Server, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("smtptest: %w", err)
	}
	s := &Server{
		Addr:     l.Addr().String(),
		script:   script,
		listener: l,
		done:     make(chan struct{}),
		conns:    map[net.Conn]bool{},
	}
	s.running.Add(1)
	go s.accept()
	return s, nil
}

// Close stops the server, breaks off its connections and waits for them.
func (s *Server) Close() {
	s.mu.Lock()
	if s.conns == nil {
		s.mu.Unlock()
		return
	}
	close(s.done)
	_ = s.listener.Close()
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.conns = nil
	s.mu.Unlock()
	s.running.Wait()
}

// Connections returns the number of connections accepted so far.
func (s *Server) Connections() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.count
}

// Sessions returns what the server saw of the sessions that are over, in the
// order in which they ended, at most MaxSessions.
func (s *Server) Sessions() []Session {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Session(nil), s.sessions...)
}

func (s *Server) accept() {
	defer s.running.Done()
	for {
		conn, err := s.listener.Accept()
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil {
			continue // the client was gone before we came to it
		}
		if s.begin(conn) {
			go s.serve(conn)
		}
	}
}

// begin registers a connection, unless the server is closed.
func (s *Server) begin(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns == nil {
		_ = conn.Close()
		return false
	}
	s.count++
	s.conns[conn] = true
	s.running.Add(1)
	return true
}

func (s *Server) serve(conn net.Conn) {
	defer s.running.Done()
	session := serve(conn, &s.script, s.done)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, conn)
	if len(s.sessions) < MaxSessions {
		s.sessions = append(s.sessions, session)
	}
}

// Pipe runs a script on one end of an in-memory connection and returns the
// other. The channel yields the session when it is over, which is when either
// side closes. Writes on such a connection block until the other side reads.
func Pipe(script Script) (net.Conn, <-chan Session) {
	client, server := net.Pipe()
	over := make(chan Session, 1)
	go func() { over <- serve(server, &script, nil) }()
	return client, over
}
