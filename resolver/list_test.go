package resolver

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"

	"github.com/mxsweep/mxsweep/scanner"
)

// collect returns a line for every element of Inputs: "source name", "bad
// source" or "end error".
func collect(ctx context.Context, sources ...Source) []string {
	var got []string
	for in, err := range Inputs(ctx, InputOptions{}, sources...) {
		var bad *scanner.InputError
		switch {
		case errors.As(err, &bad):
			got = append(got, "bad "+bad.Source)
		case err != nil:
			got = append(got, "end "+err.Error())
		default:
			got = append(got, in.Source+" "+in.Name)
		}
	}
	return got
}

func TestInputsOfReader(t *testing.T) {
	long := strings.Repeat("x", maxTarget+1)
	huge := strings.Repeat("y", 3*chunkSize)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"empty", "", nil},
		{"one line without end", "a.example", []string{"l:1 a.example"}},
		{"two lines", "a.example\nb.example\n", []string{"l:1 a.example", "l:2 b.example"}},
		{"CRLF", "a.example\r\n\r\nb.example\r\n", []string{"l:1 a.example", "l:3 b.example"}},
		{"lone CR is no line end", "a.example\rb.example\n", []string{"bad l:1"}},
		{"blank lines and space", "\n \t\n  a.example\t \n", []string{"l:3 a.example"}},
		{"comments", "# all\n  # of them\na.example # one\nb.example\t#two\n#", []string{"l:3 a.example", "l:4 b.example"}},
		{"no comment", "a.example#one\n", []string{"bad l:1"}},
		{"byte order mark", "\ufeffa.example\n", []string{"l:1 a.example"}},
		{"byte order mark alone", "\ufeff", nil},
		{"byte order mark before comment", "\ufeff# list\na.example", []string{"l:2 a.example"}},
		{"UTF-16, little endian", "\xff\xfea\x00\n\x00", []string{"end l: the text is UTF-16: save it as UTF-8"}},
		{"UTF-16, big endian", "\xfe\xff\x00a\x00\n", []string{"end l: the text is UTF-16: save it as UTF-8"}},
		{"bad lines go on", "a.example\n1.2.3\nb..example\nc.example\n", []string{"l:1 a.example", "bad l:2", "bad l:3", "l:4 c.example"}},
		{"longest line", "a.example" + strings.Repeat(" ", maxTarget-9) + "\n", []string{"l:1 a.example"}},
		{"too long", "a.example\n" + long + "\nb.example\n", []string{"l:1 a.example", "bad l:2", "l:3 b.example"}},
		{"far too long", huge + "\nb.example", []string{"bad l:1", "l:2 b.example"}},
		{"far too long at the end", "a.example\n" + huge, []string{"l:1 a.example", "bad l:2"}},
		{"blank at first, then not", strings.Repeat(" ", chunkSize) + "a.example\n", []string{"bad l:1"}},
		{"long comment", "a.example #" + huge + "\n#" + huge + "\nb.example", []string{"l:1 a.example", "l:3 b.example"}},
		{"binary", "\x1f\x8b\x08\x00\n\x00\n", []string{"bad l:1", "bad l:2"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			readers := []io.Reader{strings.NewReader(c.text), iotest.DataErrReader(iotest.HalfReader(strings.NewReader(c.text)))}
			if len(c.text) < 100 { // a goroutine switch for each byte
				readers = append(readers, iotest.OneByteReader(strings.NewReader(c.text)))
			}
			for _, r := range readers {
				if got := collect(t.Context(), Reader("l", r)); !slices.Equal(got, c.want) {
					t.Errorf("got %.200q, want %q", got, c.want)
				}
			}
		})
	}
}

func TestInputsOfSeveralSources(t *testing.T) {
	file := filepath.Join(t.TempDir(), "targets.txt")
	if err := os.WriteFile(file, []byte("c.example\n# none\nd.example"), 0o600); err != nil {
		t.Fatal(err)
	}
	got := collect(t.Context(),
		Arguments([]string{"a.example, b.example,", "", "-"}), File(file), Source{},
		Reader("stdin", strings.NewReader("e.example\n")))
	want := []string{
		"argument 1 a.example", "argument 1 b.example", "bad argument 3",
		file + ":1 c.example", file + ":3 d.example", "stdin:1 e.example",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestInputsReadErrors(t *testing.T) {
	broken := errors.New("broken pipe")
	// "b.exam" may be the beginning of any name, and is not one.
	r := io.MultiReader(strings.NewReader("a.example\nb.exam"), iotest.ErrReader(broken))
	got := collect(t.Context(), Reader("stdin", r), Arguments([]string{"never.example"}))
	if want := []string{"stdin:1 a.example", "end stdin: broken pipe"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}

	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "missing"), dir} {
		var last error
		for _, err := range Inputs(t.Context(), InputOptions{}, File(path), Arguments([]string{"never.example"})) {
			if last != nil {
				t.Errorf("%s: %v after the error", path, err)
			}
			last = err
		}
		var pathErr *fs.PathError
		if !errors.As(last, &pathErr) || pathErr.Path != path || strings.Count(last.Error(), path) != 1 {
			t.Errorf("%s: got %v", path, last)
		}
	}
}

