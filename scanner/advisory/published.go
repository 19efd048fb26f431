package advisory

import (
	"slices"
	"strings"
)

// published judges what a domain publishes about its mail beside the MX records.
func (r *report) published(f *DomainFacts) {
	if f.Status == "nxdomain" {
		return
	}
	r.spf(f.SPF)
	r.dmarc(f)
	r.transportPolicies(f)
}

// spf judges the record of RFC 7208. Only the record itself is read, not what it
// includes.
func (r *report) spf(set *Records) {
	switch {
	case set == nil:
		return
	case len(set.Texts) == 0:
		r.add("spf-missing", "no SPF record at %q", set.Name)
		return
	case len(set.Texts) > 1: // RFC 7208, section 4.5
		r.add("spf-invalid", "%d records: %q", len(set.Texts), set.Texts)
		return
	}
	text := set.Texts[0]
	p := readSPF(text)
	switch {
	case p.fault != "":
		r.add("spf-invalid", "%s: %q", p.fault, text)
	case p.lookups > maxSPFLookups:
		r.add("spf-invalid", "%d terms that need the DNS, %d are allowed: %q", p.lookups, maxSPFLookups, text)
	case p.all == "+":
		r.addAs("spf-permissive", Medium, "passes every sender: %q", text)
	case p.all == "?" || p.all == "" && !p.redirect: // section 4.7: then the result is neutral
		r.add("spf-permissive", "neutral about every other sender: %q", text)
	}
}

// maxSPFLookups is the limit of RFC 7208, section 4.6.4.
const maxSPFLookups = 10

// An spfPolicy is what matters of an SPF record.
type spfPolicy struct {
	all      string // qualifier of "all"; "" where there is none
	redirect bool
	lookups  int
	fault    string // what is wrong with it
}

// readSPF reads a record: RFC 7208, sections 4.6.1, 5 and 6.
func readSPF(text string) (p spfPolicy) {
	terms := strings.Fields(text)
	if len(terms) == 0 || !strings.EqualFold(terms[0], "v=spf1") {
		p.fault = "not version 1"
		return p
	}
	for _, term := range terms[1:] {
		switch {
		case p.all != "": // section 5.1: nothing behind it counts
		case isModifier(term):
			name, _, _ := strings.Cut(term, "=")
			if strings.EqualFold(name, "redirect") {
				p.redirect = true
				p.lookups++
			}
		default:
			p.mechanism(term)
		}
	}
	return p
}

// isModifier tells name=value from a mechanism: section 4.6.1.
func isModifier(term string) bool {
	name, _, found := strings.Cut(term, "=")
	return found && name != "" && !strings.ContainsAny(name, ":/+?~")
}

func (p *spfPolicy) mechanism(term string) {
	qualifier := "+"
	if strings.ContainsAny(term[:1], "+-?~") {
		qualifier, term = term[:1], term[1:]
	}
	end := strings.IndexAny(term, ":/")
	name, rest := strings.ToLower(term), ""
	if end >= 0 {
		name, rest = strings.ToLower(term[:end]), term[end:]
	}
	switch name {
	case "all":
		if p.all = qualifier; rest != "" {
			p.fault = "unknown term " + term
		}
	case "a", "mx", "ptr":
		p.lookups++
	case "include", "exists":
		p.lookups++
		if len(rest) < 2 || rest[0] != ':' {
			p.fault = "term without a domain: " + term
		}
	case "ip4", "ip6":
		if !isNetwork(strings.TrimPrefix(rest, ":"), name == "ip4") {
			p.fault = "term without a network: " + term
		}
	default:
		p.fault = "unknown term " + term
	}
}

