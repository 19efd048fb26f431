package resolver

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"time"

	"github.com/miekg/dns"

	"github.com/mxsweep/mxsweep/scanner"
)

// The DNS header: RFC 1035, section 4.1.1, and RFC 4035, section 3.2 for AD.
const (
	headerSize    = 12
	flagResponse  = 0x80 // in byte 2
	flagTruncated = 0x02
	flagRecurse   = 0x01
	flagAuthentic = 0x20 // in byte 3
	optSize       = 11   // of an OPT record without options
	ednsSize      = 1232 // fits a packet on every path: RFC 9715, section 3
)

// A dnsCall is one question on its way to the servers.
type dnsCall struct {
	q        dnsQuestion
	answer   *dnsAnswer    // in the end
	others   chan struct{} // closed then; made, under the lock of the cache, where others wait
	batch    *dnsBatch
	packet   []byte // the query; its id changes with each attempt
	question []byte // the part of it that an answer must echo

	tickets []dnsTicket  // attempts without an answer yet
	asked   []*dnsServer // all attempts, in order
	due     time.Time    // of the next attempt or, after the last one, of giving up
	failure *dnsAnswer   // the most telling failure so far
	done    bool

	ticketRoom [2]dnsTicket // room of the slices for the usual case
	askedRoom  [2]*dnsServer
	packetRoom [96]byte
}

// answeredBy tells whether a message is a response that echoes the question.
func (call *dnsCall) answeredBy(message []byte) bool {
	return len(message) >= headerSize && message[2]&flagResponse != 0 &&
		binary.BigEndian.Uint16(message[4:]) == 1 && // else a record could pass for the question
		bytes.HasPrefix(message[headerSize:], call.question)
}

// A dnsBatch is the questions of one lookup that nobody else has asked.
type dnsBatch struct {
	client   *dnsClient
	calls    []*dnsCall
	open     int
	packets  chan dnsPacket
	timer    *time.Timer
	deadline time.Time // of answers over TCP, which are fetched one by one
	late     bool      // packets may come after the end, so that it cannot be used again
}

// batch returns a batch without calls.
func (c *dnsClient) batch() *dnsBatch {
	if b, ok := c.batches.Get().(*dnsBatch); ok {
		return b
	}
	b := &dnsBatch{client: c, timer: time.NewTimer(time.Hour)}
	b.timer.Stop()
	return b
}

// release lets a batch that is over be used again.
func (b *dnsBatch) release() {
	clear(b.calls)
	b.calls = b.calls[:0]
	if !b.late {
		b.client.batches.Put(b)
	}
}

// post hands a packet to the batch. Every attempt posts at most one, so there is
// room for all of them, and a reader never waits.
func (call *dnsCall) post(p dnsPacket) {
	select {
	case call.batch.packets <- p:
	default:
	}
}

// run sees all calls through.
func (b *dnsBatch) run(ctx context.Context) {
	b.open = len(b.calls)
	if room := len(b.calls) * (b.client.attempts + 1); cap(b.packets) < room {
		b.packets = make(chan dnsPacket, room)
	}
	b.deadline = time.Now().Add(2 * b.client.timeout)
	for _, call := range b.calls {
		call.batch, call.tickets, call.asked = b, call.ticketRoom[:0], call.askedRoom[:0]
		if err := call.pack(); err != nil {
			b.finish(call, &dnsAnswer{status: scanner.StatusBadName, err: err.Error(), name: call.q.name})
			continue
		}
		b.attempt(ctx, call)
	}
	defer b.timer.Stop()
	for b.open > 0 {
		b.timer.Reset(time.Until(b.nextDue()))
		select {
		case p := <-b.packets:
			b.receive(ctx, p)
		case <-b.timer.C:
			b.overdue(ctx)
		case <-ctx.Done():
			b.abandon()
		}
	}
}

func (b *dnsBatch) nextDue() time.Time {
	var next time.Time
	for _, call := range b.calls {
		if !call.done && (next.IsZero() || call.due.Before(next)) {
			next = call.due
		}
	}
	return next
}

