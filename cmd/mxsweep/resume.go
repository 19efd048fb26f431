package main

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
)

// givenOptions are the options for the run record: the flags that were given,
// and the targets that stood among them.
func givenOptions(o *options, flags *flagSet) map[string]string {
	given := flags.changed()
	delete(given, "resume")
	named := slices.DeleteFunc(slices.Clone(o.positional), func(s string) bool { return s == "-" })
	if all := append(named, o.targets...); len(all) > 0 {
		given["target"] = strings.Join(all, ",")
	}
	return given
}

// inherit gives o the options of the run that is to be resumed, where the
// command line does not say otherwise. What it says otherwise must be of no
// consequence to the records, unless -force is given. The record returned is nil
// where the file ends before its first one.
func (a *app) inherit(o *options, flags *flagSet) (*scanner.Run, error) {
	if o.dryRun {
		return nil, usagef("-resume and -dry-run exclude each other")
	}
	run, err := firstRecord(o.resume)
	if err != nil {
		return nil, fmt.Errorf("-resume: %w", err)
	}
	if run == nil {
		return nil, nil
	}
	if run.Options["merge"] != "" {
		return nil, fmt.Errorf("%s was merged from several files: resume those that are not complete, and merge again", o.resume)
	}
	given := givenOptions(o, flags)
	if err := a.compare(o, flags, given, run.Options); err != nil {
		return nil, err
	}
	targets := given["target"] != "" || given["list"] != ""
	for _, name := range slices.Sorted(maps.Keys(run.Options)) {
		_, again := given[name]
		switch effectOf(name) {
		case effectOutput:
		case effectExclude: // what was to be left alone still is, whatever is added now
			err = inheritFlag(flags, name, run.Options[name])
		default:
			if !again && !(targets && (name == "target" || name == "list")) {
				err = inheritFlag(flags, name, run.Options[name])
			}
		}
		if err != nil {
			return nil, fmt.Errorf("%s: option -%s of the run: %w", o.resume, name, err)
		}
	}
	if run.Version != buildVersion() {
		a.logf("note: %s was begun by version %s, this is %s", o.resume, run.Version, buildVersion())
	}
	return run, nil
}

// firstRecord returns the record that a file begins with, nil if the file ends
// before its end.
func firstRecord(path string) (*scanner.Run, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for r, err := range output.NewReader(f).Results() {
		var torn *output.TornError
		switch {
		case errors.As(err, &torn):
			return nil, nil
		case err != nil:
			return nil, fmt.Errorf("%s: %w", path, err)
		case r.Run == nil:
			return nil, fmt.Errorf("%s does not begin with a run record: it is not the output of a scan", path)
		}
		return r.Run, nil
	}
	return nil, nil
}

// An effect is what another value of an option does to a run that is resumed.
type effect int

const (
	effectRecords effect = iota // the records would be others: -force allows it
	effectOrder                 // what is recorded of ranges would be wrong
	effectPace                  // none on what is final
	effectOutput                // none but for this part of the run; not inherited
	effectExclude               // it adds to what was given before
)

func effectOf(option string) effect {
	switch option {
	case "port", "seed", "shard":
		return effectOrder
	case "concurrency", "rate-limit", "host-limit", "provider-limit", "delay", "retries", "discovery", "dns-rate-limit", "dns-timeout",
		"resolvers", "source-ip", "connect-timeout", "greeting-timeout", "timeout", "target-timeout", "tls-light",
		"strict", "fields", "fail-on":
		return effectPace
	case "output", "force", "json", "csv", "silent", "stats", "stats-interval", "no-color", "no-stdin", "resume", "dry-run", "config":
		return effectOutput
	case "exclude-hosts", "exclude-file":
		return effectExclude
	}
	return effectRecords
}

// compare refuses options that differ from those of the run and matter.
func (a *app) compare(o *options, flags *flagSet, given, recorded map[string]string) error {
	var differ []string
	for _, name := range slices.Sorted(maps.Keys(given)) {
		before, ok := recorded[name]
		if f := flags.CommandLine.Lookup(name); !ok && f != nil {
			before = f.DefValue
		}
		if before == given[name] {
			continue
		}
		switch effectOf(name) {
		case effectOrder:
			return usagef("-resume: -%s was %q and cannot become %q: the record of how far ranges have come depends on it", name, before, given[name])
		case effectRecords:
			differ = append(differ, fmt.Sprintf("-%s was %q and is %q", name, before, given[name]))
		}
	}
	return a.mix(o, differ, "give the options of the run, or none of them")
}

// mix refuses to go on with what differs, unless -force is given.
func (a *app) mix(o *options, differ []string, advice string) error {
	switch {
	case len(differ) == 0:
		return nil
	case !o.force:
		return usagef("-resume: %s; %s, or -force to mix the results", strings.Join(differ, "; "), advice)
	}
	a.logf("warning: results are mixed: %s", strings.Join(differ, "; "))
	return nil
}

