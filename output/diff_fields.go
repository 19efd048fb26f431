package output

import (
	"fmt"
	"slices"
	"strings"

	"github.com/mxsweep/mxsweep/scanner"
)

// compareServices returns the facts that differ. With one side nil it returns
// what is worth telling of the other: of a new one also what is wrong with it.
func compareServices(o, n *snapshot) []FieldChange {
	changes := []FieldChange{}
	for i, f := range diffFields() {
		var before, after string
		if o != nil {
			before = o.facts[i]
		}
		if n != nil {
			after = n.facts[i]
		}
		switch {
		case o == nil && f.name == fieldFindings:
			if added := items(after); len(added) > 0 {
				changes = append(changes, FieldChange{Field: f.name, Added: added})
			}
		case o == nil || n == nil:
			if tellsWhat(f.name) && before+after != "" {
				changes = append(changes, FieldChange{Field: f.name, Old: before, New: after})
			}
		case before == "" || after == "" || before == after:
		case f.list:
			change := compareLists(f.name, before, after)
			if f.name == fieldFindings && !n.lookedAgain(o) || f.name == fieldCVEs && !n.complete() {
				change.Removed = nil // what was not looked for this time is not mended
			}
			if len(change.Added)+len(change.Removed) > 0 {
				changes = append(changes, change)
			}
		default:
			changes = append(changes, FieldChange{Field: f.name, Old: before, New: after})
		}
	}
	return changes
}

// lookedAgain reports whether all that was looked for in o was in n: there is
// much that is asked only where an option says so.
func (n *snapshot) lookedAgain(o *snapshot) bool {
	for i, f := range diffFields() {
		if (f.name == "ptr" || f.name == "tls_versions") && o.facts[i] != "" && n.facts[i] == "" {
			return false
		}
	}
	missing := func(check string) bool { return !slices.Contains(n.checks, check) }
	return n.complete() && !slices.ContainsFunc(o.checks, missing)
}

// tellsWhat tells whether a fact says what a new or lost service is.
func tellsWhat(field string) bool {
	return field == "product" || field == "version" || field == "tls_version"
}

func compareLists(field, before, after string) FieldChange {
	o, n := items(before), items(after)
	c := FieldChange{Field: field}
	for _, item := range n {
		if !slices.Contains(o, item) {
			c.Added = append(c.Added, item)
		}
	}
	for _, item := range o {
		if !slices.Contains(n, item) {
			c.Removed = append(c.Removed, item)
		}
	}
	return c
}

func items(list string) []string {
	if list == emptyList {
		return nil
	}
	return strings.Split(list, "\n")
}

func compareDomains(o, n *domainSnapshot) []FieldChange {
	changes := []FieldChange{}
	if o.status != n.status {
		changes = append(changes, FieldChange{Field: "status", Old: string(o.status), New: string(n.status)})
	}
	mx := compareLists("mx", mxList(o), mxList(n))
	// Addresses that could not be looked up in one of the scans are no change.
	mx.Added = slices.DeleteFunc(mx.Added, func(item string) bool { return uncertain(item, o, n) })
	mx.Removed = slices.DeleteFunc(mx.Removed, func(item string) bool { return uncertain(item, o, n) })
	findings := compareLists(fieldFindings, o.findings, n.findings)
	if !lookedAgain(o, n) {
		findings.Removed = nil // what was not looked for this time is not mended
	}
	for _, c := range append(compareRecordSets(o, n), mx, findings) {
		if len(c.Added)+len(c.Removed) > 0 {
			changes = append(changes, c)
		}
	}
	return changes
}

// lookedAgain reports whether n has an answer to all that o has one to.
func lookedAgain(o, n *domainSnapshot) bool {
	for i := range o.records {
		if o.records[i].text != "" && n.records[i].text == "" {
			return false
		}
	}
	failed := func(mx scanner.MX) bool { return failedLookup(mx.Status) }
	return (n.policy || !o.policy) && !slices.ContainsFunc(n.mx, failed)
}

// A recordSnapshot is what a domain publishes in one kind of record; the text
// is "" where that was not asked for, or there was no answer.
type recordSnapshot struct{ field, text string }

func recordsOf(d *scanner.Domain) (list []recordSnapshot) {
	add := func(field string, sets ...*scanner.RRset) {
		var records []string
		for _, set := range sets {
			if set == nil || set.Status != scanner.StatusSuccess {
				list = append(list, recordSnapshot{field, ""})
				return
			}
			records = append(records, set.Records...)
		}
		list = append(list, recordSnapshot{field, lines(len(sets) > 0, records)})
	}
	add("spf", d.SPF)
	add("dmarc", d.DMARC)
	add("mta_sts", d.MTASTS)
	add("tls_rpt", d.TLSRPT)
	var tlsa []*scanner.RRset
	for i := range d.MX {
		tlsa = append(tlsa, d.MX[i].TLSA)
	}
	add("tlsa", tlsa...)
	return list
}

func compareRecordSets(o, n *domainSnapshot) (changes []FieldChange) {
	for i := range o.records {
		if before, after := o.records[i].text, n.records[i].text; before != "" && after != "" {
			changes = append(changes, compareLists(o.records[i].field, before, after))
		}
	}
	return changes
}

// mxList writes the MX records with their addresses: "10 mx1.example.com" and
// "mx1.example.com 192.0.2.1".
func mxList(d *domainSnapshot) string {
	var list []string
	for _, mx := range d.mx {
		list = append(list, fmt.Sprintf("%d %s", mx.Preference, mx.Name))
		for _, addr := range mx.Addresses {
			list = append(list, mx.Name+" "+addr.String())
		}
	}
	return lines(true, list)
}

func uncertain(item string, sides ...*domainSnapshot) bool {
	name, _, _ := strings.Cut(item, " ")
	for _, d := range sides {
		for _, mx := range d.mx {
			if mx.Name == name && failedLookup(mx.Status) {
				return true
			}
		}
	}
	return false
}
