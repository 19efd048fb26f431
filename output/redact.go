package output

import (
	"fmt"
	"net/netip"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// A redactor puts invented names and addresses into records in place of the
// real ones: the same for the same, in every field and inside every text. Of
// what else a server says only what names the software stays. Names are numbered
// in the order of their appearance, so that nothing leads back from them.
type redactor struct {
	names, labels map[string]string
	addrs         map[netip.Addr]netip.Addr
	tokens        *regexp.Regexp

	// Of the record at hand:
	keep   string         // its version, which may look like an address
	words  []string       // names without a dot, in lower case
	owners *regexp.Regexp // what the organization is called in its own domains, or a stand-in; nil: nothing
	signs  []string       // what rules have matched
	fine   []string       // words that findings may quote
}

// pattern compiles an expression when it is first used: most commands mask
// nothing, and all would begin 1.4 ms later.
func pattern(expr string) func() *regexp.Regexp {
	return sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(expr) })
}

func newRedactor() *redactor {
	return &redactor{
		names: map[string]string{}, labels: map[string]string{}, addrs: map[netip.Addr]netip.Addr{},
		// An IPv6 address; or dotted words, perhaps with a mailbox in front:
		// those that end in a word with a letter are names, those that parse
		// as an address are addresses, and others are left alone.
		tokens: regexp.MustCompile(`(?i:ipv?6):[0-9A-Fa-f:.]+|[0-9A-Fa-f]*:[0-9A-Fa-f]*:[0-9A-Fa-f:.]*|(?:[^\s<>@,;:"()\[\]]+@)?[\pL\pN_*](?:[\pL\pN_*-]*[\pL\pN_])?(?:\.[\pL\pN_](?:[\pL\pN_-]*[\pL\pN_])?)+`),
	}
}

// result masks a record in place.
func (m *redactor) result(r *scanner.Result) {
	r.Unknown = "" // what is not known cannot be masked
	switch {
	case r.Run != nil:
		m.run(r.Run)
	case r.Service != nil:
		m.service(r.Service)
	case r.Domain != nil:
		m.domain(r.Domain)
	case r.Progress != nil:
		r.Progress.Input = m.input(r.Progress.Input)
	case r.Summary != nil:
		m.begin("")
		m.findings(r.Summary.Findings)
	}
}

func (m *redactor) run(r *scanner.Run) {
	r.EHLODomain, r.Check, r.Digests = m.name(r.EHLODomain), nil, nil
	for option, value := range r.Options {
		// Numbers, durations and switches tell nothing; all else may be a
		// name, an address or a path.
		if !plainOption().MatchString(value) {
			r.Options[option] = "(masked)"
		}
	}
}

var plainOption = pattern(`^(?:true|false|polite|passive|full|[0-9]{1,9}(?:\.[0-9]{1,3})?(?:ns|us|ms|s|m|h|:tls)?(?:,[0-9]{1,5}(?::tls)?){0,30})$`)

func (m *redactor) service(s *scanner.Service) {
	m.begin(s.Software.Version, ownNames(s)...)
	m.recognized(s)
	s.Input, s.Domain, s.Host = m.input(s.Input), m.name(s.Domain), m.name(s.Host)
	if s.MX != nil {
		s.MX.Name = m.name(s.MX.Name)
		m.rrset(s.MX.TLSA)
	}
	s.IP = m.addr(s.IP)
	m.all(s.PTR)
	s.Error = m.own(s.Error)
	m.replies(&s.Banner, &s.HELO, &s.Help, &s.UnknownCommand, &s.Noop, &s.Rset, &s.Vrfy, &s.STARTTLS, &s.Injected, &s.Quit)
	if g := s.Greeting; g != nil {
		g.Hostname = m.name(g.Hostname)
		for i := range g.Lines {
			g.Lines[i] = m.reply(g.Lines[i])
		}
	}
	m.capabilities(s.Capabilities)
	m.capabilities(s.CapabilitiesTLS)
	m.checks(s.Checks)
	m.ehlo(s.EHLO)
	m.ehlo(s.EHLOTLS)
	m.tls(s.TLS)
	for i := range s.Software.Evidence {
		s.Software.Evidence[i].Matched = m.discreet(s.Software.Evidence[i].Matched)
	}
	m.findings(s.Findings)
}

