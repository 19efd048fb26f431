package dnstest

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// maxPacked bounds the memory of packed answers. Beyond it they are thrown away
// and made again.
const maxPacked = 65536

// A Server is a DNS server on a loopback port. All methods may be called at any
// time from any goroutine.
type Server struct {
	udp net.PacketConn
	tcp net.Listener

	mu         sync.Mutex
	zones      zoneData
	behaviors  map[question]*rule
	synthesize func(name string, qtype uint16) []dns.RR
	authentic  bool
	packed     map[string]*packedAnswer
	counts     map[question]*atomic.Int64
	conns      map[net.Conn]struct{}
	closed     bool

	queries atomic.Int64
	done    sync.WaitGroup
}

// A question is a name in canonical form and a type. Name "" is every name, type
// 0 every type.
type question struct {
	name  string
	qtype uint16
}

// A Behavior says how the answer for a name goes wrong. The zero value is a
// server that works.
type Behavior struct {
	RCode     RCode         // of an answer without any records; 0: as the zones say
	Drop      bool          // never answer
	DropFirst int           // leave this many questions without an answer, then work
	Truncate  bool          // over UDP answer nothing but "truncated"; TCP works
	DropTCP   bool          // never answer over TCP
	Delay     time.Duration // answer this much later
}

// An RCode is a response code (RFC 1035, section 4.1.1).
type RCode int

// The response codes of servers that cannot or will not answer.
const (
	FormErr  RCode = 1
	ServFail RCode = 2
	NXDomain RCode = 3
	NotImp   RCode = 4
	Refused  RCode = 5
)

// A rule is a behavior and what is left of its DropFirst.
type rule struct {
	Behavior
	left atomic.Int64
}

// NewServer starts a server on a free port of 127.0.0.1. It must be closed. The
// error tells of the first fault of the zone text and its line.
func NewServer(zone string) (*Server, error) {
	return Listen("127.0.0.1:0", zone)
}

// Listen is like NewServer on a given address, so that a server that was closed
// can come back. Port 0 means a free one.
func Listen(address, zone string) (*Server, error) {
	s := &Server{
		zones:     make(zoneData),
		behaviors: make(map[question]*rule),
		packed:    make(map[string]*packedAnswer),
		counts:    make(map[question]*atomic.Int64),
		conns:     make(map[net.Conn]struct{}),
	}
	if err := s.zones.add(zone); err != nil {
		return nil, err
	}
	if err := s.listen(address); err != nil {
		return nil, fmt.Errorf("dnstest: %w", err)
	}
	s.done.Go(s.serveTCP)
	for range 2 {
		s.done.Go(s.serveUDP)
	}
	return s, nil
}

// listen binds TCP and UDP to one port. A port that is free for one may be
// taken for the other: then another free one is tried.
func (s *Server) listen(address string) (err error) {
	for range 10 {
		if s.tcp, err = net.Listen("tcp", address); err != nil {
			return err
		}
		if s.udp, err = net.ListenPacket("udp", s.tcp.Addr().String()); err == nil {
			s.udp.(*net.UDPConn).SetReadBuffer(1 << 20) // for the bursts of a benchmark
			return nil
		}
		err = errors.Join(err, s.tcp.Close())
	}
	return err
}

// Addr returns "127.0.0.1:port", in the form a resolver's configuration takes
// it.
func (s *Server) Addr() string { return s.tcp.Addr().String() }

// Close stops the server and waits until its goroutines have ended. Answers
// that were delayed are not sent any more.
func (s *Server) Close() error {
	s.mu.Lock()
	s.closed = true
	err := errors.Join(s.udp.Close(), s.tcp.Close())
	for conn := range s.conns {
		conn.Close()
	}
	s.mu.Unlock()
	s.done.Wait()
	return err
}

// Add reads more zone text. Where the error tells of a fault in it, the records
// before that have been added.
func (s *Server) Add(zone string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.packed)
	return s.zones.add(zone)
}

