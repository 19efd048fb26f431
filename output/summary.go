package output

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
)

// maxSoftware is how many kinds of software a summary names.
const maxSoftware = 10

// Summary writes the figures of a run for people, in some forty lines of 80
// columns at most. color asks for ANSI colors.
func Summary(w io.Writer, s *scanner.Summary, color bool) error {
	p := summaryPage{palette: palette(color)}
	p.heading(s)
	p.figures(s)
	p.statuses(s.ByStatus)
	p.software(s.BySoftware)
	p.warnings(s)
	if _, err := w.Write(p.buf); err != nil {
		return fmt.Errorf("write summary: %w", err)
	}
	return nil
}

type summaryPage struct {
	buf []byte
	palette
}

func (p *summaryPage) heading(s *scanner.Summary) {
	how, style := "done in ", green
	if s.Interrupted {
		how, style = "interrupted after ", yellow
	}
	p.buf = append(p.paint(p.buf, bold+style, how+duration(s.DurationMS)), '\n')
}

func (p *summaryPage) figures(s *scanner.Summary) {
	var notes []string
	if s.Domains > 0 {
		notes = append(notes, plural(s.Domains, "domain"))
	}
	if s.BadInputs > 0 {
		notes = append(notes, plural(s.BadInputs, "line")+" not usable")
	}
	p.row("inputs", s.Inputs, notes...)
	p.row("endpoints", s.Endpoints, grouped(s.Contacted)+" contacted", grouped(s.Answered)+" answered")
	if s.Silent > 0 {
		p.row("silent", s.Silent, "in ranges, not listed")
	}
	if s.Covered < s.Endpoints {
		p.row("covered", s.Covered, fmt.Sprintf("%.1f %% of the endpoints; the others are unknown", 100*float64(s.Covered)/float64(s.Endpoints)))
	}
	p.row("connections", s.Connections)
	p.row("services", s.Services, "records written")
}

// warnings are for who would else believe the negatives.
func (p *summaryPage) warnings(s *scanner.Summary) {
	if s.Port25Blocked {
		p.buf = append(p.paint(p.buf, yellow, "  nothing answered on port 25 although 465 or 587 did: outbound port 25 is probably\n  blocked here (\"mxsweep check -25 HOST\" tells)"), '\n')
	}
}

// statuses lists every status, the most frequent first.
func (p *summaryPage) statuses(counts map[scanner.Status]uint64) {
	label := "status"
	order := slices.SortedFunc(maps.Keys(counts), func(a, b scanner.Status) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(a, b))
	})
	for _, status := range order {
		p.row(label, counts[status], Escape(string(status)))
		label = ""
	}
}

func (p *summaryPage) software(counts []scanner.SoftwareCount) {
	label := "software"
	named := counts[:min(len(counts), maxSoftware)]
	for _, c := range named {
		p.row(label, c.Count, Escape(softwareName(c.Product, c.Version)))
		label = ""
	}
	var n uint64
	others := counts[len(named):]
	for _, c := range others {
		n += c.Count
	}
	if len(others) > 0 {
		p.row("", n, "others")
	}
}

// row writes a label, a figure flush right, and what there is to say about it.
func (p *summaryPage) row(label string, figure uint64, notes ...string) {
	p.buf = p.paint(append(p.buf, "  "...), dim, fmt.Sprintf("%-11s", label))
	p.buf = fmt.Appendf(p.buf, " %13s", grouped(figure))
	if len(notes) > 0 {
		p.buf = append(p.buf, "  "+strings.Join(notes, ", ")...)
	}
	p.buf = append(p.buf, '\n')
}

func plural(n uint64, noun string) string {
	if n != 1 {
		noun += "s"
	}
	return grouped(n) + " " + noun
}

// grouped writes a number as 1,234,567.
func grouped(n uint64) string {
	s := strconv.FormatUint(n, 10)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// duration writes milliseconds with the precision that people care for.
func duration(ms int64) string {
	d := time.Duration(ms) * time.Millisecond
	switch {
	case d < time.Second:
		return d.String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	}
	return d.Round(time.Second).String()
}
