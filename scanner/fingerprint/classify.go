package fingerprint

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// maxCandidates bounds the rivals that are listed.
const maxCandidates = 8

// Classify names the software behind the signals, and the provider who runs it
// if a host name betrays one. It never fails: what it does not know it leaves
// empty. Its cost is bounded whatever the signals hold.
func (s *Set) Classify(sig *Signals) (Software, string) {
	return s.classify(sig, -1)
}

// classify is Classify without one rule.
func (s *Set) classify(sig *Signals, skip int) (Software, string) {
	c := s.scratch.Get().(*scratch)
	defer s.scratch.Put(c)
	c.read(sig)
	s.match(c, skip, false)
	return s.conclude(c, sig)
}

// conclude weighs what the rules have said.
func (s *Set) conclude(c *scratch, sig *Signals) (Software, string) {
	s.weigh(c)
	winner := s.winner(c)
	return s.software(c, winner), s.provider(sig, winner)
}

// winner returns the product to name, -1 for none: from the surest family down
// to the member that is still sure enough.
func (s *Set) winner(c *scratch) int {
	winner := -1
	for range maxFamilyDepth + 1 {
		best := -1
		for i, n := range c.nodes {
			if s.products[n.product].parent != winner || n.confidence < threshold {
				continue
			}
			if best < 0 || n.confidence > c.nodes[best].confidence {
				best = i
			}
		}
		if best < 0 {
			break
		}
		winner = c.nodes[best].product
	}
	return winner
}

// software assembles the answer.
func (s *Set) software(c *scratch, winner int) Software {
	sw := Software{Evidence: []Evidence{}, Candidates: s.candidates(c, winner)}
	if winner < 0 {
		return sw
	}
	p := &s.products[winner]
	sw.Vendor, sw.Product, sw.Slug = p.Vendor, p.Product, p.Slug
	sw.Confidence = round(c.node(winner).confidence)
	sw.Evidence = make([]Evidence, 0, len(c.hits))
	for _, h := range c.hits {
		r := &s.rules[h.rule]
		if s.within(r.product, winner) || s.within(winner, r.product) {
			sw.Evidence = append(sw.Evidence, Evidence{Signal: r.Signal.String(), Rule: r.name, Matched: h.matched})
		}
		if sw.OS == "" && s.within(winner, r.product) {
			sw.OS = h.os
		}
	}
	sw.Version, sw.Update = s.version(c, winner)
	sw.CPE = formatCPE(p.CPE, sw.Version)
	return sw
}

// compareHits puts the evidence in the order of the signals, then the heaviest
// first.
func (s *Set) compareHits(a, b hit) int {
	x, y := &s.rules[a.rule], &s.rules[b.rule]
	return cmp.Or(
		cmp.Compare(x.Signal, y.Signal),
		cmp.Compare(y.weight, x.weight),
		cmp.Compare(x.name, y.name),
	)
}

// within reports whether a product is root or of its family.
func (s *Set) within(product, root int) bool {
	for p := product; p >= 0; p = s.products[p].parent {
		if p == root {
			return true
		}
	}
	return false
}

// version returns the version that the heaviest of a product's own rules read,
// the longest where several are as heavy, and the update from the same rule or
// else from any other.
func (s *Set) version(c *scratch, product int) (version, update string) {
	best, anyUpdate := -1.0, ""
	for _, h := range c.hits {
		r := &s.rules[h.rule]
		if r.product != product {
			continue
		}
		if anyUpdate == "" {
			anyUpdate = h.update
		}
		if h.version != "" && (r.weight > best || r.weight == best && len(h.version) > len(version)) {
			best, version, update = r.weight, h.version, h.update
		}
	}
	return version, cmp.Or(update, anyUpdate)
}

// candidates lists the products that the evidence also speaks for, and the
// members of a family that could not be told apart.
func (s *Set) candidates(c *scratch, winner int) []Candidate {
	list := []Candidate{}
	for _, n := range c.nodes {
		if !n.own || winner >= 0 && s.within(winner, n.product) {
			continue
		}
		list = append(list, s.candidate(c, n.product, n.confidence))
	}
	if winner >= 0 {
		for _, p := range s.products[winner].candidates {
			if !slices.ContainsFunc(list, func(k Candidate) bool { return k.Slug == s.products[p].Slug }) {
				list = append(list, s.candidate(c, p, 0))
			}
		}
	}
	slices.SortFunc(list, func(a, b Candidate) int {
		return cmp.Or(cmp.Compare(b.Confidence, a.Confidence), cmp.Compare(a.Slug, b.Slug))
	})
	return list[:min(len(list), maxCandidates)]
}

func (s *Set) candidate(c *scratch, product int, confidence float64) Candidate {
	version, _ := s.version(c, product)
	p := &s.products[product]
	return Candidate{Product: p.Product, Slug: p.Slug, Version: version, Confidence: round(confidence)}
}

// round keeps three digits; more would be noise.
func round(x float64) float64 { return math.Round(x*1000) / 1000 }

// formatCPE completes a CPE 2.3 formatted string with a version (NIST IR 7695,
// section 6.2): eleven attributes, all but letters, digits, ".", "-" and "_"
// quoted, "*" for any.
func formatCPE(prefix, version string) string {
	if prefix == "" {
		return ""
	}
	const rest = ":*:*:*:*:*:*:*"
	var b strings.Builder
	b.Grow(len(prefix) + 1 + 2*max(len(version), 1) + len(rest))
	b.WriteString(prefix)
	b.WriteByte(':')
	if version == "" {
		b.WriteByte('*')
	}
	for _, r := range lower(version) {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789._-", r) {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
	b.WriteString(rest)
	return b.String()
}
