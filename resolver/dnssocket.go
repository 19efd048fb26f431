package resolver

// This file has the sockets to the name servers, and with them the only
// goroutines of the DNS side: one reader for each socket, which lives until the
// socket fails or the DNS is closed. Sockets are kept open and shared because a
// socket for each question costs three times as much as the question.
//
// A shared socket has one port for many questions, which leaves a forger who is
// not on the way only the 16 bits of the id to guess. Therefore the ids are
// random, the socket is connected, so that the kernel drops what comes from
// elsewhere, and the question must be echoed byte for byte; a packet that does
// not match leaves its question open (RFC 5452, section 9.1).

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"net"
	"sync"
	"sync/atomic"

	"golang.org/x/net/ipv4"
)

const (
	socketsPerServer = 2
	maxWaiting       = 1 << 15 // questions on one socket: half of all ids
	maxPacket        = 4096    // read at most; we ask for 1232
	receiveBuffer    = 1 << 20 // for bursts: what does not fit is lost, and costs 0.4 s
)

var (
	errDNSClosed = errors.New("the resolver is closed")
	errDNSBusy   = errors.New("too many questions under way on one socket")
)

// A dialFunc opens a connected socket to a name server.
type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// A dnsServer is one name server and the sockets to it, opened when needed.
type dnsServer struct {
	address string
	dial    dialFunc
	buffers *sync.Pool   // of *[maxPacket]byte, which answers are read into
	queues  *sync.Pool   // of *dnsQueue
	misses  atomic.Int32 // packets in a row that were not answered in time
	turn    atomic.Uint32

	mu      sync.Mutex
	sockets [socketsPerServer]*dnsSocket
	closed  bool
	readers sync.WaitGroup
}

// A dnsSocket is a connected UDP socket and the questions that wait on it.
type dnsSocket struct {
	server *dnsServer
	conn   dnsConn

	mu      sync.Mutex
	waiting map[uint16]*dnsCall
	queue   *dnsQueue // queries to be sent by whoever put the first one there
	err     error     // why it is of no use any more
}

// A dnsTicket is the place of a question on a socket.
type dnsTicket struct {
	socket *dnsSocket
	id     uint16
}

// A dnsPacket is what became of a question on one socket: an answer in wire
// format, or the failure of the socket.
type dnsPacket struct {
	call   *dnsCall
	server *dnsServer
	ticket dnsTicket
	buffer *[maxPacket]byte // from the server's pool
	size   int
	err    error
	unsent bool // the failure kept the query from leaving
}

func (s *dnsServer) buffer() *[maxPacket]byte {
	if b, ok := s.buffers.Get().(*[maxPacket]byte); ok {
		return b
	}
	return new([maxPacket]byte)
}

// socket returns an open socket, the shared ones by turns.
func (s *dnsServer) socket(ctx context.Context) (*dnsSocket, error) {
	i := s.turn.Add(1) % socketsPerServer
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errDNSClosed
	}
	if k := s.sockets[i]; k != nil && k.usable() {
		return k, nil
	}
	conn, err := s.dial(ctx, "udp", s.address)
	if err != nil {
		return nil, err
	}
	if udp, ok := conn.(*net.UDPConn); ok {
		udp.SetReadBuffer(receiveBuffer) // as much of it as the system allows
	}
	k := &dnsSocket{server: s, conn: batching(conn), waiting: make(map[uint16]*dnsCall), queue: new(dnsQueue)}
	s.sockets[i] = k
	s.readers.Go(func() { s.read(k) })
	return k, nil
}

// close closes the sockets and waits for their readers.
func (s *dnsServer) close() {
	s.mu.Lock()
	s.closed = true
	for _, k := range s.sockets {
		if k != nil {
			k.conn.Close()
		}
	}
	s.mu.Unlock()
	s.readers.Wait()
}

// enter puts the question of a call into the queue of a socket, under a random
// id that no other has. The first one in a queue is told to flush the socket.
func (k *dnsSocket) enter(call *dnsCall) (t dnsTicket, first bool, err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return dnsTicket{}, false, k.err
	}
	if len(k.waiting) >= maxWaiting {
		return dnsTicket{}, false, errDNSBusy
	}
	id := randomID()
	for k.waiting[id] != nil {
		id = randomID()
	}
	k.waiting[id] = call
	return dnsTicket{k, id}, k.queue.add(call, id), nil
}

// leave gives the place up, when nobody waits for the answer any more.
func (t dnsTicket) leave() {
	t.socket.mu.Lock()
	delete(t.socket.waiting, t.id)
	t.socket.mu.Unlock()
}

func (k *dnsSocket) usable() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.err == nil
}

// read hands answers to the calls they belong to, until the socket fails. Every
// error retires the socket, also "connection refused", which is how a connected
// UDP socket learns that nothing listens: the next question opens another.
func (s *dnsServer) read(k *dnsSocket) {
	var buffers [maxBurst]*[maxPacket]byte
	messages := make([]ipv4.Message, maxBurst)
	for i := range messages {
		buffers[i] = s.buffer()
		messages[i].Buffers = [][]byte{buffers[i][:]}
	}
	defer func() {
		for _, b := range buffers {
			s.buffers.Put(b)
		}
	}()
	for {
		n, err := k.conn.ReadBatch(messages, 0)
		if err != nil {
			s.retire(k, err)
			return
		}
		for i := range messages[:n] {
			size := messages[i].N
			call, t := k.take(buffers[i][:size])
			if call == nil {
				continue
			}
			call.post(dnsPacket{call: call, server: s, ticket: t, buffer: buffers[i], size: size})
			buffers[i] = s.buffer()
			messages[i].Buffers[0] = buffers[i][:]
		}
	}
}

// take returns the call that a packet answers, and closes its place, or nil.
func (k *dnsSocket) take(packet []byte) (*dnsCall, dnsTicket) {
	if len(packet) < headerSize {
		return nil, dnsTicket{}
	}
	id := binary.BigEndian.Uint16(packet)
	k.mu.Lock()
	defer k.mu.Unlock()
	call := k.waiting[id]
	if call == nil || !call.answeredBy(packet) {
		return nil, dnsTicket{}
	}
	delete(k.waiting, id)
	return call, dnsTicket{k, id}
}

// retire ends a socket and tells every call that waits on it.
func (s *dnsServer) retire(k *dnsSocket, err error) {
	defer k.conn.Close() // last, so that a flush fails only after k.err says why
	k.mu.Lock()
	defer k.mu.Unlock()
	k.err = err
	for id, call := range k.waiting {
		call.post(dnsPacket{call: call, server: s, ticket: dnsTicket{k, id}, err: err})
	}
	clear(k.waiting)
}

func randomID() uint16 {
	var b [2]byte
	rand.Read(b[:]) // never fails
	return binary.BigEndian.Uint16(b[:])
}
