package scanner

import (
	"math"
	"testing"
)

// The order visits every number below n exactly once, whatever n and seed.
func TestPermutationIsBijection(t *testing.T) {
	var sizes []uint64
	for n := uint64(1); n <= 300; n++ {
		sizes = append(sizes, n)
	}
	sizes = append(sizes, 1<<10-1, 1<<10, 1<<10+1, 65521, 3<<16, 99991)
	for _, n := range sizes {
		for _, seed := range []uint64{0, 1, 42, math.MaxUint64} {
			p := newPermutation(n, seed)
			seen := make([]bool, n)
			for i := range n {
				v := p.at(i)
				if v >= n || seen[v] {
					t.Fatalf("n %d seed %d: at(%d) = %d, out of range or seen before", n, seed, i, v)
				}
				seen[v] = true
			}
		}
	}
}

// The largest ranges stay within their bounds.
func TestPermutationOfLargeRanges(t *testing.T) {
	for _, n := range []uint64{1 << 32, 3 << 32, 1<<62 - 1, 1 << 62} {
		p := newPermutation(n, 7)
		seen := map[uint64]bool{}
		for i := range uint64(10_000) {
			for _, v := range []uint64{p.at(i), p.at(n - 1 - i)} {
				if v >= n || seen[v] {
					t.Fatalf("n %d: %d is out of range or came twice", n, v)
				}
				seen[v] = true
			}
		}
	}
}

// Neighbors in a range are not neighbors in time, and the seed matters: each
// window of the order spreads over the whole range.
func TestPermutationSpreads(t *testing.T) {
	const n, window, bins = 1 << 16, 4096, 16
	a, b := newPermutation(n, 1), newPermutation(n, 2)
	same := 0
	for start := uint64(0); start < n; start += window {
		var counts [bins]int
		for i := start; i < start+window; i++ {
			counts[a.at(i)*bins/n]++
			if a.at(i) == b.at(i) {
				same++
			}
		}
		for bin, c := range counts {
			if c < window/bins*7/10 || c > window/bins*13/10 {
				t.Errorf("window at %d has %d of about %d in bin %d", start, c, window/bins, bin)
			}
		}
	}
	if same > 20 {
		t.Errorf("two seeds agree in %d places", same)
	}
}
