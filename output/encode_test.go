package output

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// fill sets every field below v to a value of its own that is not zero. Raw
// fields get bytes that are not UTF-8.
func fill(v reflect.Value, n *int) {
	*n++
	switch v.Type() {
	case reflect.TypeFor[time.Time]():
		v.Set(reflect.ValueOf(noon.Add(time.Duration(*n) * time.Second)))
		return
	case reflect.TypeFor[netip.Addr]():
		v.Set(reflect.ValueOf(netip.AddrFrom4([4]byte{192, 0, 2, byte(*n)})))
		return
	case reflect.TypeFor[smtp.Raw]():
		v.SetString(fmt.Sprintf("raw %d \xff\r\n", *n))
		return
	case reflect.TypeFor[smtp.Phase]():
		v.SetString(string(smtp.PhaseEHLO))
		return
	case reflect.TypeFor[smtp.Check]():
		v.SetString(string(smtp.CheckRelay))
		return
	case reflect.TypeFor[scanner.Status]():
		v.SetString(string(scanner.StatusRejected))
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(fmt.Sprintf("text %d é", *n))
		if v.Type().Name() == "Severity" {
			v.SetString("high")
		}
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(-int64(*n))
	case reflect.Uint16, reflect.Uint64:
		v.SetUint(uint64(*n))
	case reflect.Float64:
		v.SetFloat(float64(*n) + 0.25)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), n)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), n)
		fill(v.Index(1), n)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		key.SetString("success")
		fill(value, n)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for i := range v.NumField() {
			fill(v.Field(i), n)
		}
	default:
		panic("fill: " + v.Type().String())
	}
}

// emptyResults are one record of each type without any fact.
func emptyResults() []scanner.Result {
	return []scanner.Result{
		{Run: &scanner.Run{Type: "run"}},
		{Service: &scanner.Service{Type: "service", Status: scanner.StatusCancelled}},
		{Domain: &scanner.Domain{Type: "domain", Status: scanner.StatusCancelled}},
		{Progress: &scanner.Progress{Type: "progress"}},
		{Summary: &scanner.Summary{Type: "summary"}},
	}
}

// filledResults are one record of each type with every field set.
func filledResults() []scanner.Result {
	results := emptyResults()
	n := 0
	for i := range results {
		r := reflect.ValueOf(&results[i]).Elem()
		for f := range r.NumField() {
			if record := r.Field(f); record.Kind() == reflect.Pointer && !record.IsNil() {
				kind := record.Elem().FieldByName("Type").String()
				fill(record.Elem(), &n)
				record.Elem().FieldByName("Type").SetString(kind)
			}
		}
	}
	results[0].Run.Schema = scanner.SchemaVersion
	return results
}

// readAll returns the records of text, failing at any error.
func readAll(t testing.TB, text string) []scanner.Result {
	t.Helper()
	var results []scanner.Result
	for r, err := range NewReader(strings.NewReader(text)).Results() {
		if err != nil {
			t.Fatalf("%v in %q", err, text)
		}
		results = append(results, r)
	}
	return results
}

// TestRoundTrip fails when a field of a record is not written or not read.
func TestRoundTrip(t *testing.T) {
	for _, want := range filledResults() {
		line := AppendResult(nil, &want)
		got := readAll(t, string(line))
		if len(got) != 1 || !reflect.DeepEqual(got[0], want) {
			t.Errorf("came back different:\n%s\n%s", line, AppendResult(nil, &got[0]))
		}
	}
}

func TestSampleComesBack(t *testing.T) {
	text := written(t, NDJSON, Options{}, sample()...)
	if again := written(t, NDJSON, Options{}, readAll(t, text)...); again != text {
		t.Errorf("written:\n%s\nread and written:\n%s", text, again)
	}
	golden(t, "sample.ndjson", []byte(text))
}

// TestAgreesWithEncodingJSON compares the members of a line with what the
// standard library makes of the same record.
func TestAgreesWithEncodingJSON(t *testing.T) {
	for _, r := range filledResults() {
		record := recordOf(r)
		std, err := json.Marshal(record)
		if err != nil {
			t.Fatal(err)
		}
		var got, want any
		if err := json.Unmarshal(AppendResult(nil, &r), &got); err != nil {
			t.Fatal(err)
		}
		if err := json.Unmarshal(std, &want); err != nil {
			t.Fatal(err)
		}
		dropBase64(got)
		if !reflect.DeepEqual(got, want) {
			t.Errorf("got  %v\nwant %v", got, want)
		}
	}
}

func recordOf(r scanner.Result) any {
	v := reflect.ValueOf(r)
	for i := range v.NumField() {
		if !v.Field(i).IsNil() {
			return v.Field(i).Interface()
		}
	}
	return nil
}

func dropBase64(value any) {
	list, _ := value.([]any)
	for _, member := range list {
		dropBase64(member)
	}
	m, _ := value.(object)
	for name, member := range m {
		if strings.HasSuffix(name, base64Suffix) {
			delete(m, name)
		}
		dropBase64(member)
	}
}

