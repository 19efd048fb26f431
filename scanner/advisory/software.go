package advisory

import (
	"fmt"
	"slices"
	"sort"
	"strings"

	"github.com/mxsweep/mxsweep/scanner/version"
)

// software compares the version shown with what is known of the product.
func (r *report) software(p *product, f *Facts) {
	if f.Software.Version == "" {
		r.add("version-not-shown", "%s shows no version: no advisory can be matched", p.Name)
		return
	}
	v, err := version.Parse(p.Scheme, f.Software.Version)
	if err != nil {
		r.add("version-not-comparable", "%v", err)
		return
	}
	r.advisories(p, f, v)
	r.lifecycle(p, f, v)
}

// advisories makes at most two findings, however many advisories match: one
// of those that are known to be exploited, one of the others. A finding for
// each CVE would bury all else.
func (r *report) advisories(p *product, f *Facts, v version.Version) {
	key := remembered{f.Software.Version, f.Software.Update, f.Software.OS, p.missing(f)}
	r.findings = append(r.findings, p.memory.recall(key, func() []Finding {
		about := report{entries: r.entries}
		hits := p.hits(f, v)
		about.matched("known-exploited", p, f, v, hits, true)
		about.matched("known-vulnerabilities", p, f, v, hits, false)
		return about.findings
	})...)
}

// matched makes the finding about those of the hits that are exploited, or are
// not.
func (r *report) matched(id string, p *product, f *Facts, v version.Version, hits []hit, exploited bool) {
	var worst *advisory
	n := 0
	for _, h := range hits {
		if h.advisory.match.KEV != exploited {
			continue
		}
		if n++; worst == nil {
			worst = h.advisory
		}
	}
	if worst == nil {
		return
	}
	severity, hint := worst.weight, ""
	if p.backported(f) {
		severity = lower(severity)
		hint = "; the package of " + f.Software.OS + " may hold the fixes"
	}
	count := "1 advisory"
	if n > 1 {
		count = fmt.Sprintf("%d advisories", n)
	}
	r.addAs(id, severity, "%s may be affected by %s, going by its version; worst: %s (%s)%s",
		p.describe(v), count, worst.match.CVE, worst.match.Title, hint)
	last := &r.findings[len(r.findings)-1]
	last.Advisories, last.References = make([]Match, 0, n), make([]string, 0, n)
	for _, h := range hits {
		if m := h.advisory.match; m.KEV == exploited {
			m.Fixed, m.FixedPackage = h.at.fix, h.fixedPackage
			last.Advisories, last.References = append(last.Advisories, m), append(last.References, m.CVE)
		}
	}
}

// backported reports whether the banner names a distribution that adds fixes to
// the release it ships for years, without changing the version.
func (p *product) backported(f *Facts) bool {
	if !p.Packaged {
		return false
	}
	for _, os := range []string{"Debian", "Ubuntu", "Raspbian", "Red Hat", "CentOS", "AlmaLinux", "Rocky", "Oracle Linux", "SUSE", "openSUSE", "Amazon Linux"} {
		if strings.HasPrefix(f.Software.OS, os) {
			return true
		}
	}
	return false
}

// lower is the severity below.
func lower(s Severity) Severity {
	switch s {
	case Critical:
		return High
	case High:
		return Medium
	case Medium:
		return Low
	}
	return Info
}

// describe names the release: "Exim 4.92", "Microsoft Exchange Server
// 15.2.986.14 (Exchange Server 2019 CU11 ...)".
func (p *product) describe(v version.Version) string {
	text := p.Name + " " + v.String()
	i, found := slices.BinarySearchFunc(p.builds, v, func(b build, v version.Version) int {
		order, _ := version.Compare(b.version, v) // of one scheme, so there is no error
		return order
	})
	if found {
		text += " (" + p.builds[i].name + ")"
	}
	return text
}

// A hit is an advisory that may affect the version shown.
type hit struct {
	advisory     *advisory
	at           *interval
	fixedPackage string
}

// hits finds the advisories whose ranges hold v and whose needs may be met,
// worst first. Those that need a local account or come in through the web
// administration are no finding about an SMTP service.
func (p *product) hits(f *Facts, v version.Version) []hit {
	var hits []hit
	for i := range p.advisories {
		a := &p.advisories[i]
		if a.scope != "" {
			continue
		}
		at := a.find(v)
		if at == nil || !a.reachable(f) {
			continue
		}
		if fixed, applied := p.packageFix(a.match.CVE, f); !applied {
			hits = append(hits, hit{a, at, fixed})
		}
	}
	return hits
}

// find returns the range that holds v, nil if none does. Ranges are in order
// and do not overlap, so it can only be the last one that begins at or before v.
func (a *advisory) find(v version.Version) *interval {
	after := sort.Search(len(a.ranges), func(i int) bool {
		low := a.ranges[i].introduced
		return low != nil && version.Less(v, *low)
	})
	if after == 0 || !a.ranges[after-1].contains(v) {
		return nil
	}
	return &a.ranges[after-1]
}

// reachable weighs the conditions against the keywords seen. Only a keyword
// that is missing from a complete picture rules an advisory out: where STARTTLS
// is offered, the EHLO inside TLS must have been seen too.
func (a *advisory) reachable(f *Facts) bool {
	for _, n := range a.needs {
		if n.missing(f) {
			return false
		}
	}
	return true
}

func (n need) missing(f *Facts) bool {
	if f.Before == nil || !f.accepted() || f.Before.has("STARTTLS") && f.After == nil {
		return false
	}
	if n.keyword == "STARTTLS" && isTrue(f.ImplicitTLS) {
		return false
	}
	return !n.met(f.Before) && !n.met(f.After)
}

func (n need) met(c *Capabilities) bool {
	if c == nil {
		return false
	}
	if n.keyword == "AUTH" {
		return n.mechanism == "" && len(c.Auth) > 0 || slices.Contains(c.Auth, n.mechanism)
	}
	return c.has(n.keyword)
}

// packageFix looks for the fix of a CVE where the banner names a distribution.
// It returns "Debian 12: 4.96-15+deb12u2", and whether the server shows a
// revision that has the fix.
func (p *product) packageFix(cve string, f *Facts) (fixed string, applied bool) {
	if f.Software.OS == "" {
		return "", false
	}
	for i := range p.Packages {
		pkg := &p.Packages[i]
		system, _, _ := strings.Cut(pkg.System, " ")
		if pkg.Upstream == f.Software.Version && system == f.Software.OS && slices.Contains(pkg.Fixes, cve) {
			return pkg.System + ": " + pkg.Revision,
				revisionAtLeast(f.Software.Update, strings.TrimPrefix(pkg.Revision, pkg.Upstream+"-"))
		}
	}
	return "", false
}

// revisionAtLeast reports whether a package revision is the fixed one or a
// later one of the same release: they differ in their last number only, as
// 14~deb10u3 and 14~deb10u2 do. Others cannot be compared, since 22 of a later
// release may well lack what 14~deb10u2 has.
func revisionAtLeast(shown, fixed string) bool {
	shown = strings.TrimPrefix(shown, "Debian-")
	stem := strings.TrimRight(fixed, "0123456789")
	step, ok := strings.CutPrefix(shown, stem)
	if !ok || step == "" || strings.Trim(step, "0123456789") != "" {
		return false
	}
	want := fixed[len(stem):]
	return len(step) > len(want) || len(step) == len(want) && step >= want
}
