package output

import (
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
)

// A writeLog keeps what is written to it, and each write apart.
type writeLog struct {
	strings.Builder
	writes  []string
	flushes int
}

func (w *writeLog) Write(p []byte) (int, error) {
	w.writes = append(w.writes, string(p))
	return w.Builder.Write(p)
}

func (w *writeLog) Flush() error { w.flushes++; return nil }

var formats = []Format{NDJSON, CSV, Text}

// TestWriters is what every Writer has to pass.
func TestWriters(t *testing.T) {
	for _, f := range formats {
		t.Run(string(f), func(t *testing.T) {
			t.Run("batches", func(t *testing.T) { testBatches(t, f) })
			t.Run("is due after a second", func(t *testing.T) { testDue(t, f) })
			t.Run("errors stick", func(t *testing.T) { testErrors(t, f) })
			t.Run("empty results", func(t *testing.T) { testEmptyResults(t, f) })
			t.Run("is the same every time", func(t *testing.T) {
				if a, b := written(t, f, Options{}, sample()...), written(t, f, Options{}, sample()...); a != b {
					t.Errorf("%q\n%q", a, b)
				}
			})
			t.Run("leaves the writer open", func(t *testing.T) {
				closed := &closeLog{}
				w, err := New(closed, f, Options{})
				if err != nil || w.Close() != nil || closed.closed {
					t.Errorf("closed %v, error %v", closed.closed, err)
				}
			})
		})
	}
}

type closeLog struct {
	writeLog
	closed bool
}

func (c *closeLog) Close() error { c.closed = true; return nil }

// testBatches writes much at one instant: few writes, each of whole lines, all
// there after Flush.
func testBatches(t *testing.T, f Format) {
	var log writeLog
	w, err := New(&log, f, Options{Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	one := scanner.Result{Service: typical()}
	const n = 2000
	for range n {
		if err := w.Write(&one); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	for _, write := range log.writes {
		if !strings.HasSuffix(write, "\n") || len(write) > batchBytes+8<<10 {
			t.Errorf("write of %d bytes ends in %q", len(write), write[len(write)-5:])
		}
	}
	lines := strings.Count(log.String(), "\n")
	if f == CSV {
		lines-- // the header
	}
	if most := log.Len()/batchBytes + 1; lines != n || len(log.writes) > most || log.flushes != len(log.writes) {
		t.Errorf("%d lines in %d writes (%d at most), %d flushes", lines, len(log.writes), most, log.flushes)
	}
	before := log.Len()
	if w.Flush() != nil || w.Close() != nil || log.Len() != before {
		t.Error("nothing was kept, and something was written")
	}
}

func testDue(t *testing.T, f Format) {
	var log writeLog
	now := noon
	w, err := New(&log, f, Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	one := scanner.Result{Service: typical()}
	for i, step := range []struct {
		after  time.Duration
		writes int
	}{{0, 0}, {999 * time.Millisecond, 0}, {time.Millisecond, 1}, {999 * time.Millisecond, 1}, {time.Millisecond, 2}, {time.Hour, 3}} {
		now = now.Add(step.after)
		if err := w.Write(&one); err != nil || len(log.writes) != step.writes {
			t.Errorf("step %d: %d writes, want %d; error %v", i, len(log.writes), step.writes, err)
		}
	}
}

// testErrors has a writer fail once: that error is told from then on, and
// nothing is written behind the hole.
func testErrors(t *testing.T, f Format) {
	failing := &failOnce{}
	w, err := New(failing, f, Options{Now: func() time.Time { return noon }})
	if err != nil {
		t.Fatal(err)
	}
	one := scanner.Result{Service: typical()}
	if err := w.Write(&one); err != nil {
		t.Errorf("kept back, yet %v", err)
	}
	for i, do := range []func() error{w.Flush, func() error { return w.Write(&one) }, w.Flush, w.Close} {
		if err := do(); !errors.Is(err, syscall.EPIPE) {
			t.Errorf("step %d: error %v", i, err)
		}
	}
	if failing.calls != 1 {
		t.Errorf("%d writes", failing.calls)
	}
}

type failOnce struct{ calls int }

func (w *failOnce) Write(p []byte) (int, error) {
	if w.calls++; w.calls == 1 {
		return len(p) / 2, syscall.EPIPE
	}
	return len(p), nil
}

// testEmptyResults writes records in which nothing is set, the five kinds and
// none at all.
func testEmptyResults(t *testing.T, f Format) {
	for _, r := range append(emptyResults(), scanner.Result{}) {
		text := written(t, f, Options{Width: columns(80), Color: true}, r)
		if text != "" && !strings.HasSuffix(text, "\n") {
			t.Errorf("%q", text)
		}
	}
}

func TestNewRefusesUnknownFormat(t *testing.T) {
	if _, err := New(io.Discard, "xml", Options{}); err == nil {
		t.Error("no error")
	}
}

func TestTee(t *testing.T) {
	var log writeLog
	bad, err := New(&failOnce{}, NDJSON, Options{})
	if err != nil {
		t.Fatal(err)
	}
	good, err := New(&log, NDJSON, Options{})
	if err != nil {
		t.Fatal(err)
	}
	both := Tee(bad, good)
	if err := both.Write(&scanner.Result{Service: typical()}); err != nil {
		t.Fatal(err)
	}
	if err := both.Flush(); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("error %v", err)
	}
	if len(log.writes) != 1 {
		t.Error("the good one got nothing")
	}
	if err := both.Close(); !errors.Is(err, syscall.EPIPE) {
		t.Errorf("error %v", err)
	}
}

func benchmarkWriter(b *testing.B, f Format) {
	w, err := New(io.Discard, f, Options{})
	if err != nil {
		b.Fatal(err)
	}
	r := scanner.Result{Service: typical()}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(&r); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkNDJSON(b *testing.B) { benchmarkWriter(b, NDJSON) }
func BenchmarkText(b *testing.B)   { benchmarkWriter(b, Text) }
