package fingerprint

import (
	"cmp"
	"slices"
)

// sure is the confidence from which another question is not worth asking.
const sure = 0.9

// maxKept bounds the hits of a Reading, which is kept for as long as a server
// takes to answer. Ten are many; only a dictionary of literals has more.
const maxKept = 16

// A Reading is what the rules have said of a conversation that is not over,
// from which its classification goes on.
type Reading struct {
	set   *Set
	heard Signals
	hits  []hit
	tries int
}

// Wants returns the identifying commands that would help to name the software
// or its version, the most telling first, in the words of the signals: "help",
// "unknown-command", "vrfy", "noop", "rset", "helo". It is empty when nothing
// more is to be learned. Which of them are sent is the caller's choice.
//
// The Reading spares the classification at the end of the conversation what has
// been done here; it is nil for a server that has said too much.
func (s *Set) Wants(sig *Signals) ([]string, *Reading) {
	c := s.scratch.Get().(*scratch)
	defer s.scratch.Put(c)
	c.read(sig)
	s.match(c, -1, false)
	var r *Reading
	if len(c.hits) <= maxKept {
		r = &Reading{set: s, heard: *sig, hits: slices.Clone(c.hits), tries: c.tries}
	}
	s.weigh(c)
	var asks []string
	if w := s.winner(c); w < 0 || c.node(w).confidence < sure {
		asks = questions()
	} else {
		if version, _ := s.version(c, w); version != "" || len(s.products[w].Asks) == 0 {
			return nil, r
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
	return asks, r
}

// Classify is Set.Classify of the whole conversation, with the same result. Only
// signals that were not there before are read. Where one has changed, or a
// server has sent so much that the order of reading matters, all are.
func (r *Reading) Classify(sig *Signals) (Software, string) {
	s := r.set
	rest, ok := r.since(sig)
	if !ok {
		return s.Classify(sig)
	}
	c := s.scratch.Get().(*scratch)
	defer s.scratch.Put(c)
	c.read(&rest)
	c.hits, c.tries = append(c.hits, r.hits...), r.tries
	s.match(c, -1, false)
	if c.tries >= maxTries {
		return s.Classify(sig)
	}
	return s.conclude(c, sig)
}

// since returns the signals that were not there yet. It reports false if one
// that was there is another now.
func (r *Reading) since(sig *Signals) (rest Signals, ok bool) {
	rest = *sig
	now, then := rest.texts(), r.heard.texts()
	for i, text := range then {
		if *text == "" {
			continue
		}
		if *now[i] != *text {
			return rest, false
		}
		*now[i] = ""
	}
	if len(r.heard.CertNames) > 0 {
		if !slices.Equal(r.heard.CertNames, rest.CertNames) {
			return rest, false
		}
		rest.CertNames = nil
	}
	// Of two texts of one signal, rules speak for the first.
	late := rest.EHLO != "" && r.heard.EHLOTLS != "" || rest.CertCN != "" && len(r.heard.CertNames) > 0
	return rest, !late && rest.NameSent == r.heard.NameSent
}

// texts returns the fields that are single texts and are read as signals.
func (sig *Signals) texts() [16]*string {
	return [...]*string{
		&sig.Greeting, &sig.EHLO, &sig.HELO, &sig.STARTTLS, &sig.EHLOTLS, &sig.Help, &sig.Unknown, &sig.Noop,
		&sig.Rset, &sig.Vrfy, &sig.Quit, &sig.MX, &sig.PTR, &sig.CertSubject, &sig.CertCN, &sig.CertIssuer,
	}
}
