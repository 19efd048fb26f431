package fingerprint

import (
	"cmp"
	"slices"
)

// A Product describes one fingerprint file.
type Product struct {
	Slug        string `json:"slug"`
	Product     string `json:"product"` // "" for a file that only names a provider
	Vendor      string `json:"vendor"`
	CPE         string `json:"cpe"`      // part, vendor and product
	Class       string `json:"class"`    // mta, gateway, provider, test, device, honeypot or not-smtp
	Versions    string `json:"versions"` // scheme of package version, "" where versions cannot be ordered
	Family      string `json:"family"`   // slug
	Provider    string `json:"provider"`
	Rules       []Rule `json:"rules"`
	Transcripts int    `json:"transcripts"`
}

// A Rule describes one rule.
type Rule struct {
	ID       string   `json:"id"`
	Signal   string   `json:"signal"`
	Kind     string   `json:"kind"`    // "claim" or "behavior"
	Weight   int      `json:"weight"`  // percent
	Pattern  string   `json:"pattern"` // as written
	Source   string   `json:"source"`
	Examples []string `json:"examples"` // texts
}

// Products lists what the set knows, by slug. It reads the YAML files anew and
// takes its time.
func (s *Set) Products() ([]Product, error) {
	bySlug := make(map[string]Product)
	for _, fsys := range s.sources {
		files, err := readFiles(fsys)
		if err != nil {
			return nil, err
		}
		for _, f := range files {
			bySlug[f.slug] = f.describe()
		}
	}
	var list []Product
	for _, p := range bySlug {
		list = append(list, p)
	}
	slices.SortFunc(list, func(a, b Product) int { return cmp.Compare(a.Slug, b.Slug) })
	return list, nil
}

func (f *file) describe() Product {
	p := Product{
		Slug: f.slug, Product: f.Product, Vendor: f.Vendor, CPE: f.CPE, Class: f.Class,
		Versions: f.Versions, Family: f.Family, Transcripts: len(f.Transcripts), Rules: []Rule{},
	}
	if f.Provider != nil {
		p.Provider = f.Provider.Name
	}
	for i := range f.Rules {
		r := &f.Rules[i]
		d := Rule{
			ID: r.ID, Signal: r.Signal, Kind: ruleKind(r).String(), Weight: r.Weight,
			Pattern: r.Pattern, Source: cmp.Or(r.Source, f.Source),
		}
		for _, e := range r.Examples {
			d.Examples = append(d.Examples, e.Text)
		}
		p.Rules = append(p.Rules, d)
	}
	return p
}
