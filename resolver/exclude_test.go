package resolver

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mxsweep/mxsweep/scanner"
)

// exclusions reads one exclusion per argument; none may be bad.
func exclusions(t testing.TB, texts ...string) *Exclusions {
	t.Helper()
	x, err := ReadExclusions(t.Context(), Arguments(texts))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func TestExclusionsCover(t *testing.T) {
	x := exclusions(t,
		"192.0.2.7", "198.51.100.0/24", "203.0.113.10-20", "203.0.113.21-203.0.113.30", "255.255.255.255",
		"2001:db8::/32", "::ffff:192.0.2.9", "example.com", "*.example.net", "Bücher.example", "user@mail.example")
	for text, want := range map[string]bool{
		"192.0.2.6": false, "192.0.2.7": true, "192.0.2.8": false, "192.0.2.9": true,
		"::ffff:192.0.2.7": true,
		"198.51.99.255":    false, "198.51.100.0": true, "198.51.100.255": true, "198.51.101.0": false,
		"203.0.113.9": false, "203.0.113.10": true, "203.0.113.30": true, "203.0.113.31": false,
		"0.0.0.0": false, "255.255.255.254": false, "255.255.255.255": true, "::": false,
		"2001:db7:ffff::": false, "2001:db8::": true, "2001:db8::1%eth0": true, "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff": true, "2001:db9::": false,
	} {
		if got := x.Covers(netip.MustParseAddr(text), ""); got != want {
			t.Errorf("%s: got %v", text, got)
		}
	}
	for name, want := range map[string]bool{
		"": false, "com": false, "example.com": true, "mx.example.com": true, "a.b.c.example.com": true,
		"MX.Example.COM.": true, "notexample.com": false, "example.com.org": false,
		"example.net": true, "mx.example.net": true, "net": false,
		"xn--bcher-kva.example": true, "mx.xn--bcher-kva.example": true, "example": false, "mail.example": true,
		".": false, "..": false,
	} {
		if got := x.Covers(netip.Addr{}, name); got != want {
			t.Errorf("%q: got %v", name, got)
		}
	}
	if !x.Covers(netip.MustParseAddr("192.0.2.1"), "mx.example.com") || !x.Covers(netip.MustParseAddr("192.0.2.7"), "mx.example.org") {
		t.Error("an address and a name: either is enough")
	}
}

func TestNoExclusions(t *testing.T) {
	var none *Exclusions
	for _, x := range []*Exclusions{none, exclusions(t)} {
		if x.Covers(netip.MustParseAddr("192.0.2.1"), "example.com") || x.Covers(netip.Addr{}, "") {
			t.Errorf("%v excludes something", x)
		}
	}
}

func TestExclusionsOfAnySize(t *testing.T) {
	x := exclusions(t, "::/0", "0.0.0.0/0")
	for _, text := range []string{"::", "2001:db8::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "0.0.0.0", "255.255.255.255"} {
		if !x.Covers(netip.MustParseAddr(text), "") {
			t.Errorf("%s is not excluded", text)
		}
	}
	if x.Covers(netip.Addr{}, "example.com") {
		t.Error("addresses exclude a name")
	}
}

func TestReadExclusionsRefuses(t *testing.T) {
	for text, reason := range map[string]string{
		"192.0.2.1\n\n1.2.3 # no address": "neither",
		"# all\n192.0.2.1\n192.0.2.1:25":  "all ports",
		"a.example\n\nsmtp://b.example":   "all ports",
		"\n\n*.192.0.2.1":                 "expected a domain",
		"\n\n*.*.example":                 "cannot be in a name",
		"\n\n*":                           "expected a domain",
		"\n\nexample .com":                "one target per line",
	} {
		x, err := ReadExclusions(t.Context(), Reader("no.txt", strings.NewReader(text)))
		var bad *scanner.InputError
		if x != nil || !errors.As(err, &bad) || bad.Source != "no.txt:3" || !strings.Contains(bad.Reason, reason) {
			t.Errorf("%q: got %v, %v, want a reason with %q", text, x, err, reason)
		}
	}
	broken := errors.New("broken")
	if x, err := ReadExclusions(t.Context(), Reader("no.txt", iotest.ErrReader(broken))); x != nil || !errors.Is(err, broken) {
		t.Errorf("unreadable list: got %v, %v", x, err)
	}
	if x, err := ReadExclusions(t.Context(), File("does-not-exist")); x != nil || err == nil {
		t.Errorf("missing file: got %v, %v", x, err)
	}
}

// TestExclusionsAgainstModel compares random sets with a table of 256 flags, at
// places where an off-by-one shows: both ends of a family and the middle.
func TestExclusionsAgainstModel(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, base := range []string{"0.0.0.0", "192.0.2.0", "255.255.255.0", "::", "2001:db8::ff80", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ff00"} {
		for range 300 {
			var model [256]bool
			var texts []string
			for range r.IntN(12) {
				from := r.IntN(256)
				to := min(from+r.IntN(20), 255)
				texts = append(texts, offset(base, from).String()+"-"+offset(base, to).String())
				for i := from; i <= to; i++ {
					model[i] = true
				}
			}
			x := exclusions(t, texts...)
			for i, want := range model {
				if got := x.Covers(offset(base, i), ""); got != want {
					t.Fatalf("%v: %s: got %v", texts, offset(base, i), got)
				}
			}
			checkMerged(t, x.spans)
		}
	}
}

// offset returns the n-th address from base on.
func offset(base string, n int) netip.Addr {
	b := netip.MustParseAddr(base).AsSlice()
	tail := b[len(b)-4:]
	binary.BigEndian.PutUint32(tail, binary.BigEndian.Uint32(tail)+uint32(n))
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

func checkMerged(t *testing.T, spans []span) {
	t.Helper()
	for i, s := range spans {
		if s.last.Less(s.first) || i > 0 && s.first.Compare(spans[i-1].last) <= 0 || i > 0 && spans[i-1].last.Next() == s.first {
			t.Fatalf("not merged: %v", spans)
		}
	}
}

func FuzzExclusions(f *testing.F) {
	f.Add("192.0.2.0/24\nexample.com\n*.example.net", "192.0.2.1", "mx.example.com.")
	f.Add("::/0", "::ffff:1.2.3.4", "..")
	f.Fuzz(func(t *testing.T, list, addr, name string) {
		x, err := ReadExclusions(t.Context(), Reader("l", strings.NewReader(list)))
		if err != nil {
			if x != nil {
				t.Fatal("exclusions beside an error")
			}
			return
		}
		checkMerged(t, x.spans)
		a, _ := netip.ParseAddr(addr)
		if x.Covers(a, name) && len(x.spans) == 0 && len(x.names) == 0 {
			t.Fatal("covered by nothing")
		}
		for n := range x.names {
			if !x.Covers(netip.Addr{}, n) || !x.Covers(netip.Addr{}, "a."+n+".") {
				t.Fatalf("%q is not covered by itself", n)
			}
		}
		for _, s := range x.spans {
			if !x.Covers(s.first, "") || !x.Covers(s.last, "") {
				t.Fatalf("%v is not covered by itself", s)
			}
		}
	})
}

func BenchmarkExclusionsCovers(b *testing.B) {
	r := rand.New(rand.NewPCG(5, 6))
	var texts []string
	for i := range 100_000 {
		texts = append(texts, fmt.Sprintf("%s/%d", randomAddr(r, 32), 20+i%13), fmt.Sprintf("d%d.example", i))
	}
	x := exclusions(b, texts...)
	addrs := make([]netip.Addr, 1<<16)
	for i := range addrs {
		addrs[i] = randomAddr(r, 32)
	}
	b.Run("address", func(b *testing.B) {
		i := 0
		b.ReportAllocs()
		for b.Loop() {
			x.Covers(addrs[i&(1<<16-1)], "")
			i++
		}
	})
	b.Run("name", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			x.Covers(netip.Addr{}, "mx1.mail.some.example.org")
		}
	})
	b.Run("read", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			exclusions(b, texts...)
		}
	})
}
