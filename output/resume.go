package output

import (
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/mxsweep/mxsweep/scanner"
)

// A Stored is what an earlier part of a run left in its NDJSON file, read back
// by [ReadBack]. Nothing is changed before [Stored.Continue].
type Stored struct {
	Records  int   // good ones, a Summary that says interrupted not counted
	Complete bool  // the last one is the Summary of a run that came to its end
	Lost     int   // good records behind a damaged line, which Continue would set aside
	Torn     int64 // bytes behind the last record that stays, which Continue would cut

	path string
	file *os.File
	keep int64 // in decompressed bytes
	gzip bool
}

// ReadBack opens an NDJSON file, plain or gzip, and gives its records to each,
// in order; its error ends the reading. Left out are a Summary that says
// interrupted, at the end, and all behind the first line that is damaged.
//
// A file that another process is writing, also one that is still at the run
// itself, is an error where the system has advisory locks.
func ReadBack(path string, each func(*scanner.Result) error) (*Stored, error) {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return nil, fmt.Errorf("file to resume: %w", err)
	}
	s := &Stored{path: path, file: f}
	if err := errors.Join(lock(f), s.read(each)); err != nil {
		return nil, errors.Join(fmt.Errorf("file to resume: %s: %w", path, err), f.Close())
	}
	return s, nil
}

// Close gives the file up without a change.
func (s *Stored) Close() error { return s.file.Close() }

var errBehindSummary = errors.New("records follow a summary: it is several outputs in one, and each must be resumed by itself")

func (s *Stored) read(each func(*scanner.Result) error) error {
	r := NewReader(s.file)
	damaged := false
	var summary *scanner.Result
	for result, err := range r.Results() {
		switch {
		case err != nil && !passable(err):
			return err
		case err != nil && !damaged:
			damaged = true
			if summary == nil {
				s.keep = r.Offset() // records of types that are not known may stand before
			}
		case err != nil:
		case damaged:
			s.Lost++
		case summary != nil:
			return errBehindSummary
		case result.Summary != nil:
			summary = &result
		default:
			s.Records++
			if err := each(&result); err != nil {
				return err
			}
		}
		if !damaged && summary == nil {
			s.keep = r.Offset()
		}
	}
	if !damaged && summary == nil {
		s.keep = r.Offset()
	}
	_, named, _ := FormatOf(s.path)
	s.gzip = r.compressed || named && s.keep == 0
	s.Torn = r.read - s.keep
	if summary == nil || summary.Summary.Interrupted || damaged {
		return nil
	}
	s.Records++
	s.Complete = true
	return each(summary)
}

// passable reports whether an error is one of the ends that a killed run
// leaves.
func passable(err error) bool {
	_, torn := errors.AsType[*TornError](err)
	_, line := errors.AsType[*LineError](err)
	return torn || line
}

// Continue cuts off what is not to stay, and returns a Writer that appends.
// Where good records are among that, it is first kept in a file of its own, whose
// name is returned. A gzip file is written anew beside and takes the place of
// the old one when that is done.
func (s *Stored) Continue() (w Writer, aside string, err error) {
	if s.Lost > 0 {
		if aside, err = s.setAside(); err != nil {
			return nil, "", fmt.Errorf("keep what is behind the damage of %s: %w", s.path, err)
		}
	}
	if s.gzip {
		w, err = s.rewrite()
	} else {
		w, err = s.cut()
	}
	if err != nil {
		return nil, aside, errors.Join(fmt.Errorf("resume %s: %w", s.path, err), s.file.Close())
	}
	return w, aside, nil
}

func (s *Stored) cut() (Writer, error) {
	if err := s.file.Truncate(s.keep); err != nil {
		return nil, err
	}
	if _, err := s.file.Seek(0, io.SeekEnd); err != nil {
		return nil, err
	}
	if s.keep > 0 {
		last := make([]byte, 1)
		if _, err := s.file.ReadAt(last, s.keep-1); err != nil {
			return nil, err
		}
		if last[0] != '\n' { // a whole record, but for its line feed
			if _, err := s.file.Write([]byte{'\n'}); err != nil {
				return nil, err
			}
		}
	}
	return newFileWriter(s.file, NDJSON, false, Options{})
}

