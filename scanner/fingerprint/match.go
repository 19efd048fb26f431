package fingerprint

import (
	"cmp"
	"slices"
	"strings"
)

// A hit is a rule that matched a line.
type hit struct {
	rule                int
	matched             string // for Evidence
	version, update, os string
}

// maxMatched bounds what Evidence quotes.
const maxMatched = 200

// maxTries bounds the expressions run on one record. An ordinary one needs
// twenty; only a server that sends a dictionary of literals reaches the bound.
const maxTries = 512

// match tries the rules on every line. A rule counts once, on the first line it
// matches; rule skip is left out (-1: none), which is how the tests of the data
// find rules that nothing depends on.
//
// The heaviest rules come first, and unless all is set the others are spared
// where they could add nothing: those that look for a name among an
// administrator's words are the slowest, and most servers greet as their makers
// meant it.
func (s *Set) match(c *scratch, skip int, all bool) {
	for _, l := range c.lines {
		c.tick++
		c.found = c.found[:0]
		s.index.scan(l.signal, c.raw, c.low, l.start, l.end, func(i int) {
			if i != skip && c.seen[i] != c.tick {
				c.seen[i] = c.tick
				c.found = append(c.found, i)
			}
		})
		slices.SortFunc(c.found, func(a, b int) int {
			return cmp.Or(cmp.Compare(s.rules[b].weight, s.rules[a].weight), strings.Compare(s.rules[a].name, s.rules[b].name))
		})
		for _, i := range c.found {
			if c.tries < maxTries && !s.told(c, i, all) {
				s.try(c, l, i)
			}
		}
	}
}

// told reports whether a rule has matched or, unless all is set, could only
// repeat what one of the same product that weighs no less has said of the same
// signal.
func (s *Set) told(c *scratch, i int, all bool) bool {
	r := &s.rules[i]
	spared := !all && !r.reads
	for _, h := range c.hits {
		o := &s.rules[h.rule]
		if h.rule == i || spared && o.product == r.product && o.Signal == r.Signal && o.Kind == r.Kind && o.weight >= r.weight {
			return true
		}
	}
	return false
}

// try tries one rule on one line.
func (s *Set) try(c *scratch, l line, i int) {
	r := &s.rules[i]
	if !r.endsFit(c, l) {
		c.near = append(c.near, i)
		return
	}
	c.tries++
	end := l.end
	if r.Lines {
		end = l.replyEnd
	}
	h := hit{rule: i, version: r.Version, update: r.Update, os: r.OS}
	if !h.find(r, c.raw[l.start:end]) {
		c.near = append(c.near, i)
		return
	}
	c.hits = append(c.hits, h)
}

// find runs the expression of a rule on a text, and notes what it reads there.
func (h *hit) find(r *rule, text []byte) bool {
	if r.literal {
		h.matched = r.Prefix[:min(len(r.Prefix), maxMatched)]
		return len(text) == len(r.Prefix) // and they begin alike: see endsFit
	}
	loc := r.expr().FindSubmatchIndex(text)
	if loc == nil {
		return false
	}
	h.matched = string(text[:min(loc[1], maxMatched)])
	for n, name := range r.expr().SubexpNames() {
		if name == "" || loc[2*n] < 0 {
			continue
		}
		part := string(text[loc[2*n]:loc[2*n+1]])
		switch name {
		case "version":
			h.version = part
		case "update":
			h.update = part
		case "os":
			h.os = part
		}
	}
	return true
}

// endsFit reports whether the line begins and ends as every match does. It
// spares most of the expressions that would fail.
func (r *rule) endsFit(c *scratch, l line) bool {
	text := c.raw[l.start:l.end]
	if r.Fold {
		text = c.low[l.start:l.end]
	}
	return len(text) >= len(r.Prefix) && string(text[:len(r.Prefix)]) == r.Prefix &&
		len(text) >= len(r.Suffix) && string(text[len(text)-len(r.Suffix):]) == r.Suffix
}
