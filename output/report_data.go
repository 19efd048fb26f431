package output

import (
	"fmt"
	"strconv"
	"strings"
)

// pageData is what the report's script works on: rows of short arrays, whose
// places are named in report.js, in the order in which they are shown first.
type pageData struct {
	Hosts    [][]any             `json:"hosts"`
	Domains  [][]any             `json:"domains"`
	Findings [][]any             `json:"findings"`
	Software [][]any             `json:"software"`
	Catalog  map[string][]string `json:"catalog"` // by id: title, why, remedy, rule, CWE, references

	findingIndex  map[string]int
	softwareIndex map[string]int
	hostIndex     map[*fleetService]int
}

func newPageData(hosts []*fleetHost, domains []*fleetDomain, problems []*problem, software []*softwareRow) *pageData {
	d := &pageData{
		Hosts: [][]any{}, Domains: [][]any{}, Findings: [][]any{}, Software: [][]any{}, Catalog: map[string][]string{},
		findingIndex: map[string]int{}, softwareIndex: map[string]int{}, hostIndex: map[*fleetService]int{},
	}
	for i, p := range problems {
		d.findingIndex[p.ID] = i
		d.Findings = append(d.Findings, []any{p.ID, p.Severity.Rank(), p.Entry.Title, p.Hosts, p.Domains, append([]string{}, p.Fleet...)})
		e := p.Entry
		d.Catalog[p.ID] = append([]string{e.Title, e.Why, e.Remedy, e.Rule, e.CWE}, e.References...)
	}
	for i, s := range software {
		d.softwareIndex[softwareName(s.Product, s.Version)] = i
		d.Software = append(d.Software, []any{Escape(softwareName(s.Product, "")), Escape(s.Version), s.Endpoints, int(s.Lifecycle), s.Severity.Rank()})
	}
	for i, h := range hosts {
		for _, s := range h.services {
			d.hostIndex[s] = i
		}
		d.Hosts = append(d.Hosts, d.hostRow(h))
	}
	for _, v := range domains {
		d.Domains = append(d.Domains, d.domainRow(v))
	}
	return d
}

// hostRow is: label, names, ports ([port, what was found, class, chunk, index]),
// software (indexes), severity, findings (indexes), domains.
func (d *pageData) hostRow(h *fleetHost) []any {
	ports, software, findings := [][]any{}, []int{}, []int{}
	for _, s := range h.services {
		text, class := portText(s)
		ports = append(ports, []any{int(s.port), text, class, s.detail.chunk, s.detail.index})
		if s.answered {
			software = appendNew(software, d.softwareIndex[softwareName(s.product, s.version)])
		}
		for _, f := range s.findings {
			findings = appendNew(findings, d.findingIndex[f.ID])
		}
	}
	return []any{Escape(h.label), escaped(h.names), ports, software, h.worst.Rank(), findings, escaped(h.domains)}
}

// portText says in a word what an endpoint showed.
func portText(s *fleetService) (text, class string) {
	switch {
	case s.status != "success" && !s.answered:
		return string(s.status), "mute"
	case s.status != "success":
		return string(s.status), "warn"
	case s.tls == "none":
		return "plain text", "warn"
	case s.tls == "failed":
		return "TLS failed", "warn"
	case s.tls == "":
		return "answered", "good"
	case s.tls < "TLS 1.2":
		return Escape(s.tls), "warn"
	}
	return Escape(s.tls), "good"
}

// domainRow is: name, status, MX records, severity, findings ([id, severity,
// evidence]), hosts (indexes), error, published ([words, class]), chunk, index.
func (d *pageData) domainRow(v *fleetDomain) []any {
	findings, hosts := [][]any{}, []int{}
	for _, f := range v.findings {
		findings = append(findings, []any{f.ID, f.Severity.Rank(), Escape(evidenceOf(f))})
	}
	for _, s := range v.services {
		if s.addr.IsValid() {
			hosts = appendNew(hosts, d.hostIndex[s])
		}
	}
	return []any{Escape(v.name), string(v.status), escaped(v.mx), v.worst().Rank(), findings, hosts, Escape(v.err), append([]pair{}, v.records...), v.detail.chunk, v.detail.index}
}

func appendNew(list []int, n int) []int {
	for _, have := range list {
		if have == n {
			return list
		}
	}
	return append(list, n)
}