func TestUnknownIsNull(t *testing.T) {
	line := string(AppendResult(nil, &scanner.Result{Service: &scanner.Service{}}))
	for _, want := range []string{`{"type":"service","timestamp":null`, `"mx":null`, `"ip":""`, `"ptr":null`, `"ptr_valid":null`, `"banner":null`, `"greeting":null`,
		`"capabilities":null`, `"implicit_tls":null`, `"tls":null`, `"findings":[]`, `"evidence":[]`, `"connect":null`} {
		if !strings.Contains(line, want) {
			t.Errorf("no %s in %s", want, line)
		}
	}
	none := string(AppendResult(nil, &scanner.Result{Service: &scanner.Service{PTR: []string{}, PTRValid: new(false), ImplicitTLS: new(false)}}))
	for _, want := range []string{`"ptr":[]`, `"ptr_valid":false`, `"implicit_tls":false`} {
		if !strings.Contains(none, want) {
			t.Errorf("no %s in %s", want, none)
		}
	}
	if strings.Contains(line, base64Suffix) {
		t.Errorf("base64 without need in %s", line)
	}
}

func TestAppendString(t *testing.T) {
	for in, want := range map[string]string{
		"":                          `""`,
		"plain text <b>&'":          `"plain text <b>&'"`,
		"\"\\\n\r\t":                `"\"\\\n\r\t"`,
		"\x00\x1b\x7f":              `"\u0000\u001b\u007f"`,
		"grüße 日本 🙂":                `"grüße 日本 🙂"`,
		"\u0085\u009b":              `"\u0085\u009b"`,
		"\u2028\u2029":              `"\u2028\u2029"`,
		"\u202eevil\u2066\u200b":    `"\u202eevil\u2066\u200b"`,
		"\U000e0041":                `"\udb40\udc41"`,
		"\xff\xc3":                  "\"\ufffd\ufffd\"",
		"a\xe2\x80b":                "\"a\ufffd\ufffdb\"",
		"\ufffd":                    "\"\ufffd\"",
		"\xed\xa0\x80 a surrogate":  "\"\ufffd\ufffd\ufffd a surrogate\"",
		"\xc0\x80 an overlong zero": "\"\ufffd\ufffd an overlong zero\"",
	} {
		if got := string(appendString(nil, in)); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

func TestNumbersAndTimes(t *testing.T) {
	for f, want := range map[float64]string{0: "0", 1.5: "1.5", -2: "-2", 1e-7: "1e-07", 1e21: "1e+21", 123456789: "123456789", math.Inf(1): "null"} {
		if got := string(appendFloat(nil, f)); got != want {
			t.Errorf("%v: got %s, want %s", f, got, want)
		}
	}
	if got := string(appendFloat(nil, math.NaN())); got != "null" {
		t.Errorf("NaN: got %s", got)
	}
	for in, want := range map[time.Time]string{
		{}: "null",
		time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC):                      "null",
		time.Date(-1, 1, 1, 0, 0, 0, 0, time.UTC):                         "null",
		time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("", 3600)):       `"2026-01-02T02:04:05Z"`,
		time.Date(9999, 12, 31, 23, 59, 59, 0, time.FixedZone("", -3600)): "null",
	} {
		if got := string(appendTime(nil, in)); got != want {
			t.Errorf("%v: got %s, want %s", in, got, want)
		}
	}
}

func TestEmptyResultIsNothing(t *testing.T) {
	if got := AppendResult([]byte("x"), &scanner.Result{}); string(got) != "x" {
		t.Errorf("got %q", got)
	}
}

// FuzzRaw checks that what a server sent comes back bit for bit, and that the
// line is one line of valid UTF-8 that no terminal obeys.
func FuzzRaw(f *testing.F) {
	f.Add(hostileBanner, "250 \xff\r\n", "plain")
	f.Add("", "\ufffd", "\xed\xa0\x80")
	f.Fuzz(func(t *testing.T, banner, ehlo, text string) {
		s := &scanner.Service{Type: "service", Banner: smtp.Raw(banner), EHLO: &scanner.EHLO{Raw: smtp.Raw(ehlo)}, Error: text}
		line := AppendResult(nil, &scanner.Result{Service: s})
		if !utf8.Valid(line) || bytes.IndexByte(line, '\n') != len(line)-1 {
			t.Fatalf("not one line of UTF-8: %q", line)
		}
		for _, r := range string(line[:len(line)-1]) {
			if !visible(r) {
				t.Fatalf("%U in %q", r, line)
			}
		}
		got := readAll(t, string(line))[0].Service
		if got.Banner != s.Banner || got.EHLO.Raw != s.EHLO.Raw || got.Error != strings.ToValidUTF8(text, "\ufffd") && utf8.ValidString(text) {
			t.Fatalf("came back as %q, %q, %q", got.Banner, got.EHLO.Raw, got.Error)
		}
	})
}

func BenchmarkAppendResult(b *testing.B) {
	r := scanner.Result{Service: typical()}
	dst := AppendResult(nil, &r)
	b.SetBytes(int64(len(dst)))
	b.ReportAllocs()
	for b.Loop() {
		dst = AppendResult(dst[:0], &r)
	}
}

// BenchmarkEncodingJSON is what the standard library needs for the same record.
func BenchmarkEncodingJSON(b *testing.B) {
	s := typical()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := json.Marshal(s); err != nil {
			b.Fatal(err)
		}
	}
}
