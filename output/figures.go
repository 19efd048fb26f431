package output

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// A problem is everything the fleet shows of one kind of finding.
type problem struct {
	ID       string
	Severity advisory.Severity // the highest found
	Entry    advisory.Entry
	Hosts    int // addresses it was found at
	Domains  int // domains whose own records it is about
	At       string
	Places   string   // the first of them by name
	Fleet    []string // evidence of what only a comparison of the services shows

	named []string
}

// maxPlaces is how many places the headline names for a problem.
const maxPlaces = 3

func (p *problem) at(place string) {
	if len(p.named) < maxPlaces {
		p.named = append(p.named, place)
	}
}

// problems groups the findings by kind, worst first, most frequent first.
func (f *fleet) problems(hosts []*fleetHost, domains []*fleetDomain) []*problem {
	byID := map[string]*problem{}
	entries := catalogByID()
	problemOf := func(v *advisory.Finding) *problem {
		p := byID[v.ID]
		if p == nil {
			p = &problem{ID: v.ID, Entry: entries[v.ID]}
			p.Entry.Title = cmp.Or(p.Entry.Title, v.Title) // data of a later version may have more kinds
			byID[v.ID] = p
		}
		if v.Severity.Rank() > p.Severity.Rank() {
			p.Severity = v.Severity
		}
		return p
	}
	count := func(findings []*advisory.Finding, seen map[string]bool, place string, n func(*problem) *int) {
		for _, v := range findings {
			p := problemOf(v)
			if !seen[v.ID] {
				seen[v.ID] = true
				*n(p)++
				p.at(place)
			}
		}
	}
	for _, h := range hosts {
		seen := map[string]bool{}
		for _, s := range h.services {
			count(s.findings, seen, h.name(), func(p *problem) *int { return &p.Hosts })
		}
	}
	for _, v := range f.comparisons() {
		p := problemOf(v)
		p.Fleet = append(p.Fleet, Escape(evidenceOf(v)))
	}
	for _, d := range domains {
		count(d.findings, map[string]bool{}, d.name, func(p *problem) *int { return &p.Domains })
	}
	for _, p := range byID {
		p.At, p.Places = affected(p.Hosts, p.Domains, len(p.Fleet)), Escape(strings.Join(p.named, ", "))
		if p.Hosts+p.Domains > len(p.named) {
			p.Places += " …"
		}
	}
	return slices.SortedFunc(maps.Values(byID), func(a, b *problem) int {
		return cmp.Or(cmp.Compare(b.Severity.Rank(), a.Severity.Rank()),
			cmp.Compare(b.Hosts+b.Domains, a.Hosts+a.Domains), strings.Compare(a.ID, b.ID))
	})
}

func catalogByID() map[string]advisory.Entry {
	entries := map[string]advisory.Entry{}
	for _, e := range advisory.Catalog() {
		entries[e.ID] = e
	}
	return entries
}

// affected writes "3 hosts, 1 domain"; a comparison is of several hosts.
func affected(hosts, domains, comparisons int) string {
	var parts []string
	if hosts > 0 {
		parts = append(parts, plural(uint64(hosts), "host"))
	}
	if domains > 0 {
		parts = append(parts, plural(uint64(domains), "domain"))
	}
	if comparisons > 0 {
		parts = append(parts, plural(uint64(comparisons), "comparison"))
	}
	return strings.Join(parts, ", ")
}

// maxFirst is how many problems the headline names.
const maxFirst = 5

// first returns what to do first: the worst problems that are more than
// information.
func first(problems []*problem) []*problem {
	n := 0
	for n < min(len(problems), maxFirst) && problems[n].Severity.Rank() > advisory.Info.Rank() {
		n++
	}
	return problems[:n]
}

// A softwareRow is one product and version with what is known of its age.
type softwareRow struct {
	Product, Version string
	Endpoints        int
	Severity         advisory.Severity
	Lifecycle        lifecycle
}

