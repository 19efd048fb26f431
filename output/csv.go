package output

import (
	"strings"
	"unicode/utf8"

	"github.com/mxsweep/mxsweep/scanner"
)

type csvWriter struct {
	*batch
	columns []Column
}

func newCSVWriter(b *batch, fields []string) (*csvWriter, error) {
	names, err := SelectColumns(fields, nil)
	if err != nil {
		return nil, err
	}
	w := &csvWriter{batch: b}
	all := Columns()
	for _, name := range names {
		for _, c := range all {
			if c.Name == name {
				w.columns = append(w.columns, c)
			}
		}
	}
	b.buf = append(b.buf, strings.Join(names, ",")+"\r\n"...)
	return w, nil
}

// Write implements Writer. Only services have a row; every named input has at
// least one service record, so that none is missing.
func (w *csvWriter) Write(r *scanner.Result) error {
	if r.Service == nil || w.err != nil {
		return w.added()
	}
	for i := range w.columns {
		if i > 0 {
			w.buf = append(w.buf, ',')
		}
		w.buf = appendCell(w.buf, w.columns[i].cell(r.Service))
	}
	w.buf = append(w.buf, '\r', '\n') // RFC 4180, section 2, rule 1
	return w.added()
}

// maxCell keeps a cell below the 32,767 characters that spreadsheets take;
// beyond it they spill into the next row.
const maxCell = 32000

// appendCell appends text as one RFC 4180 cell that no spreadsheet takes for a
// formula and that holds no line break.
func appendCell(dst []byte, s string) []byte {
	if len(s) > maxCell/10 { // an escaped character takes at most ten
		s = cut(Escape(s), maxCell)
	} else {
		s = Escape(s)
	}
	guarded := isFormula(s)
	if !guarded && !strings.ContainsAny(s, `,"`) && strings.TrimSpace(s) == s {
		return append(dst, s...)
	}
	dst = append(dst, '"')
	if guarded {
		dst = append(dst, '\'')
	}
	for i := range len(s) {
		if s[i] == '"' { // RFC 4180, section 2, rule 7
			dst = append(dst, '"')
		}
		dst = append(dst, s[i])
	}
	return append(dst, '"')
}

// isFormula tells whether a spreadsheet could compute an escaped cell instead
// of showing it. Spaces are looked past, since some imports strip them; a tab,
// CR or LF in front, which also start formulas, is an escape by now.
func isFormula(s string) bool {
	r, _ := utf8.DecodeRuneInString(strings.TrimLeft(s, " "))
	switch r {
	case '=', '+', '-', '@', '＝', '＋', '－', '＠':
		return true
	}
	return false
}

// cut shortens s to at most n bytes, at a character, and says so.
func cut(s string, n int) string {
	const mark = "…"
	if len(s) <= n {
		return s
	}
	n -= len(mark)
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n] + mark
}
