package output

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// attack is text that would run, load or mislead wherever a writer forgot it.
const attack = `</script><script>alert(1)</script><svg onload=alert(2)>"'--><img src=https://evil.test/x>` + "\u202egnp.exe\u202c\x1b[31m\x00\xff`${alert(3)}`"

// records is a small fleet as a scan writes it.
func records() []scanner.Result {
	good, bad, same := typical(), typical(), typical()
	bad.Host, bad.IP, bad.Port = "old.example.com", netip.MustParseAddr("2001:db8::5"), 465
	bad.Banner = smtp.Raw("220 " + attack + "\r\n")
	bad.Software.Product, bad.Software.Version = "Exim", "4.90"
	bad.TLS.Version = "TLS 1.0"
	bad.TLS.Certificate.SubjectCN, bad.TLS.Certificate.NotAfter = attack, noon.AddDate(0, 0, -3)
	bad.Findings = []advisory.Finding{
		{ID: "known-exploited", Severity: advisory.Critical, Title: "May be affected", Evidence: attack, CWE: "CWE-1395", References: []string{"CVE-2019-10149"},
			Advisories: []advisory.Match{{CVE: "CVE-2019-10149", Title: "Command run", CVSS: 9.8, KEV: true, Fixed: "4.92"}}},
		{ID: "end-of-life", Severity: advisory.Medium, Title: "The release line is no longer supported", Evidence: "Exim 4.90"},
	}
	same.Domain, same.Reused = "example.net", true
	refused := &scanner.Service{Host: "mx1.example.com", IP: good.IP, Port: 587, Timestamp: noon, Status: scanner.StatusRefused, Phase: smtp.PhaseConnect, Domain: "example.com"}
	gone := &scanner.Service{Host: "gone.example.com", Timestamp: noon, Status: scanner.StatusNXDomain, Phase: smtp.PhaseDNS, Domain: "example.com"}
	return []scanner.Result{
		{Run: &scanner.Run{Schema: 1, ID: "ab", Timestamp: noon, Version: "v1.2.3", Options: map[string]string{"target": "example.com", "rate-limit": "50"}, EHLODomain: "audit.example.org"}},
		{Service: good}, {Service: bad}, {Service: same}, {Service: refused}, {Service: gone},
		{Domain: &scanner.Domain{Timestamp: noon, Domain: "example.com", Status: scanner.StatusSuccess, MX: []scanner.MX{{Name: "mx1.example.com", Preference: 10, Status: scanner.StatusSuccess, Addresses: []netip.Addr{good.IP}}},
			Findings: []advisory.Finding{{ID: "mx-single", Severity: advisory.Info, Title: "Only one MX record", Evidence: attack}}}},
		{Domain: &scanner.Domain{Timestamp: noon, Domain: "example.net", Status: scanner.StatusSuccess}},
		{Summary: &scanner.Summary{Timestamp: noon, Endpoints: 9, Silent: 4}},
	}
}

func ndjson(results ...scanner.Result) string {
	var b []byte
	for i := range results {
		b = AppendResult(b, &results[i])
	}
	return string(b)
}

func newTestReport(t testing.TB, o ReportOptions, text string) *Report {
	t.Helper()
	o.Now = noon
	r, err := NewReport(o)
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Read("fleet.ndjson", strings.NewReader(text)); err != nil {
		t.Fatal(err)
	}
	return r
}

