package output

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
)

//go:embed report/report.tmpl
var reportTemplate string

//go:embed report/style.css
var reportStyle string

//go:embed report/report.js
var reportScript string

// firstRows is how many rows of each table are in the page itself, for a
// browser without JavaScript and before the script has run.
const firstRows = 25

// A page is what the templates of the report and of the difference share: the
// title, and the only style and script that the browser may use. Whatever a
// server put into a text, the policy keeps it from running or loading anything.
type page struct {
	Title  string
	Style  template.CSS
	Script template.JS
	Policy string // Content-Security-Policy
}

func newPage(title, script string) page {
	policy := fmt.Sprintf("default-src 'none'; style-src '%s'; script-src '%s'; img-src data:; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
		sourceHash(reportStyle), sourceHash(script))
	return page{Escape(title), template.CSS(reportStyle), template.JS(script), policy} // both are our own files
}

func sourceHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return "sha256-" + base64.StdEncoding.EncodeToString(sum[:])
}

// reportPage is the data of the report's template.
type reportPage struct {
	page
	Subtitle  string
	From, To  string // of the data
	Seen      string // To, for the script
	Made      string
	Redacted  bool
	Tiles     []tile
	First     []*problem
	Charts    []chart
	Timeline  []column
	Tables    []htmlTable
	Runs      []htmlRun
	Notes     []string
	Inputs    []string
	Unlisted  string
	Finish    []string // notes on the ends of the runs
	Endpoints int
}

// A tile is one figure of the headline.
type tile struct{ Label, Value, Note, Class string }

// A htmlTable is a table of which the page holds the first rows.
type htmlTable struct {
	ID, Title, Hint string
	Severities      bool // can be filtered by severity
	Columns         []htmlColumn
	Rows            [][]htmlCell
	Total           string
}

type htmlColumn struct {
	Name    string
	Numeric bool
	Minor   bool // not shown on a phone
}

type htmlCell struct {
	Text, Class string
}

// A htmlRun says how a scan was made.
type htmlRun struct {
	Facts   []pair
	Options []pair
}

func (r *Report) writeHTML(w io.Writer) error {
	hosts, domains := r.fleet.hosts(), r.fleet.sortedDomains()
	problems, software := r.fleet.problems(hosts, domains), r.fleet.software()
	data := newPageData(hosts, domains, problems, software)
	p := r.newReportPage(hosts, problems, software)
	p.Tables = data.tables()
	t, err := template.New("report").Parse(reportTemplate)
	if err != nil {
		return err
	}
	var top, bottom bytes.Buffer
	if err := t.ExecuteTemplate(&top, "top", p); err != nil {
		return err
	}
	if err := t.ExecuteTemplate(&bottom, "bottom", p); err != nil {
		return err
	}
	packed, err := pack(data)
	if err != nil {
		return err
	}
	if _, err := top.WriteTo(w); err != nil {
		return err
	}
	if err := writeBlock(w, "fleet", packed); err != nil {
		return err
	}
	if err := r.fleet.details.writeTo(w); err != nil {
		return err
	}
	_, err = bottom.WriteTo(w)
	return err
}

func pack(value any) ([]byte, error) {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	if err := json.NewEncoder(z).Encode(value); err != nil {
		return nil, err
	}
	err := z.Close()
	return b.Bytes(), err
}

func (r *Report) newReportPage(hosts []*fleetHost, problems []*problem, software []*softwareRow) *reportPage {
	f := r.fleet
	n := f.figures(hosts)
	p := &reportPage{
		page: newPage(r.options.Title, reportScript), From: minute(f.from), To: minute(f.to), Seen: stamp(f.to), Made: minute(r.options.Now),
		Redacted: r.options.Redact, Tiles: tiles(n), First: first(problems), Timeline: f.timeline(),
		Charts: []chart{f.outcomeChart(), severityChart(n), f.tlsChart(), softwareChart(software)},
		Notes:  f.notes, Inputs: f.inputs, Endpoints: len(f.services),
	}
	p.Subtitle = fmt.Sprintf("%s, %s, %s", plural(uint64(n.Domains), "domain"), plural(uint64(n.Hosts), "host"), plural(uint64(n.Endpoints), "endpoint"))
	if n.Unlisted > 0 {
		p.Unlisted = plural(uint64(n.Unlisted), "further endpoint")
	}
	for _, run := range f.runs {
		p.Runs = append(p.Runs, newHTMLRun(run))
	}
	p.Finish = f.ends()
	return p
}

