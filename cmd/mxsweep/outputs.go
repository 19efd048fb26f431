package main

import (
	"strings"

	"github.com/mxsweep/mxsweep/output"
)

// openOutputs opens everything the results go to: the files of -o and standard
// output in the form asked for or, unless files were named, the form that fits
// who reads it.
func (a *app) openOutputs(o *options) (output.Writer, error) {
	fields, err := selectedFields(o.fields)
	if err != nil {
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
	columns, isTerminal := terminal(a.stdout)
	format := output.NDJSON
	switch {
	case o.json && o.csv:
		return nil, usagef("-json and -csv both choose the form of standard output: give one, and -o FILE for the other")
	case o.csv:
		format = output.CSV
	case o.json:
	case isTerminal:
		format = output.Text
	case len(o.outputs) > 0:
		return output.Tee(writers...), nil
	}
	w, err := output.New(a.stdout, format, output.Options{Fields: fields, Width: columns, Color: a.color(o, a.stdout)})
	if err != nil {
		return nil, err
	}
	return output.Tee(append(writers, w)...), nil
}

func selectedFields(list string) ([]string, error) {
	if list == "" {
		return nil, nil
	}
	fields, err := output.SelectColumns(strings.Split(list, ","), nil)
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
