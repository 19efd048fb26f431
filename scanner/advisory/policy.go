package advisory

import (
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner/version"
)

// A Policy is an organization's own rules: what its servers must be like, and
// which findings it has decided to live with. [Set.ParsePolicy] reads one. A nil
// Policy demands and ignores nothing. It is safe for use by many goroutines.
//
// As everywhere, what was not seen breaks no rule: software that is not known
// is not forbidden, and a version that is not shown is not too old.
type Policy struct {
	set      *Set
	hosts    []hostPattern // nil: any
	products []allowed     // nil: any
	tls      string        // least version, as "TLS 1.2"; "": any
	starttls bool          // required
	ignores  []ignore
}

type allowed struct {
	slug    string
	minimum *version.Version // nil: any version
}

// An ignore is a finding that is accepted until the end of a day.
type ignore struct {
	id     string
	host   *hostPattern // nil: all
	reason string
	until  time.Time // exclusive: the beginning of the day after
}

// A hostPattern is a name, all names below one, or a prefix of addresses.
type hostPattern struct {
	text   string // as written
	name   string // lower case
	below  bool   // written as "*.name"
	prefix netip.Prefix
}

func (h *hostPattern) matches(names []string, addr netip.Addr) bool {
	if h.prefix.IsValid() {
		return h.prefix.Contains(addr.Unmap())
	}
	return slices.ContainsFunc(names, func(name string) bool {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		return name == h.name && !h.below || h.below && strings.HasSuffix(name, "."+h.name)
	})
}

// Service adds to the findings of a service those of the policy, and marks the
// ones that it ignores: they keep their place in the record, with severity info.
// It changes findings and returns the result.
func (p *Policy) Service(f *Facts, findings []Finding) []Finding {
	if p == nil {
		return findings
	}
	r := report{entries: p.set.entries, findings: findings}
	names := f.names()
	if f.Greeting != nil || f.TLS != nil {
		p.judgeHost(&r, f, names)
		p.judgeSoftware(&r, f)
		p.judgeTLS(&r, f)
	}
	p.apply(&r, f.Time, names, f.Addr)
	return r.sorted()
}

// names are those that led to the service. A PTR name counts if it leads back:
// anybody can have any other (RFC 8601, section 2.7.3).
func (f *Facts) names() []string {
	var names []string
	if f.Host != "" {
		names = append(names, f.Host)
	}
	if isTrue(f.PTRValid) {
		names = append(names, f.PTR...)
	}
	return names
}

// Domain marks the findings of a domain that the policy ignores; t is the time
// of the record.
func (p *Policy) Domain(f *DomainFacts, t time.Time, findings []Finding) []Finding {
	return p.only(t, []string{f.Domain}, findings)
}

// Fleet marks the findings of a run that the policy ignores on all hosts.
func (p *Policy) Fleet(t time.Time, findings []Finding) []Finding {
	return p.only(t, nil, findings)
}

func (p *Policy) only(t time.Time, names []string, findings []Finding) []Finding {
	if p == nil {
		return findings
	}
	r := report{entries: p.set.entries, findings: findings}
	p.apply(&r, t, names, netip.Addr{})
	return r.sorted()
}

func (p *Policy) judgeHost(r *report, f *Facts, names []string) {
	expected := func(h hostPattern) bool { return h.matches(names, f.Addr) }
	if p.hosts == nil || slices.ContainsFunc(p.hosts, expected) {
		return
	}
	if len(names) == 0 {
		names = []string{"no name"}
	}
	r.add("policy-host-unexpected", "a server answers at %s (%s)", f.Addr, strings.Join(names, ", "))
}

func (p *Policy) judgeSoftware(r *report, f *Facts) {
	if p.products == nil || f.Software.Slug == "" {
		return
	}
	i := slices.IndexFunc(p.products, func(a allowed) bool { return a.slug == f.Software.Slug })
	if i < 0 {
		r.add("policy-product-not-allowed", "%s (%s) is not among the allowed products", f.Software.Product, f.Software.Slug)
		return
	}
	least := p.products[i].minimum
	if least == nil || f.Software.Version == "" {
		return
	}
	if v, err := version.Parse(least.Scheme(), f.Software.Version); err == nil && version.Less(v, *least) {
		r.add("policy-version-too-old", "%s %s; the policy asks for %s at least", f.Software.Product, v, least)
	}
}

func (p *Policy) judgeTLS(r *report, f *Facts) {
	if t := f.TLS; t != nil && t.Version != "" && t.Version < p.tls { // "SSL 3.0" sorts before "TLS"
		r.add("policy-tls-version", "newest version spoken: %s; the policy asks for %s at least", t.Version, p.tls)
	} else if v := f.TLSVersions; v != nil && slices.ContainsFunc(v.Accepted, func(version string) bool { return version < p.tls }) {
		r.add("policy-tls-version", "accepted: %s; the policy asks for %s at least", strings.Join(v.Accepted, ", "), p.tls)
	}
	if !p.starttls || isTrue(f.ImplicitTLS) || !f.accepted() || f.Before == nil {
		return
	}
	switch {
	case !f.Before.has("STARTTLS"):
		r.add("policy-starttls-required", "EHLO answered without STARTTLS on port %d", f.Port)
	case f.STARTTLS != "" && !strings.HasPrefix(f.STARTTLS, "220"): // RFC 3207, section 4
		r.add("policy-starttls-required", "reply to STARTTLS: %q", firstLine(f.STARTTLS))
	}
}

// apply marks what is ignored at time t. An ignore that has ended is a finding
// where there still is what it was for.
func (p *Policy) apply(r *report, t time.Time, names []string, addr netip.Addr) {
	for i := range p.ignores {
		g := &p.ignores[i]
		if g.host != nil && !g.host.matches(names, addr) {
			continue
		}
		for n := range r.findings {
			f := &r.findings[n]
			switch {
			case f.ID != g.id || f.Ignored != "":
			case t.Before(g.until):
				f.Severity, f.Ignored = Info, g.text()
			default:
				r.add("policy-ignore-expired", "%s was ignored until %s: %s", g.id, g.lastDay(), g.reason)
			}
		}
	}
}

func (g *ignore) lastDay() string { return g.until.AddDate(0, 0, -1).Format(time.DateOnly) }

func (g *ignore) text() string { return clip("until "+g.lastDay()+": "+g.reason, maxEvidence) }
