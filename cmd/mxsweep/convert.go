package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
)

// convert writes stored records in other forms. They are neither judged anew
// (assess does) nor joined (merge does).
func (a *app) convert(ctx context.Context, args []string) error {
	var o options
	var to string
	files, err := a.parseFew("convert", args, func(fs *flagSet) {
		fs.add((*paths)(&o.outputs), "output", "o", "file to write: .db .ndjson .jsonl .csv .txt (repeatable); a .db is added to")
		fs.add(&to, "to", "", "form of standard output: ndjson, csv, text or zgrab2")
		fs.add(&o.fields, "fields", "", "CSV columns to write, in this order")
		fs.add(&o.force, "force", "", "overwrite existing output files")
	})
	if err != nil {
		return err
	}
	if err := errors.Join(allReadable(files), notOverwritten(files, o.outputs)); err != nil {
		return err
	}
	fields, err := selectedFields(o.fields)
	if err != nil {
		return err
	}
	var writers []output.Writer
	switch format := output.Format(to); format {
	case "":
		if len(o.outputs) == 0 {
			return usagef("convert needs a form: -o FILE, or -to zgrab2 for standard output")
		}
	case output.NDJSON, output.CSV, output.Text, output.ZGrab2:
		w, err := output.New(a.stdout, format, output.Options{Fields: fields})
		if err != nil {
			return err
		}
		writers = append(writers, w)
	default:
		return usagef("-to: %q is no form for standard output: expected ndjson, csv, text or zgrab2", to)
	}
	created, err := createFiles(&o, fields)
	if err != nil {
		return err
	}
	out := output.Tee(append(writers, created...)...)
	err = a.readStored("convert", files, func(name string, r io.Reader) error { return a.copyRecords(ctx, out, name, r) })
	return errors.Join(err, out.Close())
}

// copyRecords passes the records of a stream on. The torn end of a run that was
// killed is said and left out; any other line that is no record ends it.
func (a *app) copyRecords(ctx context.Context, out output.Writer, name string, r io.Reader) error {
	reader := output.NewReader(r)
	for result, err := range reader.Results() {
		torn, isTorn := errors.AsType[*output.TornError](err)
		switch {
		case a.stopping.Err() != nil:
			return scanner.ErrStopped
		case ctx.Err() != nil:
			return ctx.Err()
		case isTorn:
			a.logf("warning: %s: %v", name, torn)
			continue
		case err != nil:
			return fmt.Errorf("%s: %w", name, err)
		}
		if err := out.Write(&result); err != nil {
			return err
		}
	}
	if n := reader.Unknown(); n > 0 {
		a.logf("%s: records of an unknown type, left out: %d", name, n)
	}
	return nil
}
