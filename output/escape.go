package output

import (
	"strconv"
	"unicode"
	"unicode/utf8"
)

// Escape makes text from a server safe and plain to see on a terminal or in a
// CSV cell, on one line. Printable text stays as it is. Control characters
// appear as \n, \r, \t or \x1b, bytes that are not UTF-8 as \xNN, and
// characters that are invisible or change the direction of text as \u202e. A
// backslash is doubled, so that no two texts look alike.
func Escape(s string) string {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c >= 0x7f || c == '\\' {
			return string(appendEscaped(make([]byte, 0, len(s)+16), s))
		}
	}
	return s
}

func appendEscaped(dst []byte, s string) []byte {
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			dst = appendByteEscape(dst, s[i])
		case r == '\\':
			dst = append(dst, `\\`...)
		case r == '\n':
			dst = append(dst, `\n`...)
		case r == '\r':
			dst = append(dst, `\r`...)
		case r == '\t':
			dst = append(dst, `\t`...)
		case r < ' ' || r == 0x7f:
			dst = appendByteEscape(dst, byte(r))
		case visible(r):
			dst = append(dst, s[i:i+size]...)
		case r <= 0xffff:
			dst = appendHex4(dst, r)
		default:
			dst = append(dst, `\U`...)
			dst = append(dst, strconv.FormatInt(0x100000000|int64(r), 16)[1:]...)
		}
		i += size
	}
	return dst
}

func appendByteEscape(dst []byte, c byte) []byte {
	return append(dst, '\\', 'x', hexDigits[c>>4], hexDigits[c&15])
}

// visible tells whether a character shows as itself. Those that do not are
// controls, formats (zero-width and bidirectional ones among them), separators
// other than the space, unassigned and private ones, and the few letters and
// marks that Unicode says are drawn as nothing.
func visible(r rune) bool {
	return unicode.IsPrint(r) && r != brailleBlank &&
		!unicode.In(r, unicode.Other_Default_Ignorable_Code_Point, unicode.Variation_Selector)
}

const brailleBlank = '\u2800'
