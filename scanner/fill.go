package scanner

import (
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// newService returns the record of an endpoint of which nothing is known yet.
func newService(ep Endpoint) *Service {
	return &Service{Type: "service", Host: ep.Name, IP: ep.Addr, Port: ep.Port.Number}
}

// silent reports whether nothing answered: in a range, nothing to write about.
func (s *Service) silent() bool { return silent(s.Status, s.Phase) }

// silent is that of a status and phase. A connection that is reset has been
// there: a RST in answer to a SYN is a refusal (RFC 9293, section 3.10.7.3).
// Whether it comes before or after the connection is known to be made is a
// matter of chance.
func silent(status Status, phase smtp.Phase) bool {
	return phase == smtp.PhaseConnect && status != StatusLocal && status != StatusRateLimited && status != StatusReset
}

// fill writes what an attempt saw into the record.
func (s *Service) fill(o *outcome) {
	s.Timestamp, s.Status, s.Phase, s.Error = o.at.UTC(), o.status, o.phase, o.text
	if o.err != nil {
		s.Error = dialText(o.err)
	}
	if o.transcript != nil {
		s.fillTranscript(o.transcript)
	}
	s.TLSVersions, s.Checks = o.versions, o.checks
	if !o.uncontacted {
		ms := milliseconds(o.connect)
		times := &[2]float64{ms, ms}
		if t := s.Timings.Total; t != nil {
			times[1] += *t
		}
		s.Timings.Connect, s.Timings.Total = &times[0], &times[1]
	}
}

func (s *Service) fillTranscript(t *smtp.Transcript) {
	s.Timings = t.Timings
	s.Greeting = newGreeting(t)
	s.Banner = raw(t.Greeting)
	s.EHLO = newEHLO(t.NameSent, t.EHLO)
	s.Capabilities = t.Capabilities
	s.HELO = raw(t.HELO)
	s.Help = raw(t.Help)
	s.UnknownCommand = raw(t.Unknown)
	s.Noop = raw(t.Noop)
	s.Rset = raw(t.Rset)
	s.Vrfy = raw(t.Vrfy)
	s.STARTTLS = raw(t.STARTTLS)
	s.Injected = t.Injected
	s.EHLOTLS = newEHLO(t.NameSent, t.EHLOTLS)
	s.CapabilitiesTLS = t.CapabilitiesTLS
	s.Quit = raw(t.Quit)
	s.TLS = t.TLS
	if t.ImplicitTLS || t.Greeting != nil {
		s.ImplicitTLS = &t.ImplicitTLS
	}
	if s.Error == "" && t.TLSErr != nil {
		s.Error = t.TLSErr.Error() // STARTTLS was refused; the status is of the dialogue, which was a success
	}
}

func raw(r *smtp.Reply) smtp.Raw {
	if r == nil {
		return ""
	}
	return r.Raw
}

func newGreeting(t *smtp.Transcript) *Greeting {
	r := t.Greeting
	if r == nil {
		return nil
	}
	g := &Greeting{Code: r.Code, Lines: r.Lines, DelayMS: milliseconds(t.GreetingDelay)}
	if len(r.Lines) == 0 {
		return g
	}
	if r.Code == 220 {
		g.Hostname = hostname(r.Lines[0])
	}
	for _, line := range r.Lines {
		for word := range strings.FieldsSeq(line) {
			g.ESMTP = g.ESMTP || strings.EqualFold(word, "ESMTP")
		}
	}
	return g
}

func newEHLO(sent string, r *smtp.Reply) *EHLO {
	if r == nil {
		return nil
	}
	e := &EHLO{NameSent: sent, Code: r.Code, Raw: r.Raw, Lines: r.Lines}
	if r.Code == 250 && len(r.Lines) > 0 {
		e.Hostname = hostname(r.Lines[0])
	}
	return e
}

// hostname returns the first word of a reply's text where a server names
// itself (RFC 5321, sections 4.2 and 4.1.1.1), if that word can be a host name
// or an address literal; "" otherwise.
func hostname(text string) string {
	word, _, _ := strings.Cut(strings.TrimLeft(text, " \t"), " ")
	name := strings.TrimSuffix(word, ".")
	if literal, ok := strings.CutPrefix(word, "["); ok {
		if body, ok := strings.CutSuffix(literal, "]"); ok && body != "" && strings.IndexFunc(body, notLiteral) < 0 {
			return word
		}
		return ""
	}
	if name == "" || len(name) > 253 || !strings.Contains(name, ".") && !strings.EqualFold(name, "localhost") {
		return ""
	}
	for label := range strings.SplitSeq(name, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || strings.IndexFunc(label, notHost) >= 0 {
			return ""
		}
	}
	return word
}

// notHost reports whether r cannot be part of a host name. The underscore can:
// it is not allowed, and it is used.
func notHost(r rune) bool {
	return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
}

func notLiteral(r rune) bool { return notHost(r) && r != '.' && r != ':' }

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
