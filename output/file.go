package output

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
)

// FormatOf tells from the suffix of a path what to write there: .ndjson or
// .jsonl, .csv, .txt, and whether .gz follows.
func FormatOf(path string) (f Format, compressed bool, err error) {
	base, compressed := strings.CutSuffix(strings.ToLower(path), ".gz")
	for suffix, f := range map[string]Format{".ndjson": NDJSON, ".jsonl": NDJSON, ".csv": CSV, ".txt": Text} {
		if strings.HasSuffix(base, suffix) {
			return f, compressed, nil
		}
	}
	return "", false, fmt.Errorf("output file %q: the suffix must be .ndjson, .jsonl, .csv or .txt, each with or without .gz", path)
}

// Create makes a new file and returns a Writer of the format that its suffix
// names. A file that exists is an error that wraps fs.ErrExist, unless force is
// set: then it is emptied.
func Create(path string, force bool, o Options) (Writer, error) {
	format, compressed, err := FormatOf(path)
	if err == nil {
		_, err = New(io.Discard, format, o) // bad options must not empty the file
	}
	if err != nil {
		return nil, err
	}
	mode := os.O_EXCL
	if force {
		mode = os.O_TRUNC
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|mode, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("output file %q exists already; use another name, or -force to overwrite it: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("output file: %w", err)
	}
	w, err := newFileWriter(f, format, compressed, o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

func newFileWriter(f *os.File, format Format, compressed bool, o Options) (Writer, error) {
	if !compressed {
		w, err := New(f, format, o)
		return &fileWriter{w, []io.Closer{f}}, err
	}
	z := gzip.NewWriter(f)
	w, err := New(z, format, o)
	return &fileWriter{w, []io.Closer{z, f}}, err
}

// A fileWriter closes what lies under its Writer too.
type fileWriter struct {
	Writer
	under []io.Closer // outermost first
}

func (w *fileWriter) Close() error {
	err := w.Writer.Close()
	for _, c := range w.under {
		if cerr := c.Close(); err == nil {
			err = cerr
		}
	}
	w.under = nil
	return err
}
