package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"go.yaml.in/yaml/v4"

	"github.com/mxsweep/mxsweep/output"
)

// once are the flags that belong to one command line: from the environment or a
// file they would surprise.
var once = map[string]bool{
	"help": true, "version": true, "list-output-fields": true, "config": true, "resume": true, "force": true, "dry-run": true,
}

// configure sets the flags that the command line leaves open: from the
// environment, then from the configuration file. Nothing is ever written. Where a
// run is resumed whose options are known, these stand instead, and only what both
// exclude is added.
//
// goflags would read a file, too, but takes a flag that was given its default
// for one that was not given, and says nothing of a key that it does not know.
func (a *app) configure(o *options, flags *flagSet) error {
	given := flags.changed()
	if len(o.positional) > 0 {
		given["target"] = "" // those that were named are all
	}
	if o.earlier != nil {
		flags.CommandLine.VisitAll(func(f *flag.Flag) { given[f.Name] = "" })
	}
	if err := a.fromEnvironment(flags, given); err != nil {
		return err
	}
	a.strayVariables(flags)
	path, named := a.configPath(o)
	if path == "" {
		return nil
	}
	text, err := os.ReadFile(path)
	if !named && errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = flags.fromFile(path, text, given)
	}
	if err != nil {
		return usagef("configuration: %w", err)
	}
	return nil
}

// variable is the environment variable of a flag: MXSWEEP_RATE_LIMIT for
// -rate-limit.
func variable(long string) string {
	return "MXSWEEP_" + strings.ToUpper(strings.ReplaceAll(long, "-", "_"))
}

// fromEnvironment sets flags that are not among those given, and adds them to
// these.
func (a *app) fromEnvironment(flags *flagSet, given map[string]string) (err error) {
	for _, g := range flags.groups {
		for _, long := range g.names {
			value := a.getenv(variable(long))
			if !settable(long, given) || value == "" || once[long] {
				continue
			}
			if failed := flags.CommandLine.Set(long, value); failed != nil && err == nil {
				err = usagef("%s: %q: %w", variable(long), value, failed)
			}
			given[long] = value
		}
	}
	return err
}

// strayVariables warns of variables that look like those of flags and are not: a
// slip in MXSWEEP_RATE_LIMIT would scan faster than was meant.
func (a *app) strayVariables(flags *flagSet) {
	if a.environ == nil {
		return
	}
	taken := map[string]bool{variable("config"): true}
	for _, g := range flags.groups {
		for _, long := range g.names {
			taken[variable(long)] = taken[variable(long)] || !once[long]
		}
	}
	for _, pair := range a.environ() {
		name, value, _ := strings.Cut(pair, "=")
		if strings.HasPrefix(name, variable("")) && value != "" && !taken[name] {
			a.logf("warning: %s is ignored: the environment sets no such flag", output.Escape(name))
		}
	}
}

// settable reports whether a flag may still be set. Exclusions add up: what is to be
// left alone stays so whatever else is named.
func settable(long string, given map[string]string) bool {
	_, set := given[long]
	return !set || effectOf(long) == effectExclude
}

// configPath is where the configuration is, and whether somebody has said so: if
// not, it need not exist.
func (a *app) configPath(o *options) (path string, named bool) {
	if o.config != "" {
		return o.config, true
	}
	if path := a.getenv(variable("config")); path != "" {
		return path, true
	}
	dir := a.getenv("XDG_CONFIG_HOME")
	if dir == "" && a.getenv("HOME") != "" {
		dir = filepath.Join(a.getenv("HOME"), ".config")
	}
	if dir == "" {
		return "", false
	}
	return filepath.Join(dir, "mxsweep", "config.yaml"), false
}

// fromFile sets the flags that are not given yet. The file is a mapping of long
// names of flags to values, or to lists of them where a flag may be repeated.
func (fs *flagSet) fromFile(path string, text []byte, given map[string]string) error {
	var file yaml.Node
	if err := yaml.Unmarshal(text, &file); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	root := &file
	if root.Kind == yaml.DocumentNode && len(root.Content) > 0 {
		root = root.Content[0]
	}
	if root.Kind == 0 || root.Tag == "!!null" { // empty, or comments only
		return nil
	}
	if root.Kind != yaml.MappingNode {
		return fmt.Errorf("%s:%d: expected lines such as \"rate-limit: 50\"", path, root.Line)
	}
	for i := 0; i+1 < len(root.Content); i += 2 {
		key, value := root.Content[i], root.Content[i+1]
		if err := fs.fromKey(key.Value, value, given); err != nil {
			return fmt.Errorf("%s:%d: %s: %w", path, key.Line, key.Value, err)
		}
	}
	return nil
}

func (fs *flagSet) fromKey(long string, value *yaml.Node, given map[string]string) error {
	if fs.CommandLine.Lookup(long) == nil || fs.canonical[long] != "" || once[long] {
		return errors.New("there is no such key; keys are the long names of flags, without a hyphen before them")
	}
	if !settable(long, given) {
		return nil
	}
	values := []*yaml.Node{value}
	if value.Kind == yaml.SequenceNode {
		values = value.Content
	}
	for _, v := range values {
		if v.Kind != yaml.ScalarNode {
			return errors.New("expected a value, or a list of values")
		}
		if err := fs.CommandLine.Set(long, v.Value); err != nil {
			return fmt.Errorf("%q: %w", v.Value, err)
		}
	}
	return nil
}