// Behave sets how questions for a name and a type ("MX", "AAAA") are answered
// from now on. Name "" is every name, type "" every type; the most particular
// rule counts, the name before the type. It panics on a type that does not exist,
// for that is a fault of the test.
func (s *Server) Behave(name, qtype string, b Behavior) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.packed)
	r := &rule{Behavior: b}
	r.left.Store(int64(b.DropFirst))
	s.behaviors[newQuestion(name, qtype)] = r
}

// Synthesize gives a function that makes up records for names the zones do not
// have. It is called with the name in lower case and with its trailing dot, for
// one question at a time, and must not call the server; no records mean
// NXDOMAIN.
func (s *Server) Synthesize(f func(name string, qtype uint16) []dns.RR) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.packed)
	s.synthesize = f
}

// SetAuthentic says whether the answers carry the AD bit (RFC 4035, section
// 3.2.3), as those of a validating resolver for a signed zone do. A question
// that asks for it with neither AD nor DO gets none (RFC 6840, section 5.7).
func (s *Server) SetAuthentic(authentic bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.packed)
	s.authentic = authentic
}

// Queries returns how many questions have come, over UDP and TCP, answered or
// not.
func (s *Server) Queries() int { return int(s.queries.Load()) }

// Count returns how many of them were for a name and type. It counts only what
// the zones have or Behave has named, not made-up names.
func (s *Server) Count(name, qtype string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := s.counts[newQuestion(name, qtype)]; n != nil {
		return int(n.Load())
	}
	return 0
}

func newQuestion(name, qtype string) question {
	q := question{qtype: dns.StringToType[qtype]}
	if qtype != "" && q.qtype == 0 {
		panic("dnstest: no such record type: " + qtype)
	}
	if name != "" {
		q.name = dns.CanonicalName(name)
	}
	return q
}

// serveUDP answers packets until the socket is closed. Two of these run, so
// that a benchmark does not wait for one of them.
func (s *Server) serveUDP() {
	conn := s.udp.(*net.UDPConn)
	buf := make([]byte, 4096)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf)
		if err != nil {
			return
		}
		if p := s.respond(buf[:n], false); p != nil {
			s.send(p, buf[:n], func(b []byte) { conn.WriteToUDPAddrPort(b, from) })
		}
	}
}

func (s *Server) serveTCP() {
	for {
		conn, err := s.tcp.Accept()
		if err != nil {
			return
		}
		if !s.keep(conn) {
			conn.Close()
			return
		}
		s.done.Go(func() { s.serveConn(conn) })
	}
}

// keep remembers an open connection, unless the server is closed.
func (s *Server) keep(conn net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.conns[conn] = struct{}{}
	return !s.closed
}

// serveConn answers the questions of one connection, each behind its length
// (RFC 1035, section 4.2.2).
func (s *Server) serveConn(conn net.Conn) {
	defer func() {
		conn.Close()
		s.mu.Lock()
		delete(s.conns, conn)
		s.mu.Unlock()
	}()
	var size [2]byte
	for {
		if _, err := io.ReadFull(conn, size[:]); err != nil {
			return
		}
		query := make([]byte, binary.BigEndian.Uint16(size[:]))
		if _, err := io.ReadFull(conn, query); err != nil {
			return
		}
		if p := s.respond(query, true); p != nil {
			s.send(p, query, func(b []byte) {
				conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(b))), b...))
			})
		}
	}
}

// send writes a packed answer under the id of its query, at once or later.
func (s *Server) send(p *packedAnswer, query []byte, write func([]byte)) {
	out := append(make([]byte, 0, len(p.packet)), query[:2]...)
	out = append(out, p.packet[2:]...)
	if p.delay > 0 {
		time.AfterFunc(p.delay, func() { write(out) }) // fails once the server is closed
		return
	}
	write(out)
}
