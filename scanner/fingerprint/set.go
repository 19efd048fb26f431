package fingerprint

import (
	"cmp"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"slices"
	"strings"
	"sync"
)

//go:embed data/*.yaml
var dataFiles embed.FS

// compiled is the data directory in the form that loads fastest; the YAML files
// are its source, and a test keeps the two alike.
//
//go:embed compiled.tsv
var compiled string

//go:generate go test -run ^TestCompiledIsCurrent$ -update .

// A Set is a body of fingerprints ready for use. It does not change once made
// and may be used by many goroutines at once.
type Set struct {
	compact   []compact // as loaded, by slug
	sources   []fs.FS   // YAML the set was made from; a later one replaces files of an earlier
	products  []product // by slug
	rules     []rule    // by product
	index     index
	providers map[string]string // host suffix to provider, the MX names
	hosts     map[string]string // host suffix to provider, the server's own names
	scratch   *sync.Pool
}

// A product is a compact with its relations resolved.
type product struct {
	compact
	parent     int   // index of its family, -1 without
	candidates []int // members to name when the family alone is certain
}

// A rule is ready to be tried. Its expression is compiled when it is first
// needed: most never are.
type rule struct {
	compactRule
	product int
	name    string // slug/id
	weight  float64
	literal bool // a match is a line that is the prefix, and nothing else
	reads   bool // a match says more than that the product is there
	expr    func() *regexp.Regexp
}

// Default returns the set that is built in, the same one each time. An error
// would be a defect of the build.
func Default() (*Set, error) { return standard() }

var standard = sync.OnceValues(load)

func load() (*Set, error) {
	c, err := decodeCompact(compiled)
	if err != nil {
		return nil, fmt.Errorf("built-in fingerprints: %w", err)
	}
	data, err := fs.Sub(dataFiles, "data")
	if err != nil {
		return nil, err
	}
	return newSet(c, data)
}

// Load reads every .yaml file at the top of fsys. The error joins all faults,
// each as "file:line: reason"; the set is nil then.
func Load(fsys fs.FS) (*Set, error) {
	return (&Set{}).With(fsys)
}

// With returns a set that has the files of fsys too. A file replaces the one of
// the same name. The receiver stays as it is.
func (s *Set) With(fsys fs.FS) (*Set, error) {
	files, err := readFiles(fsys)
	if err != nil {
		return nil, err
	}
	return s.with(files, fsys)
}

// with is With for files that have been read.
func (s *Set) with(files []*file, fsys fs.FS) (*Set, error) {
	merged := slices.Clone(s.compact)
	for _, f := range files {
		c, err := f.compact()
		if err != nil {
			return nil, err
		}
		i, found := slices.BinarySearchFunc(merged, c.Slug, bySlug)
		if found {
			merged[i] = c
		} else {
			merged = slices.Insert(merged, i, c)
		}
	}
	return newSet(merged, slices.Concat(s.sources, []fs.FS{fsys})...)
}

func bySlug(c compact, slug string) int { return cmp.Compare(c.Slug, slug) }

// Date is the day of the embedded set, YYYY-MM-DD: that of the last change to
// data, set by hand with it.
func Date() string { return "2026-11-24" }

// Rules returns the number of rules in the set.
func (s *Set) Rules() int { return len(s.rules) }

// newSet resolves the relations between files and builds the index.
func newSet(c []compact, sources ...fs.FS) (*Set, error) {
	rules := 0
	for i := range c {
		rules += len(c[i].Rules)
	}
	s := &Set{compact: c, sources: sources, products: make([]product, 0, len(c)), rules: make([]rule, 0, rules)}
	var faults []error
	for i := range c {
		p := product{compact: c[i], parent: -1}
		if c[i].Family != "" {
			p.parent = s.find(c[i].Family)
			if p.parent < 0 || p.parent == i {
				faults = append(faults, fmt.Errorf("%s.yaml:1: family %q: no such file", c[i].Slug, c[i].Family))
			}
		}
		for _, slug := range c[i].Candidates {
			j := s.find(slug)
			if j < 0 {
				faults = append(faults, fmt.Errorf("%s.yaml:1: candidate %q: no such file", c[i].Slug, slug))
				continue
			}
			p.candidates = append(p.candidates, j)
		}
		s.products = append(s.products, p)
		s.addRules(i)
	}
	faults = append(faults, s.checkFamilies(), s.addProviders())
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	s.index = newIndex(s.rules)
	s.scratch = &sync.Pool{New: func() any { return &scratch{seen: make([]uint64, len(s.rules))} }}
	return s, nil
}

// find returns the index of a product, -1 if there is none of that slug.
func (s *Set) find(slug string) int {
	i, found := slices.BinarySearchFunc(s.compact, slug, bySlug)
	if !found {
		return -1
	}
	return i
}

func (s *Set) addRules(product int) {
	for _, r := range s.compact[product].Rules {
		s.rules = append(s.rules, rule{
			compactRule: r,
			product:     product,
			name:        s.compact[product].Slug + "/" + r.ID,
			weight:      float64(r.Weight) / 100,
			reads:       r.Version != "" || r.Update != "" || r.OS != "" || strings.Contains(r.Expr, "(?P<") || strings.Contains(r.Expr, "(?<"),
			literal:     r.Prefix != "" && r.Expr == "^"+regexp.QuoteMeta(r.Prefix)+"$",
			expr:        sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(r.Expr) }),
		})
	}
}

// checkFamilies refuses a family that is its own ancestor.
func (s *Set) checkFamilies() error {
	for i := range s.products {
		for p, n := s.products[i].parent, 0; p >= 0; p, n = s.products[p].parent, n+1 {
			if n > maxFamilyDepth {
				return fmt.Errorf("%s.yaml:1: family %q: goes round in a circle or is too deep", s.products[i].Slug, s.products[i].Family)
			}
		}
	}
	return nil
}

// maxFamilyDepth bounds the walk from a product to the root of its family.
const maxFamilyDepth = 4
