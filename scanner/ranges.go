package scanner

import (
	"encoding/binary"
	"errors"
	"maps"
	"math/bits"
	"net/netip"
	"slices"
	"sync"
)

// A span is a range of addresses, both ends inclusive.
type span struct{ first, last netip.Addr }

func (s span) contains(a netip.Addr) bool {
	return s.first.Compare(a) <= 0 && a.Compare(s.last) <= 0
}

// spans are sorted and apart from each other.
type spans []span

// maxSpans bounds the memory of which ranges were taken in. In a list of more
// separate ranges than that, what overlaps later ones is contacted twice, and no
// account is given of how far the later ones have come.
const maxSpans = 16384

// add returns the spans that overlap the new one, and the union of all, in which
// the new one is missing if there are too many.
func (s spans) add(n span) (overlap []span, union spans) {
	i := s.find(n.first)
	j := i
	for j < len(s) && s[j].first.Compare(n.last) <= 0 {
		j++
	}
	overlap = slices.Clone(s[i:j])
	if i > 0 && s[i-1].last.Next() == n.first {
		i-- // adjacent ranges become one
	}
	if j < len(s) && n.last.Next() == s[j].first {
		j++
	}
	if i == j && len(s) >= maxSpans {
		return overlap, s
	}
	for _, o := range s[i:j] {
		if o.first.Less(n.first) {
			n.first = o.first
		}
		if n.last.Less(o.last) {
			n.last = o.last
		}
	}
	return overlap, slices.Replace(s, i, j, n)
}

// find returns the index of the first span that does not end before a.
func (s spans) find(a netip.Addr) int {
	i, _ := slices.BinarySearchFunc(s, a, func(o span, a netip.Addr) int { return o.last.Compare(a) })
	return i
}

// cover reports whether one of the spans has all of n.
func (s spans) cover(n span) bool {
	i := s.find(n.first)
	return i < len(s) && s[i].contains(n.first) && s[i].contains(n.last)
}

// A cursor walks the endpoints of one range in the permuted order.
type cursor struct {
	job     *job
	first   netip.Addr
	last    netip.Addr
	ports   []Port
	skip    [][]span // for each port: what earlier ranges have of this one
	perm    permutation
	step    uint64        // from one index of this shard to the next
	at      uint64        // next index of the permuted order
	again   []uint64      // indices below it that come first, because an earlier part of the run did not end them
	drained chan struct{} // closed when the last index has been handed out
	track   *track        // of what was handed out; nil in a plan
}

// newCursor returns a cursor over every port of every address of the range.
func newCursor(j *job, ports []Port, seed uint64) (*cursor, error) {
	first, last := plain(j.in.First), plain(j.in.Last)
	n, ok := distance(first, last)
	if !ok || len(ports) == 0 {
		return nil, errors.New("expected a first address not above the last one, both of one family, at most 2^62 addresses, and a port")
	}
	hi, total := bits.Mul64(n+1, uint64(len(ports)))
	if hi > 0 || total > 1<<62 {
		return nil, errors.New("expected at most 2^62 addresses and ports")
	}
	return &cursor{
		job: j, first: first, last: last, ports: ports, perm: newPermutation(total, seed), step: 1,
		skip: make([][]span, len(ports)), drained: make(chan struct{}),
	}, nil
}

// begin sets the cursor to where an earlier part of the run has come with this
// shard, and returns how many endpoints are left.
func (c *cursor) begin(shard Shard, earlier *swept) (left uint64) {
	c.step, c.at = shard.step(), shard.first(0)
	if t := c.track; earlier != nil && t != nil {
		c.at = shard.first(earlier.done)
		t.reported, t.done, t.pending = c.at, earlier.done, earlier.pending
		maps.Copy(t.unwritten, earlier.unwritten)
		for i := range earlier.pending {
			if i < earlier.done {
				c.again = append(c.again, i)
			}
		}
		slices.Sort(c.again)
	}
	return uint64(len(c.again)) + shard.count(c.at, c.perm.n)
}

func (c *cursor) exhausted() bool { return len(c.again) == 0 && c.at >= c.perm.n }

