package output

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// A Column is one column of the CSV form.
type Column struct {
	Name        string
	Description string

	cell func(*scanner.Service) string // unescaped
}

// Columns returns all columns in their standard order. Names and meanings are
// stable; new columns come at the end.
func Columns() []Column {
	type service = scanner.Service
	return []Column{
		{"timestamp", "time of the probe, UTC", func(s *service) string { return stamp(s.Timestamp) }},
		{"input", "the target as named", func(s *service) string { return s.Input }},
		{"domain", "mail domain; empty for hosts and addresses", func(s *service) string { return s.Domain }},
		{"mx", "name in the MX record", mxCell(func(m *scanner.ServiceMX) string { return m.Name })},
		{"mx_preference", "preference of the MX record, lowest first", mxCell(func(m *scanner.ServiceMX) string { return strconv.Itoa(int(m.Preference)) })},
		{"mx_implicit", "yes: no MX record, the domain itself is the host", mxCell(func(m *scanner.ServiceMX) string { return yesNo(m.Implicit) })},
		{"host", "host name probed; empty for a bare address", func(s *service) string { return s.Host }},
		{"ip", "address; empty where a name led to none", ipCell},
		{"port", "TCP port; empty where a name led to no address", func(s *service) string { return number(int(s.Port)) }},
		{"ptr", "names of the address in the DNS, none if it has none", func(s *service) string { return list(s.PTR != nil, s.PTR) }},
		{"ptr_valid", "a PTR name leads back to the address", func(s *service) string { return threeValued(s.PTRValid) }},
		{"status", "outcome: success, or what kept the probe from it", func(s *service) string { return string(s.Status) }},
		{"phase", "step in which the probe ended", func(s *service) string { return string(s.Phase) }},
		{"error", "what went wrong, for people", func(s *service) string { return s.Error }},
		{"banner", "greeting as sent, escaped, without its last line ending", func(s *service) string { return strings.TrimRight(string(s.Banner), "\r\n") }},
		{"greeting_hostname", "name the server calls itself in its greeting", greetingHostname},
		{"vendor", "vendor of the software", func(s *service) string { return s.Software.Vendor }},
		{"product", "software; empty when unknown", func(s *service) string { return s.Software.Product }},
		{"version", "version as the server shows it; empty when not shown", func(s *service) string { return s.Software.Version }},
		{"update", "what a distribution or packager adds to the version", func(s *service) string { return s.Software.Update }},
		{"os", "operating system as the server shows it", func(s *service) string { return s.Software.OS }},
		{"cpe", "CPE 2.3 name of the software", func(s *service) string { return s.Software.CPE }},
		{"confidence", "of product, from 0 to 1; empty when unknown", confidence},
		{"provider", "who runs the service", func(s *service) string { return s.Provider }},
		{"starttls", "STARTTLS was offered before TLS", offersSTARTTLS},
		{"implicit_tls", "TLS was spoken from the first byte", func(s *service) string { return threeValued(s.ImplicitTLS) }},
		{"tls_version", "TLS version negotiated; empty without a handshake", tlsCell(func(t *smtp.TLS) string { return t.Version })},
		{"tls_cipher", "cipher suite negotiated", tlsCell(func(t *smtp.TLS) string { return t.Cipher })},
		{"tls_error", "why the handshake failed", tlsCell(func(t *smtp.TLS) string { return t.Error })},
		{"cert_subject_cn", "common name of the certificate", certCell(func(c *smtp.Certificate) string { return c.SubjectCN })},
		{"cert_names", "names and addresses the certificate is for", certCell(func(c *smtp.Certificate) string { return list(true, c.SANs) })},
		{"cert_issuer", "issuer of the certificate", certCell(func(c *smtp.Certificate) string { return c.Issuer })},
		{"cert_not_after", "end of its validity, UTC", certCell(func(c *smtp.Certificate) string { return stamp(c.NotAfter) })},
		{"cert_key", "type and bits of its key", certCell(certKey)},
		{"cert_self_signed", "it is signed with its own key", certCell(func(c *smtp.Certificate) string { return yesNo(c.SelfSigned) })},
		{"chain_valid", "its chain leads to a trusted root", tlsCell(func(t *smtp.TLS) string { return threeValued(t.ChainValid) })},
		{"name_valid", "it covers the name probed", tlsCell(func(t *smtp.TLS) string { return threeValued(t.NameValid) })},
		{"auth_before_tls", "AUTH mechanisms offered in plain text, or none", authBeforeTLS},
		{"auth_after_tls", "AUTH mechanisms offered inside TLS, or none", authAfterTLS},
		{"findings", "ids of the findings", findingIDs},
		{"severity", "highest severity among the findings", func(s *service) string { return string(highest(s.Findings)) }},
		{"cves", "published vulnerabilities of this version, worst first: it may be affected", cves},
		{"reused", "facts of a contact made for an earlier input of the run", func(s *service) string { return yesNo(s.Reused) }},
		{"attempts", "connections tried", func(s *service) string { return strconv.Itoa(s.Attempts) }},
	}
}

