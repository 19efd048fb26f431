package advisory

import (
	"net/netip"
	"time"
)

// Facts are what one probe of one service saw, as plain values. A nil pointer
// or slice, an empty string and a zero code were not seen and lead to no
// finding: unknown is never no.
type Facts struct {
	Time        time.Time  // of the probe; certificates and release lines are judged by it
	Host        string     // MX or host name asked for; "" for a bare address
	Addr        netip.Addr // contacted address
	Port        uint16
	Status      string // scanner.Status
	Error       string // of the status, for people
	ImplicitTLS *bool  // TLS from the first byte was seen

	PTR      []string // nil: not looked up or no answer; empty: there is none
	PTRValid *bool    // one of the names leads back to Addr

	Greeting *Greeting
	EHLO     *EHLO         // before TLS; on a TLS port the only one
	EHLOTLS  *EHLO         // after STARTTLS
	EHLOMS   float64       // from EHLO to its reply, or that to HELO after it, in milliseconds; 0: not measured
	Before   *Capabilities // of EHLO
	After    *Capabilities // of EHLOTLS
	STARTTLS string        // raw reply to STARTTLS; "" if it was not sent or not answered
	Injected string        // plain text received between that reply and the handshake
	TLS      *TLS          // nil if no handshake was begun

	TLSVersions      *TLSVersions // nil: not asked
	Relay, Injection []Exchange   // of the active checks; nil: not made
	Vrfy             string       // raw reply to VRFY postmaster; "" if it was not sent or not answered
	NTLM             *NTLM

	TLSA     *Records // of Host and port 25
	Software Software
}

// Greeting is the parsed greeting.
type Greeting struct {
	Code     int
	Lines    []string // text after code and separator
	Hostname string
	Resolves *bool // Hostname has an address
	DelayMS  float64
}

// EHLO is the reply to EHLO.
type EHLO struct {
	Code     int
	Hostname string
}

// Capabilities are the keywords of a successful EHLO reply.
type Capabilities struct {
	Keywords []string // upper case
	Auth     []string // SASL mechanisms, upper case
}

// TLS is what the handshake showed.
type TLS struct {
	Version     string // "TLS 1.0" to "TLS 1.3"; "" if the handshake failed
	Cipher      string // IANA name of the suite
	Curve       string // key exchange group, "" if none was negotiated
	Certificate *Certificate
	Chain       []ChainCertificate
	ChainLength int   // certificates sent, leaf included
	ChainValid  *bool // nil if it could not be judged
	NameValid   *bool // nil if there was no name to check
	ChainError  string
	Error       string // why the handshake failed
}

// TLSVersions are the answers to one handshake for each version.
type TLSVersions struct{ Accepted, Refused []string }

// Exchange is a command and the raw reply to it, "" if there was none.
type Exchange struct{ Command, Reply string }

// NTLM is what an NTLM challenge gives away.
type NTLM struct {
	Host, Domain       string // NetBIOS names
	DNSHost, DNSDomain string
	Version            string // of Windows, as "10.0.17763"
}

// Certificate is the leaf certificate.
type Certificate struct {
	SubjectCN          string
	Issuer             string
	SANs               []string
	SHA256             string // fingerprint, hexadecimal
	SPKISHA256         string // fingerprint of the public key
	NotBefore          time.Time
	NotAfter           time.Time
	KeyType            string // "RSA", "ECDSA", ...
	KeyBits            int
	SignatureAlgorithm string // as crypto/x509 names it
	SelfSigned         bool
	Wildcard           bool
}

// ChainCertificate is one that follows the leaf.
type ChainCertificate struct {
	Subject    string // distinguished name, written as Certificate.Issuer
	SHA256     string // fingerprint, hexadecimal
	SPKISHA256 string // fingerprint of the public key; "" where it was not recorded
}

// Software is what the classification found.
type Software struct {
	Product string // display name; "" when unknown
	Slug    string // name of the data file, e.g. "exim"
	Version string // "" when not shown
	Update  string // what a distribution adds, e.g. "22+deb12u1"
	OS      string // "Debian"; "" when not shown
}

// DomainFacts are what the DNS said of one mail domain.
type DomainFacts struct {
	Domain     string
	Status     string // scanner.Status
	MX         []MX
	NullMX     *bool    // a null MX is among the records, alone or not
	ImplicitMX *bool    // no MX record: the domain itself is the host
	CNAME      []string // aliases followed from the domain

	SPF, DMARC, MTASTS, TLSRPT *Records
	Policy                     *STSPolicy
}

// Records are what the DNS answered to one question. A nil pointer is none:
// nothing was asked, or nothing answered.
type Records struct {
	Name      string
	Authentic *bool    // the AD bit
	Texts     []string // as in a zone file; empty: there are none
}

// STSPolicy is what came of fetching an MTA-STS policy (RFC 8461, section 3.3).
type STSPolicy struct {
	Text  string
	Error string // why there is none
}

// MX is one mail exchanger.
type MX struct {
	Name       string
	Preference uint16
	Implicit   bool
	Status     string   // scanner.Status
	CNAME      []string // aliases followed from Name
	Addresses  []netip.Addr
	TLSA       *Records // of port 25
}
