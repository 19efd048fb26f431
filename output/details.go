package output

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// A detailStore keeps what the panels of hosts and domains show, compressed as it comes, in
// chunks that the page unpacks one at a time when a panel opens. Replies repeat
// a lot across a fleet: an endpoint takes some hundred bytes.
type detailStore struct {
	chunks  [][]byte // gzip of a JSON array
	packing bytes.Buffer
	z       *gzip.Writer
	n       int // in the open chunk
}

// A detailRef says where a detail is.
type detailRef struct{ chunk, index int }

const chunkDetails = 250

// add takes in what a panel shows: strings and lists of them.
func (d *detailStore) add(panel any) detailRef {
	if d.z == nil {
		d.z, _ = gzip.NewWriterLevel(&d.packing, gzip.BestSpeed) // the level is a valid one
	}
	sep := byte(',')
	if d.n == 0 {
		sep = '['
	}
	ref := detailRef{len(d.chunks), d.n}
	// Strings and lists of strings can always be encoded, and a buffer written.
	line, _ := json.Marshal(panel)
	_, _ = d.z.Write(append([]byte{sep}, line...))
	if d.n++; d.n == chunkDetails {
		d.flush()
	}
	return ref
}

// flush ends the open chunk.
func (d *detailStore) flush() {
	if d.n == 0 {
		return
	}
	_, _ = io.WriteString(d.z, "]")
	_ = d.z.Close()
	d.chunks = append(d.chunks, bytes.Clone(d.packing.Bytes()))
	d.packing.Reset()
	d.z.Reset(&d.packing)
	d.n = 0
}

// writeTo writes every chunk as a data block of HTML: base64 cannot end the
// element, whatever a server sent.
func (d *detailStore) writeTo(w io.Writer) error {
	d.flush()
	for i, chunk := range d.chunks {
		if err := writeBlock(w, fmt.Sprintf("details-%d", i), chunk); err != nil {
			return err
		}
	}
	return nil
}

func writeBlock(w io.Writer, id string, packed []byte) error {
	_, err := fmt.Fprintf(w, "<script type=\"application/gzip\" id=\"%s\">%s</script>\n", id, base64.StdEncoding.EncodeToString(packed))
	return err
}

// A pair is a label and a text of a panel.
type pair [2]string

// A detail is what the panel shows of one endpoint; all texts are escaped for
// the eye by [Escape].
type detail struct {
	Title    string          `json:"title"`
	Status   scanner.Status  `json:"status"`
	Answered bool            `json:"answered"`
	Facts    []pair          `json:"facts"`
	TLS      []pair          `json:"tls"`
	Talk     []pair          `json:"talk"`   // who spoke, and what
	Checks   []detailCheck   `json:"checks"` // the active ones
	Evidence []pair          `json:"evidence"`
	Findings []detailFinding `json:"findings"`
}

type detailFinding struct {
	ID         string            `json:"id"`
	Severity   advisory.Severity `json:"severity"`
	Evidence   string            `json:"evidence"`
	Advisories []pair            `json:"advisories"`
}

func newDetail(s *scanner.Service) *detail {
	d := &detail{Title: Escape(keyOf(s).String()), Status: s.Status, Answered: s.Banner != "", Findings: detailFindings(s.Findings)}
	d.facts(s)
	d.handshake(s.TLS)
	d.dialogue(s)
	d.checks(s.Checks)
	for _, e := range s.Software.Evidence {
		d.Evidence = append(d.Evidence, pair{e.Signal + ": " + e.Rule, Escape(e.Matched)})
	}
	for _, c := range s.Software.Candidates {
		d.Evidence = append(d.Evidence, pair{"rival", fmt.Sprintf("%s (%.2f)", Escape(softwareName(c.Product, c.Version)), c.Confidence)})
	}
	return d
}

func detailFindings(findings []advisory.Finding) []detailFinding {
	list := []detailFinding{}
	for i := range findings {
		f := &findings[i]
		v := detailFinding{ID: f.ID, Severity: f.Severity, Evidence: Escape(evidenceOf(f))}
		for _, m := range f.Advisories {
			v.Advisories = append(v.Advisories, pair{m.CVE, matchText(&m)})
		}
		list = append(list, v)
	}
	return list
}

// matchText says what is known of one vulnerability.
func matchText(m *advisory.Match) string {
	parts := []string{m.Title}
	add := func(format, value string) {
		if value != "" {
			parts = append(parts, fmt.Sprintf(format, value))
		}
	}
	if m.CVSS > 0 {
		add("CVSS %s", fmt.Sprintf("%.1f", m.CVSS))
	}
	if m.KEV {
		add("%s", "known to be exploited")
	}
	add("if: %s", m.Conditions)
	add("fixed in %s", m.Fixed)
	add("fixed in package %s", m.FixedPackage)
	return strings.Join(parts, "; ")
}

// put adds a fact that was seen.
func put(list *[]pair, label, text string) {
	if text != "" {
		*list = append(*list, pair{label, Escape(text)})
	}
}

