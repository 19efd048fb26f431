package scanner

import (
	"maps"
	"time"
)

// A Tally counts what stored records say, as a run counts what it finds: for
// the summary of a run in several parts. The zero value is ready. It is used by
// one goroutine at a time.
type Tally struct {
	n         Counts
	sums      sums
	fleet     fleet
	unwritten map[string]map[Status]uint64 // by range, what its latest Progress says
	began     time.Time
	ended     time.Time
}

// Add counts one record. Of a Summary it takes only what the other records do
// not say, the inputs.
func (t *Tally) Add(r *Result) {
	switch {
	case r.Run != nil:
		if t.began.IsZero() || r.Run.Timestamp.Before(t.began) {
			t.began = r.Run.Timestamp
		}
	case r.Service != nil:
		t.service(r.Service)
	case r.Domain != nil:
		t.n.Domains++
	case r.Progress != nil:
		if t.unwritten == nil {
			t.unwritten = make(map[string]map[Status]uint64)
		}
		t.unwritten[r.Progress.Input] = r.Progress.Unwritten
	case r.Summary != nil:
		t.n.Inputs += r.Summary.Inputs
		t.n.BadInputs += r.Summary.BadInputs
		if r.Summary.Timestamp.After(t.ended) {
			t.ended = r.Summary.Timestamp
		}
	}
}

// service counts a row, and the endpoint if it is the first row of that.
func (t *Tally) service(v *Service) {
	t.n.Services++
	t.fleet.add(v)
	if v.Reused {
		return
	}
	if !v.IP.IsValid() || v.Status == StatusExcluded || v.Status == StatusPrivate {
		t.sums.status(v.Status)
		return // no endpoint, or one that was none of ours
	}
	t.sums.endpoint(v.Port, v.Status, v.Greeting != nil)
	t.n.Known++
	t.n.Done++
	if v.Attempts > 0 {
		t.n.Contacted++
		t.n.Connections += uint64(v.Attempts)
	}
	if v.Greeting != nil {
		t.n.Answered++
		t.sums.software(v.Software.Product, v.Software.Version)
	}
}

// EndPart takes in what the ranges of one output have come to. It must be
// called at the end of each.
func (t *Tally) EndPart() {
	for _, counts := range t.unwritten {
		for status, n := range counts {
			t.sums.add(status, n)
			if status == StatusExcluded || status == StatusPrivate {
				continue
			}
			t.n.Known += n
			t.n.Done += n
			t.n.Silent += n
			if status.Final() {
				t.sums.covered += n
			}
			if status != StatusNoRoute {
				t.n.Contacted += n
				t.n.Connections += n
			}
		}
	}
	clear(t.unwritten)
}

// Summarize returns the summary of the records counted by t, judged by the data
// and the policy of s. Its duration is from the begin of the first part to the
// end of the last.
func (s *Scanner) Summarize(t *Tally, interrupted bool) *Summary {
	sum := newSummary(t.n, &t.sums)
	sum.Timestamp = t.ended
	sum.Interrupted = interrupted
	sum.Findings = s.fleetFindings(&t.fleet, t.ended)
	if t.ended.After(t.began) {
		sum.DurationMS = t.ended.Sub(t.began).Milliseconds()
	}
	return sum
}

// adopt makes the counts of the engine go on from those of an earlier part of
// the run.
func (e *engine) adopt(t *Tally) {
	s, n := e.stats, &t.n
	s.domains.Add(n.Domains)
	s.endpoints.Add(n.Known)
	s.done.Add(n.Done)
	s.contacted.Add(n.Contacted)
	s.connections.Add(n.Connections)
	s.answered.Add(n.Answered)
	s.silent.Add(n.Silent)
	s.services.Add(n.Services)
	e.sums.byStatus = maps.Clone(t.sums.byStatus)
	e.sums.bySoftware = maps.Clone(t.sums.bySoftware)
	e.sums.coverage = t.sums.coverage
	e.fleet = t.fleet
	if !t.began.IsZero() {
		e.began = t.began
	}
}
