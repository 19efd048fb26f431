package scanner

import (
	"slices"

	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/fingerprint"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// knowledge is what the records are judged by.
type knowledge struct {
	fingerprints *fingerprint.Set
	advisories   *advisory.Set
}

// knowledge is what s was given, and the embedded data where it was given none.
func (s *Scanner) knowledge() (k knowledge, err error) {
	k = knowledge{s.Fingerprints, s.Advisories}
	if k.fingerprints == nil {
		if k.fingerprints, err = fingerprint.Default(); err != nil {
			return k, err
		}
	}
	if k.advisories == nil {
		k.advisories, err = advisory.Default()
	}
	return k, err
}

// Assess sets Software, Provider and Findings of a service record, and the
// Findings of a domain record, from the other facts in the record. It is a pure
// function of the record and of the data, so that stored records can be
// assessed again with newer data; Run has done it for its own. What comes of
// comparing records with each other is the work of a [Review].
func (s *Scanner) Assess(r *Result) { s.assess(r, nil) }

// assess is Assess, which for a service may go on from a reading of the same
// conversation.
func (s *Scanner) assess(r *Result, reading *fingerprint.Reading) {
	k, err := s.knowledge()
	if err != nil {
		return
	}
	if v := r.Service; v != nil {
		sig := v.signals()
		if reading != nil {
			v.Software, v.Provider = reading.Classify(&sig)
		} else {
			v.Software, v.Provider = k.fingerprints.Classify(&sig)
		}
		f := v.facts()
		v.Findings = s.Policy.Service(f, k.advisories.Service(f))
	}
	if d := r.Domain; d != nil {
		f := d.facts()
		d.Findings = s.Policy.Domain(f, d.Timestamp, k.advisories.Domain(f))
	}
}

// newProber returns the conversation with the options of s. At all probe levels
// but the passive one, ask chooses the identifying commands.
func (s *Scanner) newProber(ask func(*smtp.Transcript) []smtp.Command) *smtp.Prober {
	p := &smtp.Prober{Name: s.EHLODomain, GreetingTimeout: s.GreetingTimeout, Timeout: s.Timeout, Roots: s.Roots, LightTLS: s.LightTLS}
	if s.Probe != ProbePassive {
		p.Ask = ask
	}
	return p
}

// maxErrors is how many commands that a server may count as errors are sent on
// one connection. Some servers hang up at the third.
const maxErrors = 2

// ask chooses the identifying commands that would help, given what was heard
// so far: none where the software is known well enough.
func (s *Scanner) ask(t *smtp.Transcript) []smtp.Command {
	k, err := s.knowledge()
	if err != nil {
		return nil
	}
	sig := heard(t)
	wants, reading := k.fingerprints.Wants(&sig)
	t.Clues = reading
	var commands []smtp.Command
	errors := 0
	for _, want := range wants {
		switch cmd := command(want); {
		case cmd == "":
		case cmd == smtp.CmdHelp, cmd == smtp.CmdUnknown, cmd == smtp.CmdVrfy && s.Probe == ProbeFull:
			if errors++; errors <= maxErrors {
				commands = append(commands, cmd)
			}
		case s.Probe == ProbeFull:
			commands = append(commands, cmd)
		}
	}
	return commands
}

// command returns the command that yields a signal.
func command(signal string) smtp.Command {
	switch signal {
	case "help":
		return smtp.CmdHelp
	case "unknown-command":
		return smtp.CmdUnknown
	case "noop":
		return smtp.CmdNoop
	case "rset":
		return smtp.CmdRset
	case "vrfy":
		return smtp.CmdVrfy
	case "helo":
		return smtp.CmdHelo
	}
	return ""
}

// heard returns what a conversation offers to the classification: the same as
// its record will, but for the names that come from elsewhere.
func heard(t *smtp.Transcript) fingerprint.Signals {
	text := func(r *smtp.Reply) string { return string(raw(r)) }
	sig := fingerprint.Signals{
		Greeting: text(t.Greeting), EHLO: text(t.EHLO), HELO: text(t.HELO), STARTTLS: text(t.STARTTLS), EHLOTLS: text(t.EHLOTLS),
		Help: text(t.Help), Unknown: text(t.Unknown), Noop: text(t.Noop), Rset: text(t.Rset), Vrfy: text(t.Vrfy), Quit: text(t.Quit),
	}
	if t.EHLO != nil || t.EHLOTLS != nil {
		sig.NameSent = t.NameSent
	}
	addCertificate(&sig, t.TLS)
	return sig
}

// Signals returns what the record offers to the classification.
func (s *Service) Signals() *fingerprint.Signals {
	sig := s.signals()
	return &sig
}

func (s *Service) signals() fingerprint.Signals {
	sig := fingerprint.Signals{
		Greeting: string(s.Banner), HELO: string(s.HELO), STARTTLS: string(s.STARTTLS),
		Help: string(s.Help), Unknown: string(s.UnknownCommand), Noop: string(s.Noop),
		Rset: string(s.Rset), Vrfy: string(s.Vrfy), Quit: string(s.Quit),
		MX: s.Host,
	}
	if s.EHLO != nil {
		sig.EHLO, sig.NameSent = string(s.EHLO.Raw), s.EHLO.NameSent
	}
	if s.EHLOTLS != nil {
		sig.EHLOTLS, sig.NameSent = string(s.EHLOTLS.Raw), s.EHLOTLS.NameSent
	}
	if len(s.PTR) > 0 {
		sig.PTR = s.PTR[0]
	}
	addCertificate(&sig, s.TLS)
	return sig
}

func addCertificate(sig *fingerprint.Signals, t *smtp.TLS) {
	if t != nil && t.Certificate != nil {
		c := t.Certificate
		sig.CertSubject, sig.CertCN, sig.CertIssuer, sig.CertNames = c.Subject, c.SubjectCN, c.Issuer, c.SANs
	}
}

// facts are what the record offers to the assessment, in one piece of memory.
func (s *Service) facts() *advisory.Facts {
	m := new(struct {
		advisory.Facts
		greeting      advisory.Greeting
		ehlo, ehloTLS advisory.EHLO
		before, after advisory.Capabilities
	})
	f := &m.Facts
	*f = advisory.Facts{
		Time: s.Timestamp, Host: s.Host, Addr: s.IP, Port: s.Port,
		Status: string(s.Status), Error: s.Error, ImplicitTLS: s.ImplicitTLS,
		PTR: s.PTR, PTRValid: s.PTRValid,
		EHLO: s.EHLO.facts(&m.ehlo), EHLOTLS: s.EHLOTLS.facts(&m.ehloTLS),
		Before: capabilityFacts(s.Capabilities, &m.before), After: capabilityFacts(s.CapabilitiesTLS, &m.after),
		STARTTLS: string(s.STARTTLS), Injected: string(s.Injected), TLS: tlsFacts(s.TLS),
		Software: s.softwareFacts(),
	}
	if g := s.Greeting; g != nil {
		m.greeting = advisory.Greeting{Code: g.Code, Lines: g.Lines, Hostname: g.Hostname, Resolves: g.Resolves, DelayMS: g.DelayMS}
		f.Greeting = &m.greeting
	}
	if ms := s.Timings.EHLO; ms != nil {
		f.EHLOMS = *ms
	}
	s.checkFacts(f)
	if s.MX != nil {
		f.TLSA = s.MX.TLSA.facts()
	}
	return f
}

func (s *Service) softwareFacts() advisory.Software {
	return advisory.Software{
		Product: s.Software.Product, Slug: s.Software.Slug, Version: s.Software.Version,
		Update: s.Software.Update, OS: s.Software.OS,
	}
}

// checkFacts adds what further connections have shown.
func (s *Service) checkFacts(f *advisory.Facts) {
	f.Vrfy = string(s.Vrfy)
	if v := s.TLSVersions; v != nil {
		f.TLSVersions = &advisory.TLSVersions{Accepted: v.Accepted, Refused: v.Refused}
	}
	for _, c := range s.Checks {
		exchanges := make([]advisory.Exchange, len(c.Exchanges))
		for i, e := range c.Exchanges {
			exchanges[i] = advisory.Exchange{Command: e.Command, Reply: string(e.Reply)}
			if t, ok := smtp.ParseNTLM(e.Reply); ok && c.Check == smtp.CheckNTLM {
				f.NTLM = &advisory.NTLM{Host: t.Host, Domain: t.Domain, DNSHost: t.DNSHost, DNSDomain: t.DNSDomain, Version: t.Version}
			}
		}
		switch {
		case c.Check == smtp.CheckRelay:
			f.Relay = exchanges
		case c.Check == smtp.CheckInjection:
			f.Injection = exchanges
		case c.Check == smtp.CheckVrfy && len(exchanges) > 0 && exchanges[0].Reply != "":
			f.Vrfy = exchanges[0].Reply
		}
	}
}

// facts fills room and returns it; nil if there was no reply.
func (e *EHLO) facts(room *advisory.EHLO) *advisory.EHLO {
	if e == nil {
		return nil
	}
	*room = advisory.EHLO{Code: e.Code, Hostname: e.Hostname}
	return room
}

func capabilityFacts(c *smtp.Capabilities, room *advisory.Capabilities) *advisory.Capabilities {
	if c == nil {
		return nil
	}
	*room = advisory.Capabilities{Keywords: c.Keywords, Auth: c.Auth}
	return room
}

func tlsFacts(t *smtp.TLS) *advisory.TLS {
	if t == nil {
		return nil
	}
	f := &advisory.TLS{
		Version: t.Version, Cipher: t.Cipher, Curve: t.Curve, ChainLength: t.ChainLength,
		ChainValid: t.ChainValid, NameValid: t.NameValid, ChainError: t.ChainError, Error: t.Error,
	}
	for _, c := range t.Chain {
		f.Chain = append(f.Chain, advisory.ChainCertificate{Subject: c.Subject, SHA256: c.SHA256, SPKISHA256: c.SPKISHA256})
	}
	if c := t.Certificate; c != nil {
		f.Certificate = &advisory.Certificate{
			SubjectCN: c.SubjectCN, Issuer: c.Issuer, SANs: c.SANs, SHA256: c.SHA256, SPKISHA256: c.SPKISHA256,
			NotBefore: c.NotBefore, NotAfter: c.NotAfter,
			KeyType: c.KeyType, KeyBits: c.KeyBits, SignatureAlgorithm: c.SignatureAlgorithm,
			SelfSigned: c.SelfSigned, Wildcard: c.Wildcard,
		}
	}
	return f
}

// facts are what the record offers to the assessment.
func (d *Domain) facts() *advisory.DomainFacts {
	f := &advisory.DomainFacts{
		Domain: d.Domain, Status: string(d.Status),
		NullMX: d.NullMX, ImplicitMX: d.ImplicitMX, CNAME: slices.Clone(d.CNAME),
		SPF: d.SPF.facts(), DMARC: d.DMARC.facts(), MTASTS: d.MTASTS.facts(), TLSRPT: d.TLSRPT.facts(),
	}
	if p := d.MTASTSPolicy; p != nil {
		f.Policy = &advisory.STSPolicy{Text: string(p.Text), Error: p.Error}
	}
	for _, mx := range d.MX {
		f.MX = append(f.MX, advisory.MX{
			Name: mx.Name, Preference: mx.Preference, Implicit: mx.Implicit,
			Status: string(mx.Status), CNAME: mx.CNAME, Addresses: mx.Addresses, TLSA: mx.TLSA.facts(),
		})
	}
	return f
}

// facts are the records, if that question was answered.
func (set *RRset) facts() *advisory.Records {
	if set == nil || set.Status != StatusSuccess {
		return nil
	}
	return &advisory.Records{Name: set.Name, Authentic: set.AuthenticData, Texts: set.Records}
}