func (s *Stored) rewrite() (Writer, error) {
	r, err := s.replacement()
	if err != nil {
		return nil, err
	}
	if err := s.copyKept(r.under[0]); err != nil {
		return nil, errors.Join(err, r.Discard())
	}
	if err := r.Commit(); err != nil {
		return nil, err
	}
	return r.fileWriter, s.file.Close()
}

func (s *Stored) replacement() (*Replacement, error) {
	f, err := createTemp(s.path)
	if err != nil {
		return nil, err
	}
	w, err := newFileWriter(f, NDJSON, true, Options{})
	return &Replacement{w, s.path, f.Name()}, err
}

// copyKept copies the good part, whatever is in it, byte for byte.
func (s *Stored) copyKept(to any) error {
	w := to.(io.Writer) // the gzip.Writer of newFileWriter
	if _, err := s.file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	if s.keep == 0 {
		return nil
	}
	z, err := gzip.NewReader(s.file)
	if err != nil {
		return err
	}
	if _, err := io.CopyN(w, z, s.keep-1); err != nil {
		return err
	}
	last := make([]byte, 1, 2)
	if _, err := io.ReadFull(z, last); err != nil {
		return err
	}
	if last[0] != '\n' {
		last = append(last, '\n')
	}
	_, err = w.Write(last)
	return err
}

// setAside copies the whole file.
func (s *Stored) setAside() (name string, err error) {
	name = s.path + ".damaged"
	to, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, permissions(s.path))
	if err != nil {
		return "", err
	}
	if _, err = s.file.Seek(0, io.SeekStart); err == nil {
		_, err = io.Copy(to, s.file)
	}
	return name, errors.Join(err, to.Sync(), to.Close())
}

// A Replacement is a Writer of a file that takes the place of another one when
// Commit is called, and not before.
type Replacement struct {
	*fileWriter
	path, temp string
}

// Replace begins a file, of the format that the suffix of path names, to take
// the place of the one there, if any.
func Replace(path string, o Options) (*Replacement, error) {
	format, compressed, err := FormatOf(path)
	if err != nil {
		return nil, err
	}
	f, err := createTemp(path)
	if err != nil {
		return nil, fmt.Errorf("output file: %w", err)
	}
	w, err := newFileWriter(f, format, compressed, o)
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(f.Name()))
	}
	return &Replacement{w, path, f.Name()}, nil
}

// createTemp makes a file beside path, or empties one that was left behind. It
// has the permissions of the one at path.
func createTemp(path string) (*os.File, error) {
	f, err := os.OpenFile(path+".resuming", os.O_WRONLY|os.O_CREATE, permissions(path))
	if err != nil {
		return nil, err
	}
	if err := errors.Join(lock(f), f.Truncate(0), permitAs(f, path)); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// permissions returns those of a file, or those that a new one asks for.
func permissions(path string) fs.FileMode {
	if info, err := os.Stat(path); err == nil {
		return info.Mode().Perm()
	}
	return 0o666
}

// permitAs gives a file the permissions of another one that is there, whatever
// the mask of the process leaves of them.
func permitAs(f *os.File, path string) error {
	if _, err := os.Stat(path); err != nil {
		return nil
	}
	return f.Chmod(permissions(path))
}

// Commit puts the file in the place of the old one, with all that has been
// written so far safely on the disk. Writing may go on.
func (r *Replacement) Commit() error {
	err := errors.Join(r.Writer.Flush(), r.sync())
	if err == nil {
		err = os.Rename(r.temp, r.path)
	}
	if err != nil {
		return errors.Join(fmt.Errorf("output file %q: %w", r.path, err), r.Discard())
	}
	syncFolder(r.path)
	return nil
}

// Discard gives the new file up.
func (r *Replacement) Discard() error {
	_ = r.Close() // it goes away
	return os.Remove(r.temp)
}

// syncFolder makes a new name last through a power cut, where the system can.
func syncFolder(path string) {
	if dir, err := os.Open(filepath.Dir(path)); err == nil {
		_ = dir.Sync()
		_ = dir.Close()
	}
}