func TestInputsCanBeStopped(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	n := 0
	for _, err := range Inputs(ctx, InputOptions{}, Arguments([]string{"a.example,b.example", "c.example"})) {
		if n++; n == 2 && !errors.Is(err, context.Canceled) {
			t.Errorf("after the context has ended: %v", err)
		}
		cancel()
	}
	if n != 2 {
		t.Errorf("got %d elements, want an input and the error", n)
	}
}

// A blocked reader must hold up neither the end of the context nor a consumer
// that stops, and its goroutine ends with the read: otherwise the bubble would
// report a deadlock.
func TestReaderBlocked(t *testing.T) {
	t.Run("context", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			var got []string
			done := make(chan struct{})
			go func() {
				got = collect(ctx, Reader("stdin", r))
				close(done)
			}()
			fmt.Fprint(w, "a.example\nb.exam")
			synctest.Wait() // the sequence waits for the rest of the line
			cancel()
			<-done
			if want := []string{"stdin:1 a.example", "end stdin: context canceled"}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
			w.Close()
		})
	})
	t.Run("consumer", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r, w := io.Pipe()
			go fmt.Fprint(w, "a.example\n")
			for in, err := range Inputs(t.Context(), InputOptions{}, Reader("stdin", r)) {
				if in.Name != "a.example" || err != nil {
					t.Errorf("got %+v, %v", in, err)
				}
				break // the goroutine is in its second read
			}
			w.Close()
		})
	})
}

// A line that has arrived is yielded at once, not when a buffer is full.
func TestReaderDoesNotWaitForMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe()
		go fmt.Fprint(w, "a\n") // then nothing
		for in := range Inputs(t.Context(), InputOptions{}, Reader("stdin", r)) {
			if in.Name != "a" {
				t.Errorf("got %+v", in)
			}
			w.Close()
		}
	})
}

// generated is a list of n lines that is nowhere in memory.
func generated(n int) io.Reader {
	r, w := io.Pipe()
	go func() {
		bw := bufio.NewWriterSize(w, chunkSize)
		for i := range n {
			fmt.Fprintf(bw, "mail%07d.example.com\n", i)
		}
		bw.Flush()
		w.Close()
	}()
	return r
}

func TestInputsMemoryIsConstant(t *testing.T) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	n, peak := 0, uint64(0)
	for in, err := range Inputs(t.Context(), InputOptions{}, Reader("stdin", generated(200_000))) {
		if err != nil || in.Kind != scanner.KindDomain {
			t.Fatal(in, err)
		}
		if n++; n%50_000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&after)
			peak = max(peak, after.HeapAlloc)
		}
	}
	if n != 200_000 || peak > before.HeapAlloc+4<<20 {
		t.Errorf("%d inputs, heap grew from %d to %d bytes", n, before.HeapAlloc, peak)
	}
}

func FuzzInputs(f *testing.F) {
	f.Add([]byte("\ufeffa.example # x\r\n\n192.0.2.0/24:25\nb..c\n"))
	f.Add([]byte("\xff\xfea\x00"))
	f.Add([]byte("example.com [\x1b[35mMX\x1b[0m] [mx]\n{\"host\":\"a\",\"ports\":[{\"port\":25}]}\n"))
	files, err := filepath.Glob("testdata/neighbors/*")
	if err != nil || len(files) == 0 {
		f.Fatal(files, err)
	}
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		n, ended := 0, false
		for in, err := range Inputs(t.Context(), InputOptions{}, Reader("l", strings.NewReader(string(text)))) {
			if ended {
				t.Fatal("goes on after the last error")
			}
			n++
			var bad *scanner.InputError
			switch {
			case err == nil:
				checkInput(t, in, false)
			case !errors.As(err, &bad):
				ended = true
			}
		}
		if n > len(text) { // a line of another program may hold several
			t.Fatalf("%d elements of %d bytes", n, len(text))
		}
	})
}

func BenchmarkInputs(b *testing.B) {
	var text strings.Builder
	const lines = 100_000
	for i := range lines {
		fmt.Fprintf(&text, "mail%07d.example.com\n", i)
	}
	file := filepath.Join(b.TempDir(), "list")
	if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
		b.Fatal(err)
	}
	for name, source := range map[string]func() Source{
		"file":   func() Source { return File(file) },
		"reader": func() Source { return Reader("l", strings.NewReader(text.String())) },
	} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				n := 0
				for _, err := range Inputs(b.Context(), InputOptions{}, source()) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
				if n != lines {
					b.Fatal(n)
				}
			}
			b.ReportMetric(float64(lines)*float64(b.N)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
