package output

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// snapshots are the comparable facts of one scan.
type snapshots struct {
	name     string
	notes    []string
	run      scanner.Run // the newest
	from, to time.Time
	services map[endpointKey]*snapshot
	domains  map[string]*domainSnapshot
	names    map[string]scanner.Status          // of names that led to no address
	addrs    map[string]map[netip.Addr]struct{} // of names that did
	texts    map[string]string                  // one copy of equal facts
}

// A snapshot is one endpoint.
type snapshot struct {
	seen    time.Time
	status  scanner.Status
	phase   smtp.Phase
	banner  bool
	domains []string
	facts   []string // in the order of diffFields; "" was not seen
	checks  []string // active ones that came to their end
}

// A domainSnapshot is one domain.
type domainSnapshot struct {
	seen     time.Time
	status   scanner.Status
	mx       []scanner.MX
	findings string
	records  []recordSnapshot
	policy   bool // that of MTA-STS was fetched
}

func newSnapshots(name string) *snapshots {
	return &snapshots{
		name: name, services: map[endpointKey]*snapshot{}, domains: map[string]*domainSnapshot{},
		names: map[string]scanner.Status{}, addrs: map[string]map[netip.Addr]struct{}{}, texts: map[string]string{},
	}
}

func (s *snapshots) read(src io.Reader) error {
	notes, err := readRecords(s.name, src, s.add)
	s.notes = append(s.notes, notes...)
	return err
}

func (s *snapshots) side() DiffSide {
	return DiffSide{
		Name: s.name, From: s.from, To: s.to, Services: len(s.services), Domains: len(s.domains),
		Version: s.run.Version, Advisories: s.run.Data.AdvisoriesDate, Rules: s.run.Data.Fingerprints,
	}
}

func (s *snapshots) add(r *scanner.Result) {
	switch {
	case r.Run != nil:
		s.run = *r.Run
	case r.Service != nil:
		s.addService(r.Service)
	case r.Domain != nil:
		d := r.Domain
		if known := s.domains[d.Domain]; known == nil || !d.Timestamp.Before(known.seen) {
			s.domains[d.Domain] = &domainSnapshot{d.Timestamp, d.Status, d.MX, findingList(d.Findings), recordsOf(d), d.MTASTSPolicy != nil && d.MTASTSPolicy.Error == ""}
		}
	}
}

func (s *snapshots) addService(v *scanner.Service) {
	if s.from.IsZero() || v.Timestamp.Before(s.from) {
		s.from = v.Timestamp
	}
	if v.Timestamp.After(s.to) {
		s.to = v.Timestamp
	}
	if !v.IP.IsValid() {
		s.names[v.Host] = v.Status
		return
	}
	if s.addrs[v.Host] == nil {
		s.addrs[v.Host] = map[netip.Addr]struct{}{}
	}
	s.addrs[v.Host][v.IP] = struct{}{}
	key := keyOf(v)
	known := s.services[key]
	if known == nil || v.Timestamp.After(known.seen) {
		snap := &snapshot{seen: v.Timestamp, status: v.Status, phase: v.Phase, banner: v.Banner != "", facts: s.facts(v), checks: checksOf(v)}
		if known != nil {
			snap.domains = known.domains
		}
		s.services[key], known = snap, snap
	}
	if v.Domain != "" && !slices.Contains(known.domains, v.Domain) {
		known.domains = append(known.domains, v.Domain)
	}
}

func (s *snapshot) answered() bool { return s.banner }

// why says how a conversation failed.
func (s *snapshot) why() string { return string(s.status) }

// complete tells whether what was not found is not there: not so where the
// conversation broke off.
func (s *snapshot) complete() bool { return s.status == scanner.StatusSuccess }

func checksOf(v *scanner.Service) (names []string) {
	for i := range v.Checks {
		if v.Checks[i].Error == "" {
			names = append(names, string(v.Checks[i].Check))
		}
	}
	return names
}

const (
	reasonNoRecord  = "no record of it" // others that leave it open why end in it
	reasonNotListed = "silent or not asked for, " + reasonNoRecord
)

// absent says why an endpoint that was reached in the other scan is not in this
// one. It is gone only where the DNS says so for all its domains.
func (s *snapshots) absent(key endpointKey, other *snapshot) (ChangeKind, string) {
	var gone string
	for _, domain := range other.domains {
		kind, reason := s.absentFrom(domain, key)
		if kind != ChangeGone {
			return kind, reason
		}
		gone = reason
	}
	if gone != "" {
		return ChangeGone, gone
	}
	if key.host == "" {
		return ChangeMissed, reasonNotListed
	}
	if status, ok := s.names[key.host]; ok {
		return lookupVerdict(status)
	}
	return s.absentAddr(key)
}

func (s *snapshots) absentFrom(domain string, key endpointKey) (ChangeKind, string) {
	d := s.domains[domain]
	if d == nil {
		return ChangeMissed, reasonNoRecord
	}
	if d.status != scanner.StatusSuccess && len(d.mx) == 0 {
		return lookupVerdict(d.status)
	}
	for _, mx := range d.mx {
		if !strings.EqualFold(mx.Name, key.host) {
			continue
		}
		switch {
		case mx.Status != scanner.StatusSuccess:
			return lookupVerdict(mx.Status)
		case slices.Contains(mx.Addresses, key.addr):
			return ChangeMissed, fmt.Sprintf("port %d: %s", key.port, reasonNoRecord)
		}
		return ChangeGone, "the address is none of " + key.host
	}
	return ChangeGone, key.host + " is no mail exchanger of " + domain
}

