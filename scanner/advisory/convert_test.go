package advisory

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// demoUpdate converts text for a product "demo", known to NVD as acme:demo and
// to OSV as npm/demo, with one advisory that has curated facts.
func demoUpdate(t testing.TB, text string) (*Set, *Update, error) {
	t.Helper()
	s, err := Load(demoSet(strings.NewReplacer(
		"scheme: dotted\n", "scheme: dotted\ncpe: ['acme:demo']\nosv: [npm/demo]\n",
		"    severity: high\n", "    severity: high\n    needs: [CHUNKING]\n    conditions: needs CHUNKING\n",
	).Replace(goodFile)))
	if err != nil {
		t.Fatal(err)
	}
	u, err := s.Convert([]byte(text))
	return s, u, err
}

// updated is the set with the files of an update over it, as -data has it.
func updated(t testing.TB, s *Set, u *Update, old fs.FS) (*Set, fstest.MapFS) {
	t.Helper()
	files, err := u.Files(old)
	if err != nil {
		t.Fatal(err)
	}
	dir := fstest.MapFS{}
	for name, text := range files {
		dir[name] = &fstest.MapFile{Data: text}
	}
	next, err := s.With(dir)
	if err != nil {
		t.Fatalf("%v\n%s", err, files["demo.yaml"])
	}
	return next, dir
}

func advisoryOf(t testing.TB, s *Set, cve string) *fileAdvisory {
	t.Helper()
	p, err := s.products["demo"]()
	if err != nil {
		t.Fatal(err)
	}
	if i := indexCVE(p.Advisories, cve); i >= 0 {
		return &p.Advisories[i]
	}
	return nil
}

// nvdFile wraps entries as NVD does.
func nvdFile(entries ...string) string {
	return `{"resultsPerPage":1,"format":"NVD_CVE","version":"2.0","timestamp":"2026-11-20T08:00:00.123","vulnerabilities":[{"cve":` +
		strings.Join(entries, `},{"cve":`) + `}]}`
}

// nvdEntryText is an entry with the matches given, in the form of the API.
func nvdEntryText(cve, operator string, matches ...string) string {
	return `{"id":"` + cve + `","published":"2026-10-01T10:15:00.000","vulnStatus":"Analyzed","cisaExploitAdd":"2026-11-01",
	"descriptions":[{"lang":"es","value":"Fallo"},{"lang":"en","value":"Demo before 1.5\nallows  remote code execution."}],
	"metrics":{"cvssMetricV2":[{"type":"Primary","baseSeverity":"LOW","cvssData":{"version":"2.0","baseScore":2.1}}],
	"cvssMetricV31":[{"type":"Secondary","cvssData":{"version":"3.1","baseScore":5.0,"baseSeverity":"MEDIUM","attackVector":"NETWORK"}},
	{"type":"Primary","cvssData":{"version":"3.1","baseScore":9.8,"baseSeverity":"CRITICAL","attackVector":"NETWORK"}}]},
	"configurations":[{"operator":"` + operator + `","nodes":[{"operator":"OR","negate":false,"cpeMatch":[` + strings.Join(matches, ",") + `]}]}]}`
}

func cpeMatch(criteria, bounds string) string {
	return `{"vulnerable":true,"criteria":"cpe:2.3:a:` + criteria + `:*:*:*:*:*:*"` + bounds + `}`
}

func TestConvertNVD(t *testing.T) {
	s, u, err := demoUpdate(t, nvdFile(
		nvdEntryText("CVE-2026-9", "AND", cpeMatch("acme:demo:*:*", `,"versionStartIncluding":"2.0","versionEndExcluding":"2.4"`),
			cpeMatch("acme:demo:1.1:*", ""), cpeMatch("acme:demo:*:*", `,"versionStartIncluding":"2.3","versionEndIncluding":"2.5"`),
			cpeMatch("linux:linux_kernel:-:*", "")),
		nvdEntryText("CVE-2026-1", "OR", cpeMatch("acme:demo:*:*", `,"versionEndExcluding":"1.7"`)),
		nvdEntryText("CVE-2026-2", "OR", cpeMatch("acme:other:*:*", `,"versionEndExcluding":"1.7"`)),
		strings.Replace(nvdEntryText("CVE-2026-3", "OR", cpeMatch("acme:demo:*:*", `,"versionEndExcluding":"1.7"`)), "Analyzed", "Rejected", 1),
	))
	if err != nil {
		t.Fatal(err)
	}
	if u.Kind != "NVD 2.0" || u.Date != "2026-11-20" || u.Read != 4 || u.Changed != 2 || len(u.Skipped) != 0 {
		t.Errorf("update %+v", u)
	}
	next, _ := updated(t, s, u, nil)
	a := advisoryOf(t, next, "CVE-2026-9")
	if a == nil || a.Title != "Demo before 1.5 allows remote code execution." || a.Severity != Critical || a.CVSS != 9.8 || !a.KEV ||
		a.Published != "2026-10-01" || a.Conditions != "together with linux:linux_kernel" || !slices.Equal(a.Sources, []string{"NVD 2.0 2026-11-20"}) {
		t.Errorf("new: %+v", a)
	}
	if len(a.Ranges) != 2 || a.Ranges[0].LastAffected != "1.1" || a.Ranges[1].Introduced != "2.0" || a.Ranges[1].LastAffected != "2.5" {
		t.Errorf("ranges %+v", a.Ranges)
	}
	b := advisoryOf(t, next, "CVE-2026-1")
	if b.Title != "Fault" || !slices.Equal(b.Needs, []string{"CHUNKING"}) || b.Conditions != "needs CHUNKING" || b.Ranges[0].Fixed != "1.7" || len(b.Sources) != 2 {
		t.Errorf("known: %+v", b)
	}
	if next.Date() != "2026-11-20" || s.Date() != "2026-08-22" {
		t.Errorf("date %s, was %s", next.Date(), s.Date())
	}
	if got := advisoryOf(t, s, "CVE-2026-1").Ranges[0].Fixed; got != "1.5" {
		t.Errorf("the old set has changed: %s", got)
	}
}

