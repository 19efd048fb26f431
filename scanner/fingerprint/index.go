package fingerprint

// An index finds the rules whose expression is worth trying on a line: those of
// which a required literal occurs in it. One pass over the text looks every
// three bytes up in a table; where they are part of a literal, the literal is
// compared, and where it is there, the rule is tried. With a few thousand
// literals this costs a few nanoseconds a byte, however many rules there are.
type index struct {
	heads  []uint32 // by hash of three bytes: 1 + the first entry of the chain, 0 for none
	chain  []entry
	used   [signals]gramSet // by signal: which heads lead to a literal of it
	always [signals][]int   // rules without a literal
}

// An entry says that three bytes at a place of a text may be part of a literal.
type entry struct {
	gram    uint32
	signal  signal
	offset  uint16 // of the gram within the literal
	fold    bool   // the literal is in lower case and so must the text be
	literal string
	rule    int32
	next    uint32 // 1 + the next entry, 0 at the end
}

// A gramSet has a bit for each hash. That of a signal stays in a processor's
// first cache and says of most places of a text that they lead nowhere.
type gramSet [1 << indexBits / 64]uint64

func (g *gramSet) add(h uint32)      { g[h/64] |= 1 << (h % 64) }
func (g *gramSet) has(h uint32) bool { return g[h/64]&(1<<(h%64)) != 0 }

// indexBits is the size of the table: large enough that most places of a text
// lead nowhere, small enough for a processor's second cache.
const indexBits = 14

func newIndex(rules []rule) index {
	x := index{heads: make([]uint32, 1<<indexBits)}
	low := lowerLiterals(rules)
	x.chain = make([]entry, 0, len(low))
	common := gramCounts(low)
	for i := range rules {
		r := &rules[i]
		if len(r.Literals) == 0 {
			x.always[r.Signal] = append(x.always[r.Signal], i)
		}
		for j, l := range r.Literals {
			offset := rarestGram(low[j], common)
			x.add(r, l, gramAt(low[j], offset), offset, int32(i))
		}
		low = low[len(r.Literals):]
	}
	return x
}

// lowerLiterals returns the literals of all rules in lower case.
func lowerLiterals(rules []rule) []string {
	n := 0
	for i := range rules {
		n += len(rules[i].Literals)
	}
	low := make([]string, 0, n)
	for i := range rules {
		for _, l := range rules[i].Literals {
			low = append(low, lower(l))
		}
	}
	return low
}

func (x *index) add(r *rule, literal string, g uint32, offset int, rule int32) {
	h := hashGram(g)
	x.chain = append(x.chain, entry{g, r.Signal, uint16(offset), r.Fold, literal, rule, x.heads[h]})
	x.heads[h] = uint32(len(x.chain))
	x.used[r.Signal].add(h)
}

// gramCounts counts, by hash, how many literals have each gram.
func gramCounts(literals []string) []uint32 {
	counts := make([]uint32, 1<<indexBits)
	for _, l := range literals {
		for at := 0; at+minLiteral <= len(l); at++ {
			counts[hashGram(gramAt(l, at))]++
		}
	}
	return counts
}

// rarestGram returns the place in a literal whose gram the fewest literals
// share, so that no text visits long chains.
func rarestGram(literal string, counts []uint32) int {
	best := 0
	for at := 0; at+minLiteral <= len(literal); at++ {
		if counts[hashGram(gramAt(literal, at))] < counts[hashGram(gramAt(literal, best))] {
			best = at
		}
	}
	return best
}

func gramAt[T string | []byte](s T, at int) uint32 {
	return uint32(s[at]) | uint32(s[at+1])<<8 | uint32(s[at+2])<<16
}

// hashGram multiplies by a constant without structure (2^32 divided by the
// golden ratio) and keeps the upper bits.
func hashGram(g uint32) uint32 { return g * 0x9E3779B1 >> (32 - indexBits) }

// scan calls try for each rule that may match the line raw[start:end] of a
// signal, in no particular order and perhaps more than once. low is raw in
// lower case.
func (x *index) scan(s signal, raw, low []byte, start, end int, try func(rule int)) {
	for _, r := range x.always[s] {
		try(r)
	}
	if end-start < minLiteral {
		return
	}
	used := &x.used[s]
	g := gramAt(low, start) << 8
	for i, b := range low[start+minLiteral-1 : end] {
		g = g>>8 | uint32(b)<<16
		h := hashGram(g)
		if !used.has(h) {
			continue
		}
		for n := x.heads[h]; n != 0; {
			e := &x.chain[n-1]
			if n = e.next; e.gram == g && e.signal == s && e.at(raw, low, start, end, start+i) {
				try(int(e.rule))
			}
		}
	}
}

// at reports whether the literal is in the line whose gram is at a place.
func (e *entry) at(raw, low []byte, start, end, gram int) bool {
	text, from := raw, gram-int(e.offset)
	if e.fold {
		text = low
	}
	return from >= start && from+len(e.literal) <= end && string(text[from:from+len(e.literal)]) == e.literal
}
