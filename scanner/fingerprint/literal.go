package fingerprint

import (
	"cmp"
	"regexp/syntax"
	"slices"
	"strings"
)

const (
	minLiteral  = 3  // least length of a literal worth looking for
	maxLiterals = 24 // most alternatives worth looking for
)

// literals returns strings of which every match of a pattern contains at least
// one, or nil if there are none that are long enough to be of use. Of several
// such sets it is the one that is rarest in mail servers' replies.
func literals(tree *syntax.Regexp) []string {
	return readWords(tree).required()
}

// ends returns the fixed text that every match begins and ends with, "" where
// there is none, or where the end is not the line's.
func ends(tree *syntax.Regexp) (prefix, suffix string) {
	if tree.Op != syntax.OpConcat {
		return "", ""
	}
	parts := tree.Sub
	if len(parts) > 1 && parts[1].Op == syntax.OpLiteral {
		prefix = string(parts[1].Rune)
	}
	if n := len(parts); n > 2 && parts[n-1].Op == syntax.OpEndText && parts[n-2].Op == syntax.OpLiteral {
		suffix = string(parts[n-2].Rune)
	}
	return prefix, suffix
}

// words is what is known of the texts that match a part of a pattern. Each list
// is nil where it is not known.
type words struct {
	exact  []string // the part matches these and no others
	prefix []string // each match begins with one of these
	best   []string // each match contains one of these
}

// exactly returns the words of a part that matches a list of texts.
func exactly(texts []string) words { return words{exact: texts, prefix: texts} }

// required returns the best of what is known.
func (w words) required() []string {
	if rarity(w.prefix) > rarity(w.best) {
		return w.prefix
	}
	if rarity(w.best) > 0 {
		return w.best
	}
	return nil
}

func readWords(tree *syntax.Regexp) words {
	switch tree.Op {
	case syntax.OpEmptyMatch, syntax.OpBeginText, syntax.OpEndText, syntax.OpEndLine, syntax.OpWordBoundary:
		return exactly([]string{""})
	case syntax.OpLiteral:
		if s := string(tree.Rune); !strings.ContainsAny(s, "\t\r\n\x1f") {
			return exactly([]string{s})
		}
	case syntax.OpCharClass:
		return exactly(smallClass(tree))
	case syntax.OpCapture:
		return readWords(tree.Sub[0])
	case syntax.OpPlus:
		w := readWords(tree.Sub[0])
		return words{prefix: w.prefix, best: w.best}
	case syntax.OpQuest:
		if w := readWords(tree.Sub[0]); w.exact != nil {
			return exactly(union(w.exact, []string{""}))
		}
	case syntax.OpAlternate:
		return eitherOf(tree.Sub)
	case syntax.OpConcat:
		return oneAfterAnother(tree.Sub)
	}
	return words{}
}

// smallClass lists the characters of a class of few.
func smallClass(tree *syntax.Regexp) []string {
	var chars []string
	for i := 0; i+1 < len(tree.Rune); i += 2 {
		for r := tree.Rune[i]; r <= tree.Rune[i+1]; r++ {
			if chars = append(chars, string(r)); len(chars) > 4 {
				return nil
			}
		}
	}
	return chars
}

// eitherOf needs something of every alternative.
func eitherOf(alternatives []*syntax.Regexp) words {
	all := readWords(alternatives[0])
	all.best = all.required()
	for _, sub := range alternatives[1:] {
		w := readWords(sub)
		all.exact = union(all.exact, w.exact)
		all.prefix = union(all.prefix, w.prefix)
		all.best = union(all.best, w.required())
	}
	return all
}

// oneAfterAnother joins what is known of neighbors for as long as it is known
// exactly, and keeps the rarest of the runs.
func oneAfterAnother(parts []*syntax.Regexp) words {
	run, all := []string{""}, words{}
	keep := func(set []string) {
		if rarity(set) > rarity(all.best) {
			all.best = set
		}
	}
	for _, sub := range parts {
		w := readWords(sub)
		keep(w.best)
		if joined := pairs(run, w.exact); joined != nil {
			run = joined
			continue
		}
		if joined := pairs(run, w.prefix); joined != nil {
			run = joined
		}
		keep(run)
		if all.prefix == nil {
			all.prefix = run
		}
		if run = w.exact; run == nil {
			run = []string{""}
		}
	}
	keep(run)
	if all.prefix == nil {
		return words{exact: run, prefix: run, best: all.best}
	}
	return all
}

// pairs returns every a followed by every b, nil if either is unknown or they
// are too many.
func pairs(a, b []string) []string {
	if len(a)*len(b) == 0 || len(a)*len(b) > maxLiterals {
		return nil
	}
	var all []string
	for _, x := range a {
		for _, y := range b {
			all = append(all, x+y)
		}
	}
	return all
}

// union returns the strings of both without duplicates, nil if either is unknown
// or they are too many.
func union(a, b []string) []string {
	if a == nil || b == nil {
		return nil
	}
	all := slices.Concat(a, b)
	slices.Sort(all)
	if all = slices.Compact(all); len(all) > maxLiterals {
		return nil
	}
	return all
}

// rarity is how much the least telling string of a set tells: its length
// without the words that most servers say. 0: useless.
func rarity(set []string) int {
	if len(set) == 0 {
		return 0
	}
	least := slices.MinFunc(set, func(a, b string) int { return cmp.Compare(telling(a), telling(b)) })
	if len(least) < minLiteral || slices.ContainsFunc(set, func(s string) bool { return len(s) < minLiteral }) {
		return 0
	}
	return telling(least)
}

// telling weighs a string: most for bytes that are not part of a common word. A
// bare reply code tells nothing.
func telling(s string) int {
	if strings.Trim(s, "0123456789 -") == "" {
		return 0
	}
	rest := lower(s)
	for _, common := range []string{
		"220", "250", "421", "500", "502", "554", "esmtp", "smtp", "ready", "service", "server", "mail", "hello",
		"enhancedstatuscodes", "8bitmime", "pipelining", "starttls", "chunking", "size", "auth", "help", "dsn",
	} {
		rest = strings.ReplaceAll(rest, common, "")
	}
	return 8*len(strings.Trim(rest, " -.")) + len(s)
}

// lower folds ASCII only, as the texts are folded before they are searched.
// A rune that Unicode folds to an ASCII letter (the Kelvin sign) breaks no
// promise: a text that has it is not found, and needs not be.
func lower(s string) string {
	if strings.IndexFunc(s, func(r rune) bool { return 'A' <= r && r <= 'Z' }) < 0 {
		return s
	}
	return string(appendLower(nil, []byte(s)))
}