func reportText(t testing.TB, r *Report, format ReportFormat) string {
	t.Helper()
	var b strings.Builder
	if err := r.Write(&b, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// blocks returns the unpacked data blocks of a page.
func blocks(t testing.TB, page string) map[string]string {
	t.Helper()
	found := map[string]string{}
	for _, m := range regexp.MustCompile(`<script type="application/gzip" id="([a-z0-9-]+)">([A-Za-z0-9+/=]*)</script>`).FindAllStringSubmatch(page, -1) {
		packed, err := base64.StdEncoding.DecodeString(m[2])
		if err != nil {
			t.Fatal(err)
		}
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(z)
		if err != nil {
			t.Fatal(err)
		}
		if !json.Valid(text) {
			t.Fatalf("%s is no JSON: %.200s", m[1], text)
		}
		found[m[1]] = string(text)
	}
	return found
}

// The page's policy allows its own style and script by hash and nothing else;
// hostile text is there as text only.
func TestReportHTMLIsSealed(t *testing.T) {
	page := reportText(t, newTestReport(t, ReportOptions{Title: attack}, ndjson(records()...)), ReportHTML)
	_, policy, _ := strings.Cut(page, `http-equiv="Content-Security-Policy" content="`)
	policy, _, _ = strings.Cut(policy, `"`)
	policy = html.UnescapeString(policy)
	for _, element := range []string{"style", "script"} {
		_, text, _ := strings.Cut(page, "<"+element+">")
		text, _, _ = strings.Cut(text, "</"+element+">")
		sum := sha256.Sum256([]byte(text))
		if want := fmt.Sprintf("%s-src 'sha256-%s'", element, base64.StdEncoding.EncodeToString(sum[:])); !strings.Contains(policy, want) {
			t.Errorf("%s: the policy %q does not have %s", element, policy, want)
		}
	}
	if !strings.HasPrefix(policy, "default-src 'none'; ") || strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	if n := strings.Count(page, "<script"); n != 3 { // its own and two blocks of data
		t.Errorf("%d script elements", n)
	}
	for _, danger := range []string{"<svg onload", "<img", "\u202e", "\x1b", "\x00", "\xff"} {
		if strings.Contains(page, danger) {
			t.Errorf("%q is in the page", danger)
		}
	}
	for name, text := range blocks(t, page) {
		if strings.Contains(text, "\u202e") || strings.Contains(text, "\\u001b") {
			t.Errorf("%s: what cannot be seen is not escaped", name)
		}
	}
}

func TestReportHTMLData(t *testing.T) {
	page := reportText(t, newTestReport(t, ReportOptions{}, ndjson(records()...)), ReportHTML)
	found := blocks(t, page)
	var data struct {
		Hosts, Domains, Findings, Software [][]any
		Catalog                            map[string][]string
	}
	if err := json.Unmarshal([]byte(found["fleet"]), &data); err != nil {
		t.Fatal(err)
	}
	if len(data.Hosts) != 3 || len(data.Domains) != 2 || len(data.Software) != 2 {
		t.Fatalf("%d hosts, %d domains, %d kinds of software", len(data.Hosts), len(data.Domains), len(data.Software))
	}
	if data.Hosts[0][0] != "2001:db8::5" || data.Hosts[0][4] != 5.0 {
		t.Errorf("the worst host is not first: %v", data.Hosts[0])
	}
	var details []map[string]any
	if err := json.Unmarshal([]byte(found["details-0"]), &details); err != nil {
		t.Fatal(err)
	}
	if len(details) != 6 { // of two domains and four endpoints: the reused record adds none
		t.Errorf("%d details", len(details))
	}
	for _, want := range []string{`"EHLO scan.example.net"`, `"250-STARTTLS"`, `"TLS handshake: TLS 1.3"`, `\\u202egnp.exe\\u202c\\x1b[31m\\x00\\xff`} {
		if !strings.Contains(found["details-0"], want) {
			t.Errorf("the transcripts lack %s", want)
		}
	}
	for _, want := range []string{"Past end of life", "expired before the scan", "4 further endpoints", "1 of 1 that show", "mxsweep v1.2.3"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
}

// The panels show what was asked for beyond the greeting.
func TestPanels(t *testing.T) {
	s := typical()
	s.TLSVersions = &scanner.TLSVersions{Accepted: []string{"TLS 1.0"}, Refused: []string{"TLS 1.3"}}
	s.Checks = []smtp.Checked{{Check: smtp.CheckVrfy, Error: attack, Exchanges: []smtp.Exchange{{Command: "VRFY postmaster", Reply: "252 2.0.0 " + attack + "\r\n"}}}}
	d := records()[6]
	d.Domain.SPF = &scanner.RRset{Status: scanner.StatusSuccess, Records: []string{"v=spf1 -all", attack}}
	d.Domain.DMARC = &scanner.RRset{Status: scanner.StatusSuccess}
	d.Domain.TLSRPT = &scanner.RRset{Status: scanner.StatusServFail}
	d.Domain.MTASTSPolicy = &scanner.STSPolicy{Text: "version: STSv1\r\nmode: enforce\r\n"}
	d.Domain.MX[0].TLSA = &scanner.RRset{Status: scanner.StatusSuccess, Records: []string{"3 1 1 ab"}}
	blocked := scanner.Result{Summary: &scanner.Summary{Timestamp: noon, Port25Blocked: true, Findings: []advisory.Finding{{ID: "software-differs", Severity: advisory.Low, Evidence: "two versions of one host"}}}}
	page := reportText(t, newTestReport(t, ReportOptions{}, ndjson(scanner.Result{Service: s}, d, blocked)), ReportHTML)
	found := blocks(t, page)
	for block, wants := range map[string][]string{
		"details-0": {`["TLS versions accepted","TLS 1.0"]`, `["TLS versions refused","TLS 1.3"]`, `"name":"vrfy"`, `["client","VRFY postmaster"]`, `["server","252 2.0.0 \u003c/script`,
			`["SPF","v=spf1 -all\n\u003c/script`, `["DMARC","none"]`, `["TLS-RPT","not known: servfail"]`, `["MTA-STS policy","version: STSv1\nmode: enforce"]`, `["TLSA of mx1.example.com","3 1 1 ab"]`},
		"fleet": {`["SPF","good"]`, `["no DMARC","warn"]`, `["DANE","good"]`, `two versions of one host`},
	} {
		for _, want := range wants {
			if !strings.Contains(found[block], want) {
				t.Errorf("%s lacks %s", block, want)
			}
		}
	}
	if !strings.Contains(page, "port 25 was probably blocked") {
		t.Error("nothing says that the negatives say nothing")
	}
}

// A rate-limited endpoint is no answer, nor is one that was not contacted;
// refusal and silence are.
func TestCoverage(t *testing.T) {
	var results []scanner.Result
	for i, status := range []scanner.Status{scanner.StatusSuccess, scanner.StatusRefused, scanner.StatusConnectTimeout, scanner.StatusRateLimited, scanner.StatusExcluded, scanner.StatusNoRoute, scanner.StatusNXDomain} {
		r := failed("192.0.2.1", uint16(i+1), status, smtp.PhaseConnect, "")
		if status == scanner.StatusNXDomain {
			r = failed("", 0, status, smtp.PhaseDNS, "")
		}
		results = append(results, r)
	}
	results = append(results, scanner.Result{Summary: &scanner.Summary{Silent: 4}})
	r := newTestReport(t, ReportOptions{}, ndjson(results...))
	if n := r.fleet.figures(r.fleet.hosts()); n.Covered != 7 || n.Endpoints+n.Unlisted != 10 {
		t.Errorf("%d of %d covered, want 7 of 10", n.Covered, n.Endpoints+n.Unlisted)
	}
}

func TestDMARCPolicy(t *testing.T) {
	for record, want := range map[string]string{"v=DMARC1; p=reject": "reject", "v=DMARC1;P = none ;sp=x": "none", "v=DMARC1": "", "": ""} {
		if got := dmarcPolicy(&scanner.RRset{Records: []string{record}}); got != want {
			t.Errorf("%q: %q, want %q", record, got, want)
		}
	}
}

func TestLatestRecordCounts(t *testing.T) {
	old, recent := typical(), typical()
	recent.Timestamp = noon.Add(time.Hour)
	recent.Software.Version = "9.9.9"
	for _, text := range []string{
		ndjson(scanner.Result{Service: old}, scanner.Result{Service: recent}),
		ndjson(scanner.Result{Service: recent}, scanner.Result{Service: old}),
	} {
		r := newTestReport(t, ReportOptions{}, text)
		rows, err := csv.NewReader(strings.NewReader(reportText(t, r, ReportCSV))).ReadAll()
		if err != nil || len(rows) != 2 || !strings.Contains(strings.Join(rows[1], ","), "9.9.9") {
			t.Errorf("%v, error %v", rows, err)
		}
		if s := r.fleet.software(); len(s) != 1 || s[0].Version != "9.9.9" {
			t.Errorf("software %v", s)
		}
	}
}

func TestReportTables(t *testing.T) {
	for table, want := range map[string]int{"services": 4, "findings": 0, "hosts": 3, "domains": 2} {
		r := newTestReport(t, ReportOptions{Table: table}, ndjson(records()...))
		rows, err := csv.NewReader(strings.NewReader(reportText(t, r, ReportCSV))).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", table, err)
		}
		if table == "findings" {
			for range r.fleet.each() {
				want++
			}
			if rows[1][1] != "known-exploited" || rows[1][10] != "CVE-2019-10149" {
				t.Errorf("the worst finding is not first: %q", rows[1])
			}
		}
		if len(rows)-1 != want {
			t.Errorf("%s: %d rows, want %d", table, len(rows)-1, want)
		}
		for _, row := range rows[1:] {
			for _, cell := range row {
				if strings.ContainsAny(cell, "\x1b\x00\n") || isFormula(cell) {
					t.Errorf("%s: unsafe cell %q", table, cell)
				}
			}
		}
	}
	if _, err := NewReport(ReportOptions{Table: "planets"}); err == nil {
		t.Error("there is no table of planets")
	}
}

func TestReportNotes(t *testing.T) {
	r := newTestReport(t, ReportOptions{}, "garbage\n"+ndjson(records()[1])+`{"type":"weather"}`+"\n"+`{"type":"ser`)
	page := reportText(t, r, ReportHTML)
	for _, want := range []string{"1 line skipped", "torn", "1 record of a type"} {
		if !strings.Contains(strings.Join(r.Notes(), "\n"), want) || !strings.Contains(page, want) {
			t.Errorf("nothing says %q: %q", want, r.Notes())
		}
	}
	for _, interrupted := range []bool{true, false} {
		run := []scanner.Result{records()[0], records()[1]}
		if interrupted {
			run = append(run, scanner.Result{Summary: &scanner.Summary{Interrupted: true}})
		}
		if page := reportText(t, newTestReport(t, ReportOptions{}, ndjson(run...)), ReportHTML); strings.Contains(page, "was interrupted") != interrupted || strings.Contains(page, "without a summary") == interrupted {
			t.Errorf("interrupted %v: the page does not say how the run ended", interrupted)
		}
	}
}

func TestReportFormatOf(t *testing.T) {
	for path, want := range map[string]ReportFormat{
		"a.html": ReportHTML, "A.HTML": ReportHTML, "a.md": ReportMarkdown, "a.csv": ReportCSV, "a.sarif": ReportSARIF,
		"a.sarif.json": ReportSARIF, "a.defectdojo.json": ReportDefectDojo, "a.json": "", "html": "",
	} {
		if got, err := ReportFormatOf(path); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

// A ticket is text of our own: what servers say is no markup in it.
func TestMarkdownIsSafe(t *testing.T) {
	text := reportText(t, newTestReport(t, ReportOptions{}, ndjson(records()...)), ReportMarkdown)
	for _, danger := range []string{"<script", "<img", "<svg", "https://evil", "`${", "\u202e", "\x1b"} {
		if strings.Contains(text, danger) {
			t.Errorf("%q is in the text:\n%s", danger, text)
		}
	}
	if !strings.Contains(text, "### critical: ") || !strings.Contains(text, "**What to do:**") {
		t.Errorf("problems are missing:\n%s", text)
	}
	if got := inline("@team [x](javascript:1) | *b* http://a"); got != `&#64;team \[x\]\(javascript:1\) \| \*b\* http:&#47;/a` {
		t.Errorf("inline: %s", got)
	}
}

func TestPercent(t *testing.T) {
	for _, tt := range []struct {
		part, whole int
		want        string
	}{{0, 0, "–"}, {0, 9, "0%"}, {9, 9, "100%"}, {1, 1000, "<1%"}, {999, 1000, ">99%"}, {1, 3, "33%"}, {2, 3, "67%"}} {
		if got := percent(tt.part, tt.whole); got != tt.want {
			t.Errorf("%d of %d: %s, want %s", tt.part, tt.whole, got, tt.want)
		}
	}
}

func TestTimeline(t *testing.T) {
	f := newFleet()
	for i, expires := range []time.Time{noon.AddDate(0, 0, -1), noon.AddDate(0, 0, 1), time.Date(2026, 12, 31, 23, 59, 0, 0, time.UTC), noon.AddDate(3, 0, 0), noon.AddDate(-90, 0, 0), {}} {
		s := typical()
		s.Port, s.TLS.Certificate.NotAfter = uint16(i+1), expires
		f.addService(s)
	}
	columns := f.timeline()
	got := map[string]string{}
	for _, c := range columns {
		if c.Value != "0" {
			got[c.Label] = c.Value
		}
	}
	if want := map[string]string{"expired": "2", "Nov": "1", "Dec": "1", "later": "1"}; fmt.Sprint(got) != fmt.Sprint(want) || len(columns) != 14 {
		t.Errorf("%v in %d columns, want %v", got, len(columns), want)
	}
	if newFleet().timeline() != nil {
		t.Error("a timeline of nothing")
	}
}

// FuzzReport makes reports of arbitrary records: no format fails, and no page
// holds more scripts than its own.
func FuzzReport(f *testing.F) {
	f.Add([]byte(`{"type":"service","ip":"192.0.2.1","banner":"</script>","findings":[{"id":"x","evidence":"<!--"}],"tls":{"certificate":{}}}`))
	f.Add([]byte(`{"type":"domain","domain":"<a>","mx":[{"name":"\u0000"}],"findings":[{}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, redact := range []bool{false, true} {
			r, err := NewReport(ReportOptions{Redact: redact})
			if err != nil || r.Read("x", bytes.NewReader(data)) != nil {
				return
			}
			page := reportText(t, r, ReportHTML)
			if n := len(blocks(t, page)); strings.Count(page, "<script") != n+1 {
				t.Fatalf("%d scripts, %d blocks", strings.Count(page, "<script"), n)
			}
			for _, format := range []ReportFormat{ReportMarkdown, ReportCSV, ReportSARIF, ReportDefectDojo} {
				text := reportText(t, r, format)
				if strings.HasPrefix(text, "{") && !json.Valid([]byte(text)) {
					t.Fatalf("%s is no JSON", format)
				}
			}
		}
	})
}
