package fingerprint

import (
	"cmp"
	"slices"
)

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
	c := s.scratch.Get().(*scratch)
	defer s.scratch.Put(c)
	c.read(sig)
	s.match(c, -1)
	s.weigh(c)
	winner := s.winner(c)
	e := Explanation{Software: s.software(c, winner), Provider: s.provider(sig, winner)}
	for _, h := range c.hits {
		e.Spoke = append(e.Spoke, s.vote(h.rule, c.matched(h)))
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

// sure is the confidence from which another question is not worth asking.
const sure = 0.9

// Wants returns the identifying commands that would help to name the software
// or its version, the most telling first, in the words of the signals: "help",
// "unknown-command", "vrfy", "noop", "rset", "helo". It is empty when nothing
// more is to be learned. Which of them are sent is the caller's choice.
func (s *Set) Wants(sig *Signals) []string {
	c := s.scratch.Get().(*scratch)
	defer s.scratch.Put(c)
	c.read(sig)
	s.match(c, -1)
	s.weigh(c)
	asks := questions()
	if w := s.winner(c); w >= 0 && c.node(w).confidence >= sure {
		if version, _ := s.version(c, w); version != "" || len(s.products[w].Asks) == 0 {
			return nil
		}
		asks = slices.Clone(s.products[w].Asks)
	}
	seen := map[string]string{
		"help": sig.Help, "unknown-command": sig.Unknown, "vrfy": sig.Vrfy,
		"noop": sig.Noop, "rset": sig.Rset, "helo": sig.HELO,
	}
	asks = slices.DeleteFunc(asks, func(q string) bool { return seen[q] != "" })
	slices.SortStableFunc(asks, func(a, b string) int {
		return cmp.Compare(slices.Index(questions(), a), slices.Index(questions(), b))
	})
	return asks
}
