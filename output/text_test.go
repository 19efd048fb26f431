package output

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/mxsweep/mxsweep/scanner"
)

func TestTextGolden(t *testing.T) {
	for _, width := range []int{0, 80, 120} {
		golden(t, fmt.Sprintf("sample-%d.txt", width), []byte(written(t, Text, Options{Width: columns(width)}, sample()...)))
	}
	golden(t, "sample-color.txt", []byte(written(t, Text, Options{Width: columns(120), Color: true}, sample()...)))
}

func TestTextKeepsToTheWidth(t *testing.T) {
	for _, width := range []int{60, 80, 100, 120, 200} {
		for line := range strings.Lines(written(t, Text, Options{Width: columns(width)}, sample()...)) {
			line = strings.TrimSuffix(line, "\n")
			// A single cell that is wider than what is left has to go past it.
			if n := utf8.RuneCountInString(line); n > width && len(strings.Fields(line)) > 1 && !strings.Contains(line, "a-rather-long") {
				t.Errorf("width %d: line of %d columns: %s", width, n, line)
			}
			if strings.TrimRight(line, " ") != line || line == "" {
				t.Errorf("width %d: trailing space or empty line: %q", width, line)
			}
		}
	}
}

// Wide and combining characters keep the columns straight: what follows a cell
// begins where it does on a line of plain letters.
func TestTextAligns(t *testing.T) {
	for _, host := range []string{"mail.example", "例え.テスト", "메일.한국", "cafe\u0301.example", "ไปรษณีย์.ไทย", "😀.example", "m.example"} {
		s := typical()
		s.Host, s.Domain = host, ""
		text := written(t, Text, Options{}, scanner.Result{Service: s})
		before, _, found := strings.Cut(text, "Postfix")
		if n := uniseg.StringWidth(before); !found || n != 54 {
			t.Errorf("%s: the software begins in column %d: %s", host, n, text)
		}
	}
	for text, want := range map[string]int{"": 0, "abc": 3, "例え": 4, "e\u0301": 1, "é": 1, "한": 2, "\u1112\u1161\u11ab": 2, "ﾊ": 1} {
		if got := columnsOf(text); got != want {
			t.Errorf("%q: %d columns, want %d", text, got, want)
		}
	}
}

func TestTextUnlimitedIsOneLinePerService(t *testing.T) {
	results := sample()
	lines := strings.Count(written(t, Text, Options{}, results...), "\n")
	want := 2 // domains with something to say
	for _, r := range results {
		if r.Service != nil {
			want++
		}
	}
	if lines != want {
		t.Errorf("%d lines, want %d", lines, want)
	}
}

func TestTextIsSafe(t *testing.T) {
	text := written(t, Text, Options{Width: columns(80)}, hostile())
	for _, r := range text {
		if r != '\n' && !visible(r) {
			t.Errorf("unsafe %U in %q", r, text)
		}
	}
}

func TestTextSaysNothingOfHealthyDomains(t *testing.T) {
	r := scanner.Result{Domain: &scanner.Domain{Domain: "example.com", Status: scanner.StatusSuccess}}
	if got := written(t, Text, Options{}, r); got != "" {
		t.Errorf("got %q", got)
	}
}

func TestSummaryGolden(t *testing.T) {
	for _, r := range sample() {
		if r.Summary == nil {
			continue
		}
		for name, color := range map[string]bool{"summary.txt": false, "summary-color.txt": true} {
			var b bytes.Buffer
			if err := Summary(&b, r.Summary, color); err != nil {
				t.Fatal(err)
			}
			golden(t, name, b.Bytes())
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", 1<<64 - 1: "18,446,744,073,709,551,615"} {
		if got := grouped(n); got != want {
			t.Errorf("grouped(%d) = %s, want %s", n, got, want)
		}
	}
}

// columns is the width of a terminal that nobody resizes.
func columns(n int) func() int { return func() int { return n } }

// Lines fit the terminal as it is when they are written.
func TestTextFitsResizedTerminal(t *testing.T) {
	width := 200
	var b writeLog
	w, err := New(&b, Text, Options{Width: func() int { return width }})
	if err != nil {
		t.Fatal(err)
	}
	r := sample()[2]
	for _, width = range []int{200, 80} {
		if err := w.Write(&r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	longest := func(text string) (n int) {
		for line := range strings.Lines(text) {
			n = max(n, utf8.RuneCountInString(line)-1)
		}
		return n
	}
	first, second, _ := strings.Cut(b.String()[1:], b.String()[:22])
	if longest(first) <= 80 || second == "" || longest(second) > 80 {
		t.Errorf("lines of %d and %d columns:\n%s", longest(first), longest(second), b.String())
	}
}
