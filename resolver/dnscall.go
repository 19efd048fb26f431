package resolver

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/miekg/dns"
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

// post hands a packet to the batch. Every attempt posts at most one, so there is
// room for all of them, and a reader never waits.
func (call *dnsCall) post(p dnsPacket) {
	select {
	case call.batch.packets <- p:
	default:
	}
}

// fail remembers a failure unless a more telling one is known: what a server
// said comes before silence, and silence before a fault of our own side.
func (call *dnsCall) fail(a *dnsAnswer) {
	a.name = call.q.name
	if call.failure == nil || !vaguer(a.status, call.failure.status) {
		call.failure = a
	}
}
