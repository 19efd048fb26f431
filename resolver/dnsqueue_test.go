package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"

	"github.com/miekg/dns"
	"golang.org/x/net/ipv4"

	"github.com/mxsweep/mxsweep/scanner"
)

// A scriptedConn takes two messages at a time and refuses those for one type.
type scriptedConn struct {
	dnsConn
	refused uint16
	sent    []string
	calls   int
}

func (c *scriptedConn) WriteBatch(messages []ipv4.Message, _ int) (int, error) {
	c.calls++
	for i, m := range messages[:min(2, len(messages))] {
		var q dns.Msg
		if err := q.Unpack(m.Buffers[0]); err != nil {
			return -1, err
		}
		if q.Question[0].Qtype == c.refused {
			if i == 0 {
				return -1, syscall.EPERM // as sendmmsg: the error of the first one only
			}
			return i, nil
		}
		c.sent = append(c.sent, fmt.Sprintf("%d %s", q.Id, dns.TypeToString[q.Question[0].Qtype]))
	}
	return min(2, len(messages)), nil
}

// newQueueTest returns a socket, and calls for questions of some types which are
// in its queue.
func newQueueTest(t *testing.T, conn dnsConn, types ...uint16) (*dnsSocket, []*dnsCall, []dnsTicket) {
	t.Helper()
	server := &dnsServer{queues: new(sync.Pool)}
	k := &dnsSocket{server: server, conn: conn, waiting: make(map[uint16]*dnsCall), queue: new(dnsQueue)}
	var calls []*dnsCall
	var tickets []dnsTicket
	for i, qtype := range types {
		call := &dnsCall{q: dnsQuestion{"example.", qtype}, batch: &dnsBatch{packets: make(chan dnsPacket, 4)}}
		if err := call.pack(); err != nil {
			t.Fatal(err)
		}
		ticket, first, err := k.enter(call)
		if err != nil || first != (i == 0) {
			t.Fatalf("call %d: first %v, error %v", i, first, err)
		}
		calls, tickets = append(calls, call), append(tickets, ticket)
	}
	return k, calls, tickets
}

// What is queued leaves in order, with as few calls as the system makes of it. A
// query that cannot be sent keeps no other back, and only its own call hears of
// it, which gives its place up.
func TestQueue(t *testing.T) {
	conn := &scriptedConn{refused: dns.TypeA}
	k, calls, tickets := newQueueTest(t, conn, dns.TypeMX, dns.TypeA, dns.TypeAAAA, dns.TypeTXT, dns.TypeA)
	calls[0].packet[headerSize] = 'x' // as a later attempt may: what is queued stays
	k.flush()
	want := []string{fmt.Sprintf("%d MX", tickets[0].id), fmt.Sprintf("%d AAAA", tickets[2].id), fmt.Sprintf("%d TXT", tickets[3].id)}
	if !slices.Equal(conn.sent, want) {
		t.Errorf("sent %q, want %q", conn.sent, want)
	}
	expect(t, "calls to the system", conn.calls, 4) // MX, A, AAAA and TXT, A
	for i, call := range calls {
		refused := call.q.qtype == dns.TypeA
		expect(t, "still waiting", k.waiting[tickets[i].id] == call, !refused)
		expect(t, "packets", len(call.batch.packets), map[bool]int{true: 1}[refused])
		if refused {
			p := <-call.batch.packets
			if !p.unsent || p.call != call || p.ticket != tickets[i] || !errors.Is(p.err, syscall.EPERM) {
				t.Errorf("call %d got %+v", i, p)
			}
		}
	}
	if _, first, err := k.enter(calls[0]); !first || err != nil {
		t.Errorf("after the flush: first %v, error %v", first, err)
	}
}

// A socket that has failed tells its calls once, also those whose queries have
// not left.
func TestQueueOfFailedSocket(t *testing.T) {
	server, client := net.Pipe()
	server.Close()
	k, calls, _ := newQueueTest(t, batching(client), dns.TypeMX)
	k.server.retire(k, syscall.ECONNREFUSED)
	k.flush()
	expect(t, "packets", len(calls[0].batch.packets), 1)
	if p := <-calls[0].batch.packets; p.unsent || !errors.Is(p.err, syscall.ECONNREFUSED) {
		t.Errorf("got %+v", p)
	}
	if _, _, err := k.enter(calls[0]); !errors.Is(err, syscall.ECONNREFUSED) {
		t.Errorf("later: error %v", err)
	}
}

// A reader whose socket has failed leaves its buffers to the next one: where
// nothing listens, each question costs a socket.
func TestFailedReaderReturnsBuffers(t *testing.T) {
	const sockets = 100
	made := 0
	s := &dnsServer{buffers: &sync.Pool{New: func() any { made++; return new([maxPacket]byte) }}}
	for range sockets {
		server, client := net.Pipe()
		server.Close()
		s.read(&dnsSocket{server: s, conn: batching(client)})
	}
	if made > sockets*maxBurst/2 { // a pool may lose some
		t.Errorf("%d buffers made for %d sockets", made, sockets)
	}
}

