package output

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// The parts of SARIF 2.1.0 (OASIS standard, Errata 01) that a report uses; the
// names are those of its sections 3.13 to 3.49.
type (
	sarifLog struct {
		Schema  string     `json:"$schema"`
		Version string     `json:"version"`
		Runs    []sarifRun `json:"runs"`
	}
	sarifRun struct {
		Tool        sarifTool         `json:"tool"`
		Invocations []sarifInvocation `json:"invocations"`
		Results     []sarifResult     `json:"results"`
		ColumnKind  string            `json:"columnKind"`
	}
	sarifInvocation struct {
		Successful    bool                `json:"executionSuccessful"`
		Notifications []sarifNotification `json:"toolExecutionNotifications"`
	}
	sarifNotification struct {
		Level   string    `json:"level"`
		Message sarifText `json:"message"`
	}
	sarifTool struct {
		Driver sarifDriver `json:"driver"`
	}
	sarifDriver struct {
		Name           string      `json:"name"`
		Version        string      `json:"version,omitempty"`
		InformationURI string      `json:"informationUri"`
		Rules          []sarifRule `json:"rules"`
	}
	sarifRule struct {
		ID               string         `json:"id"`
		ShortDescription sarifText      `json:"shortDescription"`
		FullDescription  sarifText      `json:"fullDescription"`
		Help             sarifText      `json:"help"`
		Configuration    sarifLevel     `json:"defaultConfiguration"`
		Properties       map[string]any `json:"properties"`
	}
	sarifText struct {
		Text string `json:"text"`
	}
	sarifLevel struct {
		Level string `json:"level"`
	}
	sarifResult struct {
		RuleID       string            `json:"ruleId"`
		RuleIndex    int               `json:"ruleIndex"`
		Level        string            `json:"level"`
		Message      sarifText         `json:"message"`
		Locations    []sarifLocation   `json:"locations"`
		Fingerprints map[string]string `json:"partialFingerprints"`
		Suppressions []sarifSuppress   `json:"suppressions,omitempty"` // a policy ignores it
		Properties   map[string]any    `json:"properties"`
	}
	sarifSuppress struct {
		Kind          string `json:"kind"`
		Justification string `json:"justification"`
	}
	sarifLocation struct {
		Physical sarifPhysical  `json:"physicalLocation"`
		Logical  []sarifLogical `json:"logicalLocations"`
	}
	sarifPhysical struct {
		Artifact sarifArtifact `json:"artifactLocation"`
		Region   sarifRegion   `json:"region"` // GitHub demands one
	}
	sarifArtifact struct {
		URI string `json:"uri"`
	}
	sarifRegion struct {
		StartLine int `json:"startLine"`
	}
	sarifLogical struct {
		FullName string `json:"fullyQualifiedName"`
		Kind     string `json:"kind"`
	}
)

const (
	sarifSchema = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
	projectURL  = "https://github.com/mxsweep/mxsweep"

	// maxSARIFResults is how many results a file holds: of one with more, GitHub's
	// code scanning takes none ("SARIF results exceed one or more limits" in its
	// documentation; of these it shows 5,000). To spread them over several runs
	// would let results wander from run to run, and be mended and found anew there.
	maxSARIFResults = 25_000
)

func (r *Report) writeSARIF(w io.Writer) error {
	listed, left := r.fleet.worst(maxSARIFResults)
	run := sarifRun{ColumnKind: "unicodeCodePoints", Invocations: []sarifInvocation{r.sarifInvocation(left)}, Results: []sarifResult{}}
	run.Tool.Driver = sarifDriver{Name: "mxsweep", InformationURI: projectURL, Version: r.fleet.toolVersion(), Rules: []sarifRule{}}
	index := map[string]int{}
	for i := range listed {
		o := &listed[i]
		id := o.finding.ID
		if _, ok := index[id]; !ok {
			index[id] = len(run.Tool.Driver.Rules)
			run.Tool.Driver.Rules = append(run.Tool.Driver.Rules, newSARIFRule(o))
		}
		run.Results = append(run.Results, newSARIFResult(o, index[id]))
	}
	return writeIndented(w, sarifLog{sarifSchema, "2.1.0", []sarifRun{run}})
}

