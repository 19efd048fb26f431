package fingerprint

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
)

// macros are the abbreviations that patterns may use. All are bounded by the
// line, and none captures.
func macros() *strings.Replacer {
	return strings.NewReplacer(
		// The code of a greeting and the host's name, if there is one. More
		// blanks than one occur, also before the name.
		"{220}", `220[ -] *(?:[^ \n]+ +)?`,
		// One word: the name by which the server calls itself.
		"{host}", `[^ \n]+`,
		// A date as in mail headers (RFC 5322, section 3.3), with or without
		// the day's name, the zone and its comment.
		"{date}", `(?:[A-Z][a-z]{2}, +)?\d{1,2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2}(?: (?:[+-]\d{4}|[A-Z]{2,5}))?(?: \([^)\n]*\))?`,
	)
}

// A pattern is a rule's pattern made ready: macros expanded, case folding and
// line mode chosen, and the literals of which every match has one.
type pattern struct {
	expr     string
	fold     bool     // ignores case, at least in parts
	lines    bool     // may go on over line ends
	literals []string // lower case if fold; none: every line must be tried
	prefix   string   // what a match begins and ends with, likewise
	suffix   string
	groups   []string
}

// parsePattern checks and prepares the pattern of a rule.
func parsePattern(r *fileRule) (pattern, error) {
	if !strings.HasPrefix(r.Pattern, "^") && !strings.HasPrefix(r.Pattern, "(?i)^") {
		return pattern{}, errors.New(`expected "^" (or "(?i)^") at its beginning: rules are anchored to the line, so that a name inside a host name or a slogan cannot count`)
	}
	p := pattern{expr: macros().Replace(r.Pattern)}
	if ruleKind(r) == claim {
		p.expr = "(?i)" + p.expr
	}
	tree, err := syntax.Parse(p.expr, syntax.Perl)
	if err != nil {
		return pattern{}, err
	}
	if p.lines = spansLines(tree); p.lines {
		// "^" must still mean the line the match begins at, and "$" the end
		// of any.
		p.expr = "(?m)" + strings.Replace(p.expr, "^", `\A`, 1)
		if tree, err = syntax.Parse(p.expr, syntax.Perl); err != nil {
			return pattern{}, err
		}
	}
	if err := checkGroups(tree); err != nil {
		return pattern{}, err
	}
	tree = tree.Simplify()
	if !anchored(tree) {
		return pattern{}, errors.New(`"^" must hold for every alternative; put them in (?:...)`)
	}
	if tree.Op == syntax.OpEmptyMatch || regexp.MustCompile(p.expr).MatchString("") {
		return pattern{}, errors.New("matches an empty line")
	}
	p.groups = slices.DeleteFunc(tree.CapNames(), func(s string) bool { return s == "" })
	p.literals = literals(firstLine(tree))
	if !p.lines {
		p.prefix, p.suffix = ends(tree)
	}
	if p.fold = folds(tree); p.fold {
		p.prefix, p.suffix = lower(p.prefix), lower(p.suffix)
		for i := range p.literals {
			p.literals[i] = lower(p.literals[i])
		}
		slices.Sort(p.literals)
		p.literals = slices.Compact(p.literals)
	}
	return p, nil
}

// ruleKind returns the kind a rule states, or else the usual one of its signal.
func ruleKind(r *fileRule) kind {
	if k, ok := parseKind(r.Kind); ok {
		return k
	}
	s, _ := parseSignal(r.Signal)
	return usualKind(s)
}

// checkGroups allows only groups that mean something.
func checkGroups(tree *syntax.Regexp) error {
	seen := make(map[string]bool)
	for _, name := range tree.CapNames()[1:] {
		switch name {
		case "version", "update", "os":
		case "":
			return errors.New("has an unnamed group; write (?:...)")
		default:
			return fmt.Errorf("group %q: expected version, update or os", name)
		}
		seen[name] = true
	}
	return nil
}

// anchored reports whether a match can only begin at the start of the text.
func anchored(tree *syntax.Regexp) bool {
	switch tree.Op {
	case syntax.OpBeginText:
		return true
	case syntax.OpConcat, syntax.OpCapture:
		return len(tree.Sub) > 0 && anchored(tree.Sub[0])
	case syntax.OpAlternate:
		return !slices.ContainsFunc(tree.Sub, func(s *syntax.Regexp) bool { return !anchored(s) })
	}
	return false
}

// spansLines reports whether a line feed is written out in the pattern.
func spansLines(tree *syntax.Regexp) bool {
	return tree.Op == syntax.OpLiteral && slices.Contains(tree.Rune, '\n') ||
		slices.ContainsFunc(tree.Sub, spansLines)
}

// folds reports whether any part of a pattern ignores case.
func folds(tree *syntax.Regexp) bool {
	return tree.Flags&syntax.FoldCase != 0 || slices.ContainsFunc(tree.Sub, folds)
}

// firstLine cuts off what can only match on later lines: rules are found by the
// line on which they begin.
func firstLine(tree *syntax.Regexp) *syntax.Regexp {
	if !spansLines(tree) {
		return tree
	}
	cut := &syntax.Regexp{Op: syntax.OpEmptyMatch}
	switch tree.Op {
	case syntax.OpLiteral:
		end := slices.Index(tree.Rune, '\n')
		cut = &syntax.Regexp{Op: syntax.OpLiteral, Flags: tree.Flags, Rune: tree.Rune[:end]}
	case syntax.OpConcat:
		i := slices.IndexFunc(tree.Sub, spansLines)
		cut = &syntax.Regexp{Op: syntax.OpConcat, Sub: append(slices.Clone(tree.Sub[:i]), firstLine(tree.Sub[i]))}
	}
	return cut
}
