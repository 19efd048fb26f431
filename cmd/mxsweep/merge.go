package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"strings"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
)

// merge joins the outputs of several runs, such as the shards of one, into one
// valid output.
func (a *app) merge(ctx context.Context, args []string) error {
	var o options
	files, err := a.parseFew("merge", args, func(fs *flagSet) {
		fs.add((*paths)(&o.outputs), "output", "o", "file to write: .ndjson .jsonl .csv .txt, .gz may follow; .db is added to (repeatable)")
		fs.add(&o.force, "force", "", "overwrite existing output files")
		fs.add(&o.json, "json", "j", "write NDJSON to standard output")
		fs.add(&o.csv, "csv", "", "write CSV to standard output")
		fs.add(&o.fields, "fields", "", "CSV columns to write, in this order")
	})
	switch {
	case err != nil:
		return err
	case len(files) == 0:
		return usagef("merge needs files of records: mxsweep merge -o all.ndjson 1.ndjson 2.ndjson")
	}
	if err := notOverwritten(files, o.outputs); err != nil {
		return err
	}
	first, err := mergeable(files)
	if err != nil {
		return err
	}
	m := &merger{app: a, ctx: ctx, ids: map[string]string{}}
	if m.out, err = a.openOutputs(&o); err != nil {
		return err
	}
	err = m.out.Write(&scanner.Result{Run: mergedRun(first, files)})
	for _, path := range files {
		if err == nil {
			err = m.file(path)
		}
	}
	if missing := m.shards.missing(); missing != "" && err == nil {
		m.interrupted = true
		a.logf("warning: %s, and so the summary says interrupted", missing)
	}
	if err == nil {
		err = m.out.Write(&scanner.Result{Summary: new(scanner.Scanner).Summarize(&m.tally, m.interrupted)})
	}
	return errors.Join(err, m.out.Close())
}

// mergeable returns the run record of the first file. Where files cannot be read,
// or are shards that do not belong together, that is an error, before anything
// has been written. What is wrong with a record, its merging tells.
func mergeable(files []string) (*scanner.Run, error) {
	if err := allReadable(files); err != nil {
		return nil, err
	}
	first, err := firstRecord(files[0])
	if err != nil {
		return nil, err
	}
	if first == nil {
		return nil, fmt.Errorf("%s holds no record", files[0])
	}
	var known shards
	err = known.add(files[0], first)
	for _, path := range files[1:] {
		if info, serr := os.Stat(path); err != nil || serr != nil || !info.Mode().IsRegular() {
			continue // a pipe cannot be read twice
		}
		if run, rerr := firstRecord(path); run != nil && rerr == nil {
			err = known.add(path, run)
		}
	}
	return first, err
}

// mergedRun is the record of the first run, with the names of the parts in
// place of the shard.
func mergedRun(first *scanner.Run, files []string) *scanner.Run {
	run := *first
	run.Options = maps.Clone(first.Options)
	if run.Options == nil {
		run.Options = map[string]string{}
	}
	delete(run.Options, "shard")
	names := make([]string, len(files))
	for i, path := range files {
		names[i] = filepath.Base(path)
	}
	run.Options["merge"] = strings.Join(names, ",")
	return &run
}

// A merger passes on the records of several outputs.
type merger struct {
	app         *app
	ctx         context.Context
	out         output.Writer
	tally       scanner.Tally
	ids         map[string]string // of the runs, to their files
	shards      shards
	interrupted bool // a part is not complete, or missing
}

func (m *merger) file(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	complete := false
	for r, err := range output.NewReader(f).Results() {
		var torn *output.TornError
		switch {
		case m.ctx.Err() != nil:
			return m.ctx.Err()
		case errors.As(err, &torn):
			continue // it is the end, and the part is not complete
		case err != nil:
			return fmt.Errorf("%s: %w", path, err)
		}
		complete = r.Summary != nil && !r.Summary.Interrupted
		if err := m.add(path, &r); err != nil {
			return err
		}
	}
	m.tally.EndPart()
	if !complete {
		m.interrupted = true
		m.app.logf("warning: %s is not complete, and so the summary says interrupted: \"mxsweep -resume %s\" completes it", path, path)
	}
	return nil
}

// add passes one record on, unless it is of its own file only.
func (m *merger) add(path string, r *scanner.Result) error {
	m.tally.Add(r)
	switch {
	case r.Run != nil:
		if other, ok := m.ids[r.Run.ID]; ok && r.Run.ID != "" {
			return fmt.Errorf("%s and %s are outputs of the same run", other, path)
		}
		m.ids[r.Run.ID] = path
		return m.shards.add(path, r.Run)
	case r.Progress != nil, r.Summary != nil:
		return nil
	}
	return m.out.Write(r)
}
