package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/fingerprint"
)

// fingerprints lists the products that can be named, with totals; the name of
// one of them shows its rules.
func (a *app) fingerprints(_ context.Context, args []string) error {
	var data string
	var asJSON bool
	slugs, err := a.parseFew("fingerprints", args, func(fs *flagSet) {
		fs.add(&data, "data", "", "directory whose fingerprints/ add to or replace the embedded ones")
		fs.add(&asJSON, "json", "j", "one JSON object per product")
	})
	if err != nil {
		return err
	}
	set, _, err := loadData(data)
	if err != nil {
		return err
	}
	products, err := set.Products()
	if err == nil {
		products, err = named(products, slugs)
	}
	if err != nil {
		return err
	}
	w := bufio.NewWriter(a.stdout)
	switch {
	case asJSON:
		err = writeJSONLines(w, products)
	case len(slugs) > 0:
		writeRules(w, products)
	default:
		writeProducts(w, products)
	}
	return errors.Join(err, w.Flush())
}

// named returns the products of those slugs, in that order; all without any.
func named(products []fingerprint.Product, slugs []string) ([]fingerprint.Product, error) {
	if len(slugs) == 0 {
		return products, nil
	}
	var some []fingerprint.Product
	for _, slug := range slugs {
		i := slices.IndexFunc(products, func(p fingerprint.Product) bool { return p.Slug == slug })
		if i < 0 {
			return nil, usagef("no fingerprint file is called %q: \"mxsweep fingerprints\" lists them", slug)
		}
		some = append(some, products[i])
	}
	return some, nil
}

func writeProducts(w io.Writer, products []fingerprint.Product) {
	rules, examples, sources, classes := 0, 0, map[string]bool{}, map[string]int{}
	for _, p := range products {
		shown := 0
		for _, r := range p.Rules {
			shown += len(r.Examples)
			sources[r.Source] = true
		}
		name := p.Product
		if name == "" {
			name = p.Provider
		}
		fmt.Fprintf(w, "%-28s %-10s %-34s %3d rules %4d examples\n", p.Slug, p.Class, name, len(p.Rules), shown)
		rules, examples = rules+len(p.Rules), examples+shown
		classes[p.Class]++
	}
	fmt.Fprintf(w, "\n%d products (%s), %d rules, %d examples, %d sources\n",
		len(products), countsText(classes), rules, examples, len(sources))
}

func countsText(counts map[string]int) string {
	var parts []string
	for _, class := range fingerprint.Classes() {
		if n := counts[class]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, class))
		}
	}
	return strings.Join(parts, ", ")
}

// writeRules shows every rule of the products.
func writeRules(w io.Writer, products []fingerprint.Product) {
	for _, p := range products {
		fmt.Fprintf(w, "%s: %s, %s\n", p.Slug, p.Product, p.Class)
		for _, r := range p.Rules {
			fmt.Fprintf(w, "  %s/%s  %s, %s, weight %d\n    %s\n    source: %s\n", p.Slug, r.ID, r.Signal, r.Kind, r.Weight, r.Pattern, r.Source)
			for _, e := range r.Examples {
				fmt.Fprintf(w, "    e.g. %s\n", output.Escape(e))
			}
		}
	}
}

// findings explains every finding that can be reported, or those named.
func (a *app) findings(_ context.Context, args []string) error {
	var asJSON bool
	ids, err := a.parseFew("findings", args, func(fs *flagSet) {
		fs.add(&asJSON, "json", "j", "one JSON object per finding")
	})
	if err != nil {
		return err
	}
	entries := advisory.Catalog()
	for _, id := range ids {
		if !slices.ContainsFunc(entries, func(e advisory.Entry) bool { return e.ID == id }) {
			return usagef("there is no finding %q: \"mxsweep findings\" lists them", id)
		}
	}
	if len(ids) > 0 {
		entries = slices.DeleteFunc(entries, func(e advisory.Entry) bool { return !slices.Contains(ids, e.ID) })
	}
	w := bufio.NewWriter(a.stdout)
	if asJSON {
		return errors.Join(writeJSONLines(w, entries), w.Flush())
	}
	for _, e := range entries {
		fmt.Fprintf(w, "%s (%s)\n  %s\n  when: %s\n  why: %s\n  do: %s\n", e.ID, e.Severity, e.Title, e.Rule, e.Why, e.Remedy)
		if e.CWE != "" {
			fmt.Fprintf(w, "  %s\n", e.CWE)
		}
		if len(e.References) > 0 {
			fmt.Fprintf(w, "  see: %s\n", strings.Join(e.References, ", "))
		}
	}
	return w.Flush()
}

func writeJSONLines[T any](w io.Writer, values []T) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	for _, v := range values {
		if err := enc.Encode(v); err != nil {
			return err
		}
	}
	return nil
}
