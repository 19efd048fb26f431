package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/mxsweep/mxsweep/output"
)

// openOutputs opens everything the results go to: the files of -o and standard
// output in the form asked for or, unless files were named, the form that fits
// who reads it.
func (a *app) openOutputs(o *options) (output.Writer, error) {
	return a.joinOutputs(o, func(fields []string) ([]output.Writer, error) { return createFiles(o, fields) })
}

// joinOutputs joins the files that open opens and standard output.
func (a *app) joinOutputs(o *options, open func(fields []string) ([]output.Writer, error)) (output.Writer, error) {
	fields, err := selectedFields(o.fields)
	if err != nil {
		return nil, err
	}
	_, isTerminal := terminal(a.stdout)
	format := output.NDJSON
	switch {
	case o.json && o.csv:
		return nil, usagef("-json and -csv both choose the form of standard output: give one, and -o FILE for the other")
	case o.csv:
		format = output.CSV
	case (isTerminal || o.text) && !o.json:
		format = output.Text
	}
	writers, err := open(fields)
	if err != nil {
		return nil, err
	}
	if len(writers) > 0 && !o.json && !o.csv && !o.text && !isTerminal {
		return output.Tee(writers...), nil
	}
	stdout := a.stdout
	if len(writers) > 0 {
		stdout = &optionalWriter{w: stdout}
	}
	w, err := output.New(stdout, format, output.Options{Fields: fields, Width: a.stdoutColumns, Color: a.color(o, a.stdout)})
	if err != nil {
		return nil, err
	}
	return output.Tee(append(writers, w)...), nil
}

// createFiles makes the files of -o: all of them or, where one is impossible
// and that can be known, none.
func createFiles(o *options, fields []string) ([]output.Writer, error) {
	if err := checkFiles(o); err != nil {
		return nil, err
	}
	var writers []output.Writer
	for _, path := range o.outputs {
		w, err := output.Create(path, o.force, output.Options{Fields: fields})
		if err != nil {
			_ = output.Tee(writers...).Close()
			return nil, err
		}
		writers = append(writers, w)
	}
	return writers, nil
}

// checkFiles looks at the files of -o before any of them is made or emptied.
func checkFiles(o *options) error {
	seen := map[string]bool{}
	for _, path := range o.outputs {
		format, _, err := output.FormatOf(path)
		if err != nil {
			return usageError{err}
		}
		if seen[filepath.Clean(path)] {
			return usagef("-output: %s is named twice", path)
		}
		seen[filepath.Clean(path)] = true
		if _, err := os.Lstat(path); err == nil && !o.force && format != output.SQLite {
			return fmt.Errorf("output file %q exists already; use another name, or -force to overwrite it", path)
		}
	}
	return nil
}

// An optionalWriter is a standard output that may go away, because the results
// are also written to files: what a closed pipe does not take is dropped.
type optionalWriter struct {
	w    io.Writer
	gone bool
}

// Write writes to the stream for as long as somebody reads it.
func (o *optionalWriter) Write(p []byte) (int, error) {
	if o.gone {
		return len(p), nil
	}
	n, err := o.w.Write(p)
	if errors.Is(err, syscall.EPIPE) {
		o.gone = true
		return len(p), nil
	}
	return n, err
}

func selectedFields(list string) ([]string, error) {
	if list == "" {
		return nil, nil
	}
	names := strings.Split(list, ",")
	for i := range names {
		names[i] = strings.TrimSpace(names[i])
	}
	fields, err := output.SelectColumns(names, nil)
	if err != nil {
		return nil, usagef("-fields: %w", err)
	}
	return fields, nil
}

// color reports whether colors belong on a stream. See https://no-color.org.
func (a *app) color(o *options, stream any) bool {
	_, isTerminal := terminal(stream)
	return isTerminal && !o.noColor && a.getenv("NO_COLOR") == "" && a.getenv("TERM") != "dumb"
}
