package advisory

import (
	"bufio"
	"io/fs"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/mxsweep/mxsweep/scanner/version"
)

// loadEmbedded checks every embedded file: strict decoding, versions that
// parse, ranges that are in order and hold their own vulnerable_at and safe_at.
func loadEmbedded(t testing.TB) *Set {
	t.Helper()
	s, err := readEmbedded()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// readEmbedded reads the files once for all tests, as they do not change.
var readEmbedded = sync.OnceValues(readAll)

func readAll() (*Set, error) {
	fsys, err := fs.Sub(embedded, "data")
	if err != nil {
		return nil, err
	}
	return Load(fsys)
}

func TestEmbedded(t *testing.T) {
	s := loadEmbedded(t)
	var advisories, exploited, lines, builds, packages int
	for _, slug := range s.Products() {
		p, err := s.products[slug]()
		if err != nil {
			t.Fatal(err)
		}
		advisories += len(p.advisories)
		lines += len(p.lines)
		builds += len(p.builds)
		packages += len(p.Packages)
		for _, a := range p.advisories {
			if a.match.KEV {
				exploited++
			}
		}
		checkPackages(t, p)
	}
	// Facts that get lost in an edit are missed here.
	if advisories < 404 || exploited < 50 || lines < 128 || builds < 472 || packages < 30 {
		t.Errorf("%d advisories, %d exploited, %d lines, %d builds, %d packages", advisories, exploited, lines, builds, packages)
	}
	if s.Date() < "2026-08-22" {
		t.Errorf("date %q", s.Date())
	}
}

// checkPackages demands that a package names advisories of its product which
// hold its upstream version: otherwise it could never be shown. Debian fixed
// two in an OpenSMTPD older than the ranges of the records.
func checkPackages(t *testing.T, p *product) {
	for _, pkg := range p.Packages {
		v, err := version.Parse(p.Scheme, pkg.Upstream)
		if err != nil {
			t.Fatalf("%s: %v", p.Product, err)
		}
		if !strings.HasPrefix(pkg.Revision, pkg.Upstream) {
			t.Errorf("%s: revision %s is not of %s", p.Product, pkg.Revision, pkg.Upstream)
		}
		for _, cve := range pkg.Fixes {
			a := findAdvisory(p, cve)
			if a == nil {
				t.Errorf("%s: %s fixes %s, which is not listed", p.Product, pkg.System, cve)
				continue
			}
			if a.find(v) == nil && p.Product != "opensmtpd" {
				t.Errorf("%s: %s is not in the range of %s", p.Product, v, cve)
			}
		}
	}
}

func findAdvisory(p *product, cve string) *advisory {
	for i := range p.advisories {
		if p.advisories[i].match.CVE == cve {
			return &p.advisories[i]
		}
	}
	return nil
}

// TestBoundaries compares with answers worked out elsewhere.
func TestBoundaries(t *testing.T) {
	s := loadEmbedded(t)
	file, err := os.Open("testdata/boundaries.txt")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	seen := map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		f := strings.Fields(lines.Text())
		p, err := s.products[f[0]]()
		if err != nil {
			t.Fatal(err)
		}
		v, err := version.Parse(p.Scheme, f[2])
		if err != nil {
			t.Fatal(err)
		}
		seen[f[1]] = true
		if affected := findAdvisory(p, f[1]).find(v) != nil; affected != (f[3] == "affected") {
			t.Errorf("%s: affected is %t", lines.Text(), affected)
		}
	}
	if len(seen) < 50 {
		t.Errorf("only %d advisories", len(seen))
	}
}

const goodFile = `product: demo
name: Demo
scheme: dotted
latest: {version: "2.1", source: here}
lines:
  - {line: "2", eol: supported, latest: "2.1", source: here}
advisories:
  - cve: CVE-2026-1
    title: Fault
    severity: high
    ranges:
      - {fixed: "1.5", vulnerable_at: "1.4", safe_at: "1.5"}
      - {introduced: "2.0", last_affected: "2.0.9", vulnerable_at: "2.0", safe_at: "2.1"}
    sources: [here]
`

