package output

import (
	"cmp"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// An occurrence is one finding at one endpoint or domain, as trackers want it.
type occurrence struct {
	finding    *advisory.Finding
	entry      advisory.Entry
	service    *fleetService // nil for a finding about a domain
	domains    []string
	domainSeen time.Time
	host, addr string
	port       int
}

// each yields every finding of the fleet, the worst first.
func (f *fleet) each() iter.Seq[occurrence] {
	entries := catalogByID()
	var all []occurrence
	for _, s := range f.sortedServices() {
		for _, v := range s.findings {
			o := occurrence{finding: v, entry: entries[v.ID], service: s, domains: s.domains, host: s.host, port: int(s.port)}
			if s.addr.IsValid() {
				o.addr = s.addr.String()
			}
			all = append(all, o)
		}
	}
	for _, d := range f.sortedDomains() {
		for _, v := range d.findings {
			all = append(all, occurrence{finding: v, entry: entries[v.ID], domains: []string{d.name}, domainSeen: d.seen})
		}
	}
	slices.SortStableFunc(all, func(a, b occurrence) int { return compareFindings(a.finding, b.finding) })
	return slices.Values(all)
}

// place names where it was found: "mx1.example.com:25" or the domain.
func (o *occurrence) place() string {
	if o.service != nil {
		return o.service.String()
	}
	return strings.Join(o.domains, " ")
}

// uri is the place as a relative reference: GitHub's code scanning refuses a
// whole file in which one has a scheme other than that of the checkout.
func (o *occurrence) uri() string {
	if o.service == nil {
		return "domain/" + escapeURI(o.place())
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

// identity is equal for the same finding at the same place in every run.
func (o *occurrence) identity() string {
	place := o.place()
	if o.service != nil {
		place += " " + o.addr
	}
	return o.finding.ID + " " + place
}

// description says what was found, in plain text.
func (o *occurrence) description() string {
	var b strings.Builder
	b.WriteString(Escape(o.finding.Evidence))
	for i := range o.finding.Advisories {
		m := &o.finding.Advisories[i]
		b.WriteString("\n" + m.CVE + ": " + matchText(m))
	}
	if o.entry.Why != "" {
		b.WriteString("\n\n" + o.entry.Why)
	}
	return b.String()
}
