package resolver

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/miekg/dns"

	"github.com/mxsweep/mxsweep/scanner"
)

// How long answers are kept. A TTL of 0 still serves the lookups that come within
// the same second; one of a week would make a long run use stale facts.
const (
	minTTL     = time.Second
	maxTTL     = time.Hour       // also of negative answers, RFC 2308, section 5
	failureTTL = 5 * time.Second // RFC 9520, section 3.2: between 1 s and 5 min
)

// A dnsQuestion is a canonical name, lower case and with its trailing dot, and a
// record type. The class is always IN.
type dnsQuestion struct {
	name  string
	qtype uint16
}

func newDNSQuestion(name string, qtype uint16) dnsQuestion {
	return dnsQuestion{dns.CanonicalName(name), qtype}
}

// A dnsAnswer is what became of one question. It is shared and never changed
// once a lookup has returned it.
//
// Its status is StatusSuccess when there are records, StatusNoAddress when the
// name exists without any (NODATA), and "" when whoever asked gave up.
type dnsAnswer struct {
	status    scanner.Status
	err       string // for people
	answered  bool   // a server answered, so that authentic means something
	authentic bool   // the AD bit, of all answers on the way
	aliases   []string
	name      string // the last alias, or the name of the question
	more      bool   // the data of name was not in the message: ask for it

	mx        []mxRecord   // sorted, at most maxMX
	addresses []netip.Addr // sorted, at most maxAddresses
	names     []string     // PTR names, mail policies of TXT records, or TLSA records as text; sorted, at most maxPTR
	total     int          // records there were before the cut

	ttl     time.Duration // 0: not kept
	expires time.Time     // set by the cache
}

type mxRecord struct {
	preference uint16
	name       string
}

func (a *dnsAnswer) authenticData() *bool {
	if !a.answered {
		return nil
	}
	authentic := a.authentic
	return &authentic
}

// weight is what an answer counts in the cache.
func (a *dnsAnswer) weight() int {
	return 1 + (len(a.mx)+len(a.addresses)+len(a.names)+len(a.aliases))/8
}

// readAnswer reads a response of a server. The caller has seen to it that it
// belongs to the question and is not truncated.
func readAnswer(m *dns.Msg, q dnsQuestion, server string) *dnsAnswer {
	if m.Rcode != dns.RcodeSuccess && m.Rcode != dns.RcodeNameError {
		return failureAnswer(m, server)
	}
	a := &dnsAnswer{answered: true, authentic: m.AuthenticatedData, name: q.name, ttl: maxTTL}
	if !a.follow(m.Answer, q) {
		return &dnsAnswer{status: scanner.StatusDNSLoop, err: "the aliases of " + withoutDot(q.name) + " loop or are more than 16",
			answered: true, authentic: a.authentic, aliases: a.aliases, name: a.name, ttl: failureTTL}
	}
	a.collect(m.Answer, q.qtype)
	switch {
	case a.total > 0:
		a.status = scanner.StatusSuccess
	case m.Rcode == dns.RcodeNameError: // of the last alias: RFC 6604, section 3
		a.status, a.err = scanner.StatusNXDomain, "the name does not exist"
		a.limit(negativeTTL(m))
	default:
		// Without a SOA record and behind an alias this is not NODATA but
		// a server that did not follow the alias (RFC 2308, section 2.2).
		a.more = len(a.aliases) > 0 && soaOf(m) == nil
		a.status, a.err = scanner.StatusNoAddress, "no "+dns.TypeToString[q.qtype]+" record"
		if !a.more {
			a.limit(negativeTTL(m))
		}
	}
	a.ttl = max(a.ttl, minTTL)
	return a
}

// follow walks the CNAME records of a message from the question's name. It
// reports false if they loop or are too many. Records of other names are not
// looked at: they are nobody's answer.
func (a *dnsAnswer) follow(rrs []dns.RR, q dnsQuestion) bool {
	for {
		i := slices.IndexFunc(rrs, func(rr dns.RR) bool {
			_, alias := rr.(*dns.CNAME)
			return alias && owns(rr, a.name)
		})
		if i < 0 {
			return true
		}
		a.limit(rrs[i].Header().Ttl)
		a.name = dns.CanonicalName(rrs[i].(*dns.CNAME).Target)
		loop := a.name == q.name || slices.Contains(a.aliases, a.name)
		a.aliases = append(a.aliases, a.name)
		if loop || len(a.aliases) > maxAliases {
			return false
		}
	}
}