func demoSet(text string) fs.FS {
	return fstest.MapFS{
		"about.yaml": {Data: []byte("date: 2026-08-22\n")},
		"demo.yaml":  {Data: []byte(text)},
	}
}

// Every edit of the good file is a mistake that must not pass.
func TestLoadRefuses(t *testing.T) {
	s, err := Load(demoSet(goodFile))
	if err != nil || len(s.Products()) != 1 {
		t.Fatalf("the good file: %v, %q", err, s.Products())
	}
	for _, tt := range []struct{ old, new, want string }{
		{"severity: high", "severty: high", "severty"},
		{"severity: high", "severity: grave", "severity"},
		{"severity: high", "scope: dns", "scope"},
		{"title: Fault", "title: ''", "title"},
		{"cve: CVE-2026-1", "cve: GHSA-1", "CVE id"},
		{"product: demo", "product: other", "name of the file"},
		{"scheme: dotted", "scheme: guess", "scheme"},
		{`line: "2"`, `line: two`, "release line"},
		{`eol: supported`, `eol: soon`, "soon"},
		{`eol: supported`, `extended: soon`, "soon"},
		{`latest: "2.1", source`, `latest: new, source`, "cannot compare"},
		{`{version: "2.1"`, `{version: new`, "cannot compare"},
		{"scheme: dotted", "scheme: dotted\nbuilds:\n  - {version: x}", "cannot compare"},
		{`fixed: "1.5"`, `fixed: x`, "cannot compare"},
		{`introduced: "2.0"`, `introduced: x`, "cannot compare"},
		{`last_affected: "2.0.9"`, `last_affected: x`, "cannot compare"},
		{`fixed: "1.5"`, `fixed: "1.5", last_affected: "1.4"`, "either fixed or last_affected"},
		{`introduced: "2.0", last_affected: "2.0.9"`, `introduced: "2.0"`, "either fixed or last_affected"},
		{`introduced: "2.0", `, ``, "in order"},
		{`introduced: "2.0", `, `introduced: "1.4.9", `, "in order"},
		{`vulnerable_at: "1.4"`, `vulnerable_at: "1.5"`, "outside its range"},
		{`vulnerable_at: "1.4", `, ``, "vulnerable_at"},
		{`safe_at: "1.5"`, `safe_at: "1.4"`, "inside its range"},
		{`, safe_at: "1.5"`, ``, "safe_at"},
		{"    sources: [here]\n", "", "source"},
		{"    sources: [here]\n", "    sources: [here]\n---\nproduct: more\n", "more than one document"},
		{goodFile[strings.Index(goodFile, "    ranges"):strings.Index(goodFile, "    sources")], "", "range"},
		{"name: Demo", "name: [", "demo.yaml"},
	} {
		text := strings.Replace(goodFile, tt.old, tt.new, 1)
		if text == goodFile {
			t.Fatalf("nothing to replace: %q", tt.old)
		}
		if _, err := Load(demoSet(text)); err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "demo.yaml") {
			t.Errorf("%q for %q: error %v; want one about demo.yaml and %q", tt.new, tt.old, err, tt.want)
		}
	}
	twice := goodFile + goodFile[strings.Index(goodFile, "  - cve"):]
	if _, err := Load(demoSet(twice)); err == nil || !strings.Contains(err.Error(), "listed twice") {
		t.Errorf("an advisory that is there twice: %v", err)
	}
}

func TestLoadNeedsDate(t *testing.T) {
	for _, fsys := range []fstest.MapFS{
		{},
		{"about.yaml": {Data: []byte("date: yesterday\n")}},
		{"about.yaml": {Data: []byte("day: 2026-08-22\n")}},
		{"about.yaml": {Data: []byte("")}},
	} {
		if _, err := Load(fsys); err == nil {
			t.Errorf("%v: no error", fsys)
		}
	}
}

// FuzzLoad throws any text at the reader of product files, as -data will.
func FuzzLoad(f *testing.F) {
	f.Add(goodFile)
	f.Fuzz(func(t *testing.T, text string) {
		s, err := Load(demoSet(text))
		if err != nil {
			return
		}
		s.Service(&Facts{Software: Software{Slug: "demo", Version: "1.4", OS: "Debian"}})
	})
}
