package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/mxsweep/mxsweep/output"
)

// reportFlags are the flags of report.
type reportFlags struct {
	outputs       paths
	title, table  string
	redact, force bool
}

// report writes what stored records show, for people and for trackers.
func (a *app) report(_ context.Context, args []string) error {
	var o reportFlags
	files, err := a.parseFew("report", args, func(fs *flagSet) {
		fs.add(&o.outputs, "output", "o", "file to write: .html .md .csv .sarif .defectdojo.json (repeatable)")
		fs.add(&o.title, "title", "", "heading of the report")
		fs.add(&o.table, "table", "", "rows of a CSV: services, findings, hosts or domains; without -o to standard output")
		fs.add(&o.redact, "redact", "", "put invented names and addresses in place of the real ones")
		fs.add(&o.force, "force", "", "overwrite existing files")
	})
	if err != nil {
		return err
	}
	r, err := output.NewReport(output.ReportOptions{Title: o.title, Table: o.table, Redact: o.redact, Now: time.Now()})
	if err != nil {
		return usagef("-table: %w", err)
	}
	formats := make([]output.ReportFormat, len(o.outputs))
	for i, path := range o.outputs {
		if formats[i], err = output.ReportFormatOf(path); err != nil {
			return usageError{err}
		}
	}
	if err := a.readStored("report", files, r.Read); err != nil {
		return err
	}
	for _, note := range r.Notes() {
		a.logf("warning: %s", note)
	}
	if r.Services() == 0 {
		return errors.New("the input holds no service record: there is nothing to report on")
	}
	switch {
	case len(o.outputs) > 0:
	case o.table != "":
		return r.Write(a.stdout, output.ReportCSV)
	default:
		return r.Write(a.stdout, output.ReportMarkdown)
	}
	for i, path := range o.outputs {
		if err := writeFile(path, o.force, func(w io.Writer) error { return r.Write(w, formats[i]) }); err != nil {
			return err
		}
		for _, note := range r.Omitted(formats[i]) {
			a.logf("warning: %s: %s", path, note)
		}
	}
	return nil
}

// readStored gives every file to read; "-" and, if it is no terminal, no file
// at all is standard input.
func (a *app) readStored(command string, files []string, read func(string, io.Reader) error) error {
	if _, isTerminal := terminal(a.stdin); len(files) == 0 && isTerminal {
		return usagef("%s needs the NDJSON files of scans: mxsweep %s fleet.ndjson", command, command)
	}
	if len(files) == 0 {
		files = []string{"-"}
	}
	for _, path := range files {
		if err := a.readOne(path, read); err != nil {
			return err
		}
	}
	return nil
}

// allReadable tells of files that cannot be read before anything is written: an
// output that holds nothing would be in the way of the next try.
func allReadable(files []string) error {
	for _, path := range files {
		if path == "-" {
			continue
		}
		if err := readable(path); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) readOne(path string, read func(string, io.Reader) error) error {
	if path == "-" {
		return read("standard input", a.stdin)
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return read(path, f)
}

// writeFile makes a new file, or with force a file anew. One that could not be
// written in full is removed.
func writeFile(path string, force bool, write func(io.Writer) error) error {
	mode := os.O_EXCL
	if force {
		mode = os.O_TRUNC
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|mode, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return fmt.Errorf("output file %q exists already; use another name, or -force to overwrite it: %w", path, err)
	}
	if err != nil {
		return fmt.Errorf("output file: %w", err)
	}
	w := bufio.NewWriter(f)
	if err := errors.Join(write(w), w.Flush(), f.Close()); err != nil {
		return errors.Join(fmt.Errorf("output file %q: %w", path, err), os.Remove(path))
	}
	return nil
}
