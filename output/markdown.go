package output

import (
	"fmt"
	"io"
	"strings"
	"unicode"

	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// maxListed is how many places a ticket names for one problem.
const maxListed = 20

// writeMarkdown writes the headline and every problem with its remedy and the
// places where it was found: what belongs into a ticket.
func (r *Report) writeMarkdown(w io.Writer) error {
	hosts, domains := r.fleet.hosts(), r.fleet.sortedDomains()
	n := r.fleet.figures(hosts)
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n%s, %s, %s; scanned %s.\n\n", inline(r.options.Title), plural(uint64(n.Domains), "domain"), plural(uint64(n.Hosts), "host"), plural(uint64(n.Endpoints), "endpoint"), minute(r.fleet.to))
	for _, note := range append(r.fleet.ends(), r.fleet.notes...) {
		fmt.Fprintf(&b, "> %s\n\n", inline(note))
	}
	b.WriteString("| | | |\n|---|--:|---|\n")
	for _, t := range tiles(n) {
		fmt.Fprintf(&b, "| %s | **%s** | %s |\n", t.Label, t.Value, t.Note)
	}
	places := map[string][]string{}
	for o := range r.fleet.each() {
		place := inline(evidenceOf(o.finding))
		if at := o.place(); at != "" {
			place = inline(at) + ": " + place
		}
		places[o.finding.ID] = append(places[o.finding.ID], place)
	}
	b.WriteString("\n## Findings\n")
	for _, p := range r.fleet.problems(hosts, domains) {
		if p.Severity != advisory.Info {
			writeProblem(&b, p, places[p.ID])
		}
	}
	b.WriteString("\n## Software\n\n| product | version | endpoints | support |\n|---|---|--:|---|\n")
	for _, row := range r.fleet.software() {
		fmt.Fprintf(&b, "| %s | %s | %d | %s |\n", inline(softwareName(row.Product, "")), inline(row.Version), row.Endpoints, lifecycleText(int(row.Lifecycle)))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func writeProblem(b *strings.Builder, p *problem, places []string) {
	fmt.Fprintf(b, "\n### %s: %s (%s)\n\n", p.Severity, inline(p.Entry.Title), p.At)
	if p.Entry.Why != "" {
		fmt.Fprintf(b, "%s\n\n**What to do:** %s\n\n", p.Entry.Why, p.Entry.Remedy)
	}
	for i, place := range places {
		if i == maxListed {
			fmt.Fprintf(b, "- and %s more\n", grouped(uint64(len(places)-i)))
			return
		}
		fmt.Fprintf(b, "- [ ] %s\n", place)
	}
}

// inline makes text safe inside a line of Markdown: no character of it is
// markup, HTML, a mention or a link.
func inline(s string) string {
	var b strings.Builder
	for _, r := range Escape(s) {
		switch {
		case r == '@': // GitHub and GitLab notify whoever is mentioned
			b.WriteString("&#64;")
		case r == '<':
			b.WriteString("&lt;")
		case r == '&':
			b.WriteString("&amp;")
		case strings.ContainsRune("\\`*_{}[]()#+!|>~$", r), unicode.IsControl(r):
			b.WriteString("\\" + string(r))
		default:
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(b.String(), "://", ":&#47;/")
}
