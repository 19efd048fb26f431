package output

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/rivo/uniseg"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/fingerprint"
)

// A textWriter writes a line per service: endpoint, name, software, TLS and
// what is wrong. On a terminal a line that would be too long is continued
// beneath, indented; in a file it stays one line, for grep.
type textWriter struct {
	*batch
	width func() int // nil: no limit
	line  line
}

func newTextWriter(b *batch, width func() int, color bool) *textWriter {
	return &textWriter{b, width, line{palette: palette(color)}}
}

// fit sets the stops for a terminal of that many columns.
func (l *line) fit(width int) {
	l.width, l.name, l.software, l.tls, l.wrong = width, 22, 54, 80, 89
	if width > 0 && width < 100 {
		l.software, l.tls, l.wrong = 47, 71, 80
	}
}

// Write implements Writer.
func (w *textWriter) Write(r *scanner.Result) error {
	if w.err != nil {
		return w.err
	}
	columns := 0
	if w.width != nil {
		columns = w.width()
	}
	w.line.fit(columns)
	w.line.buf, w.line.pos = w.buf, 0
	switch {
	case r.Service != nil:
		w.line.service(r.Service)
	case r.Domain != nil:
		w.line.domain(r.Domain)
	case r.Summary != nil:
		w.line.fleet(r.Summary.Findings)
	}
	w.buf = w.line.buf
	return w.added()
}

// A line lays out cells from left to right. A cell begins at its stop, or one
// or two spaces after a cell that went past the stop; later cells catch up with
// their stops. So a stream of lines is aligned without looking ahead.
type line struct {
	buf   []byte
	pos   int // columns written
	width int // 0: no limit

	name, software, tls, wrong int // stops
	palette
}

// put adds a cell of escaped text at the stop, gap spaces away at least.
func (l *line) put(stop, gap int, style, text string) {
	n := columnsOf(text)
	at := max(stop, l.pos+gap)
	if l.pos == 0 {
		at = stop
	}
	if l.width > 0 && at+n > l.width && l.pos > l.name {
		l.buf = append(l.buf, '\n')
		l.pos, at = 0, l.name
	}
	for ; l.pos < at; l.pos++ {
		l.buf = append(l.buf, ' ')
	}
	l.buf = l.paint(l.buf, style, text)
	l.pos += n
}

// columnsOf is the number of columns that text takes on a terminal: two for most
// characters of East Asia, none for marks that combine with the one before
// (Unicode Standard Annexes 11 and 29).
func columnsOf(text string) int {
	for i := range len(text) {
		if text[i] >= utf8.RuneSelf {
			return uniseg.StringWidth(text)
		}
	}
	return len(text)
}

func (l *line) end() { l.buf = append(l.buf, '\n') }

func (l *line) service(s *scanner.Service) {
	if s.IP.IsValid() {
		l.put(0, 0, plain, netip.AddrPortFrom(s.IP, s.Port).String())
	} else {
		l.put(0, 0, dim, "-")
	}
	l.names(s)
	seen := s.Banner != "" || s.TLS != nil
	if seen {
		l.program(&s.Software)
		l.security(s)
	}
	if s.Status != scanner.StatusSuccess {
		stop := l.software
		if seen {
			stop = l.wrong
		}
		l.failure(stop, s.Status, s.Error)
	}
	l.findings(l.wrong, s.Findings)
	l.end()
}

// names writes the name probed, with the mail domain where that is not to be
// seen in it, and for a bare address the name that the DNS gives it.
func (l *line) names(s *scanner.Service) {
	name, style := s.Host, plain
	if name == "" && len(s.PTR) > 0 {
		name, style = s.PTR[0], dim
	}
	if name == "" {
		name = s.Domain
	}
	if name == "" {
		l.put(l.name, 2, dim, "-")
		return
	}
	l.put(l.name, 2, style, Escape(name))
	if s.Domain != "" && name != s.Domain && !strings.HasSuffix(name, "."+s.Domain) {
		l.put(0, 1, dim, "("+Escape(s.Domain)+")")
	}
}

// program writes "Postfix 3.7.11 (Debian)".
func (l *line) program(s *fingerprint.Software) {
	if s.Product == "" {
		l.put(l.software, 2, dim, "unknown")
		return
	}
	l.put(l.software, 2, bold, Escape(softwareName(s.Product, s.Version)))
	if notes := slices.DeleteFunc([]string{s.Update, s.OS}, func(n string) bool { return n == "" }); len(notes) > 0 {
		l.put(0, 1, plain, "("+Escape(strings.Join(notes, ", "))+")")
	}
}

func softwareName(product, version string) string {
	if product == "" {
		product = "unknown"
	}
	return strings.TrimSpace(product + " " + version)
}

// security writes the TLS version, or why there is none.
func (l *line) security(s *scanner.Service) {
	before := beforeTLS(s)
	switch {
	case s.TLS != nil && s.TLS.Version >= "TLS 1.2":
		l.put(l.tls, 2, green, Escape(s.TLS.Version))
	case s.TLS != nil && s.TLS.Version != "":
		l.put(l.tls, 2, red, Escape(s.TLS.Version))
	case s.TLS != nil:
		l.put(l.tls, 2, red, "no TLS")
	case before != nil && !before.STARTTLS:
		l.put(l.tls, 2, yellow, "no TLS")
	default:
		l.put(l.tls, 2, dim, "TLS ?")
	}
}

