package output

import (
	"compress/gzip"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/scanner"
)

func TestFormatOf(t *testing.T) {
	tests := []struct {
		path       string
		format     Format
		compressed bool
	}{
		{"a.ndjson", NDJSON, false}, {"dir.x/a.jsonl", NDJSON, false}, {"a.b.csv", CSV, false}, {"A.TXT", Text, false},
		{"a.ndjson.gz", NDJSON, true}, {"a.CSV.GZ", CSV, true},
		{"a", "", false}, {"a.json", "", false}, {"a.gz", "", false}, {"csv", "", false}, {"", "", false}, {"a.csv/", "", false}, {"a.csv.bz2", "", false},
	}
	for _, test := range tests {
		format, compressed, err := FormatOf(test.path)
		if format != test.format || compressed != test.compressed || (err == nil) != (test.format != "") {
			t.Errorf("%q: %q, %v, %v", test.path, format, compressed, err)
		}
	}
}

func TestCreate(t *testing.T) {
	for _, f := range []struct {
		name   string
		format Format
	}{{"a.ndjson", NDJSON}, {"a.jsonl.gz", NDJSON}, {"a.csv", CSV}, {"a.csv.gz", CSV}, {"a.txt", Text}, {"a.txt.gz", Text}} {
		path := filepath.Join(t.TempDir(), f.name)
		w, err := Create(path, false, Options{})
		if err != nil {
			t.Fatal(err)
		}
		results := sample()
		for i := range results {
			if err := w.Write(&results[i]); err != nil {
				t.Fatal(err)
			}
		}
		// What was flushed can be read while the file is still open.
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		want := written(t, f.format, Options{}, results...)
		if got := content(t, path); !strings.HasPrefix(got, want) {
			t.Errorf("%s after Flush: %q", f.name, got)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := content(t, path); got != want {
			t.Errorf("%s: %q", f.name, got)
		}
		if err := w.Write(&results[0]); err == nil && w.Flush() == nil && f.format == NDJSON {
			t.Errorf("%s: writes after Close", f.name)
		}
	}
}

// content reads a file, as far as it can be decompressed.
func content(t *testing.T, path string) string {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(f); err != nil {
			t.Fatal(err)
		}
	}
	b, err := io.ReadAll(r)
	if err != nil && err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	return string(b)
}

func TestCreateKeepsWhatExists(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.csv")
	if err := os.WriteFile(path, []byte("precious"), 0o666); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(path, false, Options{}); !errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "-force") {
		t.Errorf("error %v", err)
	}
	if _, err := Create(path, true, Options{Fields: []string{"nonsense"}}); err == nil {
		t.Error("unknown column taken")
	}
	if got := content(t, path); got != "precious" {
		t.Errorf("now %q", got)
	}
	w, err := Create(path, true, Options{Fields: []string{"ip"}})
	if err != nil || w.Close() != nil {
		t.Fatal(err)
	}
	if got := content(t, path); got != "ip\r\n" {
		t.Errorf("now %q", got)
	}
}

func TestCreateErrors(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "missing", "a.csv"), filepath.Join(dir, "a.xml"), "-"} {
		if _, err := Create(path, true, Options{}); err == nil {
			t.Errorf("%s: no error", path)
		}
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left %v, %v", entries, err)
	}
}

// TestFullDisk writes where there is never room.
func TestFullDisk(t *testing.T) {
	f, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("no /dev/full here")
	}
	w, err := newFileWriter(f, NDJSON, true, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Write(&scanner.Result{Service: typical()}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err == nil || !strings.Contains(err.Error(), "no space left") {
		t.Errorf("error %v", err)
	}
}
