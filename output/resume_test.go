package output

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
)

// storedRun is a small run: run, services, progress, interrupted summary.
func storedRun(interrupted bool) (lines []string) {
	add := func(r scanner.Result) { lines = append(lines, string(AppendResult(nil, &r))) }
	add(scanner.Result{Run: &scanner.Run{Schema: 1, Seed: 7, Options: map[string]string{"port": "25"}}})
	for i := range 4 {
		add(scanner.Result{Service: &scanner.Service{
			Input: "192.0.2.0/24", IP: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), Port: 25, Status: scanner.StatusSuccess, Banner: "220 \xff hi\r\n",
		}})
	}
	add(scanner.Result{Progress: &scanner.Progress{Input: "192.0.2.0/24", Done: 9, Total: 256, Pending: []uint64{3}, Unwritten: map[scanner.Status]uint64{"connection-timeout": 4}}})
	add(scanner.Result{Summary: &scanner.Summary{Interrupted: interrupted}})
	return lines
}

func writeFile(t *testing.T, name string, content []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	if err := os.WriteFile(path, content, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// contents returns what a file holds, decompressed.
func contents(t *testing.T, path string) string {
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
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// continueWith reads a file back, appends the lines that are missing and
// returns what the file holds then.
func continueWith(t *testing.T, path string, lines []string) string {
	t.Helper()
	n := 0
	s, err := ReadBack(path, func(*scanner.Result) error { n++; return nil })
	if err != nil {
		t.Fatal(err)
	}
	if n != s.Records || s.Complete {
		t.Fatalf("%d records given, %+v", n, s)
	}
	w, _, err := s.Continue()
	if err != nil {
		t.Fatal(err)
	}
	for i, line := range lines {
		if i < s.Records {
			continue
		}
		for r, err := range NewReader(strings.NewReader(line)).Results() {
			if err := errors.Join(err, w.Write(&r)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return contents(t, path)
}

// Cut in any place, plain and compressed, a file is continued to what it would
// have been: at every byte round the ends of lines, and at some within.
func TestResumeAnyByte(t *testing.T) {
	lines := storedRun(true)
	whole := strings.Join(lines, "")
	dir := t.TempDir()
	for name, all := range map[string][]byte{"run.ndjson": []byte(whole), "run.ndjson.gz": compressed(t, whole)} {
		path := filepath.Join(dir, name)
		for n := range len(all) + 1 {
			if !bytes.Contains(all[max(0, n-2):min(len(all), n+2)], []byte("\n")) && n%97 != 0 {
				continue
			}
			if err := os.WriteFile(path, all[:n], 0o666); err != nil {
				t.Fatal(err)
			}
			if got := continueWith(t, path, lines); got != whole {
				t.Fatalf("%s cut at byte %d of %d: got %q", name, n, len(all), got)
			}
		}
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 2 {
		t.Errorf("files left over: %v", entries)
	}
}

// After a power cut a file may end in zeros, with or without lines behind them.
func TestResumeZeros(t *testing.T) {
	lines := storedRun(true)
	whole := strings.Join(lines, "")
	head := strings.Join(lines[:3], "")
	for _, tail := range []string{strings.Repeat("\x00", 5000), strings.Repeat("\x00", 5000) + "\n", "{}\n", "{\"type\":\"service\",\"port\":\"x\"}\n"} {
		path := writeFile(t, "run.ndjson", []byte(head+tail))
		if got := continueWith(t, path, lines); got != whole {
			t.Errorf("with %.20q at the end: got %q", tail, got)
		}
	}
}

// Good records behind a damaged line are no longer counted on, and kept aside.
func TestResumeDamaged(t *testing.T) {
	lines := storedRun(true)
	damaged := strings.Join(lines[:2], "") + "\x00\x00\n" + strings.Join(lines[2:], "")
	for _, name := range []string{"run.ndjson", "run.ndjson.gz"} {
		content := []byte(damaged)
		if strings.HasSuffix(name, ".gz") {
			content = compressed(t, damaged)
		}
		path := writeFile(t, name, content)
		s, err := ReadBack(path, func(*scanner.Result) error { return nil })
		if err != nil || s.Records != 2 || s.Lost != len(lines)-2 {
			t.Fatalf("%+v, error %v", s, err)
		}
		w, aside, err := s.Continue()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, path); got != strings.Join(lines[:2], "") {
			t.Errorf("%s: left with %q", name, got)
		}
		if kept, err := os.ReadFile(aside); err != nil || !bytes.Equal(kept, content) {
			t.Errorf("%s: aside %q, error %v", name, kept, err)
		}
	}
}

func TestReadBackRefuses(t *testing.T) {
	complete := storedRun(false)
	none := func(*scanner.Result) error { return nil }
	if _, err := ReadBack(filepath.Join(t.TempDir(), "none.ndjson"), none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
	twice := writeFile(t, "two.ndjson", []byte(strings.Repeat(strings.Join(complete, ""), 2)))
	if _, err := ReadBack(twice, none); !errors.Is(err, errBehindSummary) {
		t.Errorf("two outputs in one: error %v", err)
	}
	newer := writeFile(t, "new.ndjson", []byte(`{"type":"run","schema":99}`+"\n"))
	if _, err := ReadBack(newer, none); err == nil {
		t.Error("a newer schema is read")
	}
	path := writeFile(t, "run.ndjson", []byte(strings.Join(complete, "")))
	if _, err := ReadBack(path, func(*scanner.Result) error { return io.ErrClosedPipe }); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("error %v, want that of the function", err)
	}
	s, err := ReadBack(path, none)
	if err != nil || !s.Complete || s.Records != len(complete) {
		t.Fatalf("%+v, error %v", s, err)
	}
	if lockable() {
		if _, err := ReadBack(path, none); err == nil || !strings.Contains(err.Error(), "another process") {
			t.Errorf("a second process: error %v", err)
		}
		if _, err := Create(path, true, Options{}); err == nil || !strings.Contains(err.Error(), "another process") {
			t.Errorf("overwriting a file in use: error %v", err)
		}
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, path); got != strings.Join(complete, "") {
		t.Error("the file was changed")
	}
}

// Records of types that a later version writes stay where they are.
func TestResumeUnknownRecords(t *testing.T) {
	lines := storedRun(true)
	head := lines[0] + `{"type":"future"}` + "\n" + lines[1] + `{"type":"future","x":1}` + "\n"
	path := writeFile(t, "run.ndjson", []byte(head+`{"type":"serv`))
	s, err := ReadBack(path, func(*scanner.Result) error { return nil })
	if err != nil {
		t.Fatal(err)
	}
	w, _, err := s.Continue()
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, path); got != head {
		t.Errorf("left with %q", got)
	}
}

// A replacement shows when it is committed, whole, and grows on from there.
func TestReplace(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "run.csv")
	if err := os.WriteFile(path, []byte("old"), 0o600); err != nil {
		t.Fatal(err)
	}
	o := Options{Fields: []string{"ip"}}
	row := func(n int) *scanner.Result {
		return &scanner.Result{Service: &scanner.Service{IP: netip.MustParseAddr(fmt.Sprintf("192.0.2.%d", n))}}
	}
	for range 2 { // given up the first time
		r, err := Replace(path, o)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(r.Write(row(1)), r.Discard()); err != nil {
			t.Fatal(err)
		}
		if got := contents(t, path); got != "old" {
			t.Fatalf("changed to %q", got)
		}
	}
	if err := os.WriteFile(path+".resuming", []byte(strings.Repeat("left behind", 100)), 0o666); err != nil {
		t.Fatal(err)
	}
	r, err := Replace(path, o)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(r.Write(row(1)), r.Commit()); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, path); got != "ip\r\n192.0.2.1\r\n" {
		t.Errorf("committed %q", got)
	}
	if err := errors.Join(r.Write(row(2)), r.Close()); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, path); got != "ip\r\n192.0.2.1\r\n192.0.2.2\r\n" {
		t.Errorf("grown to %q", got)
	}
	if entries, _ := os.ReadDir(dir); len(entries) != 1 {
		t.Errorf("left over: %v", entries)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if mode := info.Mode().Perm(); mode != 0o600 && runtime.GOOS != "windows" {
		t.Errorf("permissions %v where the old file was its owner's alone", mode)
	}
}

// A file is synced at a Flush, at most once in the interval, and what cannot be
// synced is no error.
func TestSyncInterval(t *testing.T) {
	now := time.Now()
	f, err := os.Create(filepath.Join(t.TempDir(), "x"))
	if err != nil {
		t.Fatal(err)
	}
	w, err := newFileWriter(f, NDJSON, false, Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	for _, step := range []struct {
		after time.Duration
		dirty bool
	}{{time.Second, true}, {SyncInterval, false}, {time.Second, true}} {
		now = now.Add(step.after)
		if err := errors.Join(w.Write(&scanner.Result{Domain: new(scanner.Domain)}), w.Flush()); err != nil {
			t.Fatal(err)
		}
		if w.dirty != step.dirty {
			t.Errorf("%v later: dirty %v", step.after, w.dirty)
		}
	}
	if err := w.Close(); err != nil || w.dirty {
		t.Errorf("error %v, dirty %v", err, w.dirty)
	}
	pr, pw, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer pr.Close()
	if err := (&fileWriter{file: pw, now: time.Now}).sync(); err != nil && !errors.Is(err, syscall.EINVAL) {
		t.Errorf("a pipe: %v", err)
	}
	pw.Close()
}

// lockable reports whether the system has the locks that ReadBack uses.
func lockable() bool {
	switch runtime.GOOS {
	case "linux", "darwin", "freebsd", "netbsd", "openbsd", "dragonfly":
		return true
	}
	return false
}