// software counts products and versions over the endpoints that answered: what
// is out of date first, then the most frequent.
func (f *fleet) software() []*softwareRow {
	type key struct{ product, version string }
	rows := map[key]*softwareRow{}
	for _, s := range f.services {
		if !s.answered {
			continue
		}
		k := key{s.product, s.version}
		if rows[k] == nil {
			rows[k] = &softwareRow{Product: s.product, Version: s.version}
		}
		row := rows[k]
		row.Endpoints++
		row.Lifecycle = max(row.Lifecycle, s.lifecycle)
		if w := worstOf(s.findings); w.Rank() > row.Severity.Rank() {
			row.Severity = w
		}
	}
	return slices.SortedFunc(maps.Values(rows), func(a, b *softwareRow) int {
		return cmp.Or(cmp.Compare(b.Lifecycle, a.Lifecycle), cmp.Compare(b.Endpoints, a.Endpoints), strings.Compare(a.Product, b.Product), strings.Compare(a.Version, b.Version))
	})
}

// outcome puts a status into one of the classes of the headline.
func (s *fleetService) outcome() string {
	switch s.status {
	case scanner.StatusRefused:
		return outcomeRefused
	case scanner.StatusNullMX, scanner.StatusNXDomain, scanner.StatusNoAddress, scanner.StatusServFail,
		scanner.StatusDNSRefused, scanner.StatusDNSTimeout, scanner.StatusDNSLoop, scanner.StatusBadName:
		return outcomeNoAddress
	case scanner.StatusExcluded, scanner.StatusPrivate, scanner.StatusNoRoute, scanner.StatusLocal, scanner.StatusCancelled:
		return outcomeUncontacted
	case scanner.StatusConnectTimeout, scanner.StatusUnreachable, scanner.StatusGreetingTimeout:
		return outcomeSilent
	}
	if s.answered {
		return outcomeAnswered
	}
	return outcomeBroken
}

// The classes of outcomes, as the report calls them.
const (
	outcomeAnswered    = "answered"
	outcomeRefused     = "refused"
	outcomeSilent      = "silent"
	outcomeBroken      = "broke off"
	outcomeNoAddress   = "no address"
	outcomeUncontacted = "not contacted"
)

// figures are the numbers of the headline.
type figures struct {
	Hosts, Domains, Endpoints, Answered, Unlisted int
	Covered                                       int // of endpoints and unlisted ones, those with a final answer
	Encrypted, EncryptionKnown                    int
	Ended, VersionKnown                           int
	Expired, Expiring                             int
	Severities                                    map[advisory.Severity]int
}

func (f *fleet) figures(hosts []*fleetHost) figures {
	n := figures{Hosts: len(hosts), Domains: len(f.domains), Severities: map[advisory.Severity]int{}}
	for _, s := range f.services {
		if s.outcome() == outcomeNoAddress {
			continue // a name, not an endpoint
		}
		n.Endpoints++
		n.count(s, f.to)
	}
	for _, s := range f.services {
		for _, v := range s.findings {
			n.Severities[v.Severity]++
		}
	}
	for _, d := range f.domains {
		for _, v := range d.findings {
			n.Severities[v.Severity]++
		}
	}
	for _, s := range f.summaries {
		n.Unlisted += int(s.Silent)
	}
	for v := range f.compared {
		n.Severities[v.Severity]++
	}
	n.Covered += n.Unlisted // silence is an answer, too
	return n
}

func (n *figures) count(s *fleetService, now time.Time) {
	if s.outcome() == outcomeAnswered {
		n.Answered++
	}
	if s.status.Final() && s.outcome() != outcomeUncontacted {
		n.Covered++
	}
	if s.tls != "" {
		n.EncryptionKnown++
		if strings.HasPrefix(s.tls, "TLS") {
			n.Encrypted++
		}
	}
	if s.lifecycle != lifecycleUnknown {
		n.VersionKnown++
	}
	if s.lifecycle == lifecycleEnded {
		n.Ended++
	}
	switch {
	case s.expires.IsZero():
	case s.expires.Before(now):
		n.Expired++
	case s.expires.Before(now.Add(soon)):
		n.Expiring++
	}
}

// soon is how far ahead the headline looks for certificates.
const soon = 30 * 24 * time.Hour

// percent writes a share in whole percent; it says 100 or 0 only for all or
// none.
func percent(part, whole int) string {
	if whole == 0 {
		return "–"
	}
	share := (part*100 + whole/2) / whole
	switch {
	case share == 0 && part > 0:
		return "<1%"
	case share == 100 && part < whole:
		return ">99%"
	}
	return strconv.Itoa(share) + "%"
}