// compareFiles refuses files that have been changed since the run began: its
// records were made with others. What an older version did not note is not
// known.
func (a *app) compareFiles(o *options) error {
	if o.earlier == nil {
		return nil
	}
	var differ []string
	for _, name := range slices.Sorted(maps.Keys(o.judging.digests)) {
		if before := o.earlier.Digests[name]; before != "" && before != o.judging.digests[name] {
			differ = append(differ, "what -"+name+" names has been changed since the run began")
		}
	}
	return a.mix(o, differ, "bring the old content back")
}

// inheritFlag sets a flag to what a run record says.
func inheritFlag(flags *flagSet, name, value string) error {
	f := flags.CommandLine.Lookup(name)
	if f == nil {
		return errors.New("this version has no such option")
	}
	if _, ok := f.Value.(*paths); !ok {
		return f.Value.Set(value)
	}
	for path := range strings.SplitSeq(value, ",") {
		if err := f.Value.Set(path); err != nil {
			return err
		}
	}
	return nil
}

// reopen reads back what the run has written so far, gives it to the scanner,
// and opens the outputs to go on. It reports whether the run is complete
// already. g sees the findings on record.
func (a *app) reopen(o *options, s *scanner.Scanner, g *judge) (complete bool, err error) {
	fields, err := selectedFields(o.fields)
	if err != nil {
		return false, err
	}
	others, err := replacements(o, fields)
	if err != nil {
		return false, err
	}
	copies, err := databases(o)
	if err != nil {
		return false, errors.Join(err, discard(others))
	}
	for _, r := range others {
		copies = append(copies, r)
	}
	again := output.Tee(copies...)
	s.Resume = scanner.NewLedger()
	stored, err := output.ReadBack(o.resume, func(r *scanner.Result) error {
		s.Resume.Add(r)
		g.recall(r)
		return again.Write(r)
	})
	if err != nil {
		return false, errors.Join(err, discard(others))
	}
	for i, r := range others {
		if err := r.Commit(); err != nil {
			return false, errors.Join(err, discard(others[i+1:]), stored.Close())
		}
	}
	if stored.Complete {
		a.logf("%s is complete: nothing to resume", o.resume)
		return true, errors.Join(stored.Close(), again.Close())
	}
	w, aside, err := stored.Continue()
	if err != nil {
		return false, errors.Join(err, again.Close())
	}
	a.logf("resuming after %d records of %s", stored.Records, o.resume)
	if aside != "" {
		a.logf("warning: %s is damaged; %d records behind the damage are made anew, and the old file is kept as %s", o.resume, stored.Lost, aside)
	}
	if stored.Records == 0 {
		s.Resume = nil
	}
	g.Writer, err = a.joinOutputs(o, func([]string) ([]output.Writer, error) { return append(copies, w), nil })
	return false, err
}

func discard(files []*output.Replacement) (err error) {
	for _, r := range files {
		err = errors.Join(err, r.Discard())
	}
	return err
}

// replacements begins the files of -o anew, beside the old ones, apart from the
// file that is resumed. Those that exist must be of the same run.
func replacements(o *options, fields []string) ([]*output.Replacement, error) {
	var known []string
	if run := o.earlier; run != nil {
		known = strings.Split(run.Options["output"], ",")
	}
	resumed, err := os.Stat(o.resume)
	if err != nil {
		return nil, fmt.Errorf("-resume: %w", err)
	}
	var files []*output.Replacement
	for _, path := range o.outputs {
		if isDatabase(path) {
			continue
		}
		info, err := os.Stat(path)
		switch {
		case err == nil && os.SameFile(info, resumed):
			continue
		case err == nil && !o.force && !slices.ContainsFunc(known, func(k string) bool { return filepath.Clean(k) == filepath.Clean(path) }):
			err = fmt.Errorf("output file %q exists already and is not of the run in %s; use another name, or -force to overwrite it", path, o.resume)
		case errors.Is(err, fs.ErrNotExist):
			err = nil
		}
		var r *output.Replacement
		if err == nil {
			r, err = output.Replace(path, output.Options{Fields: fields})
		}
		if err != nil {
			return nil, errors.Join(err, discard(files))
		}
		files = append(files, r)
	}
	return files, nil
}

// recall counts the findings of a record that was written before.
func (g *judge) recall(r *scanner.Result) {
	switch {
	case r.Service != nil:
		g.sift(r.Service.Findings)
	case r.Domain != nil:
		g.sift(r.Domain.Findings)
	case r.Summary != nil:
		g.sift(r.Summary.Findings)
	}
}

// databases opens the outputs that need no replacement: in a database the run
// takes its own place.
func databases(o *options) (opened []output.Writer, err error) {
	for _, path := range o.outputs {
		if !isDatabase(path) {
			continue
		}
		w, err := output.Create(path, false, output.Options{})
		if err != nil {
			return nil, errors.Join(err, output.Tee(opened...).Close())
		}
		opened = append(opened, w)
	}
	return opened, nil
}

func isDatabase(path string) bool {
	format, _, _ := output.FormatOf(path)
	return format == output.SQLite
}
