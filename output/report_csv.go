package output

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
)

const (
	tableServices = "services"
	tableFindings = "findings"
	tableHosts    = "hosts"
	tableDomains  = "domains"
)

// Tables returns what a CSV report can hold: "services" with the columns of
// [Columns], each endpoint once; "findings", one row for each; "hosts", one row
// for each address; "domains".
func Tables() []string {
	return []string{tableServices, tableFindings, tableHosts, tableDomains}
}

func checkTable(name string) error {
	if !slices.Contains(Tables(), name) {
		return fmt.Errorf("there is no table %q; there are: %s", name, strings.Join(Tables(), ", "))
	}
	return nil
}

// A servicesTable holds the finished rows of the services, since a fleet does
// not keep all that their columns show.
type servicesTable struct {
	columns []Column
	rows    map[endpointKey][]byte
	order   []endpointKey
}

func newServicesTable() *servicesTable {
	return &servicesTable{columns: Columns(), rows: map[endpointKey][]byte{}}
}

func (t *servicesTable) add(key endpointKey, s *scanner.Service) {
	cells := make([]string, len(t.columns))
	for i := range t.columns {
		cells[i] = t.columns[i].cell(s)
	}
	if t.rows[key] == nil {
		t.order = append(t.order, key)
	}
	t.rows[key] = appendRow(nil, cells...)
}

// appendRow appends one CSV row.
func appendRow(dst []byte, cells ...string) []byte {
	for i, cell := range cells {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCell(dst, cell)
	}
	return append(dst, '\r', '\n') // RFC 4180, section 2, rule 1
}

func (r *Report) writeTable(w io.Writer) error {
	var b []byte
	switch r.options.Table {
	case tableFindings:
		b = r.findingRows()
	case tableHosts:
		b = r.hostRows()
	case tableDomains:
		b = r.domainRows()
	default:
		b = appendRow(b, columnNames()...)
		for _, key := range r.rows.order {
			b = append(b, r.rows.rows[key]...)
		}
	}
	_, err := w.Write(b)
	return err
}

func (r *Report) findingRows() []byte {
	b := appendRow(nil, "severity", "id", "title", "domain", "host", "ip", "port", "product", "version", "evidence", "cves", "remedy", "references", "cwe", "seen", "ignored")
	for v := range r.fleet.each() {
		var product, version string
		if s := v.service; s != nil {
			product, version = s.product, s.version
		}
		f := v.finding
		b = appendRow(b, string(f.Severity), f.ID, f.Title, strings.Join(v.domains, " "), v.host, v.addr, number(v.port), product, version,
			f.Evidence, strings.Join(cveIDs(f), " "), v.entry.Remedy, strings.Join(f.References, "; "), f.CWE, stamp(v.seen), f.Ignored)
	}
	return b
}

func cveIDs(f *advisory.Finding) []string {
	ids := make([]string, len(f.Advisories))
	for i := range f.Advisories {
		ids[i] = f.Advisories[i].CVE
	}
	return ids
}

func (r *Report) hostRows() []byte {
	b := appendRow(nil, "severity", "host", "names", "answered", "ports", "software", "tls", "domains", "findings")
	for _, h := range r.fleet.hosts() {
		var ports, software, tls, findings []string
		answered := false
		for _, s := range h.services {
			text, _ := portText(s)
			ports = append(ports, strings.TrimSpace(number(int(s.port))+" "+text))
			answered = answered || s.answered
			if s.product != "" {
				software = append(software, softwareName(s.product, s.version))
			}
			if s.tls != "" {
				tls = append(tls, s.tls)
			}
			for _, f := range s.findings {
				findings = append(findings, f.ID)
			}
		}
		b = appendRow(b, string(h.worst), h.label, strings.Join(h.names, " "), yesNo(answered), strings.Join(ports, ", "), distinct(software, ", "),
			distinct(tls, ", "), strings.Join(h.domains, " "), distinct(findings, " "))
	}
	return b
}

// distinct joins the texts, each once, sorted.
func distinct(texts []string, sep string) string {
	slices.Sort(texts)
	return strings.Join(slices.Compact(texts), sep)
}

func (r *Report) domainRows() []byte {
	b := appendRow(nil, "severity", "domain", "status", "error", "mx", "endpoints", "answered", "findings", "server_findings")
	for _, d := range r.fleet.sortedDomains() {
		var own, servers []string
		for _, f := range d.findings {
			own = append(own, f.ID)
		}
		answered := 0
		for _, s := range d.services {
			if s.answered {
				answered++
			}
			for _, f := range s.findings {
				servers = append(servers, f.ID)
			}
		}
		b = appendRow(b, string(d.worst()), d.name, string(d.status), d.err, strings.Join(d.mx, ", "), strconv.Itoa(len(d.services)),
			strconv.Itoa(answered), distinct(own, " "), distinct(servers, " "))
	}
	return b
}

// compareFindings orders findings for lists: worst first, then by id.
func compareFindings(a, b *advisory.Finding) int {
	return cmp.Or(cmp.Compare(b.Severity.Rank(), a.Severity.Rank()), strings.Compare(a.ID, b.ID))
}
