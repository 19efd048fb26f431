package scanner

import "github.com/mxsweep/mxsweep/scanner/smtp"

// Bounds in bytes of the outcomes that are remembered, and of what servers have
// said in those that wait for another attempt. Ordinary records take about 3 KB
// each, but a hostile server can make its own weigh hundreds; an attempt that
// failed has mostly heard nothing.
const (
	maxRemembered = 48 << 20
	maxHeld       = 8 << 20
)

// What a record and a finding take beside their texts.
const (
	recordWeight  = 2 << 10
	findingWeight = 150
)

// newOutcomes returns a memo of outcomes that is bounded in number and weight.
func newOutcomes[K comparable](size int) *memo[K, *Service] {
	m := newMemo[K, *Service](size)
	m.weigh, m.most = (*Service).weight, maxRemembered
	return m
}

// replyWeight is what a reply takes beside its raw bytes: each line again, and
// the header of its string.
func replyWeight(raw smtp.Raw, lines int) int { return 2*len(raw) + 16*lines }

// weight returns about how many bytes the record takes.
func (s *Service) weight() int {
	w := recordWeight + tlsWeight(s.TLS) + 2*len(s.Injected)
	for i := range s.Findings {
		w += findingWeight + len(s.Findings[i].Evidence)
	}
	for _, c := range s.Checks {
		for _, e := range c.Exchanges {
			w += len(e.Command) + len(e.Reply)
		}
	}
	for _, raw := range []smtp.Raw{s.HELO, s.Help, s.UnknownCommand, s.Noop, s.Rset, s.Vrfy, s.STARTTLS, s.Quit} {
		w += replyWeight(raw, 0)
	}
	if g := s.Greeting; g != nil {
		w += replyWeight(s.Banner, len(g.Lines))
	}
	for _, e := range []*EHLO{s.EHLO, s.EHLOTLS} {
		if e != nil {
			w += 2 * replyWeight(e.Raw, len(e.Lines)) // with the capabilities
		}
	}
	return w
}

// weight returns about how many bytes of the outcome come from the server.
func (o *outcome) weight() int {
	t := o.transcript
	if t == nil {
		return 0
	}
	w := tlsWeight(t.TLS) + 2*len(t.Injected)
	for _, r := range []*smtp.Reply{t.Greeting, t.EHLO, t.EHLO, t.HELO, t.STARTTLS, t.EHLOTLS, t.EHLOTLS, t.Help, t.Unknown, t.Noop, t.Rset, t.Vrfy, t.Quit} {
		if r != nil {
			w += replyWeight(r.Raw, len(r.Lines))
		}
	}
	return w
}

func tlsWeight(t *smtp.TLS) int {
	if t == nil {
		return 0
	}
	w := 200 * len(t.Chain)
	for _, c := range t.Chain {
		w += len(c.Subject) + len(c.Issuer)
	}
	if c := t.Certificate; c != nil {
		w += 300 + len(c.SubjectCN) + len(c.Subject) + len(c.Issuer) + len(c.IssuerCN) + len(c.IssuerOrg)
		for _, name := range c.SANs {
			w += 16 + len(name)
		}
	}
	return w
}