// next hands out an index.
func (c *cursor) next() (i uint64) {
	if len(c.again) > 0 {
		i, c.again = c.again[0], c.again[1:]
		return i
	}
	i, c.at = c.at, c.at+c.step
	if c.track != nil {
		c.track.open[i] = struct{}{}
	}
	return i
}

// distance returns last - first if that is at most 2^62 and not negative, for
// two addresses of one family.
func distance(first, last netip.Addr) (uint64, bool) {
	if !first.IsValid() || first.BitLen() != last.BitLen() || last.Less(first) {
		return 0, false
	}
	a, b := first.As16(), last.As16()
	lo, borrow := bits.Sub64(binary.BigEndian.Uint64(b[8:]), binary.BigEndian.Uint64(a[8:]), 0)
	hi, _ := bits.Sub64(binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(a[:8]), borrow)
	return lo, hi == 0 && lo <= 1<<62
}

// advance returns the address n after a.
func advance(a netip.Addr, n uint64) netip.Addr {
	if a.Is4() {
		b := a.As4()
		binary.BigEndian.PutUint32(b[:], binary.BigEndian.Uint32(b[:])+uint32(n))
		return netip.AddrFrom4(b)
	}
	b := a.As16()
	lo, carry := bits.Add64(binary.BigEndian.Uint64(b[8:]), n, 0)
	binary.BigEndian.PutUint64(b[8:], lo)
	binary.BigEndian.PutUint64(b[:8], binary.BigEndian.Uint64(b[:8])+carry)
	return netip.AddrFrom16(b)
}

// endpoint returns the endpoint at an index of the permuted order; its Addr is
// invalid if an earlier range has it.
func (c *cursor) endpoint(i uint64) Endpoint {
	v, n := c.perm.at(i), uint64(len(c.ports))
	addr, port := advance(c.first, v/n), v%n
	for _, s := range c.skip[port] {
		if s.contains(addr) {
			return Endpoint{}
		}
	}
	return Endpoint{Addr: addr, Port: c.ports[port]}
}

// ranges are the ranges being swept, taken in turn so that none has to wait for
// another, and the spans of all that were taken in so far. The zero value is
// ready.
type ranges struct {
	mu         sync.Mutex
	active     []*cursor
	turn       int
	seen       map[Port]spans
	unfinished map[*cursor]struct{} // with indices that are not final
}

// enter has a cursor leave out what earlier ranges have, and later ones what it
// has. It returns false where there are too many ranges for the latter: if the
// same one came again, their accounts of how far they have come could be taken
// for each other's.
func (r *ranges) enter(c *cursor) (noted bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = make(map[Port]spans)
	}
	noted = true
	own := span{c.first, c.last}
	for i, port := range c.ports {
		c.skip[i], r.seen[port] = r.seen[port].add(own)
		noted = noted && r.seen[port].cover(own)
	}
	return noted
}

// add begins the sweep of a range. It returns false, and there is nothing to
// sweep, if earlier ranges have all of it: an account of how far it has come
// could be taken for one of theirs.
func (r *ranges) add(c *cursor) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	covered := c.covered()
	if covered || c.exhausted() {
		close(c.drained)
		return !covered
	}
	r.active = append(r.active, c)
	if c.track != nil {
		if r.unfinished == nil {
			r.unfinished = make(map[*cursor]struct{})
		}
		r.unfinished[c] = struct{}{}
	}
	return true
}

// covered reports whether earlier ranges have every endpoint of this one.
func (c *cursor) covered() bool {
	for _, skip := range c.skip {
		if !spans(skip).cover(span{c.first, c.last}) {
			return false
		}
	}
	return true
}

// next hands out one endpoint; ok is false if every range is exhausted.
func (r *ranges) next() (ep Endpoint, wanted row, ok bool) {
	c, i := r.take()
	if c == nil {
		return Endpoint{}, row{}, false
	}
	return c.endpoint(i), row{job: c.job, index: i}, true
}

func (r *ranges) take() (*cursor, uint64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.active) == 0 {
		return nil, 0
	}
	r.turn = (r.turn + 1) % len(r.active)
	c := r.active[r.turn]
	i := c.next()
	if c.exhausted() {
		r.active = slices.Delete(r.active, r.turn, r.turn+1)
		close(c.drained)
	}
	return c, i
}