func (l *line) domain(d *scanner.Domain) {
	failed := d.Status != scanner.StatusSuccess && d.Services == 0
	if !failed && !slices.ContainsFunc(d.Findings, matters) {
		return
	}
	l.put(0, 0, dim, "domain")
	l.put(l.name, 2, plain, Escape(d.Domain))
	if failed {
		l.failure(l.software, d.Status, d.Error)
	}
	l.findings(l.software, d.Findings)
	l.end()
}

// fleet writes a line for each finding of the run as a whole.
func (l *line) fleet(findings []advisory.Finding) {
	for i := range findings {
		if f := &findings[i]; matters(*f) {
			l.pos = 0
			l.put(0, 0, dim, "fleet")
			l.put(l.name, 2, severityStyle(f.Severity), string(f.Severity)+" "+Escape(f.ID)+":")
			l.words(Escape(f.Evidence))
			l.end()
		}
	}
}

// maxError is the length of an error text on a line, in bytes.
const maxError = 200

func (l *line) failure(stop int, status scanner.Status, text string) {
	if selfExplaining(status) {
		l.put(stop, 2, dim, Escape(string(status)))
		return
	}
	word := Escape(string(status))
	if text != "" {
		word += ":"
	}
	l.put(stop, 2, yellow, word)
	l.words(cut(Escape(text), maxError))
}

// words writes text that may be broken between words.
func (l *line) words(text string) {
	for word := range strings.FieldsSeq(text) {
		l.put(0, 1, plain, word)
	}
}

// selfExplaining tells whether the text of the error adds nothing to the
// status.
func selfExplaining(status scanner.Status) bool {
	switch status {
	case scanner.StatusRefused, scanner.StatusReset, scanner.StatusClosed, scanner.StatusConnectTimeout,
		scanner.StatusUnreachable, scanner.StatusGreetingTimeout, scanner.StatusReplyTimeout, scanner.StatusTLSTimeout,
		scanner.StatusTargetTimeout, scanner.StatusNullMX, scanner.StatusNXDomain, scanner.StatusNoAddress,
		scanner.StatusExcluded, scanner.StatusPrivate, scanner.StatusNoRoute, scanner.StatusCancelled:
		return true
	}
	return false
}

// severities are all of them, most severe first.
func severities() []advisory.Severity {
	return []advisory.Severity{advisory.Critical, advisory.High, advisory.Medium, advisory.Low, advisory.Info}
}

// maxFindings is how many findings a line names.
const maxFindings = 8

func matters(f advisory.Finding) bool { return f.Severity != advisory.Info }

// findings writes "high certificate-expired, self-signed, low version-shown",
// worst first. Mere information is left to the other formats.
func (l *line) findings(stop int, findings []advisory.Finding) {
	var tokens, styles []string
	for _, severity := range severities() {
		if severity == advisory.Info {
			continue
		}
		word := string(severity) + " "
		for i := range findings {
			f := &findings[i]
			same := func(g advisory.Finding) bool { return g.ID == f.ID } // of several MX, one by one
			if f.Severity == severity && !slices.ContainsFunc(findings[:i], same) {
				tokens, styles = append(tokens, word+Escape(findingName(f))), append(styles, severityStyle(severity))
				word = ""
			}
		}
	}
	if more := len(tokens) - maxFindings; more > 0 {
		tokens = append(tokens[:maxFindings], fmt.Sprintf("and %d more", more))
		styles[maxFindings] = dim
	}
	gap := 2
	for i, token := range tokens {
		if i < len(tokens)-1 {
			token += ","
		}
		id, note, noted := strings.Cut(token, " (")
		l.put(stop, gap, styles[i], id)
		if noted {
			l.put(0, 1, styles[i], "("+note)
		}
		stop, gap = 0, 1
	}
}

// findingName returns the id, with the worst vulnerability where it is about
// such: "known-vulnerabilities (CVE-2023-42115 +3)".
func findingName(f *advisory.Finding) string {
	switch n := len(f.Advisories); n {
	case 0:
		return f.ID
	case 1:
		return fmt.Sprintf("%s (%s)", f.ID, f.Advisories[0].CVE)
	default:
		return fmt.Sprintf("%s (%s +%d)", f.ID, f.Advisories[0].CVE, n-1)
	}
}

func severityStyle(s advisory.Severity) string {
	switch s {
	case advisory.Critical:
		return bold + red
	case advisory.High:
		return red
	case advisory.Medium:
		return yellow
	}
	return blue
}

// ANSI (ECMA-48) styles. They are written only around text of our own or
// escaped text.
const (
	plain  = ""
	bold   = "\x1b[1m"
	dim    = "\x1b[2m"
	red    = "\x1b[31m"
	green  = "\x1b[32m"
	yellow = "\x1b[33m"
	blue   = "\x1b[34m"
	reset  = "\x1b[0m"
)

// A palette says whether styles are written.
type palette bool

func (p palette) paint(dst []byte, style, text string) []byte {
	if !p || style == plain {
		return append(dst, text...)
	}
	dst = append(dst, style...)
	dst = append(dst, text...)
	return append(dst, reset...)
}
