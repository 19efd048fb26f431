package main

import (
	"context"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// flagValues are the flags that take one of a few words, and these.
var flagValues = map[string]string{
	"probe":      "passive polite full",
	"discovery":  "connect syn",
	"ip-version": "4 6 4,6",
	"severity":   "info low medium high critical",
	"fail-on":    "info low medium high critical",
	"table":      "services findings hosts domains",
}

// A commandFlag is one name of a flag, as completion offers it.
type commandFlag struct {
	name, usage string
	values      string // words it takes; "": any
	alone       bool   // takes no value
}

// completion prints a script that completes commands and flags in a shell. It
// is made from the flags themselves, so it is as new as the program.
func (a *app) completion(_ context.Context, args []string) error {
	if len(args) != 1 {
		return usagef("completion takes the name of a shell: bash, zsh or fish")
	}
	scripts := map[string]func([]string, map[string][]commandFlag) string{"bash": bashScript, "zsh": zshScript, "fish": fishScript}
	script, ok := scripts[args[0]]
	if !ok {
		return usagef("no completion for %q: there are bash, zsh and fish", args[0])
	}
	_, err := io.WriteString(a.stdout, script(a.describe()))
	return err
}

// describe returns the commands, sorted, and the flags of each; those of a scan
// belong to "".
func (a *app) describe() (names []string, flags map[string][]commandFlag) {
	flags = map[string][]commandFlag{"": newFlags(new(options)).describe()}
	names = slices.Sorted(maps.Keys(a.commands()))
	for _, name := range names {
		asked := app{stdout: io.Discard, stderr: io.Discard, getenv: a.getenv, stopping: a.stopping}
		asked.flags = func(fs *flagSet) { flags[name] = fs.describe() }
		// A command without flags refuses -h; the others describe them,
		// and neither does anything else.
		_ = asked.commands()[name](a.stopping, []string{"-h"})
	}
	return names, flags
}

// describe lists the names of the flags in the order of the help.
func (fs *flagSet) describe() []commandFlag {
	var list []commandFlag
	for _, g := range fs.groups {
		for _, long := range g.names {
			f := fs.CommandLine.Lookup(long)
			boolean, ok := f.Value.(interface{ IsBoolFlag() bool })
			described := commandFlag{long, f.Usage, flagValues[long], ok && boolean.IsBoolFlag()}
			list = append(list, described)
			if short := fs.short[long]; short != "" {
				described.name = short
				list = append(list, described)
			}
		}
	}
	return list
}

func flagNames(list []commandFlag) string {
	names := make([]string, len(list))
	for i, f := range list {
		names[i] = "-" + f.name
	}
	return strings.Join(names, " ")
}

// valueCases are the branches of a case statement for the flags that take one
// of a few words.
func valueCases(flags map[string][]commandFlag, format string) string {
	seen := map[string]string{}
	for _, list := range flags {
		for _, f := range list {
			if f.values != "" {
				seen[f.name] = f.values
			}
		}
	}
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(seen)) {
		fmt.Fprintf(&b, format, name, seen[name])
	}
	return b.String()
}

func bashScript(names []string, flags map[string][]commandFlag) string {
	var b strings.Builder
	b.WriteString("# bash completion for mxsweep: source it, or put it into a bash-completion directory\n_mxsweep() {\n")
	b.WriteString("\tlocal cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} flags\n\tCOMPREPLY=()\n\tcase $prev in\n")
	b.WriteString(valueCases(flags, "\t-%s) COMPREPLY=($(compgen -W '%s' -- \"$cur\")); return ;;\n"))
	b.WriteString("\tesac\n\tcase $cur in\n\t-*) ;;\n\t*)\n")
	fmt.Fprintf(&b, "\t\t((COMP_CWORD > 1)) || COMPREPLY=($(compgen -W '%s' -- \"$cur\"))\n\t\treturn ;;\n\tesac\n\tcase ${COMP_WORDS[1]} in\n", strings.Join(names, " "))
	for _, name := range names {
		fmt.Fprintf(&b, "\t%s) flags='%s' ;;\n", name, flagNames(flags[name]))
	}
	fmt.Fprintf(&b, "\t*) flags='%s' ;;\n\tesac\n", flagNames(flags[""]))
	b.WriteString("\tCOMPREPLY=($(compgen -W \"$flags\" -- \"$cur\"))\n}\ncomplete -o default -F _mxsweep mxsweep\n")
	return b.String()
}

func zshScript(names []string, flags map[string][]commandFlag) string {
	var b strings.Builder
	b.WriteString("#compdef mxsweep\n# zsh completion for mxsweep: put it as _mxsweep into a directory of $fpath\n_mxsweep() {\n\tlocal -a flags\n\tcase ${words[CURRENT-1]} in\n")
	b.WriteString(valueCases(flags, "\t-%s) compadd -- %s; return ;;\n"))
	fmt.Fprintf(&b, "\tesac\n\tif [[ $PREFIX != -* ]]; then\n\t\t((CURRENT > 2)) || compadd -- %s\n\t\t_files\n\t\treturn\n\tfi\n\tcase ${words[2]} in\n", strings.Join(names, " "))
	for _, name := range append(slices.Clone(names), "") {
		pattern := name
		if name == "" {
			pattern = "*"
		}
		fmt.Fprintf(&b, "\t%s) flags=(\n", pattern)
		for _, f := range flags[name] {
			fmt.Fprintf(&b, "\t\t%s\n", shellQuote("-"+f.name+":"+f.usage))
		}
		b.WriteString("\t) ;;\n")
	}
	b.WriteString("\tesac\n\t_describe flag flags\n}\n_mxsweep \"$@\"\n")
	return b.String()
}

func fishScript(names []string, flags map[string][]commandFlag) string {
	var b strings.Builder
	b.WriteString("# fish completion for mxsweep: put it into ~/.config/fish/completions/mxsweep.fish\n")
	fmt.Fprintf(&b, "complete -c mxsweep -n __fish_use_subcommand -a '%s'\n", strings.Join(names, " "))
	for _, name := range append([]string{""}, names...) {
		condition := "__fish_seen_subcommand_from " + name
		if name == "" {
			condition = "not __fish_seen_subcommand_from " + strings.Join(names, " ")
		}
		for _, f := range flags[name] {
			option := "-o"
			if len(f.name) == 1 {
				option = "-s"
			}
			fmt.Fprintf(&b, "complete -c mxsweep -n '%s' %s %s -d %s", condition, option, f.name, shellQuote(f.usage))
			switch {
			case f.values != "":
				fmt.Fprintf(&b, " -x -a '%s'", f.values)
			case !f.alone:
				b.WriteString(" -r")
			}
			b.WriteString("\n")
		}
	}
	return b.String()
}

// shellQuote quotes a word for a shell. The usage texts have no backslash, which
// fish alone would take for more than itself.
func shellQuote(s string) string { return "'" + strings.ReplaceAll(s, "'", `'"'"'`) + "'" }