// ownNames are the names that a record holds in fields of their own.
func ownNames(s *scanner.Service) []string {
	names := []string{s.Host, s.Domain, s.Input}
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

// tls masks a certificate. Its fingerprints go, since public logs of
// certificates are searched by them; the issuer stays where it is a public one.
func (m *redactor) tls(t *smtp.TLS) {
	if t == nil {
		return
	}
	t.ServerName, t.ChainError, t.Error = m.name(t.ServerName), m.own(t.ChainError), m.own(t.Error)
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

// input masks a target as it was named.
func (m *redactor) input(s string) string {
	switch {
	case strings.Contains(s, " "):
		return masked
	case strings.ContainsAny(s, ".:"):
		return m.text(s)
	}
	return m.name(s)
}

func (m *redactor) findings(findings []advisory.Finding) {
	for i := range findings {
		findings[i].Evidence = m.own(findings[i].Evidence)
		if findings[i].Ignored != "" { // the words of a policy
			findings[i].Ignored = masked
		}
	}
}

func (m *redactor) all(names []string) {
	for i := range names {
		names[i] = m.name(names[i])
	}
}

// begin starts a record with the names of its owner. Beside dotted names its
// texts may hold those without a dot, and what stands before the last dot of the
// others: "example" of "mx1.example.com".
func (m *redactor) begin(version string, names ...string) {
	m.keep, m.words, m.owners, m.signs, m.fine = version, nil, nil, nil, nil
	var owners []string
	for _, name := range names {
		name = strings.ToLower(strings.TrimSuffix(name, "."))
		if len(name) > 2 && !strings.ContainsAny(name, ". ") {
			m.words = append(m.words, name)
		}
		if _, err := netip.ParseAddr(name); err == nil || !strings.Contains(name, ".") {
			continue
		}
		labels := strings.Split(name, ".")
		labels = labels[max(0, len(labels)-suffixLabels(labels)-1):]
		if owner := labels[0]; len(owner) > 3 && owner != "mail" && owner != "smtp" {
			owners = append(owners, regexp.QuoteMeta(owner))
		}
	}
	slices.Sort(owners)
	if owners = slices.Compact(owners); len(owners) > 0 {
		m.owners = regexp.MustCompile(`(?i)org[0-9]+\.example|` + strings.Join(owners, "|"))
	}
}

// recognized takes what may stay of a server's words: by it the software is
// known, and nobody else.
func (m *redactor) recognized(s *scanner.Service) {
	for _, e := range s.Software.Evidence {
		if e.Matched != "" {
			m.signs = append(m.signs, e.Matched)
		}
	}
	m.fine = []string{s.Software.Product, s.Software.OS, s.Software.Vendor}
	if s.Greeting != nil && s.Greeting.ESMTP {
		m.signs = append(m.signs, " ESMTP")
	}
}

// digest matches the fingerprints of certificates and keys, which are public
// like names.
var digest = pattern(`\b[0-9A-Fa-f]{40,}\b`)

// text masks the names and addresses inside a text.
func (m *redactor) text(s string) string {
	s = digest().ReplaceAllLiteralString(s, "(masked)")
	s = m.tokens.ReplaceAllStringFunc(s, m.token)
	for _, word := range m.words {
		s = replaceFold(s, word, m.name(word))
	}
	return s
}

// replaceFold replaces a word, which is in lower case, however it is written.
func replaceFold(s, word, with string) string {
	return regexp.MustCompile(`(?i)\b`+regexp.QuoteMeta(word)+`\b`).ReplaceAllLiteralString(s, with)
}

func (m *redactor) token(token string) string {
	if m.keep != "" && strings.Contains(m.keep, token) {
		return token
	}
	if replyCode().MatchString(token) { // "250-mx1.example.com"
		return token[:4] + m.token(token[4:])
	}
	if n := len(ipv6Tag().FindString(token)); n > 0 {
		return token[:n] + m.token(token[n:])
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

// ipv6Tag is what stands before an IPv6 address in a mail dialogue (RFC 5321,
// section 4.1.3) and in an SPF record (RFC 7208, section 5.6).
var ipv6Tag = pattern(`^(?i:ipv?6):`)

var replyCode = pattern(`^[2-5][0-9]{2}-.`)

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
	n := min(suffixLabels(labels)+1, len(labels))
	if len(labels) == 1 {
		return m.label("host", key)
	}
	org := m.label("org", strings.Join(labels[len(labels)-n:], ".")) + ".example"
	if len(labels) == n {
		return org
	}
	return m.label("host", key) + "." + org
}

// suffixLabels is the number of labels under which names are registered: two for
// "co.uk". Without a list of such suffixes, their look must do.
func suffixLabels(labels []string) int {
	if len(labels) > 2 && len(labels[len(labels)-1]) == 2 && len(labels[len(labels)-2]) <= 3 {
		return 2
	}
	return 1
}

func (m *redactor) label(kind, key string) string {
	key = kind + " " + key
	if m.labels[key] == "" {
		m.labels[key] = kind + strconv.Itoa(len(m.labels)+1)
	}
	return m.labels[key]
}
