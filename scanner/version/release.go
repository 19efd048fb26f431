package version

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// Bounds of a release. They keep keys at a fixed length and numbers in range;
// the longest real ones are Exchange builds (four numbers) and snapshot dates
// (eight digits).
const (
	maxNumbers = 5
	maxDigits  = 9
	numberSize = 4 // bytes of a number in a key
)

// Stages order what follows the same numbers. Letters of a release (24.5.1c)
// are 1 to 26.
const (
	stageSnapshot  = -4
	stageAlpha     = -3
	stageBeta      = -2
	stageCandidate = -1
	stageRelease   = 0
)

// A release is the common shape of every scheme: up to five
// numbers (missing ones are 0), then a stage, then a step within that stage
// such as a patch level, then one within the step.
type release struct {
	nums      []uint32
	stage     int
	step, sub uint32
}

// key encodes r so that the byte order of keys is the order of releases.
func (r release) key() string {
	b := make([]byte, 0, maxNumbers*numberSize+1+2*numberSize)
	for i := range maxNumbers {
		var n uint32
		if i < len(r.nums) {
			n = r.nums[i]
		}
		b = binary.BigEndian.AppendUint32(b, n)
	}
	b = append(b, byte(r.stage+128))
	b = binary.BigEndian.AppendUint32(b, r.step)
	return string(binary.BigEndian.AppendUint32(b, r.sub))
}

// numbers reads "8.12.0" from the front of s and returns what follows.
func numbers(s string) (nums []uint32, rest string, ok bool) {
	rest = s
	for {
		n, after, ok := number(rest)
		if !ok || len(nums) == maxNumbers {
			return nil, s, false
		}
		nums, rest = append(nums, n), after
		if len(rest) < 2 || rest[0] != '.' || !isDigit(rest[1]) {
			return nums, rest, true
		}
		rest = rest[1:]
	}
}

// number reads one decimal number from the front of s.
func number(s string) (n uint32, rest string, ok bool) {
	end := digits(s)
	if end == 0 || end > maxDigits {
		return 0, s, false
	}
	value, err := strconv.ParseUint(s[:end], 10, 32)
	return uint32(value), s[end:], err == nil
}

// optionalNumber is number where none stands for what "RC" or "HP" means
// without one: the first.
func optionalNumber(s string) (n uint32, rest string, ok bool) {
	if digits(s) == 0 {
		return 1, s, true
	}
	return number(s)
}

// digits returns how many bytes of s are leading digits.
func digits(s string) int {
	end := 0
	for end < len(s) && isDigit(s[end]) {
		end++
	}
	return end
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// cutFold removes the first of the words that s begins with, whatever its case.
func cutFold(s string, words ...string) (rest string, ok bool) {
	for _, word := range words {
		if len(s) >= len(word) && strings.EqualFold(s[:len(word)], word) {
			return s[len(word):], true
		}
	}
	return s, false
}

// withStep reads an optional word and its number from the whole of rest: the
// "FP6" of a fix pack, the "p1" of a patch level. Without them r is returned
// as it is.
func (r release) withStep(rest string, words ...string) (release, bool) {
	if rest == "" {
		return r, true
	}
	after, found := cutFold(strings.TrimLeft(rest, " ._-"), words...)
	n, after, ok := optionalNumber(strings.TrimLeft(after, " "))
	r.step = n
	return r, found && ok && after == ""
}

// withPreRelease reads an optional "-rc1", "_RC3", ".Beta7", "b1" or " beta 2"
// from the whole of rest.
func (r release) withPreRelease(rest string) (release, bool) {
	if rest == "" {
		return r, true
	}
	text := strings.TrimLeft(rest, " ._-")
	for _, stage := range []struct {
		stage int
		words []string
	}{
		{stageSnapshot, []string{"snapshot", "dev"}},
		{stageAlpha, []string{"alpha"}},
		{stageBeta, []string{"beta"}},
		{stageCandidate, []string{"rc", "pre"}},
	} {
		if after, ok := cutFold(text, stage.words...); ok {
			r.stage = stage.stage
			r.step, after, ok = optionalNumber(strings.TrimLeft(after, " .-"))
			return r, ok && after == ""
		}
	}
	return r.withLetterStage(text)
}

// withLetterStage reads "a1", "b1" and "M2": alpha, beta and milestone, where a
// number follows. A letter alone may as well be a rebuild.
func (r release) withLetterStage(text string) (release, bool) {
	after, found := cutFold(text, "b")
	r.stage = stageBeta
	if !found {
		after, found = cutFold(text, "a", "m")
		r.stage = stageAlpha
	}
	n, after, ok := number(after)
	r.step = n
	return r, found && ok && after == ""
}
