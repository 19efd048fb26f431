package output

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
)

// A Writer writes the results of a run in one format. It is used by one
// goroutine at a time.
//
// Write may keep lines back to hand them over in batches of 64 KiB, but none
// for longer than a second past the next Write; Flush hands over what is kept.
// Only whole lines are handed over. After the first error every method returns
// that error, which wraps the one of the underlying writer (so that
// errors.Is(err, syscall.EPIPE) tells a closed pipe).
//
// Close flushes and ends the format, and closes the file of a Writer that
// [Create] made; a Writer made by [New] leaves its io.Writer open.
type Writer interface {
	Write(r *scanner.Result) error
	Flush() error
	Close() error
}

// A Format is one of the forms in which results are written.
type Format string

// The formats.
const (
	NDJSON Format = "ndjson" // every record, one JSON object a line: the form that is read back
	CSV    Format = "csv"    // one row per service
	Text   Format = "text"   // for people
	SQLite Format = "sqlite" // a database that many runs are added to: files only, see [Create]
	ZGrab2 Format = "zgrab2" // one object per service in the shape of zgrab2's smtp module
)

// Options say how to write. The zero value is good for a file.
type Options struct {
	Fields []string         // CSV: the columns in order, see [SelectColumns]; nil: all
	Width  func() int       // Text: columns of the terminal, asked for at every record since it may be resized; nil or 0: lines are not broken
	Color  bool             // Text: use ANSI colors
	Now    func() time.Time // clock that says when a batch is due; nil: time.Now
}

// New returns a Writer of the format to w. What is at the head of the format,
// as the header of CSV, is written at the first Flush or Close at the latest,
// also where no result comes.
func New(w io.Writer, f Format, o Options) (Writer, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	b := &batch{w: w, now: o.Now, last: o.Now()}
	switch f {
	case NDJSON:
		return &ndjsonWriter{b}, nil
	case CSV:
		return newCSVWriter(b, o.Fields)
	case Text:
		return newTextWriter(b, o.Width, o.Color), nil
	case ZGrab2:
		return &zgrab2Writer{b}, nil
	}
	return nil, fmt.Errorf("unknown output format %q", f)
}

// Limits of a batch: one system call for many lines, yet a reader at the other
// end of a pipe sees results as they come.
const (
	batchBytes = 64 << 10
	batchAge   = time.Second
)

// A batch collects whole lines and hands them over in one piece.
type batch struct {
	w    io.Writer
	now  func() time.Time
	buf  []byte
	last time.Time // of the latest flush
	err  error     // the first one; nothing is written after it
}

// added is called after each record, when buf ends with a whole line.
func (b *batch) added() error {
	if b.err != nil {
		return b.err
	}
	if len(b.buf) >= batchBytes {
		return b.Flush()
	}
	if len(b.buf) > 0 && b.now().Sub(b.last) >= batchAge {
		return b.Flush()
	}
	return nil
}

// Flush implements Writer. Where the underlying writer has a Flush of its own
// (as gzip has), that is called too.
func (b *batch) Flush() error {
	b.last = b.now()
	if b.err != nil || len(b.buf) == 0 {
		return b.err
	}
	_, err := b.w.Write(b.buf)
	b.buf = b.buf[:0]
	if f, ok := b.w.(interface{ Flush() error }); ok && err == nil {
		err = f.Flush()
	}
	if err != nil {
		b.err = fmt.Errorf("write results: %w", err)
	}
	return b.err
}

// Close implements Writer.
func (b *batch) Close() error { return b.Flush() }

type ndjsonWriter struct{ *batch }

// Write implements Writer.
func (w *ndjsonWriter) Write(r *scanner.Result) error {
	if w.err == nil {
		w.buf = AppendResult(w.buf, r)
	}
	return w.added()
}

// Tee returns a Writer that passes everything on to each of ws, also after one
// of them has failed. Its errors are theirs, joined.
func Tee(ws ...Writer) Writer { return tee(ws) }

type tee []Writer

func (t tee) Write(r *scanner.Result) error {
	return t.each(func(w Writer) error { return w.Write(r) })
}
func (t tee) Flush() error { return t.each(Writer.Flush) }
func (t tee) Close() error { return t.each(Writer.Close) }

func (t tee) each(do func(Writer) error) error {
	var failed error
	for _, w := range t {
		if err := do(w); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return failed
}
