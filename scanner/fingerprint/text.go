package fingerprint

import "strings"

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
	tries    int
	hits     []hit
	near     []int // rules that were tried and did not match, if wanted
	nodes    []node
}

// read fills the scratch with the lines of every signal.
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
	for n := 0; n < maxLines && text != ""; n++ {
		l, rest, _ := strings.Cut(text, "\n")
		text = rest
		l = strings.TrimRight(l[:min(len(l), maxLine)], " \t\r")
		start := len(c.raw)
		c.raw = appendWithout(c.raw, l, sent)
		c.lines = append(c.lines, line{signal: s, start: start, end: len(c.raw)})
		c.raw = append(c.raw, '\n')
	}
	c.closeReply(first)
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
	at := strings.Index(l, sent)
	if len(sent) < minLiteral || at < 0 || !wordAt(l, at, at+len(sent)) {
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
	_, rest, _ := strings.Cut(reply[:min(len(reply), maxText)], "\n")
	for n := 0; n < maxLines && rest != ""; n++ {
		var l string
		l, rest, _ = strings.Cut(rest, "\n")
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
	word := l
	if i := strings.IndexAny(l, " \t\r"); i >= 0 {
		word = l[:i]
	}
	if i := strings.IndexByte(word, '='); i >= 0 {
		word = word[:i+1]
	}
	return word[:min(len(word), 64)]
}

// appendUpper and appendLower fold ASCII only.
func appendUpper(dst []byte, s string) []byte {
	for i := range len(s) {
		b := s[i]
		if 'a' <= b && b <= 'z' {
			b -= 'a' - 'A'
		}
		dst = append(dst, b)
	}
	return dst
}

func appendLower(dst, src []byte) []byte {
	dst = append(dst, src...)
	for i, b := range dst[len(dst)-len(src):] {
		if 'A' <= b && b <= 'Z' {
			dst[len(dst)-len(src)+i] = b + 'a' - 'A'
		}
	}
	return dst
}
