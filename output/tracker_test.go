package output

import (
	"encoding/json"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// checkAgainst validates a document against a schema of testdata. The schemas
// are our own extracts: what the formats demand of the members that reports
// have. Members that an extract does not name are refused. The whole schema of
// SARIF is what .ci/report holds files against; DefectDojo publishes none.
func checkAgainst(t *testing.T, path, text string) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var v validator
	if err := json.Unmarshal(file, &v.root); err != nil {
		t.Fatal(err)
	}
	if err := v.line(text); err != nil {
		t.Errorf("%v\n%.2000s", err, text)
	}
}

func TestSARIF(t *testing.T) {
	text := reportText(t, newTestReport(t, ReportOptions{}, ndjson(records()...)), ReportSARIF)
	checkAgainst(t, "testdata/sarif.schema.json", text)
	var log sarifLog
	if err := json.Unmarshal([]byte(text), &log); err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	prints := map[string]bool{}
	for _, result := range run.Results {
		if rule := run.Tool.Driver.Rules[result.RuleIndex]; rule.ID != result.RuleID { // section 3.27.6
			t.Errorf("result of %s points at rule %s", result.RuleID, rule.ID)
		}
		// What GitHub's code scanning demands beyond the standard.
		if at, err := url.Parse(result.Locations[0].Physical.Artifact.URI); err != nil || at.IsAbs() || result.Locations[0].Physical.Region.StartLine < 1 || result.Message.Text == "" || result.Level == "" {
			t.Errorf("%+v, error %v", result, err)
		}
		prints[result.Fingerprints["mxsweep/v1"]] = true
	}
	if len(run.Results) < 3 || len(prints) != len(run.Results) {
		t.Errorf("%d results, %d fingerprints", len(run.Results), len(prints))
	}
	if first := run.Results[0]; first.Level != "error" || first.Locations[0].Physical.Artifact.URI != "service/old.example.com/465" {
		t.Errorf("the worst is not first: %+v", first)
	}
	if again := reportText(t, newTestReport(t, ReportOptions{}, ndjson(records()...)), ReportSARIF); again != text {
		t.Error("a second report differs")
	}
}

func TestDefectDojo(t *testing.T) {
	text := reportText(t, newTestReport(t, ReportOptions{}, ndjson(records()...)), ReportDefectDojo)
	checkAgainst(t, "testdata/defectdojo.schema.json", text)
	var report dojoReport
	if err := json.Unmarshal([]byte(text), &report); err != nil {
		t.Fatal(err)
	}
	ids := map[string]bool{}
	for _, f := range report.Findings {
		if f.Title == "" || len(f.Title) > 511 || f.Description == "" || len(f.UniqueID) > 500 { // the columns of its database
			t.Errorf("%+v", f)
		}
		if _, err := time.Parse(time.DateOnly, f.Date); err != nil {
			t.Error(err)
		}
		ids[f.UniqueID] = true
	}
	first := report.Findings[0]
	if len(ids) != len(report.Findings) || first.Severity != "Critical" || !first.KnownExploited || first.CWE != 1395 ||
		first.Endpoints[0] != (dojoEndpoint{"smtp", "old.example.com", 465}) || first.VulnerabilityIDs[0] != "CVE-2019-10149" {
		t.Errorf("%d ids of %d findings, first %+v", len(ids), len(report.Findings), first)
	}
}

// What only a comparison of the services shows is in every form of a report:
// once, however many runs found it.
func TestComparisonsAreInEveryForm(t *testing.T) {
	compared := []advisory.Finding{
		{ID: "key-shared", Severity: advisory.Low, Title: "One private key", Evidence: "the key ab12 is used at 192.0.2.1, 192.0.2.2, 192.0.2.3"},
		{ID: "key-shared", Severity: advisory.Low, Title: "One private key", Evidence: "the key cd34 is used at 192.0.2.4, 192.0.2.5, 192.0.2.6"},
	}
	end := scanner.Result{Summary: &scanner.Summary{Timestamp: noon, Findings: compared}}
	text := ndjson(append(records(), end, end)...)
	for _, tt := range []struct {
		format ReportFormat
		marks  map[string]int // how often each is there
	}{
		{ReportSARIF, map[string]int{"the key ab12": 1, "the key cd34": 1, `"uri": "fleet"`: 2, `"kind": "fleet"`: 2}},
		{ReportDefectDojo, map[string]int{"the key ab12": 1, "the key cd34": 1, `"unique_id_from_tool": "key-shared fleet `: 2}},
		{ReportCSV, map[string]int{`low,key-shared,One private key,,,,,,,"the key ab12`: 1, `low,key-shared,One private key,,,,,,,"the key cd34`: 1}},
		{ReportMarkdown, map[string]int{"(2 comparisons)": 1, "- [ ] the key ab12": 1, "- [ ] the key cd34": 1}},
		{ReportHTML, map[string]int{"2 comparisons": 1}},
	} {
		got := reportText(t, newTestReport(t, ReportOptions{Table: "findings"}, text), tt.format)
		if tt.format == ReportSARIF || tt.format == ReportDefectDojo {
			checkAgainst(t, "testdata/"+string(tt.format)+".schema.json", got)
		}
		for mark, want := range tt.marks {
			if n := strings.Count(got, mark); n != want {
				t.Errorf("%s: %q is there %d times, want %d", tt.format, mark, n, want)
			}
		}
	}
}

