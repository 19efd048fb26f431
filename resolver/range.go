package resolver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// maxIPv6 is how many addresses an IPv6 range may have. At 10,000 a second that
// is half an hour; the next step up in practice, a /64, is 58 million years.
const maxIPv6 = 1 << 24

// looksLikeAddress reports whether s is meant as an address, prefix or range:
// it has a colon or slash, or no letter at all. Every host name has a letter, as
// no top-level domain is numeric (RFC 3696, section 2).
func looksLikeAddress(s string) bool {
	letter := false
	for i := range len(s) {
		c := s[i]
		if c == ':' || c == '/' {
			return true
		}
		letter = letter || 'a' <= c|0x20 && c|0x20 <= 'z' || c >= 0x80
	}
	return !letter
}

// addressLiteral removes the tag that RFC 5321, section 4.1.3 puts before an
// IPv6 address in brackets.
func addressLiteral(s string) string {
	const tag = "IPv6:"
	if len(s) > len(tag) && strings.EqualFold(s[:len(tag)], tag) {
		return s[len(tag):]
	}
	return s
}

// parseRange reads an address, a prefix or a range, and returns its ends.
func parseRange(s string) (first, last netip.Addr, err error) {
	if strings.IndexByte(s, '/') >= 0 {
		return parsePrefix(s)
	}
	if from, to, ok := strings.Cut(s, "-"); ok {
		return parseFromTo(strings.TrimSpace(from), strings.TrimSpace(to))
	}
	first, err = parseAddress(s)
	return first, first, err
}

// parseAddress reads one address. IPv4 in IPv6 (RFC 4291, section 2.5.5.2) is
// IPv4 to the network, so it is here.
func parseAddress(s string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(s)
	if err == nil && addr.Zone() == "" {
		return addr.Unmap(), nil
	}
	switch {
	case strings.IndexByte(s, '%') >= 0:
		return netip.Addr{}, errors.New("an address with a zone has a meaning on one machine only; leave out the % and what follows")
	case hasLeadingZero(s):
		return netip.Addr{}, errors.New("some programs read octets with leading zeros as octal; write them without")
	case strings.IndexByte(s, ':') >= 0:
		return netip.Addr{}, fmt.Errorf("%q is not an IPv6 address; a port goes after brackets: [2001:db8::1]:25", clip(s))
	}
	return netip.Addr{}, fmt.Errorf("%q is neither an IPv4 address nor a name; %s", clip(s), expected)
}

// hasLeadingZero finds the likes of 010.1.1.1.
func hasLeadingZero(s string) bool {
	if strings.Trim(s, "0123456789.") != "" {
		return false
	}
	for octet := range strings.SplitSeq(s, ".") {
		if len(octet) > 1 && octet[0] == '0' {
			return true
		}
	}
	return false
}

// parsePrefix reads address/bits. Bits of the address beyond the prefix are
// ignored: 192.0.2.7/24 is the network that 192.0.2.7 is in.
func parsePrefix(s string) (first, last netip.Addr, err error) {
	text, bits, _ := strings.Cut(s, "/")
	if !looksLikeAddress(text) {
		return first, last, errors.New("a slash goes with a prefix such as 192.0.2.0/24, not after a name")
	}
	addr, err := parseAddress(text)
	if err != nil {
		return first, last, fmt.Errorf("before the slash: %w", err)
	}
	n, err := strconv.ParseUint(bits, 10, 8)
	if err != nil {
		return first, last, fmt.Errorf("after the slash: expected the length of the prefix, as in 192.0.2.0/24, not %q", clip(bits))
	}
	length := int(n)
	if addr.Is4() && strings.IndexByte(text, ':') >= 0 {
		length -= 96 // of ::ffff:0:0/96
	}
	prefix, err := addr.Prefix(length)
	if err != nil {
		return first, last, fmt.Errorf("a prefix of %s cannot have /%s", addr, clip(bits))
	}
	return prefix.Addr(), lastAddr(prefix), nil
}

// lastAddr returns the highest address of a prefix.
func lastAddr(p netip.Prefix) netip.Addr {
	b := p.Addr().AsSlice()
	for bit := p.Bits(); bit < len(b)*8; bit++ {
		b[bit/8] |= 0x80 >> (bit % 8)
	}
	last, _ := netip.AddrFromSlice(b)
	return last
}

// parseFromTo reads the two ends of a range. A number alone as the second is
// the last octet of the first.
func parseFromTo(from, to string) (first, last netip.Addr, err error) {
	if first, err = parseAddress(from); err != nil {
		return first, last, err
	}
	if octet, err := strconv.ParseUint(to, 10, 8); err == nil && first.Is4() {
		b := first.As4()
		b[3] = byte(octet)
		last = netip.AddrFrom4(b)
	} else if last, err = parseAddress(to); err != nil {
		return first, last, fmt.Errorf("after the hyphen: %w", err)
	}
	if first.Is4() != last.Is4() {
		return first, last, errors.New("the ends of the range are not both IPv4 or both IPv6")
	}
	if last.Less(first) {
		return first, last, fmt.Errorf("the range ends before it begins: %s is below %s", last, first)
	}
	return first, last, nil
}

// checkSize refuses an IPv6 range of more than maxIPv6 addresses.
func checkSize(first, last netip.Addr) error {
	if first.Is4() {
		return nil
	}
	a, b := first.As16(), last.As16()
	low := binary.BigEndian.Uint64(b[8:]) - binary.BigEndian.Uint64(a[8:])
	borrow := binary.BigEndian.Uint64(b[8:]) < binary.BigEndian.Uint64(a[8:])
	high := binary.BigEndian.Uint64(b[:8]) - binary.BigEndian.Uint64(a[:8])
	if borrow {
		high--
	}
	if high > 0 || low >= maxIPv6 {
		return errors.New("more than 2^24 IPv6 addresses cannot be swept; expected a prefix of /104 or longer, or a list of addresses")
	}
	return nil
}
