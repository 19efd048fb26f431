package output

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/scanner"
)

// keep reads lines with what this version does not know, and writes them again.
func keep(t testing.TB, lines string) string {
	t.Helper()
	r := NewReader(strings.NewReader(lines))
	r.KeepUnknown = true
	var out []byte
	for result, err := range r.Results() {
		if err != nil {
			t.Fatal(err)
		}
		out = AppendResult(out, &result)
	}
	return string(out)
}

func TestKeepUnknown(t *testing.T) {
	for _, tt := range []struct{ line, want, not string }{
		{`{"type":"progress","done":1,"color":{"a":[1]}}`, `,"color":{"a":[1]}}` + "\n", ""},
		{`{"type":"service","tls":{"version":"TLS 1.3","next":1}}`, `,"next":1}`, ""},
		{`{"type":"service","checks":[{"check":"vrfy","exchanges":[{"command":"VRFY","reply":"252","ms":7}],"x":"y"}]}`, `"reply":"252","ms":7}],"error":"","x":"y"}]`, ""},
		{`{"type":"service","findings":[{"id":"a","x":1}]}`, `"findings":[{"id":"a"`, `"x"`},
		{`{"type":"service","banner":"x","banner_base64":"/w==","extra":1}`, `"banner_base64":"/w=="`, `"banner_base64":"/w==","extra":1,"banner_base64"`},
		{`{"type":"weather","sun":true}` + "\r", `{"type":"weather","sun":true}` + "\n", "\r"},
	} {
		got := keep(t, tt.line+"\n")
		if !strings.Contains(got, tt.want) || tt.not != "" && strings.Contains(got, tt.not) || !json.Valid([]byte(got)) || strings.Count(got, "\n") != 1 {
			t.Errorf("%s\n became %s", tt.line, got)
		}
		if again := keep(t, got); again != got {
			t.Errorf("%s\n became %s\n and then %s", tt.line, got, again)
		}
	}
	r := NewReader(strings.NewReader(`{"type":"progress","color":1}` + "\n"))
	for result := range r.Results() {
		if result.Unknown != "" {
			t.Errorf("kept without being asked: %q", result.Unknown)
		}
	}
}

// FuzzKeepUnknown checks that every member of an object is in what is written, and
// that what this version knows is written as if there were nothing else.
func FuzzKeepUnknown(f *testing.F) {
	f.Add(`{"type":"service","new":{"a":1},"tls":{"b":[2]},"ehlo":null}`)
	f.Add(`{"type":"summary","by_software":[{"product":"x","y":1}],"banner_base64":0}`)
	f.Fuzz(func(t *testing.T, line string) {
		var before, after map[string]any
		if strings.ContainsAny(line, "\n") || json.Unmarshal([]byte(line), &before) != nil {
			return
		}
		r := NewReader(strings.NewReader(line))
		r.KeepUnknown = true
		for result, err := range r.Results() {
			if err != nil {
				return
			}
			out := AppendResult(nil, &result)
			if json.Unmarshal(out, &after) != nil || bytes.Count(out, []byte{'\n'}) != 1 {
				t.Fatalf("%q became %q", line, out)
			}
			for name := range before {
				if _, ok := after[name]; !ok && !knows(result, name) {
					t.Fatalf("%q lost %q: %q", line, name, out)
				}
			}
		}
	})
}

// knows reports whether a record has a member of that name in another case, or as
// the exact bytes of one: it is read as that one then.
func knows(r scanner.Result, name string) bool {
	for _, record := range []any{r.Run, r.Service, r.Domain, r.Progress, r.Summary} {
		if v := reflect.ValueOf(record); !v.IsNil() {
			for i := range v.Elem().NumField() {
				if strings.EqualFold(jsonName(v.Elem().Type().Field(i)), strings.TrimSuffix(name, base64Suffix)) {
					return true
				}
			}
		}
	}
	return false
}
