package main

import (
	"context"
	"fmt"
	"io"
	"strings"
)

// man prints the manual and the flags as a page for man(1).
func (a *app) man(_ context.Context, args []string) error {
	if err := a.noArguments("man", args); err != nil {
		return err
	}
	var b strings.Builder
	b.WriteString(".TH MXSWEEP 1 \"\" \"mxsweep " + roff(buildVersion()) + "\" \"User Commands\"\n")
	open := false
	for line := range strings.Lines(manual) {
		line = strings.TrimRight(line, "\n")
		heading := line != "" && line[0] != ' '
		if heading && open {
			b.WriteString(".fi\n")
		}
		switch {
		case heading:
			b.WriteString(".SH " + roff(line) + "\n.nf\n")
			open = true
		case strings.HasPrefix(line, "  mxsweep - "): // as whatis(1) wants it
			b.WriteString("mxsweep \\- " + roff(line[len("  mxsweep - "):]) + "\n")
		default:
			b.WriteString(roff(strings.TrimPrefix(line, "  ")) + "\n")
		}
	}
	b.WriteString(".fi\n.SH FLAGS\n")
	fs := newFlags(new(options))
	for _, g := range fs.groups {
		b.WriteString(".SS " + roff(strings.ToUpper(g.title)) + "\n")
		for _, long := range g.names {
			fs.writeRoff(&b, long)
		}
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

func (fs *flagSet) writeRoff(b *strings.Builder, long string) {
	f := fs.CommandLine.Lookup(long)
	names := "-" + long
	if short := fs.short[long]; short != "" {
		names = "-" + short + ", " + names
	}
	fmt.Fprintf(b, ".TP\n.B %s\n%s\n", roff(names), roff(f.Usage+defaultText(f)))
}

// roff escapes a line of text: backslashes, hyphens that are to be copied as
// such, and what would be a request at the beginning of a line (groff(7)).
func roff(line string) string {
	line = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(line)
	if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
		line = `\&` + line
	}
	return line
}
