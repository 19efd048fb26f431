package advisory

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"
)

// With returns a set that has the files of fsys too; the receiver stays as it
// is. Of a product that both have, the advisories are joined by CVE, and each
// of the other parts that the new file has (latest, lines, packages, builds)
// replaces the old one as a whole. An about.yaml with a newer date is the date
// of the set. All of fsys is checked, and an error names the file.
func (s *Set) With(fsys fs.FS) (*Set, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	merged := &Set{date: s.date, products: maps.Clone(s.products), entries: s.entries}
	for _, name := range names {
		if name == aboutFile {
			date, err := readDate(fsys)
			if err != nil {
				return nil, err
			}
			merged.date = max(s.date, date) // YYYY-MM-DD, so text order is that of time
			continue
		}
		p, err := s.overlay(fsys, strings.TrimSuffix(name, ".yaml"))
		if err != nil {
			return nil, err
		}
		merged.products[p.Product] = func() (*product, error) { return p, nil }
	}
	return merged, nil
}

// readDate returns the date in about.yaml.
func readDate(fsys fs.FS) (string, error) {
	var a about
	if err := readFile(fsys, aboutFile, &a); err != nil {
		return "", err
	}
	if _, err := time.Parse(time.DateOnly, a.Date); err != nil {
		return "", fmt.Errorf("%s: date %q is not of the form YYYY-MM-DD", aboutFile, a.Date)
	}
	return a.Date, nil
}

// overlay lays the file of a product over what the set knows of it.
func (s *Set) overlay(fsys fs.FS, slug string) (*product, error) {
	read, known := s.products[slug]
	if !known {
		return load(fsys, slug)
	}
	old, err := read()
	if err != nil {
		return nil, err
	}
	name := slug + ".yaml"
	var over file
	if err := readFile(fsys, name, &over); err != nil {
		return nil, err
	}
	switch {
	case over.Product != slug:
		return nil, fmt.Errorf("%s: product %q is not the name of the file", name, over.Product)
	case over.Scheme != "" && over.Scheme != old.Scheme:
		return nil, fmt.Errorf("%s: scheme %q differs from %q, which the versions known so far have", name, over.Scheme, old.Scheme)
	}
	for i, a := range over.Advisories {
		if indexCVE(over.Advisories[:i], a.CVE) >= 0 {
			return nil, fmt.Errorf("%s: %s: listed twice", name, a.CVE)
		}
	}
	p := &product{file: mergeFiles(&old.file, &over)}
	if err := p.compile(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

// mergeFiles lays one file over another. Neither is changed.
func mergeFiles(old, over *file) file {
	m := *old
	m.Name = cmp.Or(over.Name, old.Name)
	m.Packaged = old.Packaged || over.Packaged
	m.Latest = cmp.Or(over.Latest, old.Latest)
	m.CPE, m.OSV = replaced(old.CPE, over.CPE), replaced(old.OSV, over.OSV)
	m.Lines = replaced(old.Lines, over.Lines)
	m.Packages = replaced(old.Packages, over.Packages)
	m.Builds = replaced(old.Builds, over.Builds)
	m.Advisories = slices.Clone(old.Advisories)
	for _, a := range over.Advisories {
		if i := indexCVE(m.Advisories, a.CVE); i >= 0 && i < len(old.Advisories) {
			m.Advisories[i] = a
		} else {
			m.Advisories = append(m.Advisories, a)
		}
	}
	return m
}

func replaced[T any](old, over []T) []T {
	if len(over) > 0 {
		return over
	}
	return old
}

func indexCVE(list []fileAdvisory, cve string) int {
	return slices.IndexFunc(list, func(a fileAdvisory) bool { return a.CVE == cve })
}

// A Product says what the set knows of one product.
type Product struct {
	Slug       string `json:"slug"`
	Name       string `json:"name"`
	Advisories int    `json:"advisories"`
	Exploited  int    `json:"exploited"` // of those, known to be exploited (CISA KEV)
	Lines      int    `json:"lines"`     // release lines whose end is known or known not to have come
	Latest     string `json:"latest"`    // newest release known; "" if none is
	Released   string `json:"released"`  // YYYY-MM-DD; "" if not known
	Sources    int    `json:"sources"`   // different ones
}

// Describe lists what the set knows, by slug. It reads every file.
func (s *Set) Describe() ([]Product, error) {
	var list []Product
	var faults []error
	for _, slug := range s.Products() {
		p, err := s.products[slug]()
		if err != nil {
			faults = append(faults, err)
			continue
		}
		list = append(list, p.describeData())
	}
	return list, errors.Join(faults...)
}

func (p *product) describeData() Product {
	d := Product{Slug: p.Product, Name: p.Name, Advisories: len(p.Advisories), Lines: len(p.lines)}
	if p.Latest != nil {
		d.Latest, d.Released = p.Latest.Version, p.Latest.Released
	}
	sources := map[string]bool{}
	for i := range p.Advisories {
		if p.Advisories[i].KEV {
			d.Exploited++
		}
		for _, source := range p.Advisories[i].Sources {
			sources[source] = true
		}
	}
	for i := range p.lines {
		sources[p.lines[i].Source] = true
	}
	d.Sources = len(sources)
	return d
}

// newProducts returns a reader for each product file of fsys.
func newProducts(fsys fs.FS) (map[string]func() (*product, error), error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	products := make(map[string]func() (*product, error), len(names))
	for _, name := range names {
		if slug := strings.TrimSuffix(name, ".yaml"); name != aboutFile {
			products[slug] = sync.OnceValues(func() (*product, error) { return load(fsys, slug) })
		}
	}
	return products, nil
}