// A query that the system refuses is a fault of our own side, and is tried again
// and elsewhere.
func TestUnsent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": forbidden, "b": records(oneMX)}, "b", "a")
		defer d.Close()
		expect(t, "elsewhere", d.LookupMX(t.Context(), "example").Status, scanner.StatusNullMX)
		expect(t, "queries", n.queries(), "0s a example. MX, 0s b example. MX")
	})
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": forbidden}, "a")
		defer d.Close()
		r := d.LookupMX(t.Context(), "example")
		expect(t, "status", r.Status, scanner.StatusLocal)
		expect(t, "error", r.Error, "query to a:53: "+syscall.EPERM.Error())
		expect(t, "queries", n.queries(), "0s a example. MX, 400ms a example. MX, 1.2s a example. MX, 2.8s a example. MX")
	})
}

// Whoever has to wait for the rate first sends what is queued.
func TestQueueDoesNotWaitForRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": records("@ A 192.0.2.1")}, "a")
		defer d.Close()
		d.Rate = 10
		expect(t, "status", d.LookupHost(t.Context(), "h.example").Status, scanner.StatusSuccess)
		expect(t, "queries", n.queries(), "0s a h.example. A, 100ms a h.example. AAAA")
	})
}

// A lookup that is stopped between two questions leaves none in a queue, where
// those of others would wait behind it.
func TestStoppedBeforeFlush(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n, d := newFakeNet(map[string]fakeServer{"a": records("@ A 192.0.2.1")}, "a")
		defer d.Close()
		stopped := d.LookupHost(&stoppingContext{t.Context(), 1}, "one.example")
		expect(t, "stopped", stopped.Status, scanner.StatusCancelled)
		expect(t, "later", d.LookupHost(t.Context(), "two.example").Status, scanner.StatusSuccess)
		expect(t, "queries", n.queries(), "0s a one.example. A, 0s a two.example. A, 0s a two.example. AAAA")
	})
}

// A stoppingContext is over after some looks at it.
type stoppingContext struct {
	context.Context
	left int
}

func (c *stoppingContext) Err() error {
	if c.left--; c.left < 0 {
		return context.Canceled
	}
	return nil
}

// Lookups whose queries are being sent when the DNS is closed end at once.
func TestCloseWhileSending(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, d := newFakeNet(map[string]fakeServer{"a": silent}, "a")
		dial := d.dial
		d.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
			conn, err := dial(ctx, network, address)
			return stuckConn{conn.(*fakeConn)}, err
		}
		var group sync.WaitGroup
		for i := range 5 {
			group.Go(func() {
				r := d.LookupHost(t.Context(), fmt.Sprintf("h%d.example", i))
				expect(t, "status", r.Status, scanner.StatusLocal)
				expect(t, "error", r.Error, errDNSClosed.Error())
			})
		}
		synctest.Wait()
		d.Close()
		group.Wait()
	})
}

// A stuckConn sends nothing until it is closed.
type stuckConn struct{ *fakeConn }

func (c stuckConn) Write([]byte) (int, error) {
	<-c.closed
	return 0, net.ErrClosed
}

// Many questions at once reach a real server over real sockets and so do their
// answers, which come in another order and among packets that are none.
func TestBursts(t *testing.T) {
	for _, address := range []string{"127.0.0.1:0", "[::1]:0"} {
		t.Run(address, func(t *testing.T) { testBursts(t, address) })
	}
}

func testBursts(t *testing.T, address string) {
	conn, err := net.ListenPacket("udp", address)
	if err != nil {
		t.Skip(err) // no IPv6 here
	}
	const hosts = 60
	served := make(chan struct{})
	go func() {
		defer close(served)
		answerBurst(conn, 2*hosts)
	}()
	defer func() {
		conn.Close()
		<-served
	}()
	d := &DNS{Servers: []string{conn.LocalAddr().String()}, Rate: -1}
	defer d.Close()
	var group sync.WaitGroup
	for i := 1; i <= hosts; i++ {
		group.Go(func() {
			r := d.LookupHost(t.Context(), fmt.Sprintf("h%d.example", i))
			expect(t, "answer", summary(r), fmt.Sprintf("success | 0 h%d.example 192.0.2.%[1]d 2001:db8::%[1]d", i))
		})
	}
	group.Wait()
}

// answerBurst answers when so many different questions have come, the last one
// first, and now and then behind a packet that is too long for a reader's buffer.
func answerBurst(conn net.PacketConn, count int) {
	var answers [][]byte
	var from []net.Addr
	seen := map[dns.Question]bool{}
	buffer := make([]byte, 512)
	for {
		n, addr, err := conn.ReadFrom(buffer)
		if err != nil {
			return
		}
		q := new(dns.Msg)
		if q.Unpack(buffer[:n]) != nil {
			continue
		}
		number := strings.TrimSuffix(strings.TrimPrefix(q.Question[0].Name, "h"), ".example.")
		packet, err := answerTo(q, "@ A 192.0.2."+number, "@ AAAA 2001:db8::"+number).Pack()
		if err != nil {
			return
		}
		seen[q.Question[0]] = true
		answers, from = append(answers, packet), append(from, addr)
		if len(seen) < count {
			continue
		}
		for i, packet := range slices.Backward(answers) {
			if i%16 == 0 {
				conn.WriteTo(make([]byte, maxPacket+1), from[i])
			}
			conn.WriteTo(packet, from[i])
		}
		answers, from = nil, nil
	}
}
