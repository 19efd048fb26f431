package scanner

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strconv"
	"strings"
)

// A Shard is one of several equal parts of a run, each of which may be done on
// another machine. Together the shards give the records of the whole, none
// twice. The zero Shard is the whole.
//
// The endpoints of a range are dealt out in turn by their index in the permuted
// order, which takes the same Seed for all shards, beginning with a shard that a
// hash of the range tells; other targets by a hash of what they name, so that
// all ports of a host are of one shard. Hence of one range no shard has more
// than one endpoint above another, and of many targets each has what chance
// gives it.
type Shard struct {
	Index int // from 1 to Count
	Count int // 0: the whole
}

// maxShards bounds the number of shards to what may make sense.
const maxShards = 1 << 16

// ParseShard reads "2/5": the second of five.
func ParseShard(text string) (Shard, error) {
	index, count, _ := strings.Cut(text, "/")
	i, err1 := strconv.Atoi(index)
	n, err2 := strconv.Atoi(count)
	if err1 != nil || err2 != nil || i < 1 || i > n || n > maxShards {
		return Shard{}, fmt.Errorf("%q is not a shard: expected something like 2/5, the second of five, %d at most", text, maxShards)
	}
	return Shard{i, n}, nil
}

// of reports whether a text that stands for a target is dealt to the shard.
func (s Shard) of(target string) bool {
	return s.Count < 2 || s.turned(target).Index == 1
}

// turned returns the shard that has the place of s in the deal of a target. If
// it were the same one each time, the first shards had all of many small ranges.
func (s Shard) turned(target string) Shard {
	if s.Count < 2 {
		return s
	}
	sum := sha256.Sum256([]byte(target))
	n := uint64(s.Count)
	s.Index = int((uint64(s.Index-1)+n-binary.BigEndian.Uint64(sum[:8])%n)%n) + 1
	return s
}

// first returns the lowest index of a permuted order, at or above at, that is
// dealt to the shard.
func (s Shard) first(at uint64) uint64 {
	if s.Count < 2 {
		return at
	}
	n, k := uint64(s.Count), uint64(s.Index-1)
	return at + (k+n-at%n)%n
}

// step is the distance from one such index to the next.
func (s Shard) step() uint64 { return uint64(max(s.Count, 1)) }

// count returns how many such indices there are from at to below n.
func (s Shard) count(at, n uint64) uint64 {
	if at = s.first(at); at >= n {
		return 0
	}
	return (n-at-1)/s.step() + 1
}

// canonical is what a target names, whatever way it was written.
func (in *Input) canonical() string {
	if in.Kind != KindRange {
		return in.Name
	}
	if in.First == in.Last {
		return plain(in.First).String()
	}
	return plain(in.First).String() + "-" + plain(in.Last).String()
}

// isRange reports whether the input is a range of several addresses.
func (in *Input) isRange() bool { return in.Kind == KindRange && in.First != in.Last }
