package fingerprint

// Software is what the evidence of one transcript adds up to. Where the
// evidence is too weak Product is empty: unknown is a good answer, a wrong name
// is a defect.
type Software struct {
	Vendor     string      `json:"vendor"`
	Product    string      `json:"product"`    // display name, e.g. "Postfix"; "" when unknown
	Slug       string      `json:"slug"`       // name of the fingerprint file, the stable key to join on, e.g. "postfix"
	Version    string      `json:"version"`    // as the server shows it; "" when not shown
	Update     string      `json:"update"`     // what a distribution or packager adds ("15+deb12u10"); never part of version
	OS         string      `json:"os"`         // e.g. "Debian"; "" when not shown
	CPE        string      `json:"cpe"`        // CPE 2.3 formatted string; "" without product
	Confidence float64     `json:"confidence"` // 0 to 1
	Evidence   []Evidence  `json:"evidence"`
	Candidates []Candidate `json:"candidates"` // rivals, most likely first
}

// Evidence is one rule that spoke.
type Evidence struct {
	Signal  string `json:"signal"`  // e.g. "greeting", "ehlo", "help", "mx"
	Rule    string `json:"rule"`    // product slug, a slash, rule id
	Matched string `json:"matched"` // the part of the signal that the rule matched, at most 200 bytes
}

// Candidate is a product that the evidence also speaks for.
type Candidate struct {
	Product    string  `json:"product"`
	Slug       string  `json:"slug"`
	Version    string  `json:"version"` // as claimed; "" when none
	Confidence float64 `json:"confidence"`
}

// Signals are the raw replies and names a classification reads. An empty
// string was not seen.
type Signals struct {
	Greeting string // every byte of the greeting, codes and line endings included
	EHLO     string
	HELO     string
	STARTTLS string
	EHLOTLS  string
	Help     string
	Unknown  string
	Noop     string
	Rset     string
	Vrfy     string
	Quit     string
	NameSent string // our own EHLO name, so that an echo of it is not taken for the server's
	MX       string // MX name, for providers
	PTR      string // first PTR name, for providers

	CertSubject string   // RFC 4514 string of the leaf's subject
	CertCN      string   // common name of the subject
	CertIssuer  string   // RFC 4514 string of the issuer
	CertNames   []string // DNS names and addresses (SANs)
}
