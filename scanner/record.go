package scanner

import (
	"net/netip"
	"time"

	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/fingerprint"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// SchemaVersion is the version of the record format. It grows when a published
// field changes its meaning or goes away, not when one is added.
const SchemaVersion = 1

// A Result is one record of a run: exactly one of the pointers is set. A stream
// of results stays valid with all Progress records removed.
type Result struct {
	Run      *Run
	Service  *Service
	Domain   *Domain
	Progress *Progress
	Summary  *Summary

	// Unknown is the line of JSON that the record was read from, where it has
	// members that this version does not know, to be written again with
	// them; "" otherwise. Of a record whose type is not known it is all there
	// is.
	Unknown string
}

// Run is the first record of every output: what was asked, by which version,
// under which conditions.
type Run struct {
	Type       string            `json:"type"` // "run"
	Schema     int               `json:"schema"`
	ID         string            `json:"id"` // random, 128 bits in hexadecimal
	Timestamp  time.Time         `json:"timestamp"`
	Version    string            `json:"version"` // of mxsweep
	Options    map[string]string `json:"options"` // flags that differ from their default
	Digests    map[string]string `json:"digests"` // by such a flag: SHA-256, in hexadecimal, of the files that it names and that the records depend on
	Seed       uint64            `json:"seed"`
	EHLODomain string            `json:"ehlo_domain"`
	Data       DataVersions      `json:"data"`
	Check      *SelfCheck        `json:"check"` // of our own side; null: none was made
}

// DataVersions say how old the embedded knowledge is.
type DataVersions struct {
	Fingerprints     int    `json:"fingerprints"`      // number of rules
	FingerprintsDate string `json:"fingerprints_date"` // YYYY-MM-DD
	AdvisoriesDate   string `json:"advisories_date"`
}

// A Service is one endpoint as it was found on behalf of one input: the unit of
// every inventory. A fact that was not seen is null, never false. A name that
// leads to no address has one Service without IP, so that every input is
// answered.
type Service struct {
	Type      string     `json:"type"` // "service"
	Timestamp time.Time  `json:"timestamp"`
	Input     string     `json:"input"`     // the target as named
	Domain    string     `json:"domain"`    // mail domain in A-labels; "" for hosts and addresses
	MX        *ServiceMX `json:"mx"`        // null for hosts and addresses
	Host      string     `json:"host"`      // the name probed (of the MX or host); "" for a bare address
	IP        netip.Addr `json:"ip"`        // "" where a name led to none
	Port      uint16     `json:"port"`      // 0 where a name led to no address
	PTR       []string   `json:"ptr"`       // null: not looked up or no answer; empty: there is none
	PTRValid  *bool      `json:"ptr_valid"` // one of the PTR names leads back to the address

	Status Status     `json:"status"`
	Phase  smtp.Phase `json:"phase"` // where it ended
	Error  string     `json:"error"` // for people; "" on success

	Banner          smtp.Raw           `json:"banner"` // the raw greeting
	Greeting        *Greeting          `json:"greeting"`
	EHLO            *EHLO              `json:"ehlo"`
	Capabilities    *smtp.Capabilities `json:"capabilities"` // before TLS; on a TLS port the only ones
	HELO            smtp.Raw           `json:"helo"`
	Help            smtp.Raw           `json:"help"`
	UnknownCommand  smtp.Raw           `json:"unknown_command"`
	Noop            smtp.Raw           `json:"noop"`
	Rset            smtp.Raw           `json:"rset"`
	Vrfy            smtp.Raw           `json:"vrfy"`
	STARTTLS        smtp.Raw           `json:"starttls"` // reply to STARTTLS
	Injected        smtp.Raw           `json:"injected"` // plain text sent between that reply and the handshake
	EHLOTLS         *EHLO              `json:"ehlo_tls"` // the second EHLO, after STARTTLS
	CapabilitiesTLS *smtp.Capabilities `json:"capabilities_tls"`
	Quit            smtp.Raw           `json:"quit"`
	ImplicitTLS     *bool              `json:"implicit_tls"` // TLS from the first byte was seen, whatever the port
	TLS             *smtp.TLS          `json:"tls"`
	TLSVersions     *TLSVersions       `json:"tls_versions"` // null: not asked
	Checks          []smtp.Checked     `json:"checks"`       // active checks; empty: none was made

	Software fingerprint.Software `json:"software"`
	Provider string               `json:"provider"` // who runs the service, where MX name, greeting or certificate tell
	Findings []advisory.Finding   `json:"findings"`

	Reused   bool         `json:"reused"`   // facts of a contact made for an earlier input of this run
	Attempts int          `json:"attempts"` // connections tried
	Timings  smtp.Timings `json:"timings_ms"`
}

// ServiceMX is the MX record that led to a service.
type ServiceMX struct {
	Name       string `json:"name"`
	Preference uint16 `json:"preference"`
	Implicit   bool   `json:"implicit"`
	TLSA       *RRset `json:"tlsa"` // of its port 25; null: not asked for
}

// Greeting is the parsed banner. Its text may differ from the banner's in bytes
// that are not UTF-8.
type Greeting struct {
	Code     int      `json:"code"`
	Lines    []string `json:"lines"`
	Hostname string   `json:"hostname"` // first word of a 220 greeting if it can be a host name or address literal
	Resolves *bool    `json:"resolves"` // hostname has an address; null: not looked up, or no answer
	ESMTP    bool     `json:"esmtp"`    // the word ESMTP occurs
	DelayMS  float64  `json:"delay_ms"`
}

// EHLO is an EHLO reply.
type EHLO struct {
	NameSent string   `json:"name_sent"`
	Code     int      `json:"code"`
	Raw      smtp.Raw `json:"raw"`
	Lines    []string `json:"lines"`
	Hostname string   `json:"hostname"` // first word of the first line
}

// TLSVersions are the answers to one handshake for each version of TLS. A version
// in neither list gave none.
type TLSVersions struct {
	Accepted []string `json:"accepted"` // "TLS 1.0" to "TLS 1.3"
	Refused  []string `json:"refused"`
}

// Domain is one mail domain: what the DNS says of it.
type Domain struct {
	Type          string             `json:"type"` // "domain"
	Timestamp     time.Time          `json:"timestamp"`
	Input         string             `json:"input"`
	Domain        string             `json:"domain"`
	Status        Status             `json:"status"`
	Error         string             `json:"error"`
	MX            []MX               `json:"mx"`
	NullMX        *bool              `json:"null_mx"`
	ImplicitMX    *bool              `json:"implicit_mx"`
	CNAME         []string           `json:"cname"`
	AuthenticData *bool              `json:"authentic_data"`
	SPF           *RRset             `json:"spf"`            // RFC 7208; this and the next three are null where not asked for
	DMARC         *RRset             `json:"dmarc"`          // RFC 7489; of the organizational domain if the domain itself has none
	MTASTS        *RRset             `json:"mta_sts"`        // RFC 8461
	TLSRPT        *RRset             `json:"tls_rpt"`        // RFC 8460
	MTASTSPolicy  *STSPolicy         `json:"mta_sts_policy"` // null: not fetched
	Services      int                `json:"services"`       // service records written for it
	Findings      []advisory.Finding `json:"findings"`
}

// STSPolicy is what came of fetching the MTA-STS policy of a domain: RFC 8461,
// section 3.3.
type STSPolicy struct {
	URL   string   `json:"url"`
	Error string   `json:"error"` // why there is no policy; "" on success
	Text  smtp.Raw `json:"text"`  // the policy as sent, at most 64 KB
}

// Progress says how far the inputs have come, so that a run can be resumed.
type Progress struct {
	Type      string            `json:"type"` // "progress"
	Timestamp time.Time         `json:"timestamp"`
	Input     string            `json:"input"` // the range as named
	Done      uint64            `json:"done"`  // endpoints of the permuted range that are final, counted from its start
	Total     uint64            `json:"total"`
	Pending   []uint64          `json:"pending"`   // of those, by index, the ones that are not final after all; added to those of earlier records
	Settled   []uint64          `json:"settled"`   // of those added by earlier records, the ones that are final now
	Unwritten map[Status]uint64 `json:"unwritten"` // of the endpoints below done that are final, those without a service record
}

// Summary is the last record of a complete output.
type Summary struct {
	Type          string             `json:"type"` // "summary"
	Timestamp     time.Time          `json:"timestamp"`
	Inputs        uint64             `json:"inputs"`
	BadInputs     uint64             `json:"bad_inputs"`
	Domains       uint64             `json:"domains"`
	Endpoints     uint64             `json:"endpoints"`       // known, each once
	Contacted     uint64             `json:"contacted"`       // endpoints to which a connection was tried
	Connections   uint64             `json:"connections"`     // connections tried, retries included
	Answered      uint64             `json:"answered"`        // endpoints that sent a greeting
	Silent        uint64             `json:"silent"`          // range endpoints not written because nothing answered
	Covered       uint64             `json:"covered"`         // endpoints with a final answer, silence included: neither rate-limited, nor a fault of our own side, nor cut off; of endpoints, they are the coverage
	Services      uint64             `json:"services"`        // service records written
	ByStatus      map[Status]uint64  `json:"by_status"`       // of endpoints, and of names that led to none
	BySoftware    []SoftwareCount    `json:"by_software"`     // most frequent first, at most 1000
	Findings      []advisory.Finding `json:"findings"`        // that come of comparing the services with each other
	Port25Blocked bool               `json:"port_25_blocked"` // no connection to port 25 came about although 465 or 587 answered: our own network probably blocks it, and the negatives say nothing
	Interrupted   bool               `json:"interrupted"`
	DurationMS    int64              `json:"duration_ms"` // since the begin of the run; of a resumed one, pauses included
}

// SoftwareCount counts the answering endpoints of one product and version.
type SoftwareCount struct {
	Product string `json:"product"` // "" for unknown
	Version string `json:"version"`
	Count   uint64 `json:"count"`
}