// What a source says in a form that cannot be compared is reported and not
// guessed at; the rest of an advisory that is known is still taken.
func TestConvertSkips(t *testing.T) {
	for name, match := range map[string]string{
		"begins after": cpeMatch("acme:demo:*:*", `,"versionStartExcluding":"1.0","versionEndExcluding":"1.7"`),
		"not told by":  cpeMatch("acme:demo:1.0:rc1", ""),
		"* *":          cpeMatch("acme:demo:*:*", ""),
		"compare":      cpeMatch("acme:demo:*:*", `,"versionEndExcluding":"spring"`),
		"no end":       cpeMatch("acme:demo:*:*", `,"versionEndExcluding":"1.7","versionEndIncluding":"1.8"`),
		"inside":       cpeMatch("acme:demo:*:*", `,"versionStartIncluding":"1.7","versionEndExcluding":"1.7"`),
	} {
		s, u, err := demoUpdate(t, nvdFile(nvdEntryText("CVE-2026-1", "OR", match), nvdEntryText("CVE-2026-7", "OR", match)))
		if err != nil {
			t.Fatal(err)
		}
		if len(u.Skipped) != 2 || !strings.Contains(u.Skipped[0], name) || !strings.HasPrefix(u.Skipped[1], "CVE-2026-7: demo: ") {
			t.Errorf("%s: skipped %q", name, u.Skipped)
		}
		next, _ := updated(t, s, u, nil)
		if a := advisoryOf(t, next, "CVE-2026-1"); a.CVSS != 9.8 || a.Ranges[0].Fixed != "1.5" || advisoryOf(t, next, "CVE-2026-7") != nil {
			t.Errorf("%s: %+v", name, a)
		}
	}
}

func TestConvertKEV(t *testing.T) {
	s, u, err := demoUpdate(t, `{"title":"CISA Catalog","catalogVersion":"2026.11.20","dateReleased":"2026-11-20T14:00:00.0000Z","count":2,
		"vulnerabilities":[{"cveID":"CVE-2026-1","vendorProject":"Acme"},{"cveID":"CVE-2001-1"}]}`)
	if err != nil || u.Kind != "CISA KEV" || u.Read != 2 || u.Changed != 1 {
		t.Fatalf("%+v, %v", u, err)
	}
	next, dir := updated(t, s, u, nil)
	if a := advisoryOf(t, next, "CVE-2026-1"); !a.KEV || a.CVSS != 0 || len(a.Ranges) != 2 || a.Needs == nil {
		t.Errorf("%+v", a)
	}
	if next.Date() != s.Date() {
		t.Errorf("a list without versions has brought the advisories up to %s", next.Date())
	}
	// What is known needs no second mention, and a later update keeps it.
	if again, err := next.Convert([]byte(`{"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2026-1"}]}`)); err != nil || again.Changed != 0 {
		t.Errorf("again: %+v, %v", again, err)
	}
	more, err := next.Convert([]byte(nvdFile(nvdEntryText("CVE-2026-9", "OR", cpeMatch("acme:demo:1.1:*", "")))))
	if err != nil {
		t.Fatal(err)
	}
	last, _ := updated(t, s, more, dir)
	if a := advisoryOf(t, last, "CVE-2026-1"); !a.KEV || advisoryOf(t, last, "CVE-2026-9") == nil {
		t.Errorf("after the second update: %+v", a)
	}
}

const osvText = `{"id":"GHSA-1","aliases":["CVE-2026-8"],"summary":"Crash","published":"2026-10-02T00:00:00Z","modified":"2026-11-19T00:00:00Z",
	"database_specific":{"severity":"MODERATE"},
	"affected":[{"package":{"ecosystem":"npm","name":"demo"},"ranges":[
		{"type":"GIT","events":[{"introduced":"0"},{"fixed":"abcdef"}]},
		{"type":"SEMVER","events":[{"introduced":"0"},{"fixed":"1.5.0"},{"introduced":"2.0.0"},{"last_affected":"2.1.0"}]}]},
		{"package":{"ecosystem":"Debian:12","name":"demo"},"ranges":[{"type":"ECOSYSTEM","events":[{"introduced":"0"},{"fixed":"1:1.4-2"}]}]}]}`

