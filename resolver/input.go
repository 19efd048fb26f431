package resolver

import (
	"context"
	"fmt"
	"io"
	"iter"
	"os"
	"strings"

	"github.com/mxsweep/mxsweep/scanner"
)

// InputOptions say how targets are read. The zero value is the default.
type InputOptions struct {
	// Direct takes every name for a host: its own addresses are probed, and
	// no MX record is looked up.
	Direct bool
}

// A Source is a place that targets or exclusions come from: Arguments, File or
// Reader. It does nothing until it is ranged over by Inputs or read by
// ReadExclusions. The zero Source is empty.
type Source struct {
	entries func(ctx context.Context, use listUse) iter.Seq2[entry, error]
}

// An entry is one target as written, and where. An error beside it is the last
// thing a Source yields: the rest of the source cannot be read.
type entry struct {
	text   string // trimmed, without comment, never empty
	source string // as scanner.Input.Source
	reason string // why it names no target; "": it is to be parsed
}

// Arguments is a Source of targets given on the command line. Each argument may
// hold several, separated by commas; they are called "argument 1" and so on.
func Arguments(args []string) Source {
	return Source{func(context.Context, listUse) iter.Seq2[entry, error] {
		return func(yield func(entry, error) bool) {
			for i, arg := range args {
				for text := range strings.SplitSeq(arg, ",") {
					text = strings.TrimSpace(text)
					if text != "" && !yield(entry{text: text, source: fmt.Sprintf("argument %d", i+1)}, nil) {
						return
					}
				}
			}
		}
	}}
}

// File is a Source of targets in a text file, one per line. The file is opened
// when it is needed and read as a stream; it may be a pipe. An error of opening
// or reading is an *fs.PathError.
func File(path string) Source {
	return Source{func(ctx context.Context, use listUse) iter.Seq2[entry, error] {
		return func(yield func(entry, error) bool) {
			f, err := os.Open(path)
			if err != nil {
				yield(entry{}, err)
				return
			}
			defer f.Close() // wakes a reader that is blocked on a pipe, too
			var r io.Reader = f
			if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
				var cancel context.CancelFunc
				ctx, cancel = context.WithCancel(ctx)
				defer cancel()
				r = interruptible(ctx, f)
			}
			lines(path, r, use, yield)
		}
	}}
}

// Reader is a Source of targets in a stream such as the standard input, one per
// line. name is what errors call it. It can be ranged over once.
//
// A read that blocks cannot be canceled, so a goroutine does the reading. When
// the context ends, or the consumer stops, the sequence ends at once; the
// goroutine ends with the Read it is in, and whatever that returns is lost.
func Reader(name string, r io.Reader) Source {
	return Source{func(ctx context.Context, use listUse) iter.Seq2[entry, error] {
		return func(yield func(entry, error) bool) {
			ctx, cancel := context.WithCancel(ctx)
			defer cancel()
			lines(name, interruptible(ctx, r), use, yield)
		}
	}}
}

// Inputs reads targets from the sources, one after the other, as they are asked
// for: memory does not grow with the length of a list. Each line of a file or
// reader names one target in a form that Parse knows. Blank lines are skipped,
// and so is everything from a # that begins a line or follows a space. Lines
// end in LF or CRLF; a UTF-8 byte order mark is ignored.
//
// What naabu, masscan, zmap, nmap and dnsx write is taken as it is: a line is
// recognized by what is in it, the XML of nmap by the list's beginning. An open
// port is the target address:port, or host:port; one that is not open is none. A
// domain with its records behind it is that domain.
//
// A target that cannot be used is yielded as an *scanner.InputError, and the
// sequence goes on. Every other error is the last of the sequence: a file that
// cannot be opened or read, text in UTF-16, the end of the context.
func Inputs(ctx context.Context, opts InputOptions, sources ...Source) iter.Seq2[scanner.Input, error] {
	return func(yield func(scanner.Input, error) bool) {
		for e, err := range entries(ctx, sources, listOfTargets) {
			if err != nil {
				yield(scanner.Input{}, err)
				return
			}
			if e.reason != "" {
				if !yield(scanner.Input{}, &scanner.InputError{Source: e.source, Text: e.text, Reason: e.reason}) {
					return
				}
				continue
			}
			if !yield(Parse(e.text, e.source, opts)) {
				return
			}
		}
	}
}

// entries joins the entries of all sources. It stops after the first error,
// which may be that of the context.
func entries(ctx context.Context, sources []Source, use listUse) iter.Seq2[entry, error] {
	return func(yield func(entry, error) bool) {
		for _, s := range sources {
			if s.entries == nil {
				continue
			}
			for e, err := range s.entries(ctx, use) {
				if err == nil {
					err = ctx.Err()
				}
				if !yield(e, err) || err != nil {
					return
				}
			}
		}
	}
}
