package output

import (
	"slices"
	"strings"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// What a server says in its own words may name whoever runs it in any form: a
// company, a person, a session. So of its replies only this is kept: codes, EHLO
// keywords, the stand-in of a leading name, and what a rule has recognized the
// software by.

const masked = "(masked)"

// codes are those that a line of a reply begins with (RFC 5321, section 4.2, and
// RFC 2034).
var codes = pattern(`^[2-5][0-9]{2}(?:[ -]|$)(?:[245]\.[0-9]{1,3}\.[0-9]{1,3}(?: |$))?`)

func (m *redactor) replies(raws ...*smtp.Raw) {
	for _, raw := range raws {
		*raw = smtp.Raw(eachLine(string(*raw), m.reply))
	}
}

// eachLine changes every line of a text, but not its line endings.
func eachLine(text string, change func(string) string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		content := strings.TrimRight(line, "\r\n")
		b.WriteString(change(content))
		b.WriteString(line[len(content):])
	}
	return b.String()
}

// reply masks one line of a reply, with or without its code.
func (m *redactor) reply(line string) string {
	keep := make([]bool, len(line))
	mark := func(from, to int) {
		for i := from; i < to; i++ {
			keep[i] = true
		}
	}
	code := len(codes().FindString(line))
	mark(0, code)
	if name, _, _ := strings.Cut(line[code:], " "); strings.Contains(name, ".") || slices.Contains(m.words, strings.ToLower(name)) {
		mark(code, code+len(name))
	}
	for _, sign := range m.signs {
		for from := 0; ; {
			i := strings.Index(line[from:], sign)
			if i < 0 {
				break
			}
			mark(from+i, from+i+len(sign))
			from += i + len(sign)
		}
	}
	return m.discreet(blot(line, keep))
}

// blot writes one mark in place of each stretch that is not kept; spaces around
// it stay.
func blot(line string, keep []bool) string {
	var b strings.Builder
	for i := 0; i < len(line); {
		end := i
		for end < len(line) && keep[end] == keep[i] {
			end++
		}
		part := line[i:end]
		if inner := strings.TrimSpace(part); !keep[i] && inner != "" {
			part = strings.Replace(part, inner, masked, 1)
		}
		b.WriteString(part)
		i = end
	}
	return b.String()
}

// identifiers are words that look like the number of a session or a message.
var (
	identifiers = pattern(`[0-9A-Za-z_-]{12,}`)
	digits      = pattern(`[0-9]`)
)

// discreet masks names, addresses and identifiers in text that is kept.
func (m *redactor) discreet(s string) string {
	s = m.text(s)
	if m.owners != nil {
		s = m.owners.ReplaceAllStringFunc(s, func(word string) string {
			if invents().MatchString(word) {
				return word
			}
			return masked
		})
	}
	return identifiers().ReplaceAllStringFunc(s, func(word string) string {
		if len(digits().FindAllString(word, 4)) == 4 {
			return masked
		}
		return word
	})
}

// known are the EHLO keywords that tell nothing of who uses them: those of
// IANA's registry, and those of widespread servers.
var known = strings.Fields(`8BITMIME ATRN AUTH BINARYMIME BURL CHECKPOINT CHUNKING CONNEG CONPERM DELIVERBY DSN
	ENHANCEDSTATUSCODES ETRN EXPN FUTURERELEASE HELP LIMITS MT-PRIORITY MTRK NO-SOLICITING PIPECONNECT PIPELINING
	PRDR REQUIRETLS RRVS SAML SEND SIZE SMTPUTF8 SOML STARTTLS SUBMITTER TURN UTF8SMTP VERB VRFY
	X-ANONYMOUSTLS X-EXPS XCLIENT XEXCH50 XFORWARD XSHADOW XSHADOWREQUEST XRDST XXXXXXXA`)

// parameter matches that of a keyword: a number or a mechanism of SASL.
var parameter = pattern(`^(?:[0-9]{1,20}|LOGIN|PLAIN|NTLM|GSSAPI|GSS-SPNEGO|EXTERNAL|ANONYMOUS|OAUTHBEARER|XOAUTH2|CRAM-[A-Z0-9]+|DIGEST-[A-Z0-9]+|SCRAM-[A-Z0-9-]+|(?:RCPTMAX|MAILMAX|RCPTDOMAINMAX)=[0-9]+)$`)

// keywords masks a line of an EHLO reply behind the first, with or without its
// code, or a part of one.
func (m *redactor) keywords(line string) string {
	code := len(codes().FindString(line))
	words := strings.Split(line[code:], " ")
	for i, word := range words {
		upper := strings.ToUpper(strings.TrimPrefix(strings.ToUpper(word), "AUTH="))
		if word != "" && !slices.Contains(known, upper) && !parameter().MatchString(upper) {
			words[i] = masked
		}
	}
	return line[:code] + strings.Join(words, " ")
}

func (m *redactor) capabilities(c *smtp.Capabilities) {
	if c == nil {
		return
	}
	c.Limits = m.keywords(c.Limits)
	for _, list := range [][]string{c.Keywords, c.Auth} {
		for i := range list {
			list[i] = m.keywords(list[i])
		}
	}
}

func (m *redactor) ehlo(e *scanner.EHLO) {
	if e == nil {
		return
	}
	e.NameSent, e.Hostname = m.name(e.NameSent), m.name(e.Hostname)
	n := 0
	e.Raw = smtp.Raw(eachLine(string(e.Raw), func(line string) string {
		n++
		return m.ehloLine(n-1, line)
	}))
	for i := range e.Lines {
		e.Lines[i] = m.ehloLine(i, e.Lines[i])
	}
}

func (m *redactor) ehloLine(i int, line string) string {
	if i == 0 || line[:len(codes().FindString(line))] == "" && codes().MatchString(line) {
		return m.reply(line)
	}
	return m.keywords(line)
}

func (m *redactor) checks(checks []smtp.Checked) {
	for i := range checks {
		c := &checks[i]
		c.Error = m.own(c.Error)
		for j := range c.Exchanges {
			e := &c.Exchanges[j]
			e.Command = m.own(e.Command)
			m.replies(&e.Reply)
		}
	}
}

// answers is how errors quote a server; quotes is how findings do, and parsers
// of names.
var (
	answers = pattern(`(the server answered [0-9]{3}) .*`)
	quotes  = pattern("\"(?:[^\"\\\\]|\\\\.)*\"|`[^`]*`")
	invents = pattern(`^(?:(?:\*\.)?(?:host[0-9]+\.)?org[0-9]+\.example|host[0-9]+|240(?:\.[0-9]+){3}|2001:db8::[0-9a-f:]+|[, ]+)+$`)
)

// own masks a text of mxsweep itself, such as an error or the evidence of a
// finding: the words of servers in it stand in quotation marks.
func (m *redactor) own(s string) string {
	s = m.text(answers().ReplaceAllString(s, "$1 "+masked))
	return quotes().ReplaceAllStringFunc(s, func(quote string) string {
		inner := quote[1 : len(quote)-1]
		if invents().MatchString(inner) || slices.Contains(m.fine, inner) {
			return quote
		}
		return quote[:1] + masked + quote[:1]
	})
}
