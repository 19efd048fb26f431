package dnstest

import (
	"fmt"
	"strings"

	"github.com/miekg/dns"
)

// maxChain is how many CNAME records are followed for one question.
const maxChain = 16

// A zoneData is all the records of a server, whatever zone they are in. A name
// without records that is there only because a longer one exists, an empty
// non-terminal (RFC 8020), has an entry without sets.
type zoneData map[string]map[uint16][]dns.RR

// add reads zone text into the data. Names are relative to the root until the
// text says $ORIGIN; a record without TTL lives for an hour.
func (z zoneData) add(text string) error {
	parser := dns.NewZoneParser(strings.NewReader(text), ".", "zone text")
	parser.SetDefaultTTL(3600)
	for rr, ok := parser.Next(); ok; rr, ok = parser.Next() {
		z.insert(rr)
	}
	if err := parser.Err(); err != nil {
		return fmt.Errorf("dnstest: %w", err)
	}
	return nil
}

func (z zoneData) insert(rr dns.RR) {
	name := dns.CanonicalName(rr.Header().Name)
	for parent := name; z[parent] == nil; parent = parentOf(parent) {
		z[parent] = make(map[uint16][]dns.RR)
	}
	z[name][rr.Header().Rrtype] = append(z[name][rr.Header().Rrtype], rr)
}

// answer fills in the answer section, following CNAME records, and the code:
// that of the last name of the chain (RFC 6604, section 3).
func (z zoneData) answer(name string, qtype uint16) (answer []dns.RR, rcode int) {
	for range maxChain + 1 {
		sets, found := z.find(name)
		if !found {
			return answer, dns.RcodeNameError
		}
		if rrs := sets[qtype]; len(rrs) > 0 {
			return append(answer, named(rrs, name)...), dns.RcodeSuccess
		}
		alias := sets[dns.TypeCNAME]
		if len(alias) == 0 {
			return answer, dns.RcodeSuccess
		}
		answer = append(answer, named(alias, name)...)
		name = dns.CanonicalName(alias[0].(*dns.CNAME).Target)
	}
	return answer, dns.RcodeServerFailure // as resolvers do on a loop
}

// find returns the records of a name, or those of the wildcard that covers it:
// the one right below its closest encloser (RFC 4592, section 3.3.1).
func (z zoneData) find(name string) (sets map[uint16][]dns.RR, found bool) {
	if sets, found = z[name]; found || name == "." {
		return sets, found
	}
	encloser := parentOf(name)
	for encloser != "." && z[encloser] == nil {
		encloser = parentOf(encloser)
	}
	wildcard := "*." + encloser
	if encloser == "." {
		wildcard = "*."
	}
	sets, found = z[wildcard]
	return sets, found
}

// soa returns the SOA record for a negative answer: that of the zone the name
// is in or, where the text has none, one of the root that lives for a minute.
func (z zoneData) soa(name string) dns.RR {
	for ; name != "."; name = parentOf(name) {
		if rrs := z[name][dns.TypeSOA]; len(rrs) > 0 {
			return rrs[0]
		}
	}
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 60},
		Ns:  "ns.invalid.", Mbox: "hostmaster.invalid.", Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: 60,
	}
}

// named returns the records with the owner asked for, which differs from their
// own below a wildcard.
func named(rrs []dns.RR, name string) []dns.RR {
	out := make([]dns.RR, len(rrs))
	for i, rr := range rrs {
		out[i] = dns.Copy(rr)
		out[i].Header().Name = name
	}
	return out
}

func parentOf(name string) string {
	next, end := dns.NextLabel(name, 0)
	if end {
		return "."
	}
	return name[next:]
}