// overdue sends the questions again whose time has come, or gives them up.
func (b *dnsBatch) overdue(ctx context.Context) {
	now := time.Now()
	for _, call := range b.calls {
		if call.done || call.due.After(now) {
			continue
		}
		last := call.asked[len(call.asked)-1]
		last.misses.Add(1)
		if len(call.asked) < b.client.attempts {
			b.attempt(ctx, call)
			continue
		}
		if len(call.tickets) > 0 { // else each attempt has failed in its own way
			call.fail(&dnsAnswer{status: scanner.StatusDNSTimeout, err: "no answer from " + last.address, ttl: failureTTL})
		}
		b.finish(call, call.failure)
	}
}

// attempt sends a question, to a server that has not had it if there is one.
func (b *dnsBatch) attempt(ctx context.Context, call *dnsCall) {
	if call.done { // given up together with another
		return
	}
	if b.client.wait(ctx) != nil {
		b.abandon()
		return
	}
	s := b.client.pick(call.asked)
	call.asked = append(call.asked, s)
	call.due = time.Now().Add(b.client.step << (len(call.asked) - 1))
	t, err := s.send(ctx, call)
	if err == nil {
		call.tickets = append(call.tickets, t)
		return
	}
	// Nothing was sent: a fault of our own side, but perhaps only on the way
	// to this server.
	s.misses.Add(1)
	call.fail(&dnsAnswer{status: scanner.StatusLocal, err: err.Error()})
	if errors.Is(err, errDNSClosed) {
		b.finish(call, call.failure)
		return
	}
	b.elsewhere(ctx, call)
}

// receive takes what a socket has brought.
func (b *dnsBatch) receive(ctx context.Context, p dnsPacket) {
	call := p.call
	if call.done {
		return
	}
	call.tickets = slices.DeleteFunc(call.tickets, func(t dnsTicket) bool { return t == p.ticket })
	if errors.Is(p.err, net.ErrClosed) {
		b.finish(call, &dnsAnswer{status: scanner.StatusLocal, err: errDNSClosed.Error(), name: call.q.name})
		return
	}
	if p.err != nil {
		p.server.misses.Add(1)
		call.fail(&dnsAnswer{status: scanner.StatusDNSTimeout, err: fmt.Sprintf("no answer from %s: %v", p.server.address, p.err), ttl: failureTTL})
		b.elsewhere(ctx, call)
		return
	}
	p.server.misses.Store(0)
	message := p.buffer[:p.size]
	a := b.read(ctx, call, p.server, message)
	p.server.buffers.Put(p.buffer)
	if a.answered {
		b.finish(call, a)
		return
	}
	call.fail(a)
	if !b.elsewhere(ctx, call) && len(call.tickets) == 0 {
		b.finish(call, call.failure)
	}
}

// read reads an answer, over TCP if it was truncated (RFC 7766, section 5).
func (b *dnsBatch) read(ctx context.Context, call *dnsCall, s *dnsServer, message []byte) *dnsAnswer {
	if message[2]&flagTruncated != 0 || len(message) == maxPacket {
		var err error
		if message, err = b.overTCP(ctx, call, s); err != nil {
			return &dnsAnswer{status: scanner.StatusDNSTimeout, ttl: failureTTL,
				err: fmt.Sprintf("truncated answer from %s, and none over TCP: %v", s.address, err)}
		}
	}
	var m dns.Msg
	if err := unpackAnswer(&m, message, headerSize+len(call.question)); err != nil {
		return &dnsAnswer{status: scanner.StatusServFail, ttl: failureTTL,
			err: fmt.Sprintf("malformed answer from %s: %v", s.address, err)}
	}
	return readAnswer(&m, call.q, s.address)
}

// unpackAnswer reads the records of a message, which begin at a place behind the
// question. That has been compared already, and reading it again would take as
// long as reading a usual answer.
func unpackAnswer(m *dns.Msg, message []byte, at int) error {
	m.Rcode = int(message[3] & 0xf)
	m.AuthenticatedData = message[3]&flagAuthentic != 0
	for i, section := range []*[]dns.RR{&m.Answer, &m.Ns, &m.Extra} {
		for range binary.BigEndian.Uint16(message[6+2*i:]) {
			if at == len(message) {
				break // counts are wrong in the wild; what is there counts
			}
			rr, next, err := dns.UnpackRR(message, at)
			if err != nil {
				return err
			}
			*section, at = append(*section, rr), next
		}
	}
	if opt := m.IsEdns0(); opt != nil {
		m.Rcode |= opt.ExtendedRcode() // RFC 6891, section 6.1.3
	}
	return nil
}