// sarifInvocation says what the results do not show: who takes a finding for
// mended that is no longer there has to know what was not visited or not listed.
func (r *Report) sarifInvocation(left map[advisory.Severity]uint64) sarifInvocation {
	v := sarifInvocation{Successful: true, Notifications: []sarifNotification{}}
	for _, note := range slices.Concat(r.fleet.ends(), r.fleet.notes, leftOut(left)) {
		v.Notifications = append(v.Notifications, sarifNotification{"warning", sarifText{Escape(note)}})
	}
	return v
}

// Omitted says what a report in that format leaves out: SARIF takes the 25,000
// worst findings, which is what GitHub's code scanning accepts.
func (r *Report) Omitted(format ReportFormat) []string {
	if format != ReportSARIF {
		return nil
	}
	_, left := r.fleet.worst(maxSARIFResults)
	return leftOut(left)
}

// worst returns the worst findings, as many as limit, and counts the others.
func (f *fleet) worst(limit int) (listed []occurrence, left map[advisory.Severity]uint64) {
	left = map[advisory.Severity]uint64{}
	for o := range f.each() {
		if len(listed) < limit {
			listed = append(listed, o)
		} else {
			left[o.finding.Severity]++
		}
	}
	return listed, left
}

func leftOut(left map[advisory.Severity]uint64) []string {
	var counts []string
	for _, s := range severities() {
		if left[s] > 0 {
			counts = append(counts, grouped(left[s])+" "+string(s))
		}
	}
	if len(counts) == 0 {
		return nil
	}
	return []string{fmt.Sprintf("SARIF lists the worst %s findings, as many as code scanning services accept; left out: %s", grouped(maxSARIFResults), strings.Join(counts, ", "))}
}

// toolVersion is the version that made the newest run.
func (f *fleet) toolVersion() string {
	if len(f.runs) == 0 {
		return ""
	}
	return f.runs[len(f.runs)-1].Version
}

func newSARIFRule(o *occurrence) sarifRule {
	e := o.entry
	if e.ID == "" { // of a later version's records
		e = advisory.Entry{ID: o.finding.ID, Severity: o.finding.Severity, Title: o.finding.Title, CWE: o.finding.CWE, References: o.finding.References}
	}
	tags := []string{"security", "smtp"}
	if cwe, ok := strings.CutPrefix(e.CWE, "CWE-"); ok {
		tags = append(tags, "external/cwe/cwe-"+cwe)
	}
	help := strings.TrimSpace(e.Remedy + "\n" + strings.Join(e.References, "\n"))
	return sarifRule{
		ID: e.ID, ShortDescription: sarifText{e.Title}, FullDescription: sarifText{strings.TrimSpace(e.Title + ". " + e.Why)},
		Help: sarifText{help}, Configuration: sarifLevel{sarifLevelOf(e.Severity)},
		Properties: map[string]any{"tags": tags, "security-severity": securitySeverity(e.Severity)},
	}
}

func newSARIFResult(o *occurrence, rule int) sarifResult {
	sum := sha256.Sum256([]byte(o.identity()))
	properties := map[string]any{"severity": string(o.finding.Severity), "ip": o.addr}
	if len(o.domains) > 0 {
		properties["domains"] = escaped(o.domains)
	}
	result := sarifResult{
		RuleID: o.finding.ID, RuleIndex: rule, Level: sarifLevelOf(o.finding.Severity),
		Message:      sarifText{o.title() + ": " + Escape(o.finding.Evidence)},
		Locations:    []sarifLocation{{sarifPhysical{sarifArtifact{o.uri()}, sarifRegion{1}}, []sarifLogical{{cmp.Or(Escape(o.place()), o.kind()), o.kind()}}}},
		Fingerprints: map[string]string{"mxsweep/v1": hex.EncodeToString(sum[:16])},
		Properties:   properties,
	}
	if o.finding.Ignored != "" {
		result.Suppressions = []sarifSuppress{{"external", Escape(o.finding.Ignored)}}
	}
	return result
}

// sarifLevelOf maps a severity to the levels of section 3.27.10.
func sarifLevelOf(s advisory.Severity) string {
	switch s {
	case advisory.Critical, advisory.High:
		return "error"
	case advisory.Medium:
		return "warning"
	}
	return "note"
}

// securitySeverity is the number, on the scale of CVSS, by which code scanning
// services sort what has no score of its own.
func securitySeverity(s advisory.Severity) string {
	switch s {
	case advisory.Critical:
		return "9.5"
	case advisory.High:
		return "8.0"
	case advisory.Medium:
		return "5.5"
	case advisory.Low:
		return "3.0"
	}
	return "0.0"
}

func writeIndented(w io.Writer, value any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	return enc.Encode(value)
}