// A tracker that takes no file with more results gets the worst, and both the
// file and the user are told of the rest.
func TestWorst(t *testing.T) {
	f := newTestReport(t, ReportOptions{}, ndjson(records()...)).fleet
	listed, left := f.worst(2)
	all, none := f.worst(maxSARIFResults)
	if len(listed) != 2 || listed[0].finding.ID != "known-exploited" || len(none) != 0 {
		t.Errorf("listed %+v, left out of all %v", listed, none)
	}
	for _, o := range all[2:] {
		left[o.finding.Severity]--
	}
	for severity, n := range left {
		if n != 0 {
			t.Errorf("%s: %d miscounted", severity, n)
		}
	}
	want := "SARIF lists the worst 25,000 findings, as many as code scanning services accept; left out: 7 low, 22,271 info"
	many := map[advisory.Severity]uint64{advisory.Info: 22_271, advisory.Low: 7}
	if got := leftOut(many); len(got) != 1 || got[0] != want {
		t.Errorf("%q", got)
	}
	r := newTestReport(t, ReportOptions{}, "garbage\n"+ndjson(records()...))
	if got := r.sarifInvocation(many).Notifications; len(got) != 2 || !strings.Contains(got[0].Message.Text, "1 line skipped") || got[1].Message.Text != want {
		t.Errorf("in the file: %+v", got)
	}
	if r.Omitted(ReportSARIF) != nil || r.Omitted(ReportDefectDojo) != nil {
		t.Error("something is left out where all is there")
	}
}

// What a policy ignores is not open work, and every form says why.
func TestIgnoredIsSaid(t *testing.T) {
	r := records()
	r[1].Service.Findings = []advisory.Finding{{ID: "certificate-self-signed", Severity: advisory.Info, Title: "Self-signed", Evidence: "by itself", Ignored: "until 2027-01-31: the lab"}}
	r[2].Service.Findings = []advisory.Finding{{ID: "certificate-self-signed", Severity: advisory.Low, Title: "Self-signed", Evidence: "by itself"}}
	for format, wants := range map[ReportFormat][]string{
		ReportSARIF:      {`"justification": "until 2027-01-31: the lab"`},
		ReportDefectDojo: {`by itself (ignored until 2027-01-31: the lab)`, `"active": false`, `"active": true`},
		ReportCSV:        {",until 2027-01-31: the lab\r\n"},
		ReportHTML:       {"by itself (ignored until 2027-01-31: the lab)"},
		ReportMarkdown:   {`by itself \(ignored until 2027-01-31: the lab\)`},
	} {
		text := reportText(t, newTestReport(t, ReportOptions{Table: "findings"}, ndjson(r...)), format)
		if format == ReportSARIF || format == ReportDefectDojo {
			checkAgainst(t, "testdata/"+string(format)+".schema.json", text)
		}
		for _, block := range blocks(t, text) {
			text += block
		}
		for _, want := range wants {
			if n := strings.Count(text, want); n == 0 || n > 1 && format == ReportSARIF {
				t.Errorf("%s: %q is there %d times", format, want, n)
			}
		}
	}
}

func TestOccurrenceURI(t *testing.T) {
	for _, tt := range []struct {
		o    occurrence
		want string
	}{
		{occurrence{service: &fleetService{}, host: "mx.example.com", port: 25}, "service/mx.example.com/25"},
		{occurrence{service: &fleetService{}, addr: "2001:db8::1", port: 465}, "service/2001%3Adb8%3A%3A1/465"},
		{occurrence{service: &fleetService{}, host: "a b/<é>"}, "service/a%20b%2F%3C%C3%A9%3E"},
		{occurrence{domains: []string{"example.com"}}, "domain/example.com"},
		{occurrence{}, "fleet"},
	} {
		if got := tt.o.uri(); got != tt.want {
			t.Errorf("%s, want %s", got, tt.want)
		}
	}
}

// The names in the texts for trackers are escaped for the eye.
func TestTrackersAreReadable(t *testing.T) {
	hidden := regexp.MustCompile("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e]|\\\\u00|\\\\u202")
	for _, format := range []ReportFormat{ReportSARIF, ReportDefectDojo} {
		text := reportText(t, newTestReport(t, ReportOptions{}, ndjson(records()...)), format)
		text = strings.ReplaceAll(text, `\\`, "") // what Escape wrote
		if found := hidden.FindString(text); found != "" {
			t.Errorf("%s holds %q", format, found)
		}
	}
}
