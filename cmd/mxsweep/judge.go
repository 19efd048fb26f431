package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/fingerprint"
)

// judging are the flags of everything that makes findings.
type judging struct {
	data, policy     string
	severity, failOn string

	digests digests // no flag: of the files that flags name
}

func (j *judging) register(fs *flagSet) {
	fs.add(&j.data, "data", "", "directory whose fingerprints/ and advisories/ add to or replace the embedded data")
	fs.add(&j.policy, "policy", "", "YAML file of your own rules: violations are findings (see \"mxsweep help\")")
	fs.add(&j.severity, "severity", "", "leave out findings below: info, low, medium, high, critical")
	fs.add(&j.failOn, "fail-on", "", "exit with code 3 if there is a finding of this severity or above")
}

// A judge is a Writer in front of the outputs: it leaves out the findings below
// a severity, and counts all of them.
type judge struct {
	output.Writer
	app    *app
	quiet  bool
	least  advisory.Severity // "": all are written
	failOn advisory.Severity // "": never fail
	date   string            // of the advisories
	counts map[advisory.Severity]int
	hidden int // by least
	waived int // ignored by the policy
}

// newJudge checks the flags, and gives data and policy to the scanner.
func (a *app) newJudge(j *judging, s *scanner.Scanner, quiet bool) (*judge, error) {
	g := &judge{app: a, quiet: quiet, counts: map[advisory.Severity]int{}}
	var err error
	if g.least, err = severityFlag("-severity", j.severity); err != nil {
		return nil, err
	}
	if g.failOn, err = severityFlag("-fail-on", j.failOn); err != nil {
		return nil, err
	}
	var set *advisory.Set
	if s.Fingerprints, set, err = loadData(j.data); err != nil {
		return nil, err
	}
	if err := j.digests.addData(j.data); err != nil {
		return nil, err
	}
	s.Advisories, g.date = set, set.Date()
	if j.policy == "" {
		return g, nil
	}
	text, err := os.ReadFile(j.policy)
	if err != nil {
		return nil, fmt.Errorf("-policy: %w", err)
	}
	j.digests.add("policy", text)
	if s.Policy, err = set.ParsePolicy(j.policy, text); err != nil {
		return nil, fmt.Errorf("-policy: %w", err)
	}
	return g, nil
}

func severityFlag(name, text string) (advisory.Severity, error) {
	s := advisory.Severity(strings.ToLower(text))
	if text != "" && s.Rank() == 0 {
		return "", usagef("%s: %q is no severity: expected info, low, medium, high or critical", name, text)
	}
	return s, nil
}

// The parts of a data directory.
const (
	fingerprintDir = "fingerprints"
	advisoryDir    = "advisories"
)

// loadData is the embedded data, with a directory's on top.
func loadData(dir string) (*fingerprint.Set, *advisory.Set, error) {
	prints, err := fingerprint.Default()
	if err != nil {
		return nil, nil, err
	}
	advisories, err := advisory.Default()
	if err != nil || dir == "" {
		return prints, advisories, err
	}
	found := false
	if path := filepath.Join(dir, fingerprintDir); isDir(path) {
		found = true
		if prints, err = prints.With(os.DirFS(path)); err != nil {
			return nil, nil, fmt.Errorf("-data: %s: %w", path, err)
		}
	}
	if path := filepath.Join(dir, advisoryDir); isDir(path) {
		found = true
		if advisories, err = advisories.With(os.DirFS(path)); err != nil {
			return nil, nil, fmt.Errorf("-data: %s: %w", path, err)
		}
	}
	if !found {
		return nil, nil, fmt.Errorf("-data: %s has neither a directory %s nor %s", dir, fingerprintDir, advisoryDir)
	}
	return prints, advisories, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

// Write implements output.Writer. Records share memory with others, so that a
// record that loses findings is a copy.
func (g *judge) Write(r *scanner.Result) error {
	out := *r
	switch {
	case r.Service != nil:
		if kept := g.sift(r.Service.Findings); len(kept) < len(r.Service.Findings) {
			v := *r.Service
			v.Findings = kept
			out.Service = &v
		}
	case r.Domain != nil:
		d := *r.Domain
		d.Findings = g.sift(d.Findings)
		out.Domain = &d
	case r.Summary != nil:
		s := *r.Summary
		s.Findings = g.sift(s.Findings)
		out.Summary = &s
	}
	return g.Writer.Write(&out)
}

// sift counts findings and returns those that are to be written. The list given
// stays as it is.
func (g *judge) sift(all []advisory.Finding) []advisory.Finding {
	kept := len(all) // worst first, so that the rest is what goes
	for i := range all {
		g.counts[all[i].Severity]++
		if all[i].Ignored != "" {
			g.waived++
		}
		if all[i].Severity.Rank() < g.least.Rank() {
			kept = min(kept, i)
		}
	}
	g.hidden += len(all) - kept
	return slices.Clip(all[:kept])
}

// severities are all of them, worst first.
func severities() []advisory.Severity {
	return []advisory.Severity{advisory.Critical, advisory.High, advisory.Medium, advisory.Low, advisory.Info}
}

// verdict says what was found and how old the data is, and turns findings into
// an error where that was asked for. What went wrong before goes first.
func (g *judge) verdict(err error) error {
	var found []string
	bad := 0
	for _, s := range severities() {
		if n := g.counts[s]; n > 0 {
			found = append(found, fmt.Sprintf("%d %s", n, s))
			if g.failOn != "" && s.Rank() >= g.failOn.Rank() {
				bad += n
			}
		}
	}
	if !g.quiet {
		g.say(found)
	}
	if err == nil && bad > 0 {
		return findingsError{g.failOn, bad}
	}
	return err
}

func (g *judge) say(found []string) {
	text := "findings: none"
	if len(found) > 0 {
		text = "findings: " + strings.Join(found, ", ")
	}
	if g.waived > 0 {
		text += fmt.Sprintf("; ignored by the policy: %d", g.waived)
	}
	if g.hidden > 0 {
		text += fmt.Sprintf("; left out by -severity: %d", g.hidden)
	}
	g.app.logf("%s", text)
	if note := ageNote(g.date, time.Now()); note != "" {
		g.app.logf("note: %s", note)
	}
}

// maxAge is how old the advisories may be without a word about it.
const maxAge = 180 * 24 * time.Hour

// ageNote says that data of a day is old, "" if it is not.
func ageNote(date string, now time.Time) string {
	day, err := time.Parse(time.DateOnly, date)
	if err != nil || now.Sub(day) <= maxAge {
		return ""
	}
	return fmt.Sprintf("the advisories are of %s, %d days old: what was published since is not known; update mxsweep or see \"mxsweep data\"",
		date, int(now.Sub(day).Hours()/24))
}

// A findingsError is what -fail-on asks for.
type findingsError struct {
	least advisory.Severity
	count int
}

// Error says how many findings there are.
func (e findingsError) Error() string {
	return fmt.Sprintf("findings of severity %s or above: %d (-fail-on)", e.least, e.count)
}
