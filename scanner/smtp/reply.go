package smtp

import "strings"

// A Reply is one SMTP reply (RFC 5321, section 4.2), complete unless the error
// of its Transcript says that the conversation ended in the middle of it.
type Reply struct {
	Code  int      // three-digit reply code of the last line; 0 if the line has none
	Lines []string // text of each line after the code and its separator, without line ending
	Raw   Raw      // every byte of the reply as received
}

// ParseReply reads a stored reply. It accepts any text, as there is no telling
// what a server sent: a line without a code is kept whole. It returns nil for
// the empty text.
func ParseReply(raw Raw) *Reply {
	if raw == "" {
		return nil
	}
	r := newReply(strings.Count(string(raw[:len(raw)-1]), "\n") + 1)
	r.Raw = raw
	for rest := string(raw); rest != ""; {
		var line string
		line, rest, _ = strings.Cut(rest, "\n")
		code, _, text := splitLine(strings.TrimRight(line, "\r"))
		r.Code = code
		r.Lines = append(r.Lines, text)
	}
	return r
}

// newReply returns a reply with room for so many lines. Most have one, which
// then takes no memory of its own.
func newReply(lines int) *Reply {
	if lines > 1 {
		return &Reply{Lines: make([]string, 0, lines)}
	}
	r := new(struct {
		Reply
		line [1]string
	})
	r.Lines = r.line[:0]
	return &r.Reply
}

// splitLine takes a reply line apart: Reply-code [ SP / "-" text ] (RFC 5321,
// section 4.2). The line ends its reply unless a hyphen follows the code. A
// line that does not begin with a code of 200 to 599 has code 0, and is all
// text; it ends nothing, since servers insert stray lines into long replies.
func splitLine[T string | []byte](line T) (code int, last bool, text T) {
	if len(line) < 3 || line[0] < '2' || line[0] > '5' || !digit(line[1]) || !digit(line[2]) ||
		len(line) > 3 && digit(line[3]) {
		return 0, false, line
	}
	code = int(line[0]-'0')*100 + int(line[1]-'0')*10 + int(line[2]-'0')
	switch {
	case len(line) == 3: // "220" without text: section 4.2 allows it, clients should too
		return code, true, line[3:]
	case line[3] == '-':
		return code, false, line[4:]
	case line[3] == ' ':
		return code, true, line[4:]
	}
	return code, true, line[3:] // a separator that no RFC knows, e.g. a tab
}

// begins reports whether the reply begins like one, were it only the first digit
// of a code. Blank lines do not count.
func (r *Reply) begins() bool {
	line, _, _ := strings.Cut(strings.TrimLeft(string(r.Raw), "\r\n"), "\n")
	line = strings.TrimRight(line, "\r")
	if len(line) < 3 {
		line += "200"[len(line):]
	}
	code, _, _ := splitLine(line)
	return code != 0
}

func digit(c byte) bool { return '0' <= c && c <= '9' }

// Hostname returns the name by which the server calls itself: the first word of
// the reply, which RFC 5321 (section 4.2, greeting, and 4.1.1.1, ehlo-ok-rsp)
// wants to be its domain or address literal. It returns "" where that word
// cannot be one; a single label counts only where nothing but a word of the
// protocol follows it.
func (r *Reply) Hostname() string {
	if r == nil || len(r.Lines) == 0 {
		return ""
	}
	word, rest := cutWord(r.Lines[0])
	next, _ := cutWord(rest)
	switch {
	case len(word) > 2 && word[0] == '[' && word[len(word)-1] == ']':
		return word
	case !hostChars(word):
		return ""
	case strings.Contains(strings.Trim(word, "."), "."):
		return word
	case oneOf(word, "ESMTP", "SMTP", "LMTP", "OK", "HELLO", "READY", "WELCOME"):
		return ""
	case next == "" || oneOf(next, "ESMTP", "SMTP", "LMTP", "HELLO"):
		return word
	}
	return ""
}

// cutWord returns the first word of a text and what follows it.
func cutWord(text string) (word, rest string) {
	text = strings.TrimLeft(text, " \t")
	if i := strings.IndexAny(text, " \t"); i >= 0 {
		return text[:i], text[i:]
	}
	return text, ""
}

func oneOf(word string, words ...string) bool {
	for _, w := range words {
		if strings.EqualFold(w, word) {
			return true
		}
	}
	return false
}

// hostChars reports whether a word consists of the characters of host names.
// The underscore is no such character, but is in use.
func hostChars(word string) bool {
	if word == "" || len(word) > 255 || word[0] == '-' || word[0] == '.' {
		return false
	}
	for i := range len(word) {
		c := word[i]
		if !digit(c) && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '.' && c != '_' {
			return false
		}
	}
	return true
}
