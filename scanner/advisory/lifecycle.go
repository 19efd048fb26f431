package advisory

import (
	"time"

	"github.com/mxsweep/mxsweep/scanner/version"
)

// Ages of an end of life. Distributions support a release for three to five
// years, so the age says whether somebody may still add fixes.
const (
	eolRecent = 365 * 24 * time.Hour
	eolLong   = 5 * 365 * 24 * time.Hour
)

// lifecycle says whether the line is past its end, or a newer release of it is
// known.
func (r *report) lifecycle(p *product, f *Facts, v version.Version) {
	l := p.lineOf(v)
	if l != nil && l.ended(f.Time) {
		r.endOfLife(p, l, f, v)
		return
	}
	newest, severity := p.newest(l, v)
	if newest == nil {
		return
	}
	if p.backported(f) {
		severity = Info
	}
	r.addAs("outdated", severity, "%s; newest known: %s", p.describe(v), newest)
}

// newest returns the release that v should be updated to, nil if none is known.
// Within a line that is its newest; whoever has that one can only change to a
// newer line, which matters less as long as the line has no known end.
func (p *product) newest(l *line, v version.Version) (*version.Version, Severity) {
	if l != nil && l.latest != nil {
		if version.Less(v, *l.latest) {
			return l.latest, Low
		}
		if l.EOL != "" || p.latest == nil || !version.Less(v, *p.latest) {
			return nil, ""
		}
		return p.latest, Info
	}
	if p.latest != nil && version.Less(v, *p.latest) {
		return p.latest, Low
	}
	return nil, ""
}

func (r *report) endOfLife(p *product, l *line, f *Facts, v version.Version) {
	when := "ended"
	if !l.eol.IsZero() {
		when = "ended on " + l.EOL
	}
	if !l.ext.IsZero() {
		when += ", paid support until " + l.Extended
	}
	name := l.Name
	if name == "" {
		name = p.Name + " " + l.Line
	}
	r.addAs("end-of-life", l.severity(p, f), "%s: support of %s %s", p.describe(v), name, when)
}

// ended reports whether the line's support was over at t. Support that had not
// ended when the data was read, and whose end is not known, goes on.
func (l *line) ended(t time.Time) bool {
	if l.eol.IsZero() {
		return l.EOL == eolEnded
	}
	return !t.IsZero() && t.After(l.eol)
}

// severity grows with the age, since distributions care for old releases for
// some years. Nobody does that for products they do not ship.
func (l *line) severity(p *product, f *Facts) Severity {
	age := f.Time.Sub(l.eol)
	switch {
	case l.eol.IsZero() || age > eolLong:
		return High
	case !p.Packaged && f.Time.Before(l.ext):
		return Medium
	case !p.Packaged:
		return High
	case age < eolRecent || p.backported(f):
		return Low
	}
	return Medium
}

// lineOf returns the most exact line that holds v, nil if none does.
func (p *product) lineOf(v version.Version) *line {
	var best *line
	for i := range p.lines {
		l := &p.lines[i]
		if l.numbers.Contains(v) && (best == nil || l.numbers.Parts() > best.numbers.Parts()) {
			best = l
		}
	}
	return best
}
