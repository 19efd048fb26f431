package fingerprint

import "slices"

// An Explanation is a classification with its reasons.
type Explanation struct {
	Software Software
	Provider string
	Spoke    []Vote // rules that matched, in the order of the signals
	Almost   []Vote // rules whose words were there but not their pattern
}

// A Vote is what one rule had to say.
type Vote struct {
	Rule    string // slug, a slash, rule id
	Signal  string
	Kind    string  // "claim" or "behavior"
	Weight  float64 // 0 to 1
	Matched string  // "" if it almost did
	Pattern string
}

// Explain classifies and says why. It costs more than Classify.
func (s *Set) Explain(sig *Signals) Explanation {
	var e Explanation
	e.Software, e.Provider = s.Classify(sig)
	c := s.scratch.Get().(*scratch)
	defer s.scratch.Put(c)
	c.read(sig)
	s.match(c, -1, true)
	slices.SortFunc(c.hits, s.compareHits)
	for _, h := range c.hits {
		e.Spoke = append(e.Spoke, s.vote(h.rule, h.matched))
	}
	slices.Sort(c.near)
	for _, i := range slices.Compact(c.near) {
		// Rules without a literal are tried on everything; that they did
		// not match means nothing.
		if len(s.rules[i].Literals) > 0 && !slices.ContainsFunc(c.hits, func(h hit) bool { return h.rule == i }) {
			e.Almost = append(e.Almost, s.vote(i, ""))
		}
	}
	return e
}

func (s *Set) vote(i int, matched string) Vote {
	r := &s.rules[i]
	return Vote{Rule: r.name, Signal: r.Signal.String(), Kind: r.Kind.String(), Weight: r.weight, Matched: matched, Pattern: r.Expr}
}
