package output

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// DiffFormat is what a difference is written as.
type DiffFormat string

// The formats of a difference.
const (
	DiffText   DiffFormat = "text"
	DiffNDJSON DiffFormat = "ndjson" // a "diff" record, then a "change" record each
	DiffCSV    DiffFormat = "csv"    // a row for each fact that differs
	DiffHTML   DiffFormat = "html"
)

// DiffFormatOf tells from the suffix of a path what to write there: .txt,
// .ndjson or .jsonl, .csv, .html.
func DiffFormatOf(path string) (DiffFormat, error) {
	path = strings.ToLower(path)
	for suffix, f := range map[string]DiffFormat{".txt": DiffText, ".ndjson": DiffNDJSON, ".jsonl": DiffNDJSON, ".csv": DiffCSV, ".html": DiffHTML} {
		if strings.HasSuffix(path, suffix) {
			return f, nil
		}
	}
	return "", fmt.Errorf("output file %q: the suffix must be .txt, .ndjson, .jsonl, .csv or .html", path)
}

// Write writes the difference; color asks for ANSI colors in text.
func (d *Diff) Write(w io.Writer, format DiffFormat, color bool) error {
	var err error
	switch format {
	case DiffText:
		err = d.writeText(w, palette(color))
	case DiffNDJSON:
		err = d.writeNDJSON(w)
	case DiffCSV:
		err = d.writeCSV(w)
	case DiffHTML:
		err = d.writeHTML(w)
	default:
		err = fmt.Errorf("unknown format %q", format)
	}
	if err != nil {
		return fmt.Errorf("write difference: %w", err)
	}
	return nil
}

// diffHead is the first record of the NDJSON form.
type diffHead struct {
	Type      string             `json:"type"` // "diff"
	Old       DiffSide           `json:"old"`
	New       DiffSide           `json:"new"`
	Counts    map[ChangeKind]int `json:"counts"`
	Same      int                `json:"same"`
	Unreached int                `json:"unreached"`
	Notes     []string           `json:"notes"`
}

func (d *Diff) writeNDJSON(w io.Writer) error {
	head := diffHead{"diff", d.Old, d.New, map[ChangeKind]int{}, d.Same, d.Unreached, d.Notes}
	for _, kind := range changeKinds() {
		head.Counts[kind] = d.Count(kind)
	}
	err := writeLine(w, head)
	for i := 0; i < len(d.Changes) && err == nil; i++ {
		err = writeLine(w, &d.Changes[i])
	}
	return err
}

// writeLine writes a value as a line of JSON in which, as in the records, what
// a terminal might obey or hide is escaped.
func writeLine(w io.Writer, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	line := make([]byte, 0, len(text)+1)
	for _, r := range string(text) {
		if r == 0x7f || r >= utf8.RuneSelf && r != utf8.RuneError && !visible(r) {
			line = appendEscapedRune(line, r)
		} else {
			line = utf8.AppendRune(line, r)
		}
	}
	_, err = w.Write(append(line, '\n'))
	return err
}

func (d *Diff) writeCSV(w io.Writer) error {
	b := appendRow(nil, "kind", "object", "host", "ip", "port", "domains", "field", "old", "new", "reason")
	for i := range d.Changes {
		c := &d.Changes[i]
		row := func(field, old, new string) {
			b = appendRow(b, string(c.Kind), c.Object, c.Host, c.IP, number(c.Port), strings.Join(c.Domains, " "), field, old, new, c.Reason)
		}
		for _, f := range c.Fields {
			if f.Added == nil && f.Removed == nil {
				row(f.Field, f.Old, f.New)
			}
			for _, item := range f.Removed {
				row(f.Field, item, "")
			}
			for _, item := range f.Added {
				row(f.Field, "", item)
			}
		}
		if len(c.Fields) == 0 {
			row("", "", "")
		}
	}
	_, err := w.Write(b)
	return err
}

// place names the object of a change.
func (c *Change) place() string {
	if c.Object == "domain" {
		return "domain " + c.Host
	}
	at := c.IP
	if strings.Contains(at, ":") {
		at = "[" + at + "]"
	}
	return strings.TrimSpace(c.Host + " " + at + ":" + number(c.Port))
}

// sides writes what a fact was and is: "Postfix 3.5 → 3.7", or "+ new, − old"
// for lists.
func (f *FieldChange) sides() string {
	if f.Added == nil && f.Removed == nil {
		switch {
		case f.New == "":
			return Escape(f.Old)
		case f.Old == "":
			return Escape(f.New)
		}
		return Escape(f.Old) + " → " + Escape(f.New)
	}
	var parts []string
	for _, item := range f.Added {
		parts = append(parts, "+ "+Escape(item))
	}
	for _, item := range f.Removed {
		parts = append(parts, "− "+Escape(item))
	}
	if more := len(parts) - maxItems; more > 1 {
		parts = append(parts[:maxItems], fmt.Sprintf("and %d more", more))
	}
	return strings.Join(parts, ", ")
}

// maxItems is how many items of a list are told to people; NDJSON and CSV have
// all.
const maxItems = 8

func (d *Diff) writeText(w io.Writer, p palette) error {
	var b []byte
	b = append(b, fmt.Sprintf("from %s\n  to %s\n", d.Old.text(), d.New.text())...)
	for _, note := range d.Notes {
		b = p.paint(b, yellow, "note: "+Escape(note))
		b = append(b, '\n')
	}
	for i := range d.Changes {
		c := &d.Changes[i]
		b = append(b, '\n')
		b = p.paint(b, changeStyle(c.Kind), fmt.Sprintf("%-13s", c.Kind))
		b = append(b, " "+Escape(c.place())...)
		if c.Reason != "" {
			b = append(b, ": "+Escape(c.Reason)...)
		}
		b = append(b, '\n')
		for j := range c.Fields {
			b = fmt.Appendf(b, "  %-18s %s\n", c.Fields[j].Field, c.Fields[j].sides())
		}
	}
	b = append(b, "\n"+d.figures()+"\n"...)
	_, err := w.Write(b)
	return err
}

// figures writes "3 changed, 1 new, 37 same".
func (d *Diff) figures() string {
	var parts []string
	for _, kind := range changeKinds() {
		if n := d.Count(kind); n > 0 {
			parts = append(parts, grouped(uint64(n))+" "+string(kind))
		}
	}
	parts = append(parts, grouped(uint64(d.Same))+" the same")
	if d.Unreached > 0 {
		parts = append(parts, grouped(uint64(d.Unreached))+" reached neither time")
	}
	return strings.Join(parts, ", ")
}

func (s DiffSide) text() string {
	text := fmt.Sprintf("%s: %s, %s", Escape(s.Name), plural(uint64(s.Services), "endpoint"), plural(uint64(s.Domains), "domain"))
	if !s.To.IsZero() {
		text += ", " + minute(s.To)
	}
	return text
}

func changeStyle(kind ChangeKind) string {
	switch kind {
	case ChangeNew, ChangeReached:
		return bold + green
	case ChangeGone:
		return bold + red
	case ChangeChanged:
		return bold + yellow
	}
	return dim
}
