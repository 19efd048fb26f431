package scanner

import (
	"context"
	"net/netip"
)

// A Resolver turns names into addresses. Package resolver has the one that asks
// the DNS; a test gives its own. Methods are called from many goroutines.
type Resolver interface {
	// LookupMX finds the MX hosts of a domain and their addresses.
	LookupMX(ctx context.Context, domain string) Resolution
	// LookupHost finds the addresses of one host. The Resolution has one MX
	// whose Implicit is false, or none.
	LookupHost(ctx context.Context, host string) Resolution
	// LookupPTR finds the PTR names of an address. It returns nil and
	// StatusNXDomain where there are none.
	LookupPTR(ctx context.Context, addr netip.Addr) ([]string, Status)
}

// A Resolution is what the DNS says about a domain's mail.
type Resolution struct {
	Status        Status   // StatusSuccess if at least one MX has an address
	Error         string   // what went wrong, for people; "" on success
	MX            []MX     // by preference, equal ones by name
	NullMX        bool     // a null MX (RFC 7505) is among the records, alone or not
	ImplicitMX    bool     // no MX record: the domain itself is the host (RFC 5321, section 5.1)
	CNAME         []string // aliases followed from the domain, in order
	AuthenticData *bool    // AD bit of the MX answer; nil if there was no answer
}

// MX is one mail exchanger with its addresses.
type MX struct {
	Name          string       `json:"name"`
	Preference    uint16       `json:"preference"`
	Implicit      bool         `json:"implicit"`
	Status        Status       `json:"status"`
	Error         string       `json:"error"`
	CNAME         []string     `json:"cname"`     // aliases followed from Name; an MX should have none (RFC 2181, section 10.3)
	Addresses     []netip.Addr `json:"addresses"` // IPv4 and IPv6, at most 64
	AuthenticData *bool        `json:"authentic_data"`
}
