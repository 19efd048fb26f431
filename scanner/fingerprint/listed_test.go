package fingerprint

import (
	"os"
	"strings"
	"testing"
)

// TestProductsListed: every product and provider that must be known is, by the
// file that testdata/products.tsv names, and by what its section is about.
func TestProductsListed(t *testing.T) {
	skipOnly(t)
	text, err := os.ReadFile("testdata/products.tsv")
	if err != nil {
		t.Fatal(err)
	}
	bySlug, count := make(map[string]Product), make(map[string]int)
	set := builtIn(t)
	products, err := set.Products()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range products {
		bySlug[p.Slug] = p
	}
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "#") {
			continue
		}
		field := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(field) != 3 {
			t.Fatalf("%q has %d fields, not section, name, slug", line, len(field))
		}
		section, name, slug := field[0], field[1], field[2]
		p, known := bySlug[slug]
		switch {
		case !known:
			t.Errorf("%s: %s: there is no file %s.yaml", section, name, slug)
		case section == "C" && p.Provider == "":
			t.Errorf("%s: %s: %s.yaml names no provider", section, name, slug)
		case section == "F" && p.Class != "not-smtp":
			t.Errorf("%s: %s: %s.yaml is of class %q", section, name, slug, p.Class)
		case strings.Contains("ABDEF", section) && len(p.Rules) == 0 && p.Provider == "":
			t.Errorf("%s: %s: %s.yaml has no rule", section, name, slug)
		}
		count[section]++
	}
	t.Logf("%v of %d files", count, len(products))
}
