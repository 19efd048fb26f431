package output

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mxsweep/mxsweep/scanner"
)

// readSome returns the records of a stream, the lines of its LineErrors and
// the error it ended with.
func readSome(r *Reader) (results []scanner.Result, badLines []int, end error) {
	for result, err := range r.Results() {
		if bad, ok := errors.AsType[*LineError](err); ok {
			badLines = append(badLines, bad.Line)
			continue
		}
		if err != nil {
			return results, badLines, err
		}
		results = append(results, result)
	}
	return results, badLines, nil
}

// compressed returns text as gzip, each part a member of its own.
func compressed(t testing.TB, parts ...string) []byte {
	t.Helper()
	var b bytes.Buffer
	for _, part := range parts {
		z := gzip.NewWriter(&b)
		if _, err := io.WriteString(z, part); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return b.Bytes()
}

func TestReader(t *testing.T) {
	const (
		progress = `{"type":"progress","input":"192.0.2.0/24","done":3,"total":9}`
		future   = `{"type":"weather","sun":true}`
	)
	tests := []struct {
		name    string
		text    string
		records int
		bad     []int // lines
		unknown int
	}{
		{"empty", "", 0, nil, 0},
		{"one", progress + "\n", 1, nil, 0},
		{"no line feed at the end, yet whole", progress, 1, nil, 0},
		{"CRLF, blank lines and spaces", "\r\n  " + progress + " \r\n\n" + progress + "\r\n", 2, nil, 0},
		{"type not first", `{"done":3,"type":"progress"}` + "\n", 1, nil, 0},
		{"type with an escape", `{"type":"pro\u0067ress"}` + "\n", 1, nil, 0},
		{"unknown types", future + "\n" + progress + "\n" + future + "\n", 1, nil, 2},
		{"unknown fields", `{"type":"progress","done":1,"color":{"a":[1]}}` + "\n", 1, nil, 0},
		{"garbage between", "garbage\n" + progress + "\n[1]\n42\nnull\n{}\n" + progress + "\n", 2, []int{1, 3, 4, 5, 6}, 0},
		{"two on one line", progress + progress + "\n" + progress + "\n", 1, []int{1}, 0},
		{"wrong type of a field", `{"type":"progress","done":"3"}` + "\n", 0, []int{1}, 0},
		{"negative count", `{"type":"progress","done":-1}` + "\n", 0, []int{1}, 0},
		{"type that is no string", `{"type":7}` + "\n", 0, []int{1}, 0},
		{"bad address", `{"type":"service","ip":"300.1.1.1"}` + "\n", 0, []int{1}, 0},
		{"bad base64", `{"type":"service","banner":"x","banner_base64":"***"}` + "\n", 0, []int{1}, 0},
		{"base64 that is no string", `{"type":"service","banner":"x","banner_base64":5}` + "\n", 0, []int{1}, 0},
	}
	for _, test := range tests {
		for _, source := range []io.Reader{
			strings.NewReader(test.text),
			iotest.OneByteReader(strings.NewReader(test.text)),
			bytes.NewReader(compressed(t, test.text)),
		} {
			r := NewReader(source)
			results, bad, err := readSome(r)
			if err != nil || len(results) != test.records || !reflect.DeepEqual(bad, test.bad) || r.Unknown() != test.unknown {
				t.Errorf("%s: %d records, bad lines %v, %d unknown, error %v", test.name, len(results), bad, r.Unknown(), err)
			}
			if bad == nil && r.Offset() != int64(len(test.text)) {
				t.Errorf("%s: offset %d of %d", test.name, r.Offset(), len(test.text))
			}
		}
	}
}

func TestBase64Wins(t *testing.T) {
	results := readAll(t, `{"type":"service","banner":"x","banner_base64":"/w==","ehlo":{"raw":"y","raw_base64":"gA=="}}`)
	if s := results[0].Service; s.Banner != "\xff" || s.EHLO.Raw != "\x80" {
		t.Errorf("banner %q, ehlo %q", s.Banner, s.EHLO.Raw)
	}
}

// TestTornAnywhere cuts a file at every byte, as a kill or a full disk does.
func TestTornAnywhere(t *testing.T) {
	text := string(AppendResult(nil, &scanner.Result{Progress: &scanner.Progress{Input: "192.0.2.0/24", Done: 3}})) +
		string(AppendResult(nil, &scanner.Result{Domain: &scanner.Domain{Domain: "example.com"}}))
	second := strings.IndexByte(text, '\n') + 1
	for n := range len(text) + 1 {
		r := NewReader(strings.NewReader(text[:n]))
		results, bad, err := readSome(r)
		records, good := 0, 0
		if n >= second-1 {
			records, good = 1, min(n, second)
		}
		if n >= len(text)-1 {
			records, good = 2, n
		}
		torn, ok := errors.AsType[*TornError](err)
		if len(results) != records || bad != nil || r.Offset() != int64(good) || ok != (good != n) {
			t.Errorf("cut at %d: %d records, offset %d, bad lines %v, error %v", n, len(results), r.Offset(), bad, err)
		}
		if ok && torn.Offset != int64(good) {
			t.Errorf("cut at %d: torn at %d, want %d", n, torn.Offset, good)
		}
	}
}

func TestTornByZeros(t *testing.T) { // as some file systems leave it after a power cut
	good := `{"type":"progress"}` + "\n"
	for _, tail := range []string{"\x00\x00\x00", `{"type":"pro` + "\x00\x00"} {
		results, _, err := readSome(NewReader(strings.NewReader(good + tail)))
		if torn, ok := errors.AsType[*TornError](err); len(results) != 1 || !ok || torn.Offset != int64(len(good)) {
			t.Errorf("%q: %d records, error %v", tail, len(results), err)
		}
	}
}

func TestTornGzip(t *testing.T) {
	line := `{"type":"progress","input":"192.0.2.0/24"}` + "\n"
	whole := compressed(t, line, line)
	first := len(compressed(t, line))
	for n := 2; n < len(whole); n++ {
		r := NewReader(bytes.NewReader(whole[:n]))
		results, _, err := readSome(r)
		_, torn := errors.AsType[*TornError](err)
		if torn != (n != first) || r.Offset() != int64(len(results)*len(line)) || n >= first && len(results) < 1 {
			t.Errorf("cut at %d: %d records, offset %d, error %v", n, len(results), r.Offset(), err)
		}
	}
	results, _, err := readSome(NewReader(bytes.NewReader(append(whole, 0, 0, 0, 0))))
	if _, torn := errors.AsType[*TornError](err); !torn || len(results) != 2 {
		t.Errorf("zeros behind: %d records, error %v", len(results), err)
	}
}

// endless yields n bytes without a line feed, then tail.
func endless(n int64, tail string) io.Reader {
	return io.MultiReader(io.LimitReader(repeat('x'), n), strings.NewReader(tail))
}

type repeat byte

func (r repeat) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(r)
	}
	return len(p), nil
}

