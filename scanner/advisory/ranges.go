package advisory

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/mxsweep/mxsweep/scanner/version"
)

type advisory struct {
	match  Match
	weight Severity // what it counts with: the score's severity unless conditions or exploitation change it
	scope  string
	needs  []need
	ranges []interval
}

// A need is an EHLO keyword and, for AUTH, the mechanism; "" is any.
type need struct{ keyword, mechanism string }

// An interval is a range whose bounds are parsed; nil is open.
type interval struct {
	introduced, fixed, last *version.Version
	fix                     string // from when on it is fixed, for people
}

func (r interval) contains(v version.Version) bool {
	return (r.introduced == nil || !version.Less(v, *r.introduced)) &&
		(r.fixed == nil || version.Less(v, *r.fixed)) &&
		(r.last == nil || !version.Less(*r.last, v))
}

func (p *product) compileAdvisories() error {
	seen := map[string]bool{}
	for i := range p.Advisories {
		a := &p.Advisories[i]
		compiled, err := p.compileAdvisory(a)
		if err == nil && seen[a.CVE] {
			err = fmt.Errorf("listed twice")
		}
		if err != nil {
			return fmt.Errorf("%s: %w", a.CVE, err)
		}
		seen[a.CVE] = true
		p.advisories = append(p.advisories, compiled)
	}
	slices.SortStableFunc(p.advisories, worseFirst)
	return nil
}

func (p *product) compileAdvisory(a *fileAdvisory) (advisory, error) {
	c := advisory{
		match:  Match{CVE: a.CVE, Title: a.Title, Severity: a.Severity, CVSS: a.CVSS, KEV: a.KEV, Conditions: a.Conditions},
		weight: a.weight(),
		scope:  a.Scope,
	}
	if err := a.check(); err != nil {
		return c, err
	}
	for _, n := range a.Needs {
		keyword, mechanism, _ := strings.Cut(n, " ")
		c.needs = append(c.needs, need{keyword, mechanism})
	}
	for _, r := range a.Ranges {
		i, err := p.compileRange(r)
		if err != nil {
			return c, err
		}
		if n := len(c.ranges); n > 0 && !c.ranges[n-1].before(i) {
			return c, fmt.Errorf("ranges are not in order or overlap at %q", r.Introduced)
		}
		c.ranges = append(c.ranges, i)
	}
	return c, nil
}

// check demands what an advisory must have apart from its ranges.
func (a *fileAdvisory) check() error {
	switch {
	case !strings.HasPrefix(a.CVE, "CVE-"):
		return fmt.Errorf("an advisory has a CVE id")
	case a.Title == "":
		return fmt.Errorf("an advisory has a title")
	case len(a.Ranges) == 0:
		return fmt.Errorf("an advisory has a range")
	case len(a.Sources) == 0:
		return fmt.Errorf("an advisory has a source")
	case a.Severity != "" && a.Severity.Rank() == 0:
		return fmt.Errorf("severity %q is none of low, medium, high, critical", a.Severity)
	case a.Scope != "" && a.Scope != "local" && a.Scope != "web":
		return fmt.Errorf("scope %q is neither local nor web", a.Scope)
	}
	return nil
}

// before reports whether all of r is below next.
func (r interval) before(next interval) bool {
	switch {
	case next.introduced == nil:
		return false
	case r.fixed != nil:
		return !version.Less(*next.introduced, *r.fixed)
	}
	return version.Less(*r.last, *next.introduced)
}

func (p *product) compileRange(r fileRange) (i interval, err error) {
	if i.introduced, err = p.bound(r.Introduced); err != nil {
		return i, err
	}
	if i.fixed, err = p.bound(r.Fixed); err != nil {
		return i, err
	}
	if i.last, err = p.bound(r.LastAffected); err != nil {
		return i, err
	}
	if (i.fixed == nil) == (i.last == nil) {
		return i, fmt.Errorf("a range has either fixed or last_affected")
	}
	i.fix = r.Fixed
	if i.fixed == nil {
		i.fix = "after " + r.LastAffected
	}
	return i, p.checkSamples(r, i)
}

// checkSamples holds a range against its own tests.
func (p *product) checkSamples(r fileRange, i interval) error {
	inside, err := version.Parse(p.Scheme, r.VulnerableAt)
	if err != nil {
		return fmt.Errorf("vulnerable_at: %w", err)
	}
	outside, err := version.Parse(p.Scheme, r.SafeAt)
	if err != nil {
		return fmt.Errorf("safe_at: %w", err)
	}
	if !i.contains(inside) {
		return fmt.Errorf("vulnerable_at %s is outside its range", inside)
	}
	if i.contains(outside) {
		return fmt.Errorf("safe_at %s is inside its range", outside)
	}
	return nil
}

// weight is the severity an advisory counts with. One without a score is medium
// until somebody has read it. Conditions that do not hold in most installations
// take one step away, since nothing was seen of them. What is being exploited is
// high at least.
func (a *fileAdvisory) weight() Severity {
	w := a.Severity
	if w == "" {
		w = Medium
	}
	if a.Conditions != "" && !a.Usual {
		w = lower(w)
	}
	if a.KEV && w.Rank() < High.Rank() {
		w = High
	}
	return w
}

// worseFirst orders advisories for a reader: by weight, then by score, the
// newest first.
func worseFirst(a, b advisory) int {
	return cmp.Or(
		cmp.Compare(b.weight.Rank(), a.weight.Rank()),
		cmp.Compare(b.match.CVSS, a.match.CVSS),
		compareCVE(b.match.CVE, a.match.CVE),
	)
}

// compareCVE orders CVE ids by year and number, whose lengths differ.
func compareCVE(a, b string) int {
	yearA, numberA, _ := strings.Cut(strings.TrimPrefix(a, "CVE-"), "-")
	yearB, numberB, _ := strings.Cut(strings.TrimPrefix(b, "CVE-"), "-")
	return cmp.Or(
		strings.Compare(yearA, yearB),
		cmp.Compare(len(numberA), len(numberB)),
		strings.Compare(numberA, numberB),
	)
}