// dmarc judges the record of RFC 7489.
func (r *report) dmarc(f *DomainFacts) {
	set := f.DMARC
	switch {
	case set == nil:
		return
	case len(set.Texts) == 0:
		r.add("dmarc-missing", "no DMARC record at %q", set.Name)
		return
	case len(set.Texts) > 1: // section 6.6.3: then none of them counts
		r.add("dmarc-invalid", "%d records: %q", len(set.Texts), set.Texts)
		return
	}
	text := set.Texts[0]
	t := readTags(text)
	policy := strings.ToLower(t.value("p"))
	if sub := strings.ToLower(t.value("sp")); sub != "" && !sameName(set.Name, "_dmarc."+f.Domain) {
		policy = sub
	}
	switch {
	case t.first != "v=DMARC1": // section 6.4
		r.add("dmarc-invalid", "does not begin with v=DMARC1: %q", text)
	case !slices.Contains([]string{"none", "quarantine", "reject"}, policy):
		r.add("dmarc-invalid", "policy %q: %q", policy, text)
	case policy == "none":
		r.add("dmarc-not-enforced", "policy none: %q", text)
	case t.value("pct") != "" && t.value("pct") != "100":
		r.add("dmarc-not-enforced", "for %s percent of the messages: %q", t.value("pct"), text)
	}
}

// A tagList is a record of the form "v=X; tag=value; ...".
type tagList struct {
	first string
	tags  map[string]string
}

func (t tagList) value(tag string) string { return t.tags[tag] }

// readTags reads such a record. Of a tag that is there twice, the first counts.
func readTags(text string) tagList {
	t := tagList{tags: map[string]string{}}
	for i, part := range strings.Split(text, ";") {
		name, value, _ := strings.Cut(part, "=")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if i == 0 {
			t.first = name + "=" + value
		}
		if _, twice := t.tags[name]; !twice {
			t.tags[name] = value
		}
	}
	return t
}

// transportPolicies judges what tells senders to insist on TLS: MTA-STS, DANE,
// and the reports on both.
func (r *report) transportPolicies(f *DomainFacts) {
	dane := r.dane(f)
	if set := f.MTASTS; set != nil {
		switch {
		case len(set.Texts) > 0:
			r.mtaSTS(set)
		case dane == daneNone:
			r.add("transport-policy-missing", "neither MTA-STS at %q nor TLSA records of the MX hosts", set.Name)
		}
	}
	if set := f.TLSRPT; set != nil {
		switch {
		case len(set.Texts) > 0:
			r.tlsRPT(set)
		case f.MTASTS != nil && len(f.MTASTS.Texts) > 0 || dane == daneSome:
			r.add("tls-rpt-missing", "no TLS-RPT record at %q", set.Name)
		}
	}
	if f.Policy != nil {
		r.stsPolicy(f)
	}
}

// mtaSTS judges the record of RFC 8461, section 3.1.
func (r *report) mtaSTS(set *Records) {
	t := readTags(set.Texts[0])
	switch id := t.value("id"); {
	case len(set.Texts) > 1:
		r.add("mta-sts-invalid", "%d records: %q", len(set.Texts), set.Texts)
	case t.first != "v=STSv1":
		r.add("mta-sts-invalid", "does not begin with v=STSv1: %q", set.Texts[0])
	case len(id) < 1 || len(id) > 32 || strings.ContainsFunc(id, notAlphanumeric):
		r.add("mta-sts-invalid", "id is not 1 to 32 letters and digits: %q", set.Texts[0])
	}
}

func notAlphanumeric(c rune) bool {
	return !('a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9')
}

// tlsRPT judges the record of RFC 8460, section 3.
func (r *report) tlsRPT(set *Records) {
	t := readTags(set.Texts[0])
	rua := strings.ToLower(t.value("rua"))
	switch {
	case len(set.Texts) > 1:
		r.add("tls-rpt-invalid", "%d records: %q", len(set.Texts), set.Texts)
	case t.first != "v=TLSRPTv1":
		r.add("tls-rpt-invalid", "does not begin with v=TLSRPTv1: %q", set.Texts[0])
	case !strings.HasPrefix(rua, "mailto:") && !strings.HasPrefix(rua, "https:"):
		r.add("tls-rpt-invalid", "rua is neither mailto: nor https: %q", set.Texts[0])
	}
}