func TestLongLine(t *testing.T) {
	good := `{"type":"progress"}` + "\n"
	r := NewReader(endless(2*MaxLine, "\n"+good))
	results, bad, err := readSome(r)
	if err != nil || len(results) != 1 || !reflect.DeepEqual(bad, []int{1}) {
		t.Errorf("%d records, bad lines %v, error %v", len(results), bad, err)
	}
	if cap(r.buf) > 2*MaxLine {
		t.Errorf("holds %d bytes", cap(r.buf))
	}
	exact := `{"type":"progress","input":"` + strings.Repeat("a", MaxLine-len(`{"type":"progress","input":""}`)) + `"}` + "\n"
	if results, bad, err := readSome(NewReader(strings.NewReader(exact))); len(results) != 1 || bad != nil || err != nil {
		t.Errorf("line of the greatest length: %d records, bad lines %v, error %v", len(results), bad, err)
	}
}

func TestReaderErrors(t *testing.T) {
	line := `{"type":"progress"}` + "\n"
	broken := io.MultiReader(strings.NewReader(line+`{"ty`), iotest.ErrReader(io.ErrClosedPipe))
	if results, _, err := readSome(NewReader(broken)); len(results) != 1 || err != io.ErrClosedPipe {
		t.Errorf("%d records, error %v", len(results), err)
	}
	results, _, err := readSome(NewReader(strings.NewReader(`{"type":"run","schema":999}` + "\n" + line)))
	if err == nil || !strings.Contains(err.Error(), "schema 999") || len(results) != 0 {
		t.Errorf("%d records, error %v", len(results), err)
	}
}

func TestResultsStops(t *testing.T) {
	r := NewReader(strings.NewReader("bad\n" + strings.Repeat(`{"type":"progress"}`+"\n", 3)))
	n := 0
	for range r.Results() {
		if n++; n == 2 {
			break
		}
	}
	if n != 2 || r.line != 2 {
		t.Errorf("%d records of %d lines", n, r.line)
	}
}

// FuzzReader feeds arbitrary bytes: reading ends, keeps count of what is good,
// and whatever was read can be written and read again unchanged.
func FuzzReader(f *testing.F) {
	f.Add([]byte(`{"type":"service","ip":"192.0.2.1","port":25,"ptr":[],"ptr_valid":true,"ehlo":{"raw":"x","raw_base64":"/w=="},"timings_ms":{"tls":1.5}}` + "\n"))
	f.Add([]byte(`{"type":"summary","by_status":{"success":3},"by_software":[{"count":1}]}` + "\r\n" + `{"type":"run","options":{"a":"b"}}`))
	f.Add([]byte("garbage\n{\"type\":\"service\",\"banner\":\"x\",\"banner_base64\":\"/w==\"}\n{\"type\":"))
	f.Add(compressed(f, `{"type":"progress"}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		r := NewReader(bytes.NewReader(data))
		results, _, _ := readSome(r)
		if r.read < r.Offset() {
			t.Fatalf("offset %d of %d", r.Offset(), r.read)
		}
		for _, result := range results {
			line := AppendResult(nil, &result)
			again := AppendResult(nil, &readAll(t, string(line))[0])
			if !bytes.Equal(line, again) {
				t.Fatalf("%s\n%s", line, again)
			}
		}
	})
}

func BenchmarkReader(b *testing.B) {
	line := AppendResult(nil, &scanner.Result{Service: typical()})
	text := bytes.Repeat(line, 100)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if results, _, err := readSome(NewReader(bytes.NewReader(text))); len(results) != 100 || err != nil {
			b.Fatal(err)
		}
	}
}
