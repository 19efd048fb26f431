package output

import (
	_ "embed"
	"html/template"
	"io"
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
	Fields                 []pair
}

func (d *Diff) writeHTML(w io.Writer) error {
	data := diffPage{page: newPage("What changed", diffScript), Old: d.Old.text(), New: d.New.text(), Figures: d.figures(), Notes: escaped(d.Notes)}
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
			e.Fields = append(e.Fields, pair{c.Fields[j].Field, c.Fields[j].sides()})
		}
		s.Changes = append(s.Changes, e)
	}
	return s
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
