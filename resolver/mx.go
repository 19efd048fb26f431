package resolver

import (
	"cmp"
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"github.com/miekg/dns"

	"github.com/mxsweep/mxsweep/scanner"
)

// What is used of an answer at most. Real domains stay far below; an answer that
// does not is an attack or a fault.
const (
	maxMX        = 100 // MX records of a domain
	maxAddresses = 64  // addresses of one host, and of one family in an answer
	maxPTR       = 16  // PTR names of an address, and mail policies of a name
	maxAliases   = 16  // CNAME records from a name to its data
)

// LookupMX finds the MX hosts of a domain and all their addresses, as the package
// comment tells. The hosts are sorted by preference, equal ones by name; a host
// named twice counts once, with its lower preference; only the first 100 are
// used. A null MX is not among them. Where a domain has no MX record and is an
// alias, the implicit MX is the name the alias leads to.
//
// If no host has an address, the Status is that of the host whose failure says
// least about it: one that could not be looked up comes before one that is known
// not to exist.
func (d *DNS) LookupMX(ctx context.Context, domain string) scanner.Resolution {
	client, err := d.start()
	if err != nil {
		return scanner.Resolution{Status: scanner.StatusLocal, Error: err.Error()}
	}
	if reason := notHostName(domain); reason != "" {
		return scanner.Resolution{Status: scanner.StatusBadName, Error: reason}
	}
	a := client.lookup(ctx, newDNSQuestion(domain, dns.TypeMX))[0]
	r := scanner.Resolution{Status: a.status, Error: a.err, CNAME: withoutDots(a.aliases), AuthenticData: a.authenticData()}
	switch a.status {
	case scanner.StatusSuccess:
		r.MX, r.NullMX = hostsOf(a.mx)
	case scanner.StatusNoAddress:
		// The domain exists without MX records: RFC 5321, section 5.1,
		// paragraph 2. No other failure allows this step.
		r.MX, r.ImplicitMX = []scanner.MX{{Name: withoutDot(a.name), Implicit: true}}, true
	default:
		return r
	}
	published := d.published(domain, &r)
	questions := d.questions(r.MX)
	answers := client.lookup(ctx, append(questions, published.questions()...)...)
	d.addresses(r.MX, answers[:len(questions)])
	published.store(answers[len(questions):])
	d.organizationDMARC(ctx, client, domain, &r)
	r.Status, r.Error = judge(&r)
	if a.total > maxMX {
		r.Error = strings.TrimSuffix(fmt.Sprintf("the domain has %d MX records, the first %d are used; %s", a.total, maxMX, r.Error), "; ")
	}
	return r
}

// hostsOf returns the MX hosts in the order a sender tries them, but sorted where
// a sender may choose (RFC 5321, section 5.1), and whether one of the records is
// a null MX (RFC 7505, section 3), whatever its preference.
func hostsOf(records []mxRecord) (hosts []scanner.MX, null bool) {
	seen := make(map[string]bool, len(records))
	for _, mx := range records {
		if mx.name == "." {
			null = true
			continue
		}
		if !seen[mx.name] {
			seen[mx.name] = true
			hosts = append(hosts, scanner.MX{Name: withoutDot(mx.name), Preference: mx.preference})
		}
	}
	return hosts, null
}

// questions asks for the addresses of each host. It sets the outcome of those
// whose name cannot be that of a host.
func (d *DNS) questions(hosts []scanner.MX) []dnsQuestion {
	questions := make([]dnsQuestion, 0, 2*len(hosts))
	for i := range hosts {
		h := &hosts[i]
		if reason := notHostName(h.Name); reason != "" {
			h.Status, h.Error = scanner.StatusBadName, reason
			continue
		}
		name := dns.CanonicalName(h.Name)
		if !d.NoIPv4 {
			questions = append(questions, dnsQuestion{name, dns.TypeA})
		}
		if !d.NoIPv6 {
			questions = append(questions, dnsQuestion{name, dns.TypeAAAA})
		}
	}
	return questions
}

// addresses fills in the addresses and the outcome of each host, from the
// answers to its questions.
func (d *DNS) addresses(hosts []scanner.MX, answers []*dnsAnswer) {
	each := 2
	if d.NoIPv4 || d.NoIPv6 {
		each = 1
	}
	if d.NoIPv4 && d.NoIPv6 {
		each = 0
	}
	for i := range hosts {
		if hosts[i].Status == "" {
			merge(&hosts[i], answers[:each])
			answers = answers[each:]
		}
	}
}

