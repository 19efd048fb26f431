package output

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// An occurrence is one finding at one endpoint or domain, as trackers want it,
// or one that only a comparison of the services shows: then it has no place, and
// its evidence names those compared.
type occurrence struct {
	finding    *advisory.Finding
	entry      advisory.Entry
	service    *fleetService // nil for a finding about a domain or the fleet
	domains    []string      // none for a finding about the fleet
	seen       time.Time
	host, addr string
	port       int
}

// addSummary adds the end of a run. Runs that found the same by comparing their
// services, such as two in a row, found it once.
func (f *fleet) addSummary(s *scanner.Summary) {
	f.summaries = append(f.summaries, s)
	for _, v := range f.intern(s.Findings) {
		f.compared[v] = struct{}{}
	}
}

type findingKey struct {
	id, evidence, ignored string
	severity              advisory.Severity
	advisories            int
}

// intern keeps one copy of equal findings: those about a version are long, and
// the same on every server of it.
func (f *fleet) intern(findings []advisory.Finding) []*advisory.Finding {
	kept := make([]*advisory.Finding, len(findings))
	for i := range findings {
		v := &findings[i]
		key := findingKey{v.ID, v.Evidence, v.Ignored, v.Severity, len(v.Advisories)}
		if f.findings[key] == nil {
			clone := *v
			f.findings[key] = &clone
		}
		kept[i] = f.findings[key]
	}
	return kept
}

// comparisons returns what only comparing the services shows.
func (f *fleet) comparisons() []*advisory.Finding {
	return slices.SortedFunc(maps.Keys(f.compared), func(a, b *advisory.Finding) int {
		return cmp.Or(compareFindings(a, b), strings.Compare(a.Evidence, b.Evidence))
	})
}

// each yields every finding of the fleet, the worst first.
func (f *fleet) each() iter.Seq[occurrence] {
	entries := catalogByID()
	var all []occurrence
	for _, s := range f.sortedServices() {
		for _, v := range s.findings {
			o := occurrence{finding: v, entry: entries[v.ID], service: s, domains: s.domains, seen: s.seen, host: s.host, port: int(s.port)}
			if s.addr.IsValid() {
				o.addr = s.addr.String()
			}
			all = append(all, o)
		}
	}
	for _, d := range f.sortedDomains() {
		for _, v := range d.findings {
			all = append(all, occurrence{finding: v, entry: entries[v.ID], domains: []string{d.name}, seen: d.seen})
		}
	}
	for _, v := range f.comparisons() {
		all = append(all, occurrence{finding: v, entry: entries[v.ID], seen: f.to})
	}
	slices.SortStableFunc(all, func(a, b occurrence) int { return compareFindings(a.finding, b.finding) })
	return slices.Values(all)
}

// kind tells what it was found at.
func (o *occurrence) kind() string {
	switch {
	case o.service != nil:
		return "service"
	case len(o.domains) > 0:
		return "domain"
	}
	return "fleet"
}

// title says what was found where.
func (o *occurrence) title() string {
	if place := o.place(); place != "" {
		return o.finding.Title + " at " + Escape(place)
	}
	return o.finding.Title
}

// place names where it was found: "mx1.example.com:25" or the domain; "" is the
// fleet.
func (o *occurrence) place() string {
	if o.service != nil {
		return o.service.String()
	}
	return strings.Join(o.domains, " ")
}

// uri is the place as a relative reference: GitHub's code scanning refuses a
// whole file in which one has a scheme other than that of the checkout.
func (o *occurrence) uri() string {
	switch o.kind() {
	case "domain":
		return "domain/" + escapeURI(o.place())
	case "fleet":
		return "fleet"
	}
	uri := "service/" + escapeURI(cmp.Or(o.host, o.addr))
	if o.port != 0 {
		uri += "/" + number(o.port)
	}
	return uri
}

// escapeURI percent-encodes all but unreserved characters (RFC 3986, section
// 2.3).
func escapeURI(s string) string {
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("-._~", c) >= 0 {
			b.WriteByte(c)
		} else {
			b.WriteString("%" + strings.ToUpper(string([]byte{hexDigits[c>>4], hexDigits[c&15]})))
		}
	}
	return b.String()
}

// evidenceOf is what was seen, and why a policy ignores it; unescaped.
func evidenceOf(f *advisory.Finding) string {
	if f.Ignored == "" {
		return f.Evidence
	}
	return f.Evidence + " (ignored " + f.Ignored + ")"
}

// identity is equal for the same finding at the same place in every run. Of
// findings about the fleet the evidence tells one from the other.
func (o *occurrence) identity() string {
	place := o.place()
	switch o.kind() {
	case "service":
		place += " " + o.addr
	case "fleet":
		sum := sha256.Sum256([]byte(o.finding.Evidence))
		place = "fleet " + hex.EncodeToString(sum[:16])
	}
	return o.finding.ID + " " + place
}

// description says what was found, in plain text.
func (o *occurrence) description() string {
	var b strings.Builder
	b.WriteString(Escape(evidenceOf(o.finding)))
	for i := range o.finding.Advisories {
		m := &o.finding.Advisories[i]
		b.WriteString("\n" + m.CVE + ": " + matchText(m))
	}
	if o.entry.Why != "" {
		b.WriteString("\n\n" + o.entry.Why)
	}
	return b.String()
}
