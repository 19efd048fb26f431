package advisory

// A Severity says how much a finding matters, from "info" to "critical". The
// rule of each finding is in [Catalog].
type Severity string

// The severities, least first.
const (
	Info     Severity = "info"     // worth knowing, nothing to do
	Low      Severity = "low"      // hardening or upkeep
	Medium   Severity = "medium"   // weakens a protection that senders or users rely on
	High     Severity = "high"     // exposes mail or the host under common conditions
	Critical Severity = "critical" // widely exploited, or code execution by version
)

// Rank returns 1 for [Info] to 5 for [Critical], so that severities can be
// compared, and 0 for any other text.
func (s Severity) Rank() int {
	switch s {
	case Info:
		return 1
	case Low:
		return 2
	case Medium:
		return 3
	case High:
		return 4
	case Critical:
		return 5
	}
	return 0
}

// A Finding is something about a service or domain that a reviewer should know.
// Why it matters and what to do about it is the same for all findings of one
// ID and stands in [Catalog].
type Finding struct {
	ID         string   `json:"id"` // stable, lower case with dashes, e.g. "certificate-expired"
	Severity   Severity `json:"severity"`
	Title      string   `json:"title"`
	Evidence   string   `json:"evidence"`      // what was seen, at most 300 bytes
	References []string `json:"references"`    // URLs, CVE ids, RFC sections
	CWE        string   `json:"cwe,omitempty"` // e.g. "CWE-319"; "" where none fits

	// Ignored says until when and why a policy ignores the finding, whose
	// severity is info then; "" where none does.
	Ignored string `json:"ignored,omitempty"`

	// Advisories are the CVEs behind a "known-exploited" or
	// "known-vulnerabilities" finding, worst first.
	Advisories []Match `json:"advisories,omitempty"`
}

// A Match is a published vulnerability whose version range holds the version a
// server shows. It says "may be affected" and never more: a distribution may
// have added the fix without changing the version.
type Match struct {
	CVE          string   `json:"cve"`
	Title        string   `json:"title"`
	Severity     Severity `json:"severity"`      // from the score; "" without one
	CVSS         float64  `json:"cvss"`          // base score; 0 if none was read
	KEV          bool     `json:"kev"`           // in CISA's catalog of exploited vulnerabilities
	Conditions   string   `json:"conditions"`    // when it applies, for people; "" means always
	Fixed        string   `json:"fixed"`         // first version of the line with the fix; "" if not known
	FixedPackage string   `json:"fixed_package"` // package revision with the fix, where the distribution is known
}
