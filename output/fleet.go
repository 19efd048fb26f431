package output

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// An endpointKey names an endpoint across records and runs: the name is part of
// it since servers show other certificates under other names.
type endpointKey struct {
	host string
	addr netip.Addr
	port uint16
}

func keyOf(s *scanner.Service) endpointKey { return endpointKey{s.Host, s.IP, s.Port} }

// String returns "mx1.example.com:25", or the address where there is no name.
func (k endpointKey) String() string {
	name := k.host
	if name == "" && k.addr.IsValid() {
		return netip.AddrPortFrom(k.addr, k.port).String()
	}
	if k.port == 0 {
		return name
	}
	return name + ":" + number(int(k.port))
}

// A fleet is what reports show of the records of one or more runs: each
// endpoint once, by the latest record about it.
type fleet struct {
	inputs    []string // names of what was read
	notes     []string
	runs      []*scanner.Run
	summaries []*scanner.Summary
	services  map[endpointKey]*fleetService
	domains   map[string]*fleetDomain
	details   *detailStore
	findings  map[findingKey]*advisory.Finding
	compared  map[*advisory.Finding]struct{} // what only a comparison of the services shows
	from, to  time.Time                      // of the services
}

// A fleetService is one endpoint.
type fleetService struct {
	endpointKey
	seen      time.Time
	status    scanner.Status
	answered  bool // a greeting was seen
	product   string
	version   string
	provider  string
	ptr       string
	tls       string // version negotiated, "none" where plain text is all there is, "failed", "" if not known
	expires   time.Time
	findings  []*advisory.Finding
	domains   []string
	detail    detailRef
	lifecycle lifecycle
}

// A fleetDomain is one mail domain.
type fleetDomain struct {
	name     string
	seen     time.Time
	status   scanner.Status
	err      string
	mx       []string // "10 mx1.example.com"
	findings []*advisory.Finding
	services []*fleetService // filled by arrange
	detail   detailRef
	records  []pair // what it publishes in a few words, each with a color
}

// lifecycle says what the findings tell of the age of software.
type lifecycle int

const (
	lifecycleUnknown lifecycle = iota // no version to judge by
	lifecycleGood                     // nothing known against the version
	lifecycleOutdated
	lifecycleEnded
)

func newFleet() *fleet {
	return &fleet{
		services: map[endpointKey]*fleetService{}, domains: map[string]*fleetDomain{},
		details: &detailStore{}, findings: map[findingKey]*advisory.Finding{}, compared: map[*advisory.Finding]struct{}{},
	}
}

// add takes in a record and reports whether it is the latest of its kind.
func (f *fleet) add(r *scanner.Result) bool {
	switch {
	case r.Run != nil:
		f.runs = append(f.runs, r.Run)
	case r.Summary != nil:
		f.addSummary(r.Summary)
	case r.Service != nil:
		return f.addService(r.Service)
	case r.Domain != nil:
		f.addDomain(r.Domain)
	}
	return true
}

// addService adds an endpoint. A record of a later time replaces an earlier
// one; equal times are one contact made for several domains.
func (f *fleet) addService(s *scanner.Service) bool {
	key := keyOf(s)
	known := f.services[key]
	if known != nil && !s.Timestamp.After(known.seen) {
		known.addDomain(s.Domain)
		return false
	}
	v := &fleetService{
		endpointKey: key, seen: s.Timestamp, status: s.Status, answered: s.Banner != "",
		product: s.Software.Product, version: s.Software.Version, provider: s.Provider,
		tls: tlsText(s), findings: f.intern(s.Findings), detail: f.details.add(newDetail(s)),
	}
	if len(s.PTR) > 0 {
		v.ptr = s.PTR[0]
	}
	if s.TLS != nil && s.TLS.Certificate != nil {
		v.expires = s.TLS.Certificate.NotAfter
	}
	v.lifecycle = lifecycleOf(v)
	if known != nil {
		v.domains = known.domains
	}
	v.addDomain(s.Domain)
	f.services[key] = v
	f.spread(s.Timestamp)
	return true
}

func (s *fleetService) addDomain(domain string) {
	if domain != "" && !slices.Contains(s.domains, domain) {
		s.domains = append(s.domains, domain)
	}
}

func (f *fleet) spread(t time.Time) {
	if t.IsZero() {
		return
	}
	if f.from.IsZero() || t.Before(f.from) {
		f.from = t
	}
	if t.After(f.to) {
		f.to = t
	}
}

func (f *fleet) addDomain(d *scanner.Domain) {
	known := f.domains[d.Domain]
	if known != nil && d.Timestamp.Before(known.seen) {
		return
	}
	v := &fleetDomain{name: d.Domain, seen: d.Timestamp, status: d.Status, err: d.Error, findings: f.intern(d.Findings),
		detail: f.details.add(newDomainDetail(d)), records: published(d)}
	for _, mx := range d.MX {
		v.mx = append(v.mx, fmt.Sprintf("%d %s", mx.Preference, mx.Name))
	}
	f.domains[d.Domain] = v
}

