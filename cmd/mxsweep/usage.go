package main

import (
	"context"
	_ "embed"
	"flag"
	"fmt"
	"io"
	"strings"

	"github.com/mxsweep/mxsweep/output"
)

//go:embed manual.txt
var manual string

// help prints the manual.
func (a *app) help(_ context.Context, args []string) error {
	if err := a.noArguments("help", args); err != nil {
		return err
	}
	_, err := io.WriteString(a.stdout, manual)
	return err
}

// noArguments refuses what a command would otherwise leave unsaid that it
// ignores.
func (a *app) noArguments(command string, args []string) error {
	rest, err := a.parseFew(command, args, func(*flagSet) {})
	if err == nil && len(rest) > 0 {
		err = usagef("%s takes no arguments", command)
	}
	return err
}

// usage prints the flags by group; with the name of a group, that group alone.
func (a *app) usage(fs *flagSet, only string) error {
	var b strings.Builder
	if only == "" {
		b.WriteString("mxsweep audits a mail fleet: what answers on 25, 465 and 587, which version, how it is secured\n\n")
		b.WriteString("usage: mxsweep [flags] domain|host|address|CIDR|range ...\n")
		b.WriteString("       mxsweep demo|check|report|diff|assess|classify|convert|merge|data|fingerprints|findings\n")
		b.WriteString("       mxsweep schema|help|man|completion\n")
	}
	found := only == ""
	for _, g := range fs.groups {
		if only == "" || strings.EqualFold(only, g.title) {
			found = true
			fs.writeGroup(&b, g)
		}
	}
	if !found && a.commands()[only] != nil {
		return usagef("%s is a command: its flags are shown by \"mxsweep %s -h\"", only, only)
	}
	if !found {
		return usagef("no group of flags is called %q; there are: %s", only, fs.groupTitles())
	}
	_, err := io.WriteString(a.stdout, b.String())
	return err
}

func (fs *flagSet) groupTitles() string {
	titles := make([]string, len(fs.groups))
	for i, g := range fs.groups {
		titles[i] = g.title
	}
	return strings.Join(titles, ", ")
}

func (fs *flagSet) writeGroup(b *strings.Builder, g flagGroup) {
	fmt.Fprintf(b, "\n%s\n", strings.ToUpper(g.title))
	for _, long := range g.names {
		f := fs.CommandLine.Lookup(long)
		names := "-" + long
		if short := fs.short[long]; short != "" {
			names = "-" + short + ", " + names
		}
		fmt.Fprintf(b, "  %-26s %s%s\n", names, f.Usage, defaultText(f))
	}
}

// defaultText is " (value)" where a default is worth showing.
func defaultText(f *flag.Flag) string {
	switch f.DefValue {
	case "", "false", "[]":
		return ""
	case "0":
		if f.Name == "seed" {
			return ""
		}
	}
	return " (" + f.DefValue + ")"
}

// commandHelp prints the flags of one command, and returns what ends it.
func (a *app) commandHelp(fs *flagSet) error {
	if a.flags != nil {
		a.flags(fs)
		return flag.ErrHelp
	}
	var b strings.Builder
	for _, g := range fs.groups {
		b.WriteString(synopsis(g.title))
		if len(g.names) > 0 {
			fs.writeGroup(&b, g)
		}
	}
	b.WriteString("\n\"mxsweep help\" shows examples\n")
	if _, err := io.WriteString(a.stdout, strings.TrimPrefix(b.String(), "\n")); err != nil {
		return err
	}
	return flag.ErrHelp
}

// synopsis is the manual's line on a command.
func synopsis(command string) string {
	for line := range strings.Lines(manual) {
		if strings.HasPrefix(line, "  mxsweep "+command+" ") {
			return strings.TrimPrefix(line, "  ")
		}
	}
	return ""
}

// schema prints the JSON Schema of the records.
func (a *app) schema(_ context.Context, args []string) error {
	if err := a.noArguments("schema", args); err != nil {
		return err
	}
	_, err := a.stdout.Write(output.Schema())
	return err
}

// columns lists the CSV columns with their meaning.
func (a *app) columns() error {
	for _, c := range output.Columns() {
		if _, err := fmt.Fprintf(a.stdout, "%-18s %s\n", c.Name, c.Description); err != nil {
			return err
		}
	}
	return nil
}
