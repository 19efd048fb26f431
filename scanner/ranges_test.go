package scanner

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
)

func addr4(n int) netip.Addr { return netip.AddrFrom4([4]byte{198, 41, byte(n >> 8), byte(n)}) }

// The spans agree with a plain set of addresses, stay sorted and apart.
func TestSpans(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for range 200 {
		var s spans
		var set [300]bool
		for range 30 {
			a := rng.IntN(280)
			b := a + rng.IntN(20)
			var overlap []span
			overlap, s = s.add(span{addr4(a), addr4(b)})
			for i := range set {
				mine := i >= a && i <= b
				if want := mine && set[i]; mine && want != within(overlap, addr4(i)) {
					t.Fatalf("adding %d-%d: overlap %v is wrong about %d", a, b, overlap, i)
				}
			}
			for i := a; i <= b; i++ {
				set[i] = true
			}
			for i, want := range set {
				if within(s, addr4(i)) != want {
					t.Fatalf("after %d-%d: %v is wrong about %d", a, b, s, i)
				}
			}
			for i := range set {
				j := min(i+rng.IntN(4), len(set)-1)
				if want := !slices.Contains(set[i:j+1], false); s.cover(span{addr4(i), addr4(j)}) != want {
					t.Fatalf("after %d-%d: %v is wrong about covering %d-%d", a, b, s, i, j)
				}
			}
			for i := 1; i < len(s); i++ {
				if !s[i-1].last.Next().Less(s[i].first) {
					t.Fatalf("not sorted and apart: %v", s)
				}
			}
		}
	}
}

func within(list []span, a netip.Addr) bool {
	for _, s := range list {
		if s.contains(a) {
			return true
		}
	}
	return false
}

// Spans are bounded; merging goes on beyond the bound.
func TestSpansBound(t *testing.T) {
	var s spans
	for i := range maxSpans + 5 {
		a := advance(netip.MustParseAddr("11.0.0.0"), uint64(i)*4)
		_, s = s.add(span{a, a})
	}
	if len(s) != maxSpans {
		t.Errorf("%d spans, want %d", len(s), maxSpans)
	}
	if _, s = s.add(span{netip.MustParseAddr("11.0.0.0"), netip.MustParseAddr("11.0.0.9")}); len(s) != maxSpans-2 {
		t.Errorf("%d spans after a merge of three, want %d", len(s), maxSpans-2)
	}
}

func TestDistanceAndAdvance(t *testing.T) {
	tests := []struct {
		first, last string
		n           uint64
		ok          bool
	}{
		{"0.0.0.0", "255.255.255.255", 1<<32 - 1, true},
		{"198.41.0.1", "198.41.0.1", 0, true},
		{"198.41.0.2", "198.41.0.1", 0, false},
		{"2001:db8::", "2001:db8::ff:ffff", 1<<24 - 1, true},
		{"2001:db8::ffff:ffff:ffff:ffff", "2001:db8:0:1::1", 2, true},
		{"::", "8000::", 0, false},
		{"198.41.0.1", "2001:db8::", 0, false},
	}
	for _, tt := range tests {
		first, last := netip.MustParseAddr(tt.first), netip.MustParseAddr(tt.last)
		n, ok := distance(first, last)
		if ok != tt.ok || ok && n != tt.n {
			t.Errorf("distance(%v, %v) = %d, %v; want %d, %v", first, last, n, ok, tt.n, tt.ok)
		}
		if ok && advance(first, n) != last {
			t.Errorf("advance(%v, %d) = %v, want %v", first, n, advance(first, n), last)
		}
	}
}

// A cursor hands out every port of every address once.
func TestCursor(t *testing.T) {
	j := &job{in: sweepOf("2001:db8::fff0-2001:db8::1:20")}
	c, err := newCursor(j, DefaultPorts(), 9)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[Endpoint]bool{}
	for i := range c.perm.n {
		ep := c.endpoint(i)
		if seen[ep] || ep.Addr.Less(j.in.First) || j.in.Last.Less(ep.Addr) {
			t.Fatalf("%v came twice or is out of range", ep)
		}
		seen[ep] = true
	}
	if len(seen) != 49*3 {
		t.Errorf("%d endpoints, want %d", len(seen), 49*3)
	}
}

func TestSpecial(t *testing.T) {
	special := specialPrefixes()
	for text, want := range map[string]bool{
		"127.0.0.1": true, "10.255.0.1": true, "172.16.0.1": true, "172.32.0.1": false, "192.168.1.1": true,
		"100.64.0.1": true, "100.128.0.1": false, "169.254.169.254": true, "224.0.0.5": true, "255.255.255.255": true,
		"0.0.0.0": true, "192.0.2.1": true, "198.18.0.1": true, "8.8.8.8": false, "198.41.0.4": false,
		"::": true, "::1": true, "fe80::1": true, "fc00::1": true, "fd12::1": true, "ff02::1": true,
		"2001:db8::1": true, "2001:4860:4860::8888": false, "2606:4700::1": false,
		"::ffff:10.0.0.1": true, "::ffff:8.8.8.8": false, "64:ff9b::7f00:1": true, "64:ff9b::808:808": false,
		"2002:7f00:1::1": true, "2002:808:808::1": false, "2001::1": true, "100::1": true, "fec0::1": true, "3fff::1": true,
	} {
		if got := isSpecial(special, netip.MustParseAddr(text)); got != want {
			t.Errorf("isSpecial(%s) = %v, want %v", text, got, want)
		}
	}
}
