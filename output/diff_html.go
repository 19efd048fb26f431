package output

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"strings"
)

//go:embed report/diff.tmpl
var diffTemplate string

//go:embed report/diff.js
var diffScript string

// diffPage is the data of the difference's template.
type diffPage struct {
	page
	Old, New string
	Figures  string
	Tiles    []tile
	Notes    []string
	Kinds    []diffSection
}

type diffSection struct {
	Kind    ChangeKind
	Title   string
	Changes []diffEntry
}

type diffEntry struct {
	Place, Domains, Reason string
	Fields                 []diffRow
}

// A diffRow is one fact before and after; of lists what only one side has.
type diffRow struct {
	Name     string
	Old, New []string
}

func (d *Diff) writeHTML(w io.Writer) error {
	data := diffPage{page: newPage("What changed", diffScript), Old: d.Old.text(), New: d.New.text(), Figures: d.figures(), Tiles: d.tiles(), Notes: escaped(d.Notes)}
	for _, kind := range changeKinds() {
		if s := d.section(kind); len(s.Changes) > 0 {
			data.Kinds = append(data.Kinds, s)
		}
	}
	t, err := template.New("diff").Parse(diffTemplate)
	if err != nil {
		return err
	}
	return t.Execute(w, data)
}

func (d *Diff) section(kind ChangeKind) diffSection {
	s := diffSection{Kind: kind, Title: kindTitle(kind)}
	for i := range d.Changes {
		c := &d.Changes[i]
		if c.Kind != kind {
			continue
		}
		e := diffEntry{Place: Escape(c.place()), Reason: Escape(c.Reason)}
		if c.Object == "service" && len(c.Domains) > 0 {
			e.Domains = Escape(plural(uint64(len(c.Domains)), "domain") + ": " + cut(distinct(c.Domains, ", "), 300))
		}
		for j := range c.Fields {
			e.Fields = append(e.Fields, newDiffRow(&c.Fields[j]))
		}
		s.Changes = append(s.Changes, e)
	}
	return s
}

func newDiffRow(f *FieldChange) diffRow {
	r := diffRow{Name: strings.ReplaceAll(f.Field, "_", " ")}
	side := func(text string, items []string) []string {
		if text != "" {
			items = []string{text}
		}
		shown := escaped(items[:min(len(items), maxItems)])
		if more := len(items) - maxItems; more > 0 {
			shown = append(shown, fmt.Sprintf("and %d more", more))
		}
		return shown
	}
	r.Old, r.New = side(f.Old, f.Removed), side(f.New, f.Added)
	return r
}

// tiles are the figures of the headline.
func (d *Diff) tiles() []tile {
	var added, removed, versions int
	for i := range d.Changes {
		for _, f := range d.Changes[i].Fields {
			switch {
			case f.Field == fieldFindings:
				added += len(f.Added)
				removed += len(f.Removed)
			case f.Field == fieldVersion && d.Changes[i].Kind == ChangeChanged:
				versions++
			}
		}
	}
	count := func(n int) string { return grouped(uint64(n)) }
	color := func(n int, class string) string {
		if n > 0 {
			return class
		}
		return ""
	}
	return []tile{
		{"New findings", count(added), "at what is new, reached again or changed", color(added, "bad")},
		{"Findings gone", count(removed), "looked for again, and not there", color(removed, "good")},
		{"Versions changed", count(versions), fmt.Sprintf("among %s changed", count(d.Count(ChangeChanged))), ""},
		{"New and gone", count(d.Count(ChangeNew)) + " / " + count(d.Count(ChangeGone)), "services and domains", color(d.Count(ChangeNew)+d.Count(ChangeGone), "warn")},
		{"Not reached", count(d.Count(ChangeMissed)), "this time; that is not to be gone", color(d.Count(ChangeMissed), "warn")},
	}
}

func kindTitle(kind ChangeKind) string {
	switch kind {
	case ChangeNew:
		return "New"
	case ChangeGone:
		return "Gone"
	case ChangeChanged:
		return "Changed"
	case ChangeReached:
		return "Reached again"
	}
	return "Not reached this time"
}