// SelectColumns returns the names to put into Options.Fields: those of fields
// in their order, all where there are none, less those of exclude. The error
// for a name that is no column says which one is nearest.
func SelectColumns(fields, exclude []string) ([]string, error) {
	all := columnNames()
	if len(fields) == 0 {
		fields = all
	}
	for _, name := range slices.Concat(fields, exclude) {
		if !slices.Contains(all, name) {
			return nil, fmt.Errorf("unknown field %q, did you mean %q? (-lof lists all fields)", name, nearest(name, all))
		}
	}
	var selected []string
	for _, name := range fields {
		if !slices.Contains(exclude, name) && !slices.Contains(selected, name) {
			selected = append(selected, name)
		}
	}
	if len(selected) == 0 {
		return nil, fmt.Errorf("no field is left of %s", strings.Join(fields, ","))
	}
	return selected, nil
}

func columnNames() []string {
	var names []string
	for _, c := range Columns() {
		names = append(names, c.Name)
	}
	return names
}

// nearest returns the candidate with the least edit distance to name in lower
// case, the first among equals.
func nearest(name string, candidates []string) string {
	name = strings.ToLower(name)
	return slices.MinFunc(candidates, func(a, b string) int {
		return editDistance(name, a) - editDistance(name, b)
	})
}

// editDistance counts the insertions, deletions and substitutions of bytes
// (Levenshtein) that lead from a to b.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

func mxCell(cell func(*scanner.ServiceMX) string) func(*scanner.Service) string {
	return func(s *scanner.Service) string {
		if s.MX == nil {
			return ""
		}
		return cell(s.MX)
	}
}

func tlsCell(cell func(*smtp.TLS) string) func(*scanner.Service) string {
	return func(s *scanner.Service) string {
		if s.TLS == nil {
			return ""
		}
		return cell(s.TLS)
	}
}

func certCell(cell func(*smtp.Certificate) string) func(*scanner.Service) string {
	return tlsCell(func(t *smtp.TLS) string {
		if t.Certificate == nil {
			return ""
		}
		return cell(t.Certificate)
	})
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339)
}

func ipCell(s *scanner.Service) string {
	if !s.IP.IsValid() {
		return ""
	}
	return s.IP.String()
}

func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

func yesNo(b bool) string {
	if b {
		return "yes"
	}
	return "no"
}

// threeValued keeps "not seen" apart from "no".
func threeValued(b *bool) string {
	if b == nil {
		return ""
	}
	return yesNo(*b)
}

// list keeps "not seen" apart from the empty list, which is "none".
func list(seen bool, items []string) string {
	switch {
	case !seen:
		return ""
	case len(items) == 0:
		return "none"
	}
	return strings.Join(items, " ")
}

func greetingHostname(s *scanner.Service) string {
	if s.Greeting == nil {
		return ""
	}
	return s.Greeting.Hostname
}

func confidence(s *scanner.Service) string {
	if s.Software.Product == "" {
		return ""
	}
	return strconv.FormatFloat(s.Software.Confidence, 'f', 2, 64)
}

func certKey(c *smtp.Certificate) string {
	if c.KeyBits == 0 {
		return c.KeyType
	}
	return c.KeyType + " " + strconv.Itoa(c.KeyBits)
}

// beforeTLS returns what the server offered in plain text; nil if that was not
// seen, or could not be since TLS came first.
func beforeTLS(s *scanner.Service) *smtp.Capabilities {
	if s.ImplicitTLS != nil && *s.ImplicitTLS {
		return nil
	}
	return s.Capabilities
}

// afterTLS returns what the server offered inside TLS; nil if not seen.
func afterTLS(s *scanner.Service) *smtp.Capabilities {
	if s.ImplicitTLS != nil && *s.ImplicitTLS {
		return s.Capabilities
	}
	return s.CapabilitiesTLS
}

func offersSTARTTLS(s *scanner.Service) string {
	c := beforeTLS(s)
	if c == nil {
		return ""
	}
	return yesNo(c.STARTTLS)
}

func authBeforeTLS(s *scanner.Service) string {
	c := beforeTLS(s)
	return list(c != nil, mechanisms(c))
}

func authAfterTLS(s *scanner.Service) string {
	c := afterTLS(s)
	return list(c != nil, mechanisms(c))
}

func mechanisms(c *smtp.Capabilities) []string {
	if c == nil {
		return nil
	}
	return c.Auth
}

// cves joins the vulnerabilities of all findings, each once.
func cves(s *scanner.Service) string {
	var ids []string
	for i := range s.Findings {
		for _, match := range s.Findings[i].Advisories {
			if !slices.Contains(ids, match.CVE) {
				ids = append(ids, match.CVE)
			}
		}
	}
	return strings.Join(ids, " ")
}

func findingIDs(s *scanner.Service) string {
	ids := make([]string, len(s.Findings))
	for i := range s.Findings {
		ids[i] = s.Findings[i].ID
	}
	return strings.Join(ids, " ")
}

// highest returns the severity of the worst finding, "" without any.
func highest(findings []advisory.Finding) (worst advisory.Severity) {
	for i := range findings {
		if findings[i].Severity.Rank() > worst.Rank() {
			worst = findings[i].Severity
		}
	}
	return worst
}
