package output

import (
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// dojoReport is the file that DefectDojo's "Generic Findings Import" takes. Its
// parser refuses findings with fields that it does not know.
type dojoReport struct {
	Findings []dojoFinding `json:"findings"`
}

type dojoFinding struct {
	Title            string         `json:"title"`
	Severity         string         `json:"severity"` // Critical, High, Medium, Low or Info
	Description      string         `json:"description"`
	Mitigation       string         `json:"mitigation,omitempty"`
	References       string         `json:"references,omitempty"`
	Date             string         `json:"date,omitempty"` // YYYY-MM-DD
	CWE              int            `json:"cwe,omitempty"`
	VulnerabilityIDs []string       `json:"vulnerability_ids,omitempty"`
	KnownExploited   bool           `json:"known_exploited,omitempty"`
	ComponentName    string         `json:"component_name,omitempty"`
	ComponentVersion string         `json:"component_version,omitempty"`
	VulnID           string         `json:"vuln_id_from_tool"`
	UniqueID         string         `json:"unique_id_from_tool"`
	Active           bool           `json:"active"`
	Verified         bool           `json:"verified"` // nobody has looked yet
	Static           bool           `json:"static_finding"`
	Dynamic          bool           `json:"dynamic_finding"`
	Endpoints        []dojoEndpoint `json:"endpoints,omitempty"`
	Tags             []string       `json:"tags,omitempty"`
}

type dojoEndpoint struct {
	Protocol string `json:"protocol,omitempty"`
	Host     string `json:"host"`
	Port     int    `json:"port,omitempty"`
}

func (r *Report) writeDefectDojo(w io.Writer) error {
	report := dojoReport{Findings: []dojoFinding{}}
	for o := range r.fleet.each() {
		report.Findings = append(report.Findings, newDojoFinding(&o))
	}
	return writeIndented(w, report)
}

func newDojoFinding(o *occurrence) dojoFinding {
	f := o.finding
	v := dojoFinding{
		Title: o.title(), Severity: dojoSeverity(f.Severity), Description: o.description(),
		Mitigation: o.entry.Remedy, References: strings.Join(f.References, "\n"), Date: day(o.seen),
		VulnID: f.ID, UniqueID: o.identity(), Active: f.Ignored == "", Dynamic: true, Tags: []string{"mxsweep"},
	}
	v.CWE, _ = strconv.Atoi(strings.TrimPrefix(f.CWE, "CWE-")) // 0 where none fits
	for i := range f.Advisories {
		v.VulnerabilityIDs = append(v.VulnerabilityIDs, f.Advisories[i].CVE)
		v.KnownExploited = v.KnownExploited || f.Advisories[i].KEV
	}
	if s := o.service; s != nil {
		v.ComponentName, v.ComponentVersion = s.product, Escape(s.version)
	}
	v.Endpoints = dojoEndpoints(o)
	return v
}

// dojoEndpoints leaves out what is no host name, at which the import of the
// whole file would fail.
func dojoEndpoints(o *occurrence) []dojoEndpoint {
	host := o.host
	if host == "" {
		host = o.addr
	}
	protocol := "smtp"
	if o.service == nil {
		host, protocol = o.place(), ""
	}
	if host == "" || len(host) > 253 || strings.Trim(host, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-:") != "" {
		return nil
	}
	return []dojoEndpoint{{protocol, host, o.port}}
}

func dojoSeverity(s advisory.Severity) string {
	switch s {
	case advisory.Critical:
		return "Critical"
	case advisory.High:
		return "High"
	case advisory.Medium:
		return "Medium"
	case advisory.Low:
		return "Low"
	}
	return "Info"
}

func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}