// collect takes the records of the name the aliases lead to.
func (a *dnsAnswer) collect(rrs []dns.RR, qtype uint16) {
	for _, rr := range rrs {
		if rr.Header().Rrtype != qtype || !owns(rr, a.name) {
			continue
		}
		a.limit(rr.Header().Ttl)
		switch rr := rr.(type) {
		case *dns.MX:
			a.mx = append(a.mx, mxRecord{rr.Preference, dns.CanonicalName(rr.Mx)})
		case *dns.A:
			a.addAddress(rr.A)
		case *dns.AAAA:
			a.addAddress(rr.AAAA)
		case *dns.PTR:
			a.names = append(a.names, withoutDot(dns.CanonicalName(rr.Ptr)))
		case *dns.TXT:
			if text := strings.Join(rr.Txt, ""); mailTag(text) != "" {
				a.names = append(a.names, cutText(text))
			}
		case *dns.TLSA:
			a.names = append(a.names, cutText(fmt.Sprintf("%d %d %d %s", rr.Usage, rr.Selector, rr.MatchingType, strings.ToLower(rr.Certificate))))
		}
	}
	a.total = len(a.mx) + len(a.addresses) + len(a.names)
	slices.SortFunc(a.mx, byPreference)
	slices.SortFunc(a.addresses, netip.Addr.Compare)
	slices.Sort(a.names)
	a.mx = cut(a.mx, maxMX)
	a.addresses = cut(a.addresses, maxAddresses)
	a.names = cut(slices.Compact(a.names), maxPTR)
}

// addAddress adds an address of a record. An IPv4-mapped one becomes IPv4, which
// is what a connection to it would reach and what exclusions must cover.
func (a *dnsAnswer) addAddress(ip []byte) {
	if addr, ok := netip.AddrFromSlice(ip); ok {
		a.addresses = append(a.addresses, addr.Unmap())
	}
}

// limit lowers the time to live to that of a record. A TTL with its top bit set
// is 0 (RFC 2181, section 8).
func (a *dnsAnswer) limit(ttl uint32) {
	if ttl >= 1<<31 {
		ttl = 0
	}
	a.ttl = min(a.ttl, time.Duration(ttl)*time.Second)
}

// failureAnswer is that of a server that could not or would not answer, with its
// reason where it gives one (RFC 8914).
func failureAnswer(m *dns.Msg, server string) *dnsAnswer {
	a := &dnsAnswer{status: scanner.StatusServFail, ttl: failureTTL}
	if m.Rcode == dns.RcodeRefused {
		a.status = scanner.StatusDNSRefused
	}
	code := dns.RcodeToString[m.Rcode]
	if code == "" {
		code = fmt.Sprintf("response code %d", m.Rcode)
	}
	a.err = code + " from " + server
	if opt := m.IsEdns0(); opt != nil {
		for _, option := range opt.Option {
			if ede, ok := option.(*dns.EDNS0_EDE); ok && dns.ExtendedErrorCodeToString[ede.InfoCode] != "" {
				a.err += " (" + dns.ExtendedErrorCodeToString[ede.InfoCode] + ")"
				break
			}
		}
	}
	return a
}

// negativeTTL is how long the lack of records may be kept: RFC 2308, section 5;
// as short as a failure where no SOA record says.
func negativeTTL(m *dns.Msg) uint32 {
	soa := soaOf(m)
	if soa == nil {
		return uint32(failureTTL / time.Second)
	}
	return min(soa.Hdr.Ttl, soa.Minttl)
}

func soaOf(m *dns.Msg) *dns.SOA {
	for _, rr := range m.Ns {
		if soa, ok := rr.(*dns.SOA); ok {
			return soa
		}
	}
	return nil
}

func owns(rr dns.RR, name string) bool {
	h := rr.Header()
	return h.Class == dns.ClassINET && (h.Name == name || strings.EqualFold(h.Name, name))
}

// cut returns at most n elements, without keeping the memory of the rest.
func cut[T any](s []T, n int) []T {
	if len(s) <= n {
		return s
	}
	return slices.Clone(s[:n])
}
