package scanner

import (
	"encoding/hex"
	"net/netip"
	"testing"
)

// Headers as RFC 791, section 3.1, and RFC 9293, section 3.1, lay them out; the
// checksums are not looked at.
func TestSegment(t *testing.T) {
	for _, tt := range []struct {
		name, packet string
		want         segment
	}{
		{"SYN, ACK of IPv4", "450000 3c00004000 4006 3cb8 7f000001 7f000001 1f90c350 0a0b0c0d 01020304 a012ffcb fe30 0000 0204ffd70402080a0000000000000000 01030307",
			segment{0x1f90, 0xc350, 0x0a0b0c0d, 0x01020304, flagSYN | flagACK}},
		{"RST, ACK behind options of IPv4", "47000030 00004000 40063cb8 7f000001 7f000001 01010101 01010100 0019c350 00000000 01020304 50140000 0000 0000",
			segment{25, 0xc350, 0, 0x01020304, flagRST | flagACK}},
	} {
		b := packetOf(t, tt.packet)
		if got, ok := parseSegment(pastIPv4(b)); !ok || got != tt.want {
			t.Errorf("%s: %+v, %v", tt.name, got, ok)
		}
		for n := range len(b) { // cut anywhere it is no header, or the same
			if got, ok := parseSegment(pastIPv4(b[:n])); ok && got != tt.want {
				t.Errorf("%s cut at %d: %+v", tt.name, n, got)
			}
		}
	}
	for _, packet := range []string{"", "45", "65000014 00000000 40060000 7f000001 7f000001", "41000014 00000000 40060000 7f000001 7f000001"} {
		if got := pastIPv4(packetOf(t, packet)); got != nil {
			t.Errorf("%s: %x", packet, got)
		}
	}
	if _, ok := parseSegment(packetOf(t, "0019c350 00000000 01020304 40140000 00000000")); ok {
		t.Error("a header shorter than a header")
	}
	if got, ok := parseQuote(packetOf(t, "c3500019 01020304")); !ok || got != (segment{source: 0xc350, destination: 25, seq: 0x01020304}) {
		t.Errorf("a quote: %+v", got)
	}
}

func packetOf(t *testing.T, text string) []byte {
	t.Helper()
	var digits []byte
	for _, c := range []byte(text) {
		if c != ' ' {
			digits = append(digits, c)
		}
	}
	b, err := hex.DecodeString(string(digits))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// A SYN reads back as what it is, and its checksum makes the sum of all zero, as
// whoever receives it verifies (RFC 1071, section 1).
func TestAppendSYN(t *testing.T) {
	for _, tt := range []struct{ from, to string }{
		{"192.0.2.1:40000", "198.51.100.7:25"},
		{"255.255.255.255:65535", "255.255.255.255:65535"},
		{"[2001:db8::1]:40001", "[2001:db8:ffff::2]:587"},
	} {
		from, to := netip.MustParseAddrPort(tt.from), netip.MustParseAddrPort(tt.to)
		b := appendSYN([]byte("before"), from, to, 0xfedcba98)[6:]
		got, ok := parseSegment(b)
		if want := (segment{from.Port(), to.Port(), 0xfedcba98, 0, flagSYN}); !ok || got != want || int(b[12]>>4)*4 != len(b) {
			t.Errorf("%v: %+v in %x", tt, got, b)
		}
		if sum := checksum(from.Addr(), to.Addr(), b); sum != 0 {
			t.Errorf("%v: checksum of all is %x", tt, sum)
		}
	}
}

// The cookie depends on the key and on each coordinate.
func TestCookie(t *testing.T) {
	key, other := newCookieKey(), newCookieKey()
	ap := netip.MustParseAddrPort
	seen := map[uint32]bool{
		key.cookie(ap("192.0.2.1:1000"), ap("192.0.2.2:25")):   true,
		key.cookie(ap("192.0.2.3:1000"), ap("192.0.2.2:25")):   true,
		key.cookie(ap("192.0.2.1:1001"), ap("192.0.2.2:25")):   true,
		key.cookie(ap("192.0.2.1:1000"), ap("192.0.2.4:25")):   true,
		key.cookie(ap("192.0.2.1:1000"), ap("192.0.2.2:26")):   true,
		key.cookie(ap("192.0.2.2:25"), ap("192.0.2.1:1000")):   true,
		other.cookie(ap("192.0.2.1:1000"), ap("192.0.2.2:25")): true,
	}
	if len(seen) != 7 {
		t.Errorf("of seven cookies %d differ", len(seen))
	}
	if !seen[key.cookie(ap("192.0.2.1:1000"), ap("192.0.2.2:25"))] {
		t.Error("not the same a second time")
	}
}

func FuzzSegment(f *testing.F) {
	f.Add([]byte("E\x00\x00(\x00\x00@\x00@\x06<\xb8\x7f\x00\x00\x01\x7f\x00\x00\x01\x00\x19\xc3P\x00\x00\x00\x00\x01\x02\x03\x04P\x14\x00\x00\x00\x00\x00\x00"))
	f.Fuzz(func(t *testing.T, b []byte) {
		header := pastIPv4(b)
		if len(header) > len(b)-20 && header != nil {
			t.Errorf("%d of %d bytes are not of the header", len(header), len(b))
		}
		s, ok := parseSegment(header)
		q, quoted := parseQuote(header)
		if ok != (len(header) >= 20 && header[12] >= 5<<4) || ok && (!quoted || s.source != q.source || s.seq != q.seq) {
			t.Errorf("%x: %+v %v, quoted %+v %v", b, s, ok, q, quoted)
		}
	})
}