func (d *detail) facts(s *scanner.Service) {
	software := strings.TrimSpace(s.Software.Product + " " + s.Software.Version)
	for _, note := range []string{s.Software.Update, s.Software.OS} {
		if software != "" && note != "" {
			software += ", " + note
		}
	}
	if software != "" {
		software += " (confidence " + confidence(s) + ")"
	}
	put(&d.Facts, "Software", software)
	put(&d.Facts, "CPE", s.Software.CPE)
	put(&d.Facts, "Run by", s.Provider)
	if s.Status != scanner.StatusSuccess {
		put(&d.Facts, "Ended in phase", string(s.Phase))
	}
	put(&d.Facts, "Error", s.Error)
	put(&d.Facts, "TLS", tlsFact(s))
	put(&d.Facts, "Certificate", expiry(s))
	if v := s.TLSVersions; v != nil {
		put(&d.Facts, "TLS versions accepted", list(true, v.Accepted))
		put(&d.Facts, "TLS versions refused", list(true, v.Refused))
	}
	put(&d.Facts, "PTR", list(s.PTR != nil, s.PTR))
	put(&d.Facts, "PTR leads back", threeValued(s.PTRValid))
	put(&d.Facts, "STARTTLS offered", offersSTARTTLS(s))
	put(&d.Facts, "AUTH in plain text", authBeforeTLS(s))
	put(&d.Facts, "AUTH inside TLS", authAfterTLS(s))
	put(&d.Facts, "Seen", stamp(s.Timestamp))
}

func (d *detail) handshake(t *smtp.TLS) {
	if t == nil {
		return
	}
	put(&d.TLS, "Version", t.Version)
	put(&d.TLS, "Cipher", t.Cipher)
	put(&d.TLS, "Key exchange", t.Curve)
	put(&d.TLS, "Error", t.Error)
	if c := t.Certificate; c != nil {
		put(&d.TLS, "Certificate", c.Subject)
		put(&d.TLS, "Names", list(true, c.SANs))
		put(&d.TLS, "Issuer", c.Issuer)
		put(&d.TLS, "Valid", stamp(c.NotBefore)+" to "+stamp(c.NotAfter))
		put(&d.TLS, "Key", certKey(c))
		put(&d.TLS, "SHA-256", c.SHA256)
	}
	put(&d.TLS, "Chain trusted", threeValued(t.ChainValid))
	put(&d.TLS, "Chain error", t.ChainError)
	put(&d.TLS, "Covers the name", threeValued(t.NameValid))
}

// dialogue puts the replies into the order in which they were heard.
func (d *detail) dialogue(s *scanner.Service) {
	implicit := s.ImplicitTLS != nil && *s.ImplicitTLS
	if implicit && s.TLS != nil {
		d.tlsMark(s.TLS)
	}
	d.exchange("", s.Banner)
	d.hello(s.EHLO)
	d.exchange("HELO", s.HELO)
	d.exchange(string(smtp.CmdHelp), s.Help)
	d.exchange(string(smtp.CmdUnknown), s.UnknownCommand)
	d.exchange(string(smtp.CmdNoop), s.Noop)
	d.exchange(string(smtp.CmdRset), s.Rset)
	d.exchange(string(smtp.CmdVrfy), s.Vrfy)
	d.exchange("STARTTLS", s.STARTTLS)
	if s.Injected != "" {
		d.Talk = append(d.Talk, pair{"note", "plain text that followed the reply before the handshake:"})
		d.exchange("", s.Injected)
	}
	if !implicit && s.TLS != nil {
		d.tlsMark(s.TLS)
	}
	d.hello(s.EHLOTLS)
	d.exchange("QUIT", s.Quit)
}

func (d *detail) tlsMark(t *smtp.TLS) {
	text := "TLS handshake: " + Escape(t.Version)
	if t.Version == "" {
		text = "TLS handshake failed"
	}
	d.Talk = append(d.Talk, pair{"note", text})
}

func (d *detail) hello(e *scanner.EHLO) {
	if e != nil {
		d.exchange("EHLO "+e.NameSent, e.Raw)
	}
}

// exchange adds a command and its reply, if there was one.
func (d *detail) exchange(command string, reply smtp.Raw) {
	if reply != "" {
		d.Talk = appendExchange(d.Talk, command, reply)
	}
}

// A detailCheck is what the panel shows of an active check.
type detailCheck struct {
	Name  string `json:"name"`
	Talk  []pair `json:"talk"`
	Error string `json:"error"`
}

func (d *detail) checks(checks []smtp.Checked) {
	for i := range checks {
		c := &checks[i]
		v := detailCheck{Name: Escape(string(c.Check)), Error: Escape(c.Error), Talk: []pair{}}
		for _, e := range c.Exchanges {
			v.Talk = appendExchange(v.Talk, e.Command, e.Reply)
		}
		d.Checks = append(d.Checks, v)
	}
}

// appendExchange adds a command and its reply, line by line.
func appendExchange(talk []pair, command string, reply smtp.Raw) []pair {
	if command != "" {
		talk = append(talk, pair{"client", Escape(command)})
	}
	for line := range strings.Lines(string(reply)) {
		line = strings.TrimSuffix(strings.TrimSuffix(line, "\n"), "\r")
		talk = append(talk, pair{"server", cut(Escape(line), maxCell)})
	}
	return talk
}

func tlsFact(s *scanner.Service) string {
	switch text := tlsText(s); text {
	case "none":
		return "none: plain text only"
	case "failed":
		return "the handshake failed"
	default:
		return text
	}
}

// expiry says until when the certificate held, seen from the time of the scan.
func expiry(s *scanner.Service) string {
	if s.TLS == nil || s.TLS.Certificate == nil {
		return ""
	}
	end := s.TLS.Certificate.NotAfter
	if end.Before(s.Timestamp) {
		return "expired on " + end.UTC().Format(time.DateOnly)
	}
	return "valid until " + end.UTC().Format(time.DateOnly)
}
