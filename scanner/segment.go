package scanner

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
)

// Control bits of a TCP header (RFC 9293, section 3.1).
const (
	flagSYN = 1 << 1
	flagRST = 1 << 2
	flagACK = 1 << 4
)

// protocolTCP is the number of TCP in a header of the Internet Protocol.
const protocolTCP = 6

// A segment is what matters here of a TCP header.
type segment struct {
	source, destination uint16
	seq, ack            uint32
	flags               byte
}

// parseSegment reads a TCP header; false if there is none. The checksum is not
// looked at: nothing but what carries the cookie of a SYN is believed.
func parseSegment(b []byte) (segment, bool) {
	s, ok := parseQuote(b)
	if !ok || len(b) < 20 || b[12]>>4 < 5 {
		return segment{}, false
	}
	s.ack, s.flags = binary.BigEndian.Uint32(b[8:]), b[13]
	return s, true
}

// parseQuote reads the part of a header that every ICMP error quotes: 64 bits
// (RFC 792). Their other fields remain zero.
func parseQuote(b []byte) (segment, bool) {
	if len(b) < 8 {
		return segment{}, false
	}
	return segment{
		source: binary.BigEndian.Uint16(b), destination: binary.BigEndian.Uint16(b[2:]), seq: binary.BigEndian.Uint32(b[4:]),
	}, true
}

// pastIPv4 returns what follows the header of an IPv4 packet, nil if it is none
// (RFC 791, section 3.1).
func pastIPv4(b []byte) []byte {
	if len(b) < 20 || b[0]>>4 != 4 {
		return nil
	}
	header := 4 * int(b[0]&0xf)
	if header < 20 || header > len(b) {
		return nil
	}
	return b[header:]
}

// appendSYN appends a SYN with the one option that every system sends, the
// maximum segment size (RFC 9293, section 3.7.1): what has none looks like no
// system to some filters. The addresses are of one family.
func appendSYN(b []byte, from, to netip.AddrPort, seq uint32) []byte {
	at, mss := len(b), uint16(1460) // 1500 less the headers
	if to.Addr().Is6() {
		mss = 1440
	}
	b = binary.BigEndian.AppendUint16(b, from.Port())
	b = binary.BigEndian.AppendUint16(b, to.Port())
	b = binary.BigEndian.AppendUint32(b, seq)
	b = append(b, 0, 0, 0, 0, 6<<4, flagSYN)    // six words of header
	b = append(b, 0xff, 0xff, 0, 0, 0, 0, 2, 4) // window, checksum, urgent pointer, option
	b = binary.BigEndian.AppendUint16(b, mss)
	binary.BigEndian.PutUint16(b[at+16:], checksum(from.Addr(), to.Addr(), b[at:]))
	return b
}

// checksum returns that of a segment of even length: over the addresses,
// protocol and length, too (RFC 9293, section 3.1; RFC 8200, section 8.1).
func checksum(from, to netip.Addr, segment []byte) uint16 {
	sum := uint32(protocolTCP + len(segment))
	add := func(b []byte) {
		for ; len(b) > 1; b = b[2:] {
			sum += uint32(binary.BigEndian.Uint16(b))
		}
	}
	a, z := from.As16(), to.As16()
	if from.Is4() { // the words in front say that it is one in 16 bytes
		add(a[12:])
		add(z[12:])
	} else {
		add(a[:])
		add(z[:])
	}
	add(segment)
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum>>16 + sum)
}

// A cookieKey makes the sequence numbers of SYNs, and is made anew for each run.
type cookieKey [16]byte

func newCookieKey() (k cookieKey) {
	rand.Read(k[:]) // never fails
	return k
}

// cookie returns the initial sequence number of a connection: a keyed hash of
// its four coordinates (as RFC 6528 has it), so that an answer proves itself
// without a note of what was sent. Whoever has not seen the SYN has one chance
// in 2^32. The key, in front, and the fixed length make one block of SHA-256 a
// sound keyed hash.
func (k *cookieKey) cookie(from, to netip.AddrPort) uint32 {
	var b [52]byte
	a, z := from.Addr().As16(), to.Addr().As16()
	copy(b[:], k[:])
	copy(b[16:], a[:])
	copy(b[32:], z[:])
	binary.BigEndian.PutUint16(b[48:], from.Port())
	binary.BigEndian.PutUint16(b[50:], to.Port())
	sum := sha256.Sum256(b[:])
	return binary.BigEndian.Uint32(sum[:])
}
