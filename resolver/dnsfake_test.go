package resolver

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// A fakeNet is a network in memory with name servers on it, for tests in fake
// time. It logs every query as "after server name type".
type fakeNet struct {
	start   time.Time
	servers map[string]fakeServer

	mu    sync.Mutex
	log   []string
	dials int
}

// A fakeServer answers one query, by calling reply as often as it likes.
type fakeServer func(q *dns.Msg, reply func(*dns.Msg))

// newFakeNet returns the network and a DNS whose servers are those given, by
// name: "a" is at a:53.
func newFakeNet(servers map[string]fakeServer, order ...string) (*fakeNet, *DNS) {
	n := &fakeNet{start: time.Now(), servers: servers}
	return n, &DNS{Servers: order, Rate: -1, MXOnly: true, dial: n.dial}
}

func (n *fakeNet) dial(ctx context.Context, network, address string) (net.Conn, error) {
	n.mu.Lock()
	n.dials++
	server := n.servers[strings.TrimSuffix(address, ":53")]
	n.mu.Unlock()
	if server == nil {
		return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", syscall.ENETUNREACH)}
	}
	c := &fakeConn{net: n, name: strings.TrimSuffix(address, ":53"), in: make(chan any, 100), closed: make(chan struct{})}
	if network == "tcp" {
		ours, theirs := net.Pipe()
		go c.serveTCP(theirs)
		return ours, nil
	}
	return c, nil
}

func (n *fakeNet) set(name string, s fakeServer) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.servers[name] = s
}

// queries returns the log since the last call, in one line.
func (n *fakeNet) queries() string {
	n.mu.Lock()
	defer n.mu.Unlock()
	defer func() { n.log = nil }()
	return strings.Join(n.log, ", ")
}

func (n *fakeNet) handle(name, how string, packet []byte, reply func(*dns.Msg)) {
	q := new(dns.Msg)
	if err := q.Unpack(packet); err != nil {
		panic(err)
	}
	n.mu.Lock()
	n.log = append(n.log, fmt.Sprintf("%v %s%s %s %s", time.Since(n.start).Round(time.Millisecond), name, how,
		q.Question[0].Name, dns.TypeToString[q.Question[0].Qtype]))
	server := n.servers[name]
	n.mu.Unlock()
	server(q, reply)
}

// A fakeConn is a connected UDP socket: what arrives is a packet or an error.
type fakeConn struct {
	net.Conn
	net    *fakeNet
	name   string
	in     chan any
	closed chan struct{}
	once   sync.Once
}

func (c *fakeConn) Write(p []byte) (n int, err error) {
	c.net.handle(c.name, "", p, func(m *dns.Msg) {
		if m == refusedQuery {
			err = syscall.EPERM
			return
		}
		if m == nil { // ICMP: nothing listens
			c.in <- os.NewSyscallError("read", syscall.ECONNREFUSED)
			return
		}
		packet, err := m.Pack()
		if err != nil {
			panic(err)
		}
		c.in <- packet
	})
	return len(p), err
}

func (c *fakeConn) Read(p []byte) (int, error) {
	select {
	case v := <-c.in:
		if err, failed := v.(error); failed {
			return 0, err
		}
		return copy(p, v.([]byte)), nil
	case <-c.closed:
		return 0, net.ErrClosed
	}
}

func (c *fakeConn) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

func (c *fakeConn) serveTCP(conn net.Conn) {
	defer conn.Close()
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return
	}
	query := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, query); err != nil {
		return
	}
	answered := false
	c.net.handle(c.name, "/tcp", query, func(m *dns.Msg) {
		packet, err := m.Pack()
		if err != nil {
			panic(err)
		}
		conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(packet))), packet...))
		answered = true
	})
	if !answered {
		io.Copy(io.Discard, conn) // silent until the client hangs up
	}
}

// records answers every query of their type with the records, whose owner @ is
// the name asked for, and others with NODATA.
func records(texts ...string) fakeServer {
	return func(q *dns.Msg, reply func(*dns.Msg)) {
		reply(answerTo(q, texts...))
	}
}

func answerTo(q *dns.Msg, texts ...string) *dns.Msg {
	m := new(dns.Msg).SetReply(q)
	for _, text := range texts {
		rr, err := dns.NewRR(strings.ReplaceAll(text, "@", q.Question[0].Name))
		if err != nil {
			panic(err)
		}
		if t := rr.Header().Rrtype; t == q.Question[0].Qtype || t == dns.TypeCNAME {
			m.Answer = append(m.Answer, rr)
		} else if t == dns.TypeSOA {
			m.Ns = append(m.Ns, rr)
		}
	}
	return m
}

// code answers every query with a response code.
func code(rcode int) fakeServer {
	return func(q *dns.Msg, reply func(*dns.Msg)) {
		reply(new(dns.Msg).SetRcode(q, rcode))
	}
}

// silent never answers, dead is a port without a server.
func silent(*dns.Msg, func(*dns.Msg))       {}
func dead(_ *dns.Msg, reply func(*dns.Msg)) { reply(nil) }

// forbidden is a server that our own system lets no query pass to.
func forbidden(_ *dns.Msg, reply func(*dns.Msg)) { reply(refusedQuery) }

var refusedQuery = new(dns.Msg)

// expect fails the test unless got is want.
func expect[T comparable](t *testing.T, what string, got, want T) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %v\nwant %v", what, got, want)
	}
}

// pass lets fake time pass.
func pass(d time.Duration) { <-time.After(d) }