// merge makes one outcome of the answers for the families asked for. An address
// in one of them is success, whatever became of the other.
func merge(h *scanner.MX, answers []*dnsAnswer) {
	h.Status = scanner.StatusNoAddress
	var problems []string
	for i, a := range answers {
		h.Addresses = append(h.Addresses, a.addresses...)
		if len(a.aliases) > len(h.CNAME) {
			h.CNAME = withoutDots(a.aliases)
		}
		if a.answered {
			authentic := a.authentic && (h.AuthenticData == nil || *h.AuthenticData)
			h.AuthenticData = &authentic
		}
		if a.total > maxAddresses {
			problems = append(problems, fmt.Sprintf("%d addresses of one family, the first %d are used", a.total, maxAddresses))
		}
		if failed(a.status) && !slices.Contains(problems, a.err) {
			problems = append(problems, a.err)
		}
		if i == 0 || vaguer(a.status, h.Status) {
			h.Status = a.status
		}
	}
	slices.SortFunc(h.Addresses, netip.Addr.Compare)
	h.Addresses = slices.Compact(h.Addresses)
	if len(h.Addresses) > maxAddresses {
		h.Addresses = h.Addresses[:maxAddresses]
	}
	switch {
	case len(h.Addresses) > 0:
		h.Status = scanner.StatusSuccess
	case h.Status == scanner.StatusNXDomain:
		problems = append(problems, "the name does not exist")
	case h.Status == scanner.StatusNoAddress:
		problems = append(problems, "the name has no address")
	}
	h.Error = strings.Join(problems, "; ")
}

// judge returns the outcome for a domain from that of its hosts.
func judge(r *scanner.Resolution) (scanner.Status, string) {
	if len(r.MX) == 0 {
		return scanner.StatusNullMX, ""
	}
	status := r.MX[0].Status
	var problems []string
	for _, h := range r.MX {
		if h.Status == scanner.StatusSuccess {
			return scanner.StatusSuccess, ""
		}
		if vaguer(h.Status, status) {
			status = h.Status
		}
		if len(problems) < 3 {
			problems = append(problems, h.Name+": "+h.Error)
		}
	}
	return status, strings.Join(problems, "; ")
}

// vagueness ranks the failures of lookups by how little they say. The statuses
// before bad-name are answers, those after it are the lack of one.
func vagueness(s scanner.Status) int {
	return slices.Index([]scanner.Status{
		scanner.StatusSuccess, scanner.StatusNXDomain, scanner.StatusNoAddress, scanner.StatusBadName,
		scanner.StatusDNSLoop, scanner.StatusDNSRefused, scanner.StatusServFail, scanner.StatusDNSTimeout,
		scanner.StatusLocal, scanner.StatusCancelled,
	}, s)
}

func vaguer(a, b scanner.Status) bool { return vagueness(a) > vagueness(b) }

// failed tells a lookup that found nothing out from one that was answered.
func failed(s scanner.Status) bool { return vaguer(s, scanner.StatusBadName) }

// notHostName says why a name cannot be that of a host, or "" if it can. It is
// milder than RFC 1123, section 2.1, where the DNS is: an underscore does not
// keep a server from answering.
func notHostName(name string) string {
	if isAddress(strings.Trim(name, "[]")) {
		return "an address where a host name is required (RFC 1035, section 3.3.9)"
	}
	if name == "" || strings.HasPrefix(name, ".") || strings.Contains(name, "..") {
		return "empty label in a host name"
	}
	for _, c := range []byte(name) {
		if !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '.' || c == '_') {
			return "a host name has letters, digits, hyphens and dots only (RFC 1123, section 2.1)"
		}
	}
	if _, ok := dns.IsDomainName(name); !ok || len(withoutDot(name)) > 253 {
		return "longer than a name can be (RFC 1035, section 2.3.4)"
	}
	last := name[strings.LastIndexByte(name, '.')+1:]
	if strings.Trim(last, "0123456789") == "" {
		return "a host name does not end in a number (RFC 1123, section 2.1)"
	}
	return ""
}

// isAddress reports whether a text is an IP address. Most names are told from one
// without an attempt to read them, whose failure would cost an error.
func isAddress(text string) bool {
	if text == "" || text[len(text)-1]-'0' > 9 && !strings.Contains(text, ":") {
		return false
	}
	_, err := netip.ParseAddr(text)
	return err == nil
}

// byPreference orders MX records as LookupMX promises.
func byPreference(a, b mxRecord) int {
	return cmp.Or(cmp.Compare(a.preference, b.preference), cmp.Compare(a.name, b.name))
}

// withoutDot returns an absolute name as records and people write it.
func withoutDot(name string) string { return strings.TrimSuffix(name, ".") }

func withoutDots(names []string) []string {
	if len(names) == 0 {
		return nil
	}
	out := make([]string, len(names))
	for i, name := range names {
		out[i] = withoutDot(name)
	}
	return out
}
