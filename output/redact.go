package output

import (
	"fmt"
	"net/netip"
	"regexp"
	"strconv"
	"strings"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// A redactor puts invented names and addresses into records in place of the
// real ones: the same for the same, in every field and inside every text. What
// else a server says stays. Names are numbered in the order of their
// appearance, so that nothing leads back from them.
type redactor struct {
	names, labels map[string]string
	addrs         map[netip.Addr]netip.Addr
	tokens        *regexp.Regexp

	words []string // of the record at hand: names without a dot, longest facts first
	keep  string   // its version, which may look like an address
}

func newRedactor() *redactor {
	return &redactor{
		names: map[string]string{}, labels: map[string]string{}, addrs: map[netip.Addr]netip.Addr{},
		// An IPv6 address; or dotted words, perhaps with a mailbox in front:
		// those that end in a word with a letter are names, those that parse
		// as an address are addresses, and others are left alone.
		tokens: regexp.MustCompile(`(?i:ipv6):[0-9A-Fa-f:.]+|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*|(?:[^\s<>@,;:"()\[\]]+@)?[\pL\pN_*](?:[\pL\pN_*-]*[\pL\pN_])?(?:\.[\pL\pN_](?:[\pL\pN_-]*[\pL\pN_])?)+`),
	}
}

// result masks a record in place.
func (m *redactor) result(r *scanner.Result) {
	switch {
	case r.Run != nil:
		m.run(r.Run)
	case r.Service != nil:
		m.service(r.Service)
	case r.Domain != nil:
		m.domain(r.Domain)
	}
}

func (m *redactor) run(r *scanner.Run) {
	r.EHLODomain = m.name(r.EHLODomain)
	for option, value := range r.Options {
		// Numbers, durations and switches tell nothing; all else may be a
		// name, an address or a path.
		if !plainOption.MatchString(value) {
			r.Options[option] = "(masked)"
		}
	}
}

var plainOption = regexp.MustCompile(`^(?:true|false|polite|passive|full|[0-9][0-9a-z.,:]{0,30})$`)

func (m *redactor) domain(d *scanner.Domain) {
	m.begin("")
	d.Input, d.Domain = m.text(d.Input), m.name(d.Domain)
	d.Error = m.text(d.Error)
	m.all(d.CNAME)
	for i := range d.MX {
		mx := &d.MX[i]
		mx.Name, mx.Error = m.name(mx.Name), m.text(mx.Error)
		m.all(mx.CNAME)
		for j, a := range mx.Addresses {
			mx.Addresses[j] = m.addr(a)
		}
		m.rrset(mx.TLSA)
	}
	for _, set := range []*scanner.RRset{d.SPF, d.DMARC, d.MTASTS, d.TLSRPT} {
		m.rrset(set)
	}
	if p := d.MTASTSPolicy; p != nil {
		p.URL, p.Error, p.Text = m.text(p.URL), m.text(p.Error), smtp.Raw(m.text(string(p.Text)))
	}
	m.findings(d.Findings)
}

func (m *redactor) rrset(set *scanner.RRset) {
	if set != nil {
		set.Name, set.Error = m.text(set.Name), m.text(set.Error)
		m.texts(set.Records)
	}
}

func (m *redactor) service(s *scanner.Service) {
	m.begin(s.Software.Version, ownNames(s)...)
	s.Input, s.Domain, s.Host = m.text(s.Input), m.name(s.Domain), m.name(s.Host)
	if s.MX != nil {
		s.MX.Name = m.name(s.MX.Name)
		m.rrset(s.MX.TLSA)
	}
	s.IP = m.addr(s.IP)
	m.all(s.PTR)
	s.Error = m.text(s.Error)
	for _, raw := range []*smtp.Raw{&s.Banner, &s.HELO, &s.Help, &s.UnknownCommand, &s.Noop, &s.Rset, &s.Vrfy, &s.STARTTLS, &s.Injected, &s.Quit} {
		*raw = smtp.Raw(m.text(string(*raw)))
	}
	if g := s.Greeting; g != nil {
		g.Hostname = m.name(g.Hostname)
		m.texts(g.Lines)
	}
	m.ehlo(s.EHLO)
	m.ehlo(s.EHLOTLS)
	m.tls(s.TLS)
	for i := range s.Software.Evidence {
		s.Software.Evidence[i].Matched = m.text(s.Software.Evidence[i].Matched)
	}
	m.findings(s.Findings)
}

// ownNames are the names that a record holds in fields of their own.
func ownNames(s *scanner.Service) []string {
	names := []string{s.Host}
	if s.Greeting != nil {
		names = append(names, s.Greeting.Hostname)
	}
	for _, e := range []*scanner.EHLO{s.EHLO, s.EHLOTLS} {
		if e != nil {
			names = append(names, e.Hostname)
		}
	}
	if s.TLS != nil && s.TLS.Certificate != nil {
		names = append(names, s.TLS.Certificate.SubjectCN)
		names = append(names, s.TLS.Certificate.SANs...)
	}
	return names
}

func (m *redactor) ehlo(e *scanner.EHLO) {
	if e == nil {
		return
	}
	e.NameSent, e.Hostname = m.name(e.NameSent), m.name(e.Hostname)
	e.Raw = smtp.Raw(m.text(string(e.Raw)))
	m.texts(e.Lines)
}

// tls masks a certificate. Its fingerprints go, since public logs of
// certificates are searched by them; the issuer stays where it is a public one.
func (m *redactor) tls(t *smtp.TLS) {
	if t == nil {
		return
	}
	t.ServerName, t.ChainError, t.Error = m.name(t.ServerName), m.text(t.ChainError), m.text(t.Error)
	public := t.ChainValid != nil && *t.ChainValid
	if c := t.Certificate; c != nil {
		c.SubjectCN = m.name(c.SubjectCN)
		c.Subject = "CN=" + c.SubjectCN
		m.all(c.SANs)
		c.Serial, c.SHA256, c.SPKISHA256 = "", "", ""
		if !public {
			c.Issuer, c.IssuerCN, c.IssuerOrg = "(masked)", "(masked)", ""
		}
	}
	t.Chain = nil
}

func (m *redactor) findings(findings []advisory.Finding) {
	for i := range findings {
		findings[i].Evidence = m.text(findings[i].Evidence)
	}
}

func (m *redactor) all(names []string) {
	for i := range names {
		names[i] = m.name(names[i])
	}
}

func (m *redactor) texts(lines []string) {
	for i := range lines {
		lines[i] = m.text(lines[i])
	}
}

// begin starts a record with the names that its texts may hold beside dotted
// ones.
func (m *redactor) begin(version string, names ...string) {
	m.keep, m.words = version, m.words[:0]
	for _, name := range names {
		if len(name) > 2 && !strings.Contains(name, ".") {
			m.words = append(m.words, name)
		}
	}
}

// digest matches the fingerprints of certificates and keys, which are public
// like names.
var digest = regexp.MustCompile(`\b[0-9A-Fa-f]{40,}\b`)

// text masks the names and addresses inside a text.
func (m *redactor) text(s string) string {
	s = digest.ReplaceAllLiteralString(s, "(masked)")
	s = m.tokens.ReplaceAllStringFunc(s, m.token)
	for _, word := range m.words {
		s = strings.ReplaceAll(s, word, m.name(word))
	}
	return s
}

func (m *redactor) token(token string) string {
	if m.keep != "" && strings.Contains(m.keep, token) {
		return token
	}
	if replyCode.MatchString(token) { // "250-mx1.example.com"
		return token[:4] + m.token(token[4:])
	}
	if len(token) > 5 && strings.EqualFold(token[:5], "ipv6:") { // RFC 5321, section 4.1.3
		return token[:5] + m.token(token[5:])
	}
	if mailbox, name, ok := strings.Cut(token, "@"); ok && mailbox != "" {
		return "mailbox@" + m.token(name)
	}
	if addr, err := netip.ParseAddr(token); err == nil {
		return m.addr(addr).String()
	}
	last := token[strings.LastIndexByte(token, '.')+1:]
	if strings.Contains(token, "::") || strings.Contains(token, ":") || strings.Trim(last, "0123456789") == "" || len(last) < 2 {
		return token
	}
	return m.name(token)
}

var replyCode = regexp.MustCompile(`^[2-5][0-9]{2}-.`)

// addr returns the stand-in for an address: of class E, or of the prefix for
// documentation (RFC 3849), neither of which is anybody's.
func (m *redactor) addr(a netip.Addr) netip.Addr {
	if !a.IsValid() {
		return a
	}
	a = a.Unmap().WithZone("")
	if _, ok := m.addrs[a]; !ok {
		n := len(m.addrs) + 1
		masked := netip.AddrFrom4([4]byte{240, byte(n >> 16), byte(n >> 8), byte(n)})
		if a.Is6() {
			masked = netip.MustParseAddr(fmt.Sprintf("2001:db8::%x:%x", n>>16, n&0xffff))
		}
		m.addrs[a] = masked
	}
	return m.addrs[a]
}

// name returns the stand-in for a name: names of one organization stay
// together.
func (m *redactor) name(name string) string {
	key := strings.ToLower(strings.TrimSuffix(name, "."))
	if key == "" {
		return name
	}
	if addr, err := netip.ParseAddr(strings.Trim(strings.TrimPrefix(key, "[ipv6:"), "[]")); err == nil {
		return m.addr(addr).String()
	}
	if rest, ok := strings.CutPrefix(key, "*."); ok {
		return "*." + m.name(rest)
	}
	if m.names[key] == "" {
		m.names[key] = m.invent(key)
	}
	return m.names[key]
}

func (m *redactor) invent(key string) string {
	labels := strings.Split(key, ".")
	n := min(2, len(labels))
	// example.co.uk: without a list of such suffixes, their look must do.
	if len(labels) > 2 && len(labels[len(labels)-1]) == 2 && len(labels[len(labels)-2]) <= 3 {
		n = 3
	}
	if len(labels) == 1 {
		return m.label("host", key)
	}
	org := m.label("org", strings.Join(labels[len(labels)-n:], ".")) + ".example"
	if len(labels) == n {
		return org
	}
	return m.label("host", key) + "." + org
}

func (m *redactor) label(kind, key string) string {
	key = kind + " " + key
	if m.labels[key] == "" {
		m.labels[key] = kind + strconv.Itoa(len(m.labels)+1)
	}
	return m.labels[key]
}