func escaped(texts []string) []string {
	list := make([]string, len(texts))
	for i, text := range texts {
		list[i] = Escape(text)
	}
	return list
}

// tables returns the tables with their first rows.
func (d *pageData) tables() []htmlTable {
	return []htmlTable{
		{
			ID: "hosts", Title: "Hosts", Hint: "address, name, domain, software or finding", Severities: true, Total: grouped(uint64(len(d.Hosts))),
			Columns: []htmlColumn{{"Severity", false, false}, {"Host", false, false}, {"Ports", false, true}, {"Software", false, false}, {"Domains", true, true}, {"Findings", true, true}},
			Rows:    firstCells(d.Hosts, d.hostCells),
		},
		{
			ID: "domains", Title: "Domains", Hint: "domain, mail exchanger or status", Severities: true, Total: grouped(uint64(len(d.Domains))),
			Columns: []htmlColumn{{"Severity", false, false}, {"Domain", false, false}, {"Status", false, false}, {"Mail exchangers", false, true}, {"Published", false, true}, {"Hosts", true, true}},
			Rows:    firstCells(d.Domains, d.domainCells),
		},
		{
			ID: "findings", Title: "Findings", Hint: "title or identifier", Severities: true, Total: grouped(uint64(len(d.Findings))),
			Columns: []htmlColumn{{"Severity", false, false}, {"Finding", false, false}, {"Hosts", true, false}, {"Domains", true, true}},
			Rows:    firstCells(d.Findings, d.findingCells),
		},
		{
			ID: "software", Title: "Software", Hint: "product or version", Severities: true, Total: grouped(uint64(len(d.Software))),
			Columns: []htmlColumn{{"Severity", false, true}, {"Product", false, false}, {"Version", false, false}, {"Support", false, false}, {"Endpoints", true, false}},
			Rows:    firstCells(d.Software, d.softwareCells),
		},
	}
}

func firstCells(all [][]any, cells func([]any) []htmlCell) [][]htmlCell {
	var first [][]htmlCell
	for _, row := range all[:min(len(all), firstRows)] {
		first = append(first, cells(row))
	}
	return first
}

func severityCell(rank any) htmlCell {
	for _, s := range severities() {
		if s.Rank() == rank {
			return htmlCell{string(s), "badge sev-" + string(s)}
		}
	}
	return htmlCell{"none", "badge sev-none"}
}

func (d *pageData) hostCells(row []any) []htmlCell {
	var ports, software []string
	for _, p := range row[2].([][]any) {
		ports = append(ports, strings.TrimSpace(number(p[0].(int))+" "+p[1].(string)))
	}
	for _, i := range row[3].([]int) {
		software = append(software, strings.TrimSpace(d.Software[i][0].(string)+" "+d.Software[i][1].(string)))
	}
	host := row[0].(string) + " " + strings.Join(row[1].([]string), " ")
	return []htmlCell{severityCell(row[4]), {host, ""}, {strings.Join(ports, ", "), ""}, {strings.Join(software, ", "), ""},
		{strconv.Itoa(len(row[6].([]string))), ""}, {strconv.Itoa(len(row[5].([]int))), ""}}
}

func (d *pageData) domainCells(row []any) []htmlCell {
	var words []string
	for _, p := range row[7].([]pair) {
		words = append(words, p[0])
	}
	return []htmlCell{severityCell(row[3]), {row[0].(string), ""}, {row[1].(string), ""},
		{strings.Join(row[2].([]string), ", "), ""}, {strings.Join(words, ", "), ""}, {strconv.Itoa(len(row[5].([]int))), ""}}
}

func (d *pageData) findingCells(row []any) []htmlCell {
	return []htmlCell{severityCell(row[1]), {row[2].(string), ""}, {fmt.Sprint(row[3]), ""}, {fmt.Sprint(row[4]), ""}}
}

func (d *pageData) softwareCells(row []any) []htmlCell {
	return []htmlCell{severityCell(row[4]), {row[0].(string), ""}, {row[1].(string), ""}, {lifecycleText(row[3].(int)), ""}, {fmt.Sprint(row[2]), ""}}
}

// lifecycleText is repeated in report.js.
func lifecycleText(l int) string {
	switch lifecycle(l) {
	case lifecycleEnded:
		return "ended"
	case lifecycleOutdated:
		return "needs an update"
	case lifecycleGood:
		return "nothing known against it"
	}
	return "not known"
}
