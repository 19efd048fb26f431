package resolver

// This file sends and receives several packets with one call to the system where
// that can be done, because the call costs as much as the packet.

import (
	"encoding/binary"
	"net"
	"runtime"

	"golang.org/x/net/ipv4"
)

const maxBurst = 32 // packets received with one call

// A dnsConn is a connected socket as package ipv4 has it; what it has serves
// IPv6 as well.
type dnsConn interface {
	ReadBatch(messages []ipv4.Message, flags int) (int, error)
	WriteBatch(messages []ipv4.Message, flags int) (int, error)
	Close() error
}

// batching returns a connection as a dnsConn.
func batching(conn net.Conn) dnsConn {
	if udp, ok := conn.(*net.UDPConn); ok && runtime.GOOS == "linux" {
		return ipv4.NewPacketConn(udp)
	}
	return oneByOne{conn}
}

// oneByOne is a dnsConn where the system has no such calls.
type oneByOne struct{ net.Conn }

func (c oneByOne) ReadBatch(messages []ipv4.Message, _ int) (int, error) {
	n, err := c.Read(messages[0].Buffers[0])
	messages[0].N = n
	return 1, err
}

func (c oneByOne) WriteBatch(messages []ipv4.Message, _ int) (int, error) {
	_, err := c.Write(messages[0].Buffers[0])
	return 1, err
}

// A dnsQueue is queries that leave together. They are copies, since a call may
// change its own for the next attempt before this one has left.
type dnsQueue struct {
	queries  []dnsQuery
	packets  []byte // of all, one after the other
	messages []ipv4.Message
}

type dnsQuery struct {
	call *dnsCall
	id   uint16
	end  int // in packets
}

// add reports whether the query is the first in the queue.
func (q *dnsQueue) add(call *dnsCall, id uint16) bool {
	at := len(q.packets)
	q.packets = append(q.packets, call.packet...)
	binary.BigEndian.PutUint16(q.packets[at:], id)
	q.queries = append(q.queries, dnsQuery{call, id, len(q.packets)})
	return at == 0
}

// flush sends what is in the queue.
func (k *dnsSocket) flush() {
	next := k.server.queue()
	k.mu.Lock()
	q := k.queue
	k.queue = next
	k.mu.Unlock()
	messages := q.pack()
	for i := 0; i < len(messages); {
		n, err := k.conn.WriteBatch(messages[i:], 0)
		if err != nil { // of the first one; the others are tried all the same
			k.unsent(q.queries[i], err)
			n = 1
		}
		i += n
	}
	k.server.queues.Put(q.reset())
}

// pack returns the queries as messages.
func (q *dnsQueue) pack() []ipv4.Message {
	for len(q.messages) < len(q.queries) {
		q.messages = append(q.messages, ipv4.Message{Buffers: make([][]byte, 1)})
	}
	at := 0
	for i, query := range q.queries {
		q.messages[i].Buffers[0] = q.packets[at:query.end]
		at = query.end
	}
	return q.messages[:len(q.queries)]
}

// reset empties a queue for its next use.
func (q *dnsQueue) reset() *dnsQueue {
	clear(q.queries)
	q.queries, q.packets = q.queries[:0], q.packets[:0]
	return q
}

// unsent tells the call of a query that it could not be sent, unless it has
// learned already that the socket has failed.
func (k *dnsSocket) unsent(q dnsQuery, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.waiting[q.id] == q.call {
		delete(k.waiting, q.id)
		q.call.post(dnsPacket{call: q.call, server: k.server, ticket: dnsTicket{k, q.id}, err: err, unsent: true})
	}
}

func (s *dnsServer) queue() *dnsQueue {
	if q, ok := s.queues.Get().(*dnsQueue); ok {
		return q
	}
	return new(dnsQueue)
}
