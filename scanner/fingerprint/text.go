package fingerprint

import (
	"encoding/binary"
	"strings"
)

// Bounds on what is read of each signal, so that the cost of a classification
// does not grow with what a hostile server sends. RFC 5321, section 4.5.3.1.5
// allows 512 bytes for a reply line.
const (
	maxLine  = 512
	maxLines = 64
	maxText  = 4096
)

// A line is one line of one signal in a scratch buffer.
type line struct {
	signal     signal
	start, end int
	replyEnd   int // end of the last line of the same reply
}

// A scratch is the working memory of one classification.
type scratch struct {
	raw, low []byte // all signals, a line feed after each line; low in lower case
	lines    []line
	seen     []uint64 // by rule: the number of the last line it was tried on
	tick     uint64   // number of the line being tried
	found    []int    // rules to be tried on that line
	tries    int
	hits     []hit
	near     []int // rules that were tried and did not match, if wanted
	nodes    []node
}

// read empties the scratch and fills it with the lines of every signal.
func (c *scratch) read(sig *Signals) {
	c.raw, c.low, c.lines, c.hits, c.near = c.raw[:0], c.low[:0], c.lines[:0], c.hits[:0], c.near[:0]
	c.tries = 0
	c.reply(greeting, sig.Greeting, "")
	c.reply(ehlo, sig.EHLO, sig.NameSent)
	c.reply(ehlo, sig.EHLOTLS, sig.NameSent)
	c.keywords(sig.EHLO)
	c.keywords(sig.EHLOTLS)
	c.reply(helo, sig.HELO, sig.NameSent)
	c.reply(starttls, sig.STARTTLS, "")
	c.reply(help, sig.Help, "")
	c.reply(unknownCommand, sig.Unknown, "")
	c.reply(noop, sig.Noop, "")
	c.reply(rset, sig.Rset, "")
	c.reply(vrfy, sig.Vrfy, "")
	c.reply(quit, sig.Quit, "")
	c.reply(tlsSubject, sig.CertSubject, "")
	c.reply(tlsIssuer, sig.CertIssuer, "")
	c.reply(tlsName, sig.CertCN, "")
	for _, name := range sig.CertNames[:min(len(sig.CertNames), maxLines)] {
		c.reply(tlsName, name, "")
	}
	c.reply(mx, strings.TrimSuffix(sig.MX, "."), "")
	c.reply(ptr, strings.TrimSuffix(sig.PTR, "."), "")
	c.low = appendLower(c.low, c.raw)
}

// reply adds the lines of one reply, without line endings and trailing blanks.
// The name we sent is no word of the server's: it becomes "client".
func (c *scratch) reply(s signal, text, sent string) {
	first := len(c.lines)
	text = text[:min(len(text), maxText)]
	if !strings.Contains(text, sent) {
		sent = ""
	}
	for n := 0; n < maxLines && text != ""; n++ {
		var l string
		l, text = cutLine(text)
		l = trimBlanks(l[:min(len(l), maxLine)])
		start := len(c.raw)
		c.raw = appendWithout(c.raw, l, sent)
		c.lines = append(c.lines, line{signal: s, start: start, end: len(c.raw)})
		c.raw = append(c.raw, '\n')
	}
	c.closeReply(first)
}

// cutLine returns the first line of a text and what follows it.
func cutLine(text string) (l, rest string) {
	if i := strings.IndexByte(text, '\n'); i >= 0 {
		return text[:i], text[i+1:]
	}
	return text, ""
}

// trimBlanks cuts off the blanks at the end of a line.
func trimBlanks(l string) string {
	for l != "" && (l[len(l)-1] == ' ' || l[len(l)-1] == '\t' || l[len(l)-1] == '\r') {
		l = l[:len(l)-1]
	}
	return l
}

// closeReply tells the lines from first on where their reply ends.
func (c *scratch) closeReply(first int) {
	for i := first; i < len(c.lines); i++ {
		c.lines[i].replyEnd = c.lines[len(c.lines)-1].end
	}
}

// appendWithout appends l with the first whole-word occurrence of the name sent
// replaced.
func appendWithout(dst []byte, l, sent string) []byte {
	if len(sent) < minLiteral {
		return append(dst, l...)
	}
	at := strings.Index(l, sent)
	if at < 0 || !wordAt(l, at, at+len(sent)) {
		return append(dst, l...)
	}
	dst = append(dst, l[:at]...)
	dst = append(dst, "client"...)
	return append(dst, l[at+len(sent):]...)
}

// wordAt reports whether s[from:to] is not part of a longer name. The first four
// bytes of a line are the reply code and its separator, which may be a dash.
func wordAt(s string, from, to int) bool {
	return (from <= 4 || !isNameByte(s[from-1])) && (to == len(s) || !isNameByte(s[to]))
}

func isNameByte(b byte) bool {
	return b == '-' || b == '_' || b == '.' || '0' <= b && b <= '9' || 'a' <= b|0x20 && b|0x20 <= 'z'
}

// keywords adds one line with the EHLO keywords of a reply in upper case and in
// the order sent, one blank between two: "PIPELINING SIZE STARTTLS 8BITMIME".
// The old form "AUTH=LOGIN" appears as "AUTH=".
func (c *scratch) keywords(reply string) {
	start := len(c.raw)
	_, rest := cutLine(reply[:min(len(reply), maxText)])
	for n := 0; n < maxLines && rest != ""; n++ {
		var l string
		l, rest = cutLine(rest)
		if !strings.HasPrefix(l, "250") || len(l) < 5 {
			continue
		}
		if len(c.raw) > start {
			c.raw = append(c.raw, ' ')
		}
		c.raw = appendUpper(c.raw, keyword(l[4:]))
	}
	if len(c.raw) == start {
		return
	}
	c.lines = append(c.lines, line{signal: keywords, start: start, end: len(c.raw), replyEnd: len(c.raw)})
	c.raw = append(c.raw, '\n')
}

// keyword returns the first word of an EHLO line (RFC 5321, section 4.1.1.1),
// with the "=" of "AUTH=".
func keyword(l string) string {
	l = l[:min(len(l), maxKeyword)]
	for i := range len(l) {
		switch l[i] {
		case ' ', '\t', '\r':
			return l[:i]
		case '=':
			return l[:i+1]
		}
	}
	return l
}

// maxKeyword bounds what is read of a keyword.
const maxKeyword = 64

// appendUpper and appendLower fold ASCII only.
func appendUpper(dst []byte, s string) []byte {
	from := len(dst)
	dst = append(dst, s...)
	for i, b := range dst[from:] {
		if b-'a' < 26 {
			dst[from+i] = b - ('a' - 'A')
		}
	}
	return dst
}

func appendLower(dst, src []byte) []byte {
	from := len(dst)
	dst = append(dst, src...)
	text := dst[from:]
	for ; len(text) >= 8; text = text[8:] {
		binary.LittleEndian.PutUint64(text, lowerWord(binary.LittleEndian.Uint64(text)))
	}
	for i, b := range text {
		if b-'A' < 26 {
			text[i] = b + 'a' - 'A'
		}
	}
	return dst
}

// lowerWord folds eight bytes at once. Sums of seven bits never reach the next
// byte; the top bit of each tells whether it is above 'A'-1 and above 'Z'.
func lowerWord(w uint64) uint64 {
	const each = 0x0101010101010101
	low := w &^ (0x80 * each)
	upper := (low + (0x80-'A')*each) &^ (low + (0x80-'Z'-1)*each) &^ w & (0x80 * each)
	return w | upper>>2
}
