package scanner

import "github.com/mxsweep/mxsweep/scanner/smtp"

// Parse fills in what a stored record says only in raw form: Greeting from
// Banner, lines and host name of the EHLO replies, and the capabilities from
// those. What is filled in already stays.
func (s *Service) Parse() {
	t := smtp.Transcript{Greeting: smtp.ParseReply(s.Banner)}
	if s.Greeting == nil {
		s.Greeting = newGreeting(&t)
	}
	s.EHLO.parse()
	s.EHLOTLS.parse()
	if s.Capabilities == nil {
		s.Capabilities = s.EHLO.capabilities()
	}
	if s.CapabilitiesTLS == nil {
		s.CapabilitiesTLS = s.EHLOTLS.capabilities()
	}
}

func (e *EHLO) parse() {
	if e != nil && e.Lines == nil {
		*e = *newEHLO(e.NameSent, smtp.ParseReply(e.Raw))
	}
}

func (e *EHLO) capabilities() *smtp.Capabilities {
	if e == nil {
		return nil
	}
	return smtp.ParseCapabilities(smtp.ParseReply(e.Raw))
}
