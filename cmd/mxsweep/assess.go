package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
)

// assess classifies and judges stored records again, offline.
func (a *app) assess(ctx context.Context, args []string) error {
	var o options
	files, err := a.parseFew("assess", args, func(fs *flagSet) {
		o.judging.register(fs)
		fs.add((*paths)(&o.outputs), "output", "o", "file to write: .ndjson .jsonl .csv .txt, .gz may follow; .db is added to (repeatable)")
		fs.add(&o.force, "force", "", "overwrite existing output files")
		fs.add(&o.json, "json", "j", "write NDJSON to standard output")
		fs.add(&o.csv, "csv", "", "write CSV to standard output")
		fs.add(&o.fields, "fields", "", "CSV columns to write, in this order")
		fs.add(&o.noColor, "no-color", "nc", "no colors")
		fs.add(&o.silent, "silent", "", "no summary; errors only")
	})
	if err != nil {
		return err
	}
	if len(files) == 0 {
		if !isPiped(a.stdin) {
			return usagef("assess needs files of records, or one on standard input")
		}
		files = []string{"-"}
	}
	if err := errors.Join(allReadable(files), notOverwritten(files, o.outputs)); err != nil {
		return err
	}
	s := &scanner.Scanner{}
	g, err := a.newJudge(&o.judging, s, o.silent)
	if err != nil {
		return err
	}
	review, err := s.NewReview()
	if err != nil {
		return err
	}
	if g.Writer, err = a.openOutputs(&o); err != nil {
		return err
	}
	again := &reassessment{app: a, ctx: ctx, review: review, out: g}
	err = again.files(files)
	return g.verdict(errors.Join(err, g.Close()))
}

// notOverwritten refuses an output that is one of the inputs: opening it would
// empty it before it is read.
func notOverwritten(inputs, outputs []string) error {
	for _, out := range outputs {
		written, err := os.Stat(out)
		if err != nil {
			continue
		}
		same := func(in string) bool {
			read, err := os.Stat(in)
			return err == nil && os.SameFile(read, written)
		}
		if slices.ContainsFunc(inputs, same) {
			return usagef("%s is read and written: write to another file", out)
		}
	}
	return nil
}

// A reassessment passes stored records through a review.
type reassessment struct {
	app     *app
	ctx     context.Context
	review  *scanner.Review
	out     output.Writer
	last    time.Time // of the latest service
	summary bool      // one was read
	bad     int       // lines that are no record
}

func (r *reassessment) files(paths []string) error {
	for _, path := range paths {
		if err := r.file(path); err != nil {
			return err
		}
	}
	if !r.summary { // it would have said what comes of comparing the services
		for _, f := range r.review.Fleet(r.last) {
			r.app.logf("%s %s: %s", f.Severity, f.ID, output.Escape(f.Evidence))
		}
	}
	if r.bad > 0 {
		return fmt.Errorf("lines that are no record: %d", r.bad)
	}
	return nil
}

func (r *reassessment) file(path string) error {
	if path == "-" {
		return r.read("stdin", r.app.stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return r.read(path, f)
}

// read assesses every record of a stream. A line that is no record is reported
// and passed over.
func (r *reassessment) read(name string, from io.Reader) error {
	reader := output.NewReader(from)
	reader.KeepUnknown = true
	for result, err := range reader.Results() {
		_, bad := errors.AsType[*output.LineError](err)
		_, torn := errors.AsType[*output.TornError](err)
		switch {
		case r.app.stopping.Err() != nil:
			return scanner.ErrStopped
		case r.ctx.Err() != nil:
			return r.ctx.Err()
		case bad || torn:
			r.bad++
			r.app.logf("%s: %v", name, err)
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := r.record(&result); err != nil {
			return err
		}
	}
	if n := reader.Unknown(); n > 0 {
		r.app.logf("%s: records of an unknown type, passed on in NDJSON: %d", name, n)
	}
	return nil
}

func (r *reassessment) record(result *scanner.Result) error {
	r.review.Assess(result)
	if result.Service != nil {
		r.last = result.Service.Timestamp
	}
	r.summary = r.summary || result.Summary != nil
	return r.out.Write(result)
}
