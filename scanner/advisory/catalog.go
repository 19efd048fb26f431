package advisory

import (
	"slices"
	"strings"
)

// An Entry documents one kind of finding: everything about it that does not
// depend on the server.
type Entry struct {
	ID         string   `json:"id"`
	Severity   Severity `json:"severity"` // the usual one; Rule says when it differs
	Title      string   `json:"title"`
	Rule       string   `json:"rule"`   // when the finding is made and how its severity is set
	Why        string   `json:"why"`    // why it matters
	Remedy     string   `json:"remedy"` // what to do
	References []string `json:"references"`
	CWE        string   `json:"cwe"` // "" where none fits
}

// Catalog returns every kind of finding there is, sorted by ID. The caller owns
// the slice.
func Catalog() []Entry {
	all := slices.Concat(transportEntries(), handshakeEntries(), validityEntries(), certificateEntries(),
		nameEntries(), conductEntries(), greetingEntries(), authEntries(), softwareEntries(), domainEntries(), exchangerEntries(), publishedEntries(),
		checkEntries(), fleetEntries(), policyEntries())
	slices.SortFunc(all, func(a, b Entry) int { return strings.Compare(a.ID, b.ID) })
	return all
}