// ends says which runs did not come to their end, or could not see: what is
// missing then was not seen, and is not gone.
func (f *fleet) ends() []string {
	var notes []string
	if missing := len(f.runs) - len(f.summaries); missing > 0 {
		notes = append(notes, plural(uint64(missing), "run")+" without a summary: the scan was cut short, or is still going on")
	}
	for _, s := range f.summaries {
		if s.Port25Blocked {
			notes = append(notes, "nothing answered on port 25 although 465 or 587 did: outbound port 25 was probably blocked where the scan ran, and silence there says nothing of the servers")
		}
		if s.Interrupted {
			notes = append(notes, "a run was interrupted at "+minute(s.Timestamp)+": not all targets were visited")
		}
	}
	return notes
}

func newHTMLRun(run *scanner.Run) htmlRun {
	r := htmlRun{Facts: []pair{
		{"Begun", minute(run.Timestamp)}, {"Made by", "mxsweep " + run.Version}, {"Greeted as", Escape(run.EHLODomain)},
		{"Fingerprints", fmt.Sprintf("%d rules %s", run.Data.Fingerprints, run.Data.FingerprintsDate)},
		{"Advisories of", run.Data.AdvisoriesDate + ageOf(run)}, {"Run", Escape(run.ID)},
	}}
	if c := run.Check; c != nil && c.Address.IsValid() {
		r.Facts = append(r.Facts, pair{"Scanned from", c.Address.String() + " " + Escape(list(c.PTR != nil, c.PTR))})
	}
	for _, name := range slices.Sorted(maps.Keys(run.Options)) {
		r.Options = append(r.Options, pair{"-" + Escape(name), Escape(run.Options[name])})
	}
	return r
}

// ageOf says how old the advisories were when the scan was judged.
func ageOf(run *scanner.Run) string {
	date, err := time.Parse(time.DateOnly, run.Data.AdvisoriesDate)
	if err != nil || !run.Timestamp.After(date) {
		return ""
	}
	return fmt.Sprintf(", %s old then", plural(uint64(run.Timestamp.Sub(date)/(24*time.Hour)), "day"))
}

func minute(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2 January 2006, 15:04 UTC")
}

func tiles(n figures) []tile {
	bad := func(n int, class string) string {
		if n > 0 {
			return class
		}
		return "good"
	}
	urgent := n.Severities[advisory.Critical] + n.Severities[advisory.High]
	return []tile{
		{"Covered", percent(n.Covered, n.Endpoints+n.Unlisted), fmt.Sprintf("%s of %s gave a final answer, %s a greeting", grouped(uint64(n.Covered)), plural(uint64(n.Endpoints+n.Unlisted), "endpoint"), grouped(uint64(n.Answered))), bad(n.Endpoints+n.Unlisted-n.Covered, "warn")},
		{"Critical and high", grouped(uint64(urgent)), fmt.Sprintf("findings; %s medium, %s low", grouped(uint64(n.Severities[advisory.Medium])), grouped(uint64(n.Severities[advisory.Low]))), bad(urgent, "bad")},
		{"Past end of life", percent(n.Ended, n.VersionKnown), fmt.Sprintf("%s of %s that show a version", grouped(uint64(n.Ended)), grouped(uint64(n.VersionKnown))), bad(n.Ended, "bad")},
		{"Encrypted", percent(n.Encrypted, n.EncryptionKnown), fmt.Sprintf("%s of %s where it could be seen", grouped(uint64(n.Encrypted)), grouped(uint64(n.EncryptionKnown))), bad(n.EncryptionKnown-n.Encrypted, "warn")},
		{"Certificates expired", grouped(uint64(n.Expired)), fmt.Sprintf("%s more within 30 days of the scan", grouped(uint64(n.Expiring))), bad(n.Expired, "bad")},
	}
}