func TestConvertOSV(t *testing.T) {
	for name, text := range map[string]string{"one": osvText, "list": "\n [" + osvText + "]", "answer of the API": `{"vulns":[` + osvText + `]}`} {
		s, u, err := demoUpdate(t, text)
		if err != nil || u.Kind != "OSV" || u.Date != "2026-11-19" || u.Read != 1 || u.Changed != 1 || len(u.Skipped) > 0 {
			t.Fatalf("%s: %+v, %v", name, u, err)
		}
		next, _ := updated(t, s, u, nil)
		a := advisoryOf(t, next, "CVE-2026-8")
		want := []fileRange{
			{Fixed: "1.5.0", VulnerableAt: "0.0.1", SafeAt: "1.5.0"},
			{Introduced: "2.0.0", LastAffected: "2.1.0", VulnerableAt: "2.0.0", SafeAt: "9999.0.0"},
		}
		if a.Title != "Crash" || a.Severity != Medium || a.Published != "2026-10-02" || !slices.Equal(a.Ranges, want) {
			t.Errorf("%s: %+v", name, a)
		}
	}
	for _, tt := range []struct{ old, new, skipped string }{
		{`["CVE-2026-8"]`, `["PYSEC-1"]`, "no CVE id"},
		{`{"last_affected":"2.1.0"}`, `{"limit":"3"}`, "no end"},
		{`"id":"GHSA-1"`, `"id":"GHSA-1","withdrawn":"2026-11-01T00:00:00Z"`, ""},
		{`"npm"`, `"PyPI"`, ""},
	} {
		_, u, err := demoUpdate(t, strings.Replace(osvText, tt.old, tt.new, 1))
		if err != nil || u.Changed != 0 || !strings.Contains(strings.Join(u.Skipped, "\n"), tt.skipped) || tt.skipped == "" && len(u.Skipped) > 0 {
			t.Errorf("%s: %+v, %v", tt.new, u, err)
		}
	}
}

func TestConvertRefuses(t *testing.T) {
	for _, text := range []string{
		"", "null", "42", "{}", "[", "[1]", "[{}]", `{"vulnerabilities":[1]}`, `{"catalogVersion":"1","vulnerabilities":[1]}`,
		`{"vulnerabilities":"x"}`, `{"id":"x","affected":3}`, `{"data":[]}`, "<html>",
	} {
		if _, u, err := demoUpdate(t, text); err == nil {
			t.Errorf("%q: no error; %+v", text, u)
		}
	}
}

// Every advisory of the embedded data converts into itself when NVD tells it in
// its own words, whatever the scheme of the product.
func TestConvertEmbedded(t *testing.T) {
	s := loadEmbedded(t)
	var entries []string
	for _, slug := range s.Products() {
		p, err := s.products[slug]()
		if err != nil {
			t.Fatal(err)
		}
		if len(p.CPE) == 0 {
			continue
		}
		for _, a := range p.Advisories {
			var matches []string
			for _, r := range a.Ranges {
				bounds, err := json.Marshal(map[string]string{"versionStartIncluding": r.Introduced, "versionEndExcluding": r.Fixed, "versionEndIncluding": r.LastAffected})
				if err != nil {
					t.Fatal(err)
				}
				matches = append(matches, cpeMatch(p.CPE[0]+":*:*", ","+strings.Trim(string(bounds), "{}")))
			}
			entries = append(entries, nvdEntryText(a.CVE, "OR", matches...))
		}
	}
	u, err := s.Convert([]byte(nvdFile(entries...)))
	if err != nil || u.Changed < 380 || len(u.Skipped) > 0 {
		t.Fatalf("%d of %d changed, %q, %v", u.Changed, len(entries), u.Skipped, err)
	}
	next, _ := updated(t, s, u, nil)
	for slug := range maps.Keys(u.changed) {
		was, _ := s.products[slug]()
		is, err := next.products[slug]()
		if err != nil {
			t.Fatal(err)
		}
		for i, a := range was.Advisories {
			for n, r := range a.Ranges {
				got := is.Advisories[i].Ranges[n]
				if got.Introduced != r.Introduced || got.Fixed != r.Fixed || got.LastAffected != r.LastAffected {
					t.Errorf("%s %s: range %+v has become %+v", slug, a.CVE, r, got)
				}
			}
		}
	}
}

// FuzzConvert throws any text at the readers; what they accept must be a
// directory that loads.
func FuzzConvert(f *testing.F) {
	f.Add([]byte(osvText))
	f.Add([]byte(nvdFile(nvdEntryText("CVE-2026-9", "AND", cpeMatch("acme:demo:*:*", `,"versionStartIncluding":"2.0","versionEndExcluding":"2.4"`), cpeMatch("acme:demo:1.1:*", "")))))
	f.Add([]byte(`{"catalogVersion":"1","vulnerabilities":[{"cveID":"CVE-2026-1"}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		s, u, err := demoUpdate(t, string(bytes.ToValidUTF8(text, nil)))
		if err == nil {
			updated(t, s, u, nil)
		}
	})
}
