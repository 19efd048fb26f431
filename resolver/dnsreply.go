package resolver

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/miekg/dns"

	"github.com/mxsweep/mxsweep/scanner"
)

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
	if err := b.pace(ctx); err != nil {
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
