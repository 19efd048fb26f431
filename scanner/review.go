package scanner

import (
	"time"

	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// A Review assesses stored records again, one after the other, offline: with
// the data and the policy of the Scanner that made it. It is used by one
// goroutine at a time.
type Review struct {
	scanner *Scanner
	data    DataVersions
	sums    sums
	fleet   fleet
}

// A fleet compares the services of a run with each other.
type fleet struct{ seen advisory.Fleet }

// add takes in a service; one that said nothing has nothing to compare.
func (f *fleet) add(s *Service) {
	if s.Greeting != nil || s.TLS != nil {
		f.seen.Add(&advisory.Facts{Host: s.Host, Addr: s.IP, Port: s.Port, TLS: tlsFacts(s.TLS), Software: s.softwareFacts()})
	}
}

// fleetFindings returns what the comparison has led to, as of t.
func (s *Scanner) fleetFindings(f *fleet, t time.Time) []advisory.Finding {
	k, err := s.knowledge()
	if err != nil {
		return nil
	}
	return s.Policy.Fleet(t, k.advisories.Fleet(&f.seen))
}

// NewReview returns a Review that has seen no record. The error is that of the
// data.
func (s *Scanner) NewReview() (*Review, error) {
	k, err := s.knowledge()
	if err != nil {
		return nil, err
	}
	return &Review{scanner: s, data: k.versions()}, nil
}

// Assess does to a record what [Scanner.Assess] does, after [Service.Parse]. In
// a Run it sets the versions of the data, in a Summary the counts of software and the
// findings that come of all services seen so far, also of those of earlier
// runs. Everything else in a record stays as it is.
func (v *Review) Assess(r *Result) {
	switch {
	case r.Run != nil:
		r.Run.Data = v.data
	case r.Service != nil:
		r.Service.Parse()
		v.scanner.Assess(r)
		v.fleet.add(r.Service)
		if !r.Service.Reused && r.Service.Greeting != nil {
			v.sums.software(r.Service.Software.Product, r.Service.Software.Version)
		}
	case r.Domain != nil:
		v.scanner.Assess(r)
	case r.Summary != nil:
		r.Summary.BySoftware = v.sums.softwareCounts()
		r.Summary.Findings = v.Fleet(r.Summary.Timestamp)
	}
}

// Fleet returns the findings that come of all services seen so far, as of t.
func (v *Review) Fleet(t time.Time) []advisory.Finding {
	return v.scanner.fleetFindings(&v.fleet, t)
}
