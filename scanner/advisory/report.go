package advisory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxEvidence bounds Finding.Evidence in bytes: enough for a line of a server.
const maxEvidence = 300

// A report collects the findings about one service or domain.
type report struct {
	entries  map[string]Entry
	findings []Finding
}

// add makes a finding of its usual severity.
func (r *report) add(id, format string, args ...any) {
	r.addAs(id, r.entries[id].Severity, format, args...)
}

// addAs makes a finding whose severity its rule has set.
func (r *report) addAs(id string, severity Severity, format string, args ...any) {
	e := r.entries[id]
	r.findings = append(r.findings, Finding{
		ID:         id,
		Severity:   severity,
		Title:      e.Title,
		Evidence:   clip(fmt.Sprintf(format, args...), maxEvidence),
		References: e.References,
		CWE:        e.CWE,
	})
}

// sorted returns the findings worst first, equal ones by id. The order in which
// one rule adds several findings of an id is kept.
func (r *report) sorted() []Finding {
	slices.SortStableFunc(r.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(b.Severity.Rank(), a.Severity.Rank()), strings.Compare(a.ID, b.ID))
	})
	return r.findings
}

// clip cuts s to at most limit bytes of whole characters; a cut is shown. What
// a server put in cannot steer a terminal: control characters are replaced.
func clip(s string, limit int) string {
	s = strings.ToValidUTF8(s, string(utf8.RuneError))
	if strings.ContainsFunc(s, unicode.IsControl) {
		s = strings.Map(withoutControl, s)
	}
	if len(s) <= limit {
		return s
	}
	const ellipsis = "..."
	end := limit - len(ellipsis)
	for end > 0 && !utf8.RuneStart(s[end]) {
		end--
	}
	return s[:end] + ellipsis
}

func withoutControl(c rune) rune {
	if unicode.IsControl(c) {
		return utf8.RuneError
	}
	return c
}

// isTrue and isFalse read a fact that may not have been seen.
func isTrue(b *bool) bool  { return b != nil && *b }
func isFalse(b *bool) bool { return b != nil && !*b }
