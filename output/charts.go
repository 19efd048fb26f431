package output

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A bar is one line of a chart: a label, a figure, and what its length is made
// of, in hundredths of the longest.
type bar struct {
	Label, Note, Value string
	Segments           []segment
}

type segment struct {
	X, Width float64
	Class    string // color
	Title    string
}

// A chart is a list of bars.
type chart struct {
	ID, Title, Note string
	Bars            []bar
}

// A count is one part of a bar.
type count struct {
	n            int
	class, title string
}

// newBar scales the parts to a longest bar of most.
func newBar(label, note string, most int, parts ...count) bar {
	b := bar{Label: label, Note: note}
	x, total := 0.0, 0
	for _, p := range parts {
		if p.n == 0 {
			continue
		}
		width := 100 * float64(p.n) / float64(max(most, 1))
		b.Segments = append(b.Segments, segment{x, width, p.class, fmt.Sprintf("%s: %s", p.title, grouped(uint64(p.n)))})
		x += width
		total += p.n
	}
	b.Value = grouped(uint64(total))
	return b
}

// outcomeChart shows what became of the endpoints.
func (f *fleet) outcomeChart() chart {
	counts := map[string]int{}
	for _, s := range f.services {
		counts[s.outcome()]++
	}
	c := chart{ID: "outcome", Title: "Who answered"}
	classes := []struct{ name, class, note string }{
		{outcomeAnswered, "good", "sent a greeting"},
		{outcomeRefused, "mute", "nothing listens there"},
		{outcomeSilent, "warn", "no answer in time"},
		{outcomeBroken, "bad", "the conversation failed"},
		{outcomeNoAddress, "warn", "a name that leads nowhere"},
		{outcomeUncontacted, "mute", "excluded, or not reachable from here"},
	}
	most := 0
	for _, n := range counts {
		most = max(most, n)
	}
	for _, k := range classes {
		if n := counts[k.name]; n > 0 || k.name == outcomeAnswered {
			c.Bars = append(c.Bars, newBar(k.name, k.note, most, count{n, k.class, k.name}))
		}
	}
	return c
}

func severityChart(n figures) chart {
	c := chart{ID: "severity", Title: "Findings by severity"}
	most := 0
	for _, v := range n.Severities {
		most = max(most, v)
	}
	for _, s := range severities() {
		c.Bars = append(c.Bars, newBar(string(s), "", most, count{n.Severities[s], "sev-" + string(s), string(s)}))
	}
	return c
}

const (
	maxProducts = 12 // that have a bar of their own
	maxLabel    = 60 // bytes of a name or version at a bar; the tables have all
)

// softwareChart shows products, each bar divided by the age of its versions.
func softwareChart(rows []*softwareRow) chart {
	type product struct {
		name     string
		n        int
		ages     [lifecycleEnded + 1]int
		versions []string
	}
	byName := map[string]*product{}
	for _, r := range rows {
		name := cmp.Or(r.Product, "unknown")
		if byName[name] == nil {
			byName[name] = &product{name: name}
		}
		p := byName[name]
		p.n += r.Endpoints
		p.ages[r.Lifecycle] += r.Endpoints
		if r.Version != "" {
			p.versions = append(p.versions, fmt.Sprintf("%s ×%s", cut(Escape(r.Version), maxLabel), grouped(uint64(r.Endpoints))))
		}
	}
	products := slices.SortedFunc(maps.Values(byName), func(a, b *product) int {
		return cmp.Or(cmp.Compare(b.n, a.n), strings.Compare(a.name, b.name))
	})
	c := chart{ID: "software", Title: "Software and versions"}
	for i, p := range products {
		if i == maxProducts {
			c.Note = fmt.Sprintf("and %s more, in the table below", plural(uint64(len(products)-i), "product"))
			break
		}
		note := strings.Join(p.versions[:min(4, len(p.versions))], ", ")
		if more := len(p.versions) - 4; more > 0 {
			note += fmt.Sprintf(" and %d more", more)
		}
		c.Bars = append(c.Bars, newBar(cut(Escape(p.name), maxLabel), note, products[0].n,
			count{p.ages[lifecycleEnded], "bad", "support has ended"}, count{p.ages[lifecycleOutdated], "warn", "needs an update"},
			count{p.ages[lifecycleGood], "good", "nothing known against it"}, count{p.ages[lifecycleUnknown], "mute", "version not known"}))
	}
	return c
}

// tlsChart shows the TLS versions, the newest first, and who has none.
func (f *fleet) tlsChart() chart {
	counts := map[string]int{}
	most := 0
	for _, s := range f.services {
		if s.tls != "" {
			counts[s.tls]++
			most = max(most, counts[s.tls])
		}
	}
	c := chart{ID: "tls", Title: "TLS version negotiated"}
	versions := slices.SortedFunc(maps.Keys(counts), func(a, b string) int {
		return cmp.Or(cmp.Compare(tlsOrder(b), tlsOrder(a)), strings.Compare(b, a))
	})
	for _, v := range versions {
		label, class := Escape(v), "bad"
		switch {
		case v == "none":
			label = "plain text only"
		case v == "failed":
			label = "handshake failed"
		case v >= "TLS 1.2":
			class = "good"
		}
		c.Bars = append(c.Bars, newBar(label, "", most, count{counts[v], class, label}))
	}
	return c
}

func tlsOrder(version string) int {
	switch version {
	case "failed":
		return 0
	case "none":
		return 1
	}
	return 2
}
