package resolver

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"

	"github.com/mxsweep/mxsweep/scanner"
)

// Exclusions are addresses and names that must not be contacted, whatever leads
// to them. They do not change once read, so any number of goroutines may ask. A
// nil *Exclusions excludes nothing.
type Exclusions struct {
	spans []span              // ascending, neither overlapping nor adjacent
	names map[string]struct{} // as scanner.Input.Name
}

// A span is a range of addresses of one family, both ends included.
type span struct{ first, last netip.Addr }

// ReadExclusions reads everything that the sources name: addresses, prefixes
// and ranges as Parse reads them, of any size, and names. A name excludes itself
// and all names below it; so does *.example.com, to be on the safe side.
//
// Whoever contacts what should have been left alone does harm, so the first
// line that cannot be used is an error, an *scanner.InputError, and nothing is
// returned. So is one with a port: an exclusion holds for all ports.
func ReadExclusions(ctx context.Context, sources ...Source) (*Exclusions, error) {
	x := &Exclusions{names: make(map[string]struct{})}
	for e, err := range entries(ctx, sources, listOfExclusions) {
		if err != nil {
			return nil, err
		}
		if err := x.add(e.text); err != nil {
			return nil, &scanner.InputError{Source: e.source, Text: clip(e.text), Reason: err.Error()}
		}
	}
	x.spans = mergeSpans(x.spans)
	return x, nil
}

// add takes one exclusion in, without keeping the order of spans.
func (x *Exclusions) add(text string) error {
	text, wildcard := strings.CutPrefix(text, "*.")
	in, err := parseTarget(text)
	switch {
	case err != nil:
		return err
	case wildcard && in.Kind == scanner.KindRange:
		return errors.New("an address cannot follow *.; expected a domain")
	case in.Ports != nil:
		return errors.New("an exclusion holds for all ports; leave out the port")
	case in.Kind == scanner.KindRange:
		x.spans = append(x.spans, span{in.First, in.Last})
	default:
		x.names[strings.Clone(in.Name)] = struct{}{}
	}
	return nil
}

// mergeSpans sorts spans and joins those that overlap or touch.
func mergeSpans(spans []span) []span {
	slices.SortFunc(spans, func(a, b span) int { return a.first.Compare(b.first) })
	merged := spans[:0]
	for _, s := range spans {
		if n := len(merged); n > 0 && touches(merged[n-1], s) {
			if merged[n-1].last.Less(s.last) {
				merged[n-1].last = s.last
			}
			continue
		}
		merged = append(merged, s)
	}
	return slices.Clip(merged)
}

// touches reports whether b, which does not begin before a, overlaps a or
// follows it without a gap. After the last address of a family comes nothing:
// Next is invalid there, and equal to no address.
func touches(a, b span) bool {
	return a.first.BitLen() == b.first.BitLen() &&
		(b.first.Compare(a.last) <= 0 || b.first == a.last.Next())
}

// Covers reports whether an address or a name is excluded, as scanner.Scanner's
// Exclude wants to know. An invalid addr or an empty name is not asked about.
func (x *Exclusions) Covers(addr netip.Addr, name string) bool {
	if x == nil {
		return false
	}
	return addr.IsValid() && x.coversAddr(addr.WithZone("").Unmap()) ||
		name != "" && x.coversName(name)
}

func (x *Exclusions) coversAddr(addr netip.Addr) bool {
	// i is the first span that begins above addr.
	i, _ := slices.BinarySearchFunc(x.spans, addr, func(s span, a netip.Addr) int {
		if s.first.Compare(a) <= 0 {
			return -1
		}
		return 1
	})
	return i > 0 && addr.Compare(x.spans[i-1].last) <= 0
}

// coversName looks for the name and for each name above it.
func (x *Exclusions) coversName(name string) bool {
	if len(x.names) == 0 {
		return false
	}
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	for more := true; more; _, name, more = strings.Cut(name, ".") {
		if _, ok := x.names[name]; ok {
			return true
		}
	}
	return false
}
