package output

import (
	"strconv"
	"strings"
	"testing"
)

func TestEscape(t *testing.T) {
	for in, want := range map[string]string{
		"":                           "",
		"220 mx.example ESMTP":       "220 mx.example ESMTP",
		"a\r\n\tb":                   `a\r\n\tb`,
		"\x1b]0;x\a\x7f\x00":         `\x1b]0;x\x07\x7f\x00`,
		"\u009b2J":                   `\u009b2J`,
		"\xff\xfe":                   `\xff\xfe`,
		"\xe2\x80":                   `\xe2\x80`,
		"\ufffd":                     "\ufffd",
		`C:\x`:                       `C:\\x`,
		"grüße 日本 🙂":                 "grüße 日本 🙂",
		"a\u0301":                    "a\u0301",
		"\u202eevil\u2066":           `\u202eevil\u2066`,
		"\u200b\u200f\ufeff\u00ad":   `\u200b\u200f\ufeff\u00ad`,
		"\u00a0\u2003\u3000":         `\u00a0\u2003\u3000`,
		"\u2028\u2029":               `\u2028\u2029`,
		"\u3164\u115f\u034f\u2800":   `\u3164\u115f\u034f\u2800`,
		"a\ufe0f\U000e0100":          `a\ufe0f\U000e0100`,
		"\U000e0041\ue000\U0010ffff": `\U000e0041\ue000\U0010ffff`,
	} {
		if got := Escape(in); got != want {
			t.Errorf("%q: got %s, want %s", in, got, want)
		}
	}
}

// unescape undoes Escape.
func unescape(t *testing.T, s string) string {
	var b strings.Builder
	for s != "" {
		if s[0] != '\\' {
			b.WriteByte(s[0])
			s = s[1:]
			continue
		}
		r, isRune, rest, err := strconv.UnquoteChar(s, '"')
		if err != nil {
			t.Fatalf("%v in %q", err, s)
		}
		if isRune {
			b.WriteRune(r)
		} else {
			b.WriteByte(byte(r))
		}
		s = rest
	}
	return b.String()
}

// FuzzEscape checks that the result is one visible line and says exactly what
// went in.
func FuzzEscape(f *testing.F) {
	f.Add(hostileBanner)
	f.Add(`\x1b`)
	f.Fuzz(func(t *testing.T, s string) {
		got := Escape(s)
		for _, r := range got {
			if !visible(r) {
				t.Fatalf("%U in %q", r, got)
			}
		}
		if back := unescape(t, got); back != s {
			t.Fatalf("%q became %q, which says %q", s, got, back)
		}
	})
}