func (s *snapshots) absentAddr(key endpointKey) (ChangeKind, string) {
	addrs, ok := s.addrs[key.host]
	if !ok {
		return ChangeMissed, reasonNoRecord
	}
	if _, ok := addrs[key.addr]; ok {
		return ChangeMissed, fmt.Sprintf("port %d: %s", key.port, reasonNoRecord)
	}
	return ChangeGone, "the address is none of " + key.host
}

// lookupVerdict tells an answer of the DNS that there is nothing from the lack
// of an answer.
func lookupVerdict(status scanner.Status) (ChangeKind, string) {
	switch status {
	case scanner.StatusNXDomain, scanner.StatusNoAddress, scanner.StatusNullMX, scanner.StatusBadName:
		return ChangeGone, string(status)
	}
	return ChangeMissed, string(status)
}

// A diffField is one fact that is compared.
type diffField struct {
	name string
	list bool // lines
	text func(*scanner.Service) string
}

// diffFields returns the facts of a service that are compared: what people set
// up, not what differs from one connection to the next.
func diffFields() []diffField {
	type service = scanner.Service
	seen := func(s *service, text, without string) string {
		switch {
		case s.Banner == "":
			return ""
		case text == "":
			return without
		}
		return text
	}
	return []diffField{
		{"status", false, func(s *service) string { return string(s.Status) }},
		{"product", false, func(s *service) string { return seen(s, s.Software.Product, "unknown") }},
		{fieldVersion, false, func(s *service) string { return seen(s, s.Software.Version, "not shown") }},
		{"update", false, func(s *service) string { return seen(s, s.Software.Update, "not shown") }},
		{"os", false, func(s *service) string { return seen(s, s.Software.OS, "not shown") }},
		{"provider", false, func(s *service) string { return s.Provider }},
		{"greeting_hostname", false, greetingHostname},
		{"ptr", true, func(s *service) string { return lines(s.PTR != nil, s.PTR) }},
		{"starttls", false, offersSTARTTLS},
		{"implicit_tls", false, func(s *service) string { return threeValued(s.ImplicitTLS) }},
		{"tls_version", false, tlsCell(func(t *smtp.TLS) string { return t.Version })},
		{"tls_versions", true, func(s *service) string {
			v := s.TLSVersions
			if v == nil {
				return ""
			}
			return lines(true, v.Accepted)
		}},
		{"tls_cipher", false, tlsCell(func(t *smtp.TLS) string { return t.Cipher })},
		{"certificate", false, certCell(certificateText)},
		{"chain_valid", false, tlsCell(func(t *smtp.TLS) string { return threeValued(t.ChainValid) })},
		{"name_valid", false, tlsCell(func(t *smtp.TLS) string { return threeValued(t.NameValid) })},
		{"capabilities", true, func(s *service) string { return keywords(beforeTLS(s)) }},
		{"capabilities_tls", true, func(s *service) string { return keywords(afterTLS(s)) }},
		{"auth_before_tls", true, func(s *service) string { c := beforeTLS(s); return lines(c != nil, mechanisms(c)) }},
		{"auth_after_tls", true, func(s *service) string { c := afterTLS(s); return lines(c != nil, mechanisms(c)) }},
		{fieldFindings, true, func(s *service) string { return findingList(s.Findings) }},
		{fieldCVEs, true, func(s *service) string { return lines(true, strings.Fields(cves(s))) }},
	}
}

// Fields whose items are found by looking: what was not looked at has none.
const (
	fieldFindings = "findings"
	fieldCVEs     = "cves"
	fieldVersion  = "version"
)

// emptyList stands for a list that was seen to be empty.
const emptyList = "\n"

// lines writes a list for comparison, one item a line.
func lines(seen bool, items []string) string {
	switch {
	case !seen:
		return ""
	case len(items) == 0:
		return emptyList
	}
	items = slices.Clone(items)
	slices.Sort(items)
	return strings.Join(slices.Compact(items), "\n")
}

func keywords(c *smtp.Capabilities) string {
	if c == nil {
		return ""
	}
	return lines(true, c.Keywords)
}

func certificateText(c *smtp.Certificate) string {
	name := c.SubjectCN
	if name == "" && len(c.SANs) > 0 {
		name = c.SANs[0]
	}
	return fmt.Sprintf("%s by %s until %s (SHA-256 %s)", name, c.Issuer, day(c.NotAfter), c.SHA256[:min(16, len(c.SHA256))])
}

// findingList writes "medium certificate-expired" and the like.
func findingList(findings []advisory.Finding) string {
	var items []string
	for i := range findings {
		items = append(items, string(findings[i].Severity)+" "+findings[i].ID)
	}
	return lines(true, items)
}

func (s *snapshots) facts(v *scanner.Service) []string {
	fields := diffFields()
	facts := make([]string, len(fields))
	for i, f := range fields {
		text := f.text(v)
		if known, ok := s.texts[text]; ok {
			text = known
		} else {
			s.texts[text] = text
		}
		facts[i] = text
	}
	return facts
}
