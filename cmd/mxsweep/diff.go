package main

import (
	"context"
	"errors"
	"io"
	"os"

	"github.com/mxsweep/mxsweep/output"
)

// errDiffers is how diff says that two scans differ; no message belongs to it.
var errDiffers = errors.New("the scans differ")

// diff tells what changed between the stored records of two scans.
func (a *app) diff(_ context.Context, args []string) error {
	var outputs paths
	var asJSON, asCSV, noColor, force bool
	files, err := a.parseFew("diff", args, func(fs *flagSet) {
		fs.add(&outputs, "output", "o", "file to write: .txt .ndjson .csv .html (repeatable)")
		fs.add(&asJSON, "json", "j", "write NDJSON to standard output")
		fs.add(&asCSV, "csv", "", "write CSV to standard output")
		fs.add(&noColor, "no-color", "nc", "no colors")
		fs.add(&force, "force", "", "overwrite existing files")
	})
	if err != nil {
		return err
	}
	if len(files) != 2 {
		return usagef("diff compares two files of records: mxsweep diff old.ndjson new.ndjson")
	}
	if asJSON && asCSV {
		return usagef("-json and -csv both choose the form of standard output: give one, and -o FILE for the other")
	}
	formats := make([]output.DiffFormat, len(outputs))
	for i, path := range outputs {
		if formats[i], err = output.DiffFormatOf(path); err != nil {
			return usageError{err}
		}
	}
	if err := notOverwritten(files, outputs); err != nil {
		return err
	}
	d, err := compareFiles(files[0], files[1])
	if err != nil {
		return err
	}
	for i, path := range outputs {
		if err := writeFile(path, force, func(w io.Writer) error { return d.Write(w, formats[i], false) }); err != nil {
			return err
		}
	}
	if err := a.writeDiff(d, len(outputs) > 0, asJSON, asCSV, noColor); err != nil {
		return err
	}
	if d.Differs() {
		return errDiffers
	}
	return nil
}

// writeDiff writes to standard output, unless files were named and nothing asks
// for it.
func (a *app) writeDiff(d *output.Diff, toFiles, asJSON, asCSV, noColor bool) error {
	switch {
	case asJSON:
		return d.Write(a.stdout, output.DiffNDJSON, false)
	case asCSV:
		return d.Write(a.stdout, output.DiffCSV, false)
	case toFiles:
		return nil
	}
	return d.Write(a.stdout, output.DiffText, a.color(&options{noColor: noColor}, a.stdout))
}

func compareFiles(oldPath, newPath string) (*output.Diff, error) {
	before, err := os.Open(oldPath)
	if err != nil {
		return nil, err
	}
	defer before.Close()
	after, err := os.Open(newPath)
	if err != nil {
		return nil, err
	}
	defer after.Close()
	return output.Compare(oldPath, before, newPath, after)
}
