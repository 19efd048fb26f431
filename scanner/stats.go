package scanner

import "sync/atomic"

// Stats are the counters of a run under way. The zero value is ready; reading
// with Snapshot is cheap and allowed from any goroutine at any time.
type Stats struct {
	inputs, badInputs, domains atomic.Uint64
	endpoints, done            atomic.Uint64
	contacted, connections     atomic.Uint64
	answered, silent, services atomic.Uint64
	inFlight, deferred         atomic.Int64
	complete                   atomic.Bool
}

// Counts are the values of Stats at one moment.
type Counts struct {
	Inputs      uint64 // taken in so far, bad ones not among them
	BadInputs   uint64
	Domains     uint64 // domain records written
	Known       uint64 // endpoints known so far, each once
	Done        uint64 // of those, final
	Contacted   uint64 // endpoints to which a connection was tried
	Connections uint64 // connections tried, retries included
	Answered    uint64 // endpoints that sent a greeting
	Silent      uint64 // range endpoints not written because nothing answered
	Services    uint64 // service records written
	InFlight    int64  // probes under way
	Deferred    int64  // endpoints and names that wait for another attempt
	InputsRead  bool   // the input has ended, so that Known grows only by what is being resolved
}

// Snapshot returns the present values. They are read one after the other, so
// that sums over them may be off by what happened in between.
func (s *Stats) Snapshot() Counts {
	return Counts{
		Inputs: s.inputs.Load(), BadInputs: s.badInputs.Load(), Domains: s.domains.Load(),
		Known: s.endpoints.Load(), Done: s.done.Load(),
		Contacted: s.contacted.Load(), Connections: s.connections.Load(),
		Answered: s.answered.Load(), Silent: s.silent.Load(), Services: s.services.Load(),
		InFlight: s.inFlight.Load(), Deferred: s.deferred.Load(),
		InputsRead: s.complete.Load(),
	}
}
