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

	// What the domain publishes about its mail beside the MX records; nil
	// where that was not asked for.
	SPF, DMARC, MTASTS, TLSRPT *RRset

	stsPolicy *STSPolicy // of Scanner.FetchSTS
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
	TLSA          *RRset       `json:"tlsa"` // of port 25 (RFC 7672); null: not asked for
}

// An RRset is the answer to one question about the mail of a domain: the
// records of one name and type, and of TXT records those of one protocol. That
// there are none is known only where the status is success.
type RRset struct {
	Name          string   `json:"name"`           // that was asked for
	Status        Status   `json:"status"`         // success: answered, with or without records
	Error         string   `json:"error"`          // for people; "" on success
	AuthenticData *bool    `json:"authentic_data"` // AD bit; null if there was no answer
	Records       []string `json:"records"`        // as a zone file has them (RFC 1035, section 5.1), TXT strings joined; at most 16 of 4096 bytes
}
