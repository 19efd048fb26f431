package advisory

import (
	"errors"
	"fmt"
	"slices"

	"github.com/mxsweep/mxsweep/scanner/version"
)

// A span is an interval of affected versions as another source tells it. fixed
// is exclusive, last inclusive, introduced "" is the first ever.
type span struct {
	introduced, fixed, last string
	fault                   string // why it cannot be used
}

// A converted span: its text for the file, its bounds for comparing.
type converted struct {
	fileRange
	interval
}

// convertRanges turns spans into the ranges of a data file: sorted, joined
// where they overlap, with a version inside and one outside each. A span that
// cannot be used is an error, since the others alone would say "not affected"
// of what the source says is.
func (p *product) convertRanges(spans []span) ([]fileRange, error) {
	var all []converted
	for _, s := range spans {
		if s.fault != "" {
			return nil, errors.New(s.fault)
		}
		c, err := p.convert(s)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b converted) int { return compareStart(a.introduced, b.introduced) })
	var ranges []fileRange
	for i := 0; i < len(all); {
		c := all[i]
		for i++; i < len(all) && !c.before(all[i].interval); i++ {
			c.extend(all[i])
		}
		if err := p.addSamples(&c); err != nil {
			return nil, err
		}
		ranges = append(ranges, c.fileRange)
	}
	return ranges, nil
}

func (p *product) convert(s span) (c converted, err error) {
	c.fileRange = fileRange{Introduced: s.introduced, Fixed: s.fixed, LastAffected: s.last}
	if c.introduced, err = p.bound(s.introduced); err != nil {
		return c, err
	}
	if c.fixed, err = p.bound(s.fixed); err != nil {
		return c, err
	}
	if c.last, err = p.bound(s.last); err != nil {
		return c, err
	}
	if (c.fixed == nil) == (c.last == nil) {
		return c, fmt.Errorf("a range from %q has no end, or two", s.introduced)
	}
	return c, nil
}

func compareStart(a, b *version.Version) int {
	switch {
	case a == nil && b == nil:
		return 0
	case a == nil:
		return -1
	case b == nil:
		return 1
	}
	order, _ := version.Compare(*a, *b) // of one scheme, so there is no error
	return order
}

// extend takes over the end of a range that overlaps, if it is later.
func (c *converted) extend(o converted) {
	mine, its := c.end(), o.end()
	if version.Less(its, mine) || !version.Less(mine, its) && o.last == nil {
		return
	}
	c.Fixed, c.LastAffected = o.Fixed, o.LastAffected
	c.fixed, c.last = o.fixed, o.last
}

func (c *converted) end() version.Version {
	if c.fixed != nil {
		return *c.fixed
	}
	return *c.last
}

// addSamples finds the versions that serve as the range's own test: a bound,
// or a number far below or above, of a form that the scheme has.
func (p *product) addSamples(c *converted) error {
	inside := []string{c.Introduced, c.LastAffected, "0.0.1", "0.1", "1.0.0", "1.0", "1"}
	outside := []string{c.Fixed, "9999.0.0", "9999.0", "9999", "999.0"} // years come before 999 in some
	if c.VulnerableAt = p.sample(c.interval, inside, true); c.VulnerableAt == "" {
		return fmt.Errorf("no version is known to be inside the range up to %s", c.end())
	}
	if c.SafeAt = p.sample(c.interval, outside, false); c.SafeAt == "" {
		return fmt.Errorf("no version is known to be outside the range up to %s", c.end())
	}
	return nil
}

// sample returns the first candidate that is in the interval, or is not; ""
// if none is.
func (p *product) sample(i interval, candidates []string, in bool) string {
	for _, text := range candidates {
		if v, err := version.Parse(p.Scheme, text); err == nil && i.contains(v) == in {
			return text
		}
	}
	return ""
}