func tlsText(s *scanner.Service) string {
	before := beforeTLS(s)
	switch {
	case s.TLS != nil && s.TLS.Version != "":
		return s.TLS.Version
	case s.TLS != nil:
		return "failed"
	case before != nil && !before.STARTTLS:
		return "none"
	}
	return ""
}

func lifecycleOf(s *fleetService) lifecycle {
	if s.version == "" {
		return lifecycleUnknown
	}
	state := lifecycleGood
	for _, f := range s.findings {
		switch f.ID {
		case "end-of-life":
			return lifecycleEnded
		case "outdated", "known-vulnerabilities", "known-exploited":
			state = lifecycleOutdated
		case "version-not-comparable":
			return lifecycleUnknown
		}
	}
	return state
}

// A fleetHost is the endpoints of one address, or of one name that led to none.
type fleetHost struct {
	label    string // address or name
	names    []string
	services []*fleetService
	domains  []string
	worst    advisory.Severity
}

// hosts groups the endpoints, the worst first.
func (f *fleet) hosts() []*fleetHost {
	byLabel := map[string]*fleetHost{}
	for _, s := range f.services {
		label := s.host
		if s.addr.IsValid() {
			label = s.addr.String()
		}
		h := byLabel[label]
		if h == nil {
			h = &fleetHost{label: label}
			byLabel[label] = h
		}
		h.services = append(h.services, s)
	}
	var hosts []*fleetHost
	for _, h := range byLabel {
		h.arrange()
		hosts = append(hosts, h)
	}
	slices.SortFunc(hosts, func(a, b *fleetHost) int {
		return cmp.Or(cmp.Compare(b.worst.Rank(), a.worst.Rank()), compareHosts(a, b))
	})
	return hosts
}

// arrange orders the services and sums them up.
func (h *fleetHost) arrange() {
	slices.SortFunc(h.services, func(a, b *fleetService) int {
		return cmp.Or(cmp.Compare(a.port, b.port), strings.Compare(a.host, b.host))
	})
	for _, s := range h.services {
		name := cmp.Or(s.host, s.ptr)
		if name != "" && name != h.label && !slices.Contains(h.names, name) {
			h.names = append(h.names, name)
		}
		for _, d := range s.domains {
			if !slices.Contains(h.domains, d) {
				h.domains = append(h.domains, d)
			}
		}
		if w := worstOf(s.findings); w.Rank() > h.worst.Rank() {
			h.worst = w
		}
	}
	slices.Sort(h.domains)
}

// name is the name of a host where it has one.
func (h *fleetHost) name() string {
	if len(h.names) > 0 {
		return h.names[0]
	}
	return h.label
}

func compareHosts(a, b *fleetHost) int {
	return cmp.Or(a.services[0].addr.Compare(b.services[0].addr), strings.Compare(a.label, b.label))
}

func worstOf(findings []*advisory.Finding) (worst advisory.Severity) {
	for _, f := range findings {
		if f.Severity.Rank() > worst.Rank() {
			worst = f.Severity
		}
	}
	return worst
}

// sortedDomains returns the domains with their services, the worst first.
func (f *fleet) sortedDomains() []*fleetDomain {
	for _, d := range f.domains {
		d.services = nil
	}
	for _, s := range f.sortedServices() {
		for _, name := range s.domains {
			if d := f.domains[name]; d != nil {
				d.services = append(d.services, s)
			}
		}
	}
	var domains []*fleetDomain
	for _, d := range f.domains {
		domains = append(domains, d)
	}
	slices.SortFunc(domains, func(a, b *fleetDomain) int {
		return cmp.Or(cmp.Compare(b.worst().Rank(), a.worst().Rank()), strings.Compare(a.name, b.name))
	})
	return domains
}

// worst is the highest severity among the domain's own findings and those of
// its servers.
func (d *fleetDomain) worst() advisory.Severity {
	worst := worstOf(d.findings)
	for _, s := range d.services {
		if w := worstOf(s.findings); w.Rank() > worst.Rank() {
			worst = w
		}
	}
	return worst
}

// sortedServices returns the endpoints by name, address and port.
func (f *fleet) sortedServices() []*fleetService {
	var services []*fleetService
	for _, s := range f.services {
		services = append(services, s)
	}
	slices.SortFunc(services, func(a, b *fleetService) int {
		return cmp.Or(strings.Compare(a.host, b.host), a.addr.Compare(b.addr), cmp.Compare(a.port, b.port))
	})
	return services
}