// overTCP asks one server over a TCP connection of its own.
func (b *dnsBatch) overTCP(ctx context.Context, call *dnsCall, s *dnsServer) ([]byte, error) {
	deadline := time.Now().Add(b.client.timeout / 2)
	if b.deadline.Before(deadline) {
		deadline = b.deadline
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	defer cancel()
	if err := b.client.wait(ctx); err != nil {
		return nil, err
	}
	conn, err := b.client.dial(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	binary.BigEndian.PutUint16(call.packet, randomID())
	query := binary.BigEndian.AppendUint16(make([]byte, 0, 2+len(call.packet)), uint16(len(call.packet)))
	if _, err := conn.Write(append(query, call.packet...)); err != nil {
		return nil, err
	}
	return readTCP(conn, call)
}

// readTCP reads one message behind its length (RFC 1035, section 4.2.2) that
// answers the call.
func readTCP(conn io.Reader, call *dnsCall) ([]byte, error) {
	var size [2]byte
	if _, err := io.ReadFull(conn, size[:]); err != nil {
		return nil, err
	}
	message := make([]byte, binary.BigEndian.Uint16(size[:]))
	if _, err := io.ReadFull(conn, message); err != nil {
		return nil, err
	}
	if !call.answeredBy(message) || !bytes.HasPrefix(message, call.packet[:2]) {
		return nil, errors.New("the answer is for another question")
	}
	return message, nil
}

// elsewhere asks another server at once, if there is one that has not been asked
// and an attempt is left.
func (b *dnsBatch) elsewhere(ctx context.Context, call *dnsCall) bool {
	if len(call.asked) >= min(b.client.attempts, len(b.client.servers)) {
		return false
	}
	b.attempt(ctx, call)
	return true
}

// fail remembers a failure unless a more telling one is known: what a server
// said comes before silence, and silence before a fault of our own side.
func (call *dnsCall) fail(a *dnsAnswer) {
	a.name = call.q.name
	if call.failure == nil || !vaguer(a.status, call.failure.status) {
		call.failure = a
	}
}

// finish ends a call with its answer.
func (b *dnsBatch) finish(call *dnsCall, a *dnsAnswer) {
	if call.done {
		return
	}
	call.done = true
	b.open--
	for _, t := range call.tickets {
		t.leave()
		b.late = true
	}
	b.client.cache.finish(call, a)
}

// abandon ends all calls without an answer: whoever else waits for one of them
// begins anew.
func (b *dnsBatch) abandon() {
	for _, call := range b.calls {
		b.finish(call, &dnsAnswer{name: call.q.name})
	}
}

// pack makes the query: recursion desired, AD set to ask for AD in the answer
// (RFC 6840, section 5.7), and an OPT record that allows answers of 1232 bytes
// (RFC 6891, section 6.1.2).
func (call *dnsCall) pack() error {
	p := call.packetRoom[:]
	if size := headerSize + len(call.q.name) + 2 + 4 + optSize; size > len(p) {
		p = make([]byte, size)
	}
	p[2], p[3], p[5], p[11] = flagRecurse, flagAuthentic, 1, 1
	end, err := dns.PackDomainName(call.q.name, p, headerSize, nil, false)
	if err != nil {
		return fmt.Errorf("not a domain name: %w", err)
	}
	binary.BigEndian.PutUint16(p[end:], call.q.qtype)
	binary.BigEndian.PutUint16(p[end+2:], dns.ClassINET)
	end += 4
	call.question = p[headerSize:end:end]
	binary.BigEndian.PutUint16(p[end+1:], dns.TypeOPT) // after the root name
	binary.BigEndian.PutUint16(p[end+3:], ednsSize)
	call.packet = p[:end+optSize]
	return nil
}
