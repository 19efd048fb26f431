package advisory

import (
	"strings"
	"testing"
	"testing/fstest"
)

func dirOf(files map[string]string) fstest.MapFS {
	dir := fstest.MapFS{}
	for name, text := range files {
		dir[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return dir
}

// A directory adds products, and to a product what it says; the rest stays.
func TestWith(t *testing.T) {
	s, err := Load(demoSet(goodFile))
	if err != nil {
		t.Fatal(err)
	}
	next, err := s.With(dirOf(map[string]string{
		"about.yaml": "date: 2026-12-01\n",
		"demo.yaml":  "product: demo\nlatest: {version: '2.2', source: there}\n",
		"new.yaml":   strings.ReplaceAll(goodFile, "product: demo", "product: new"),
	}))
	if err != nil {
		t.Fatal(err)
	}
	products, err := next.Describe()
	if err != nil || len(products) != 2 {
		t.Fatalf("%+v, %v", products, err)
	}
	if d := products[0]; d != (Product{Slug: "demo", Name: "Demo", Advisories: 1, Lines: 1, Latest: "2.2", Sources: 1}) {
		t.Errorf("merged: %+v", d)
	}
	if products[1].Slug != "new" || products[1].Latest != "2.1" || next.Date() != "2026-12-01" {
		t.Errorf("added: %+v, date %s", products[1], next.Date())
	}
	if old, _ := s.Describe(); len(old) != 1 || old[0].Latest != "2.1" || s.Date() != "2026-08-22" {
		t.Errorf("the receiver has changed: %+v", old)
	}
	older, err := s.With(dirOf(map[string]string{"about.yaml": "date: 2020-01-01\n"}))
	if err != nil || older.Date() != "2026-08-22" {
		t.Errorf("an older directory: date %s, %v", older.Date(), err)
	}
}

func TestWithRefuses(t *testing.T) {
	s, err := Load(demoSet(goodFile))
	if err != nil {
		t.Fatal(err)
	}
	for name, files := range map[string]map[string]string{
		"demo.yaml: product": {"demo.yaml": "product: other\n"},
		"demo.yaml: scheme":  {"demo.yaml": "product: demo\nscheme: exim\n"},
		"demo.yaml:2":        {"demo.yaml": "product: demo\nadvisory: []\n"},
		"demo.yaml: CVE-1":   {"demo.yaml": "product: demo\nadvisories: [{cve: CVE-1, title: x}]\n"},
		"listed twice":       {"demo.yaml": "product: demo\n" + goodFile[strings.Index(goodFile, "advisories"):] + goodFile[strings.Index(goodFile, "  - cve"):]},
		"new.yaml":           {"new.yaml": "product: new\nscheme: guess\n"},
		"about.yaml: date":   {"about.yaml": "date: soon\n"},
		"about.yaml:1":       {"about.yaml": "day: 2026-01-01\n"},
	} {
		if _, err := s.With(dirOf(files)); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: error %v", name, err)
		}
	}
}

// What is remembered of a version must depend on everything that the judgement
// depends on, and not grow.
func TestMemory(t *testing.T) {
	s := loadEmbedded(t)
	caps := func(keywords ...string) *Capabilities { return &Capabilities{Keywords: keywords} }
	cve := func(f *Facts) bool { _, found := match(s.Service(f), "CVE-2017-16943"); return found }
	f := good()
	f.Software = Software{Product: "Exim", Slug: "exim", Version: "4.88"}
	f.Before, f.After = caps("CHUNKING"), nil
	with := cve(f)
	f.Before = caps("SIZE")
	if without := cve(f); !with || without {
		t.Errorf("with CHUNKING %t, without %t", with, without)
	}
	p, err := s.products["exim"]()
	if err != nil {
		t.Fatal(err)
	}
	for i := range 3 * maxRemembered {
		f.Software.Update = strings.Repeat("u", i)
		s.Service(f)
	}
	if n := len(p.memory.told); n == 0 || n > maxRemembered {
		t.Errorf("%d versions are remembered", n)
	}
}
