// Package advisory judges what a scan saw: which version may be affected by
// published vulnerabilities or has reached its end of life, what is weak about
// TLS and certificates, which names do not fit, what gives too much away.
//
// The judgement is a pure function of plain facts, so that stored results can
// be judged again with newer data:
//
//	set, err := advisory.Default()
//	findings := set.Service(&advisory.Facts{
//		Time:     time.Now(),
//		Software: advisory.Software{Product: "Exim", Slug: "exim", Version: "4.92"},
//	})
//
// Three rules keep it honest. Unknown is never no: a fact that was not seen
// leads to no finding. A version number says "may be affected", never "is
// vulnerable", since distributions add fixes without changing the number. And
// a version that cannot be compared is said to be so, never guessed at.
//
// The knowledge about a product is one file, data/<product>.yaml: release
// lines with their ends, advisories with version ranges, and a version inside
// and one outside each range as its test. To add an advisory takes no Go:
//
//	advisories:
//	  - cve: CVE-2020-7247
//	    title: Shell metacharacters in MAIL FROM run as root
//	    severity: critical
//	    cvss: 9.8
//	    kev: true
//	    ranges:
//	      - {introduced: "6.6", fixed: "6.6.2p1", vulnerable_at: "6.6.1p1", safe_at: "6.6.2p1"}
//	    sources: [where it was read]
//
// The judgements that need no data are Go code, beside the [Catalog] that
// documents them.
//
// Data ages. [Set.With] lays a directory of such files over a set, and
// [Set.Convert] makes them from what NVD, CISA and OSV publish; the keys cpe and
// osv of a file say what a product is called there. A [Fleet] judges what no
// service shows by itself, and a [Policy] by the rules of one organization.
package advisory

import (
	"embed"
	"io/fs"
	"slices"
	"sync"
)

//go:embed data/*.yaml
var embedded embed.FS

// A Set is what is known about products, and the rules that need no such
// knowledge. It is safe for use by many goroutines. Each product is read when
// its first server is judged, since most runs meet a handful of them.
type Set struct {
	date     string
	products map[string]func() (*product, error)
	entries  map[string]Entry
}

// aboutFile holds the date of a set; it is the one file that is no product.
const aboutFile = "about.yaml"

// Default returns the embedded set, the same one each time. An error would be a
// defect of the build.
func Default() (*Set, error) { return standard() }

var standard = sync.OnceValues(func() (*Set, error) {
	fsys, err := fs.Sub(embedded, "data")
	if err != nil {
		return nil, err
	}
	return newSet(fsys)
})

// Load reads a set from a directory that has an about.yaml and one file for
// each product, in the form of the embedded ones. All of it is checked, and an
// error names the file.
func Load(fsys fs.FS) (*Set, error) {
	s, err := newSet(fsys)
	if err != nil {
		return nil, err
	}
	for _, slug := range s.Products() {
		if _, err := s.products[slug](); err != nil {
			return nil, err
		}
	}
	return s, nil
}

func newSet(fsys fs.FS) (*Set, error) {
	date, err := readDate(fsys)
	if err != nil {
		return nil, err
	}
	products, err := newProducts(fsys)
	if err != nil {
		return nil, err
	}
	s := &Set{date: date, products: products, entries: map[string]Entry{}}
	for _, e := range Catalog() {
		s.entries[e.ID] = e
	}
	return s, nil
}

// Date returns the day up to which the facts of the set were read, as
// YYYY-MM-DD. A clean result says nothing about what was published later.
func (s *Set) Date() string { return s.date }

// Products returns the slugs of the products the set knows, sorted.
func (s *Set) Products() []string {
	slugs := make([]string, 0, len(s.products))
	for slug := range s.products {
		slugs = append(slugs, slug)
	}
	slices.Sort(slugs)
	return slugs
}

// Service judges one service. It is pure: the same facts give the same
// findings, worst first, and never nil.
func (s *Set) Service(f *Facts) []Finding {
	r := report{entries: s.entries, findings: []Finding{}}
	r.transport(f)
	r.certificate(f)
	r.tlsa(f)
	r.names(f)
	r.conduct(f)
	r.auth(f)
	r.checks(f)
	if f.Software.Slug != "" {
		s.software(&r, f)
	}
	return r.sorted()
}

// Domain judges one mail domain by its DNS facts, as Service does.
func (s *Set) Domain(f *DomainFacts) []Finding {
	r := report{entries: s.entries, findings: []Finding{}}
	r.domain(f)
	r.published(f)
	return r.sorted()
}

// software adds what the set knows of the product. The embedded files are
// proved by the tests and others by Load, so a product that cannot be read is
// one that is not known.
func (s *Set) software(r *report, f *Facts) {
	read, known := s.products[f.Software.Slug]
	if !known {
		return
	}
	if p, err := read(); err == nil {
		r.software(p, f)
	}
}
