package main

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// A census says which specimens have a finding and which have not, by its id.
type census map[string]*struct{ has, hasNot []string }

// note counts in a specimen with the ids of all its findings. What it is not
// judged for it neither has nor has not.
func (c census) note(specimen string, judged func(id string) bool, ids []string) {
	for _, e := range advisory.Catalog() {
		if !judged(e.ID) {
			continue
		}
		if c[e.ID] == nil {
			c[e.ID] = new(struct{ has, hasNot []string })
		}
		if slices.Contains(ids, e.ID) {
			c[e.ID].has = append(c[e.ID].has, specimen)
		} else {
			c[e.ID].hasNot = append(c[e.ID].hasNot, specimen)
		}
	}
}

// Every finding there is was seen at a server or a zone that talks and answers as
// real ones do, through all of the program, and not at another one. "go test -run
// TestCatalog -v" prints which.
func TestCatalog(t *testing.T) {
	seen := census{}
	synctest.Test(t, func(t *testing.T) { surveyServers(t, seen) })
	surveySockets(t, seen)
	surveyZones(t, seen)
	var table strings.Builder
	for _, e := range advisory.Catalog() {
		c := seen[e.ID]
		if c == nil || len(c.has) == 0 || len(c.hasNot) == 0 {
			t.Errorf("%s: no specimen has it, or all have", e.ID)
			continue
		}
		fmt.Fprintf(&table, "%-28s  has: %-40s  has not: %s\n", e.ID, c.has[0], c.hasNot[0])
	}
	t.Logf("%d findings\n%s", len(seen), &table)
}

// ids returns those of findings, each once, in order.
func ids(findings []advisory.Finding) []string {
	all := []string{}
	for _, f := range findings {
		all = append(all, f.ID)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// differs writes how a list of ids differs from another: "+new -missing".
func differs(got, from []string) string {
	var parts []string
	for _, id := range got {
		if !slices.Contains(from, id) {
			parts = append(parts, "+"+id)
		}
	}
	for _, id := range from {
		if !slices.Contains(got, id) {
			parts = append(parts, "-"+id)
		}
	}
	slices.Sort(parts)
	return strings.Join(parts, " ")
}
