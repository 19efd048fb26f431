package output

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
)

// FormatOf tells from the suffix of a path what to write there: .ndjson or
// .jsonl, .csv, .txt, and whether .gz follows; or .db, which is never compressed.
func FormatOf(path string) (f Format, compressed bool, err error) {
	base, compressed := strings.CutSuffix(strings.ToLower(path), ".gz")
	if strings.HasSuffix(base, ".db") && !compressed {
		return SQLite, false, nil
	}
	for suffix, f := range map[string]Format{".ndjson": NDJSON, ".jsonl": NDJSON, ".csv": CSV, ".txt": Text} {
		if strings.HasSuffix(base, suffix) {
			return f, compressed, nil
		}
	}
	return "", false, fmt.Errorf("output file %q: the suffix must be .ndjson, .jsonl, .csv or .txt, each with or without .gz, or .db", path)
}

// Create makes a new file and returns a Writer of the format that its suffix
// names. A file that exists is an error that wraps fs.ErrExist, unless force is
// set: then it is emptied. A database is different: many runs live in one, so
// that an existing one is added to, with force or without; a run that is in it
// already is written anew.
func Create(path string, force bool, o Options) (Writer, error) {
	format, compressed, err := FormatOf(path)
	if format == SQLite {
		return createSQLite(path, o)
	}
	if err == nil {
		_, err = New(io.Discard, format, o) // bad options must not empty the file
	}
	if err != nil {
		return nil, err
	}
	mode := os.O_EXCL
	if force {
		mode = 0 // it is emptied below, once nobody else writes to it
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|mode, 0o666)
	if errors.Is(err, fs.ErrExist) {
		return nil, fmt.Errorf("output file %q exists already; use another name, or -force to overwrite it: %w", path, err)
	}
	if err != nil {
		return nil, fmt.Errorf("output file: %w", err)
	}
	err = lock(f)
	if info, serr := f.Stat(); err == nil && serr == nil && info.Mode().IsRegular() {
		err = f.Truncate(0)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("output file %q: %w", path, err), f.Close())
	}
	syncFolder(path)
	w, err := newFileWriter(f, format, compressed, o)
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return w, nil
}

func newFileWriter(f *os.File, format Format, compressed bool, o Options) (*fileWriter, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	fw := &fileWriter{file: f, now: o.Now, synced: o.Now()}
	var w io.Writer = f
	if compressed {
		z := gzip.NewWriter(f)
		w, fw.under = z, []io.Closer{z}
	}
	var err error
	fw.Writer, err = New(w, format, o)
	return fw, err
}

// SyncInterval is how often, at most, a file is told to be on the disk and not
// only in the memory of the system: what a power cut can take. It happens at a
// Flush.
const SyncInterval = 5 * time.Second

// A fileWriter closes what lies under its Writer too.
type fileWriter struct {
	Writer
	under  []io.Closer // between the Writer and the file
	file   disk
	now    func() time.Time
	synced time.Time
	dirty  bool  // since then
	failed error // of the first sync that did; the system tells it once, and may have dropped what was written
}

// A disk is an *os.File that has been opened.
type disk interface {
	Sync() error
	Close() error
}

func (w *fileWriter) Write(r *scanner.Result) error {
	if w.failed != nil {
		return w.failed
	}
	w.dirty = true
	return w.Writer.Write(r)
}

func (w *fileWriter) Flush() error {
	err := w.Writer.Flush()
	if err == nil && w.dirty && w.now().Sub(w.synced) >= SyncInterval {
		err = w.sync()
	}
	return err
}

// sync waits until the file is on the disk. Pipes and devices are not.
func (w *fileWriter) sync() error {
	err := w.file.Sync()
	w.synced, w.dirty = w.now(), false
	if err != nil && w.failed == nil && !errors.Is(err, syscall.EINVAL) && !errors.Is(err, errors.ErrUnsupported) {
		w.failed = fmt.Errorf("write results to the disk: %w", err)
	}
	return w.failed
}

func (w *fileWriter) Close() error {
	if w.file == nil {
		return nil
	}
	err := w.Writer.Close()
	for _, c := range w.under {
		if cerr := c.Close(); err == nil {
			err = cerr
		}
	}
	if serr := w.sync(); err == nil {
		err = serr
	}
	if cerr := w.file.Close(); err == nil {
		err = cerr
	}
	w.file = nil
	return err
}
