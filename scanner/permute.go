package scanner

import (
	"math"
	"math/bits"
)

// rounds of the permutation. Four already pass the usual tests for such a
// network; six cost a few nanoseconds more and leave no visible stripes in
// ranges of very few or very many elements.
const rounds = 6

// A permutation is a seeded bijection of the numbers below n that needs no
// memory: at(0), at(1), … visit all of them in an order that looks random. A
// run can therefore be resumed from an index and divided by a modulus.
//
// A number is written as a pair (l, r) with l < a and r < b, where a·b is the
// smallest such product not below n. Each round adds to one half, modulo its
// size, a hash of the other half, which can be undone and is thus a bijection
// of the pairs. The few pairs at or above n are walked through until one below
// n comes: the usual way to restrict a bijection to a smaller set.
type permutation struct {
	n, a, b uint64
	keys    [rounds]uint64
}

// newPermutation permutes the numbers below n, which must be between 1 and
// 1<<62.
func newPermutation(n, seed uint64) permutation {
	a := uint64(math.Sqrt(float64(n)))
	for a*a < n {
		a++
	}
	p := permutation{n: n, a: a, b: (n + a - 1) / a}
	for i := range p.keys {
		seed += 0x9e3779b97f4a7c15
		p.keys[i] = mix(seed)
	}
	return p
}

// at returns the i-th number of the order; i must be below n.
func (p *permutation) at(i uint64) uint64 {
	for {
		l, r := i/p.b, i%p.b
		for k, key := range p.keys {
			if k%2 == 0 {
				l = shift(l, r^key, p.a)
			} else {
				r = shift(r, l^key, p.b)
			}
		}
		if i = l*p.b + r; i < p.n {
			return i
		}
	}
}

// shift adds a hash of x to v, modulo n. The high word of a product takes the
// place of a second division.
func shift(v, x, n uint64) uint64 {
	h, _ := bits.Mul64(mix(x), n)
	if v += h; v >= n {
		v -= n
	}
	return v
}

// mix is the finalizer of splitmix64: each bit of x changes about half of the
// bits of the result.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
