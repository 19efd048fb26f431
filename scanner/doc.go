// Package scanner finds the mail servers behind domains, hosts, addresses and
// ranges, talks to each of them once, and returns what it saw as records.
//
// It is the engine of the command mxsweep and can be used without it: give a
// [Scanner] a [Resolver] (package resolver has one) and a sequence of inputs,
// and range over the records of [Scanner.Scan], or have [Scanner.Run] give them
// to a function. The zero Scanner has the defaults of a careful person.
//
// # From an input to its records
//
//	inputs ─▶ conductor ─▶ lookup ─▶ schedule ─▶ probe ─▶ assess ─▶ emit
//	          run.go       expand.go schedule.go probe.go assess.go caller's
//	          one          up to Concurrency     up to Concurrency  goroutine
//
// A lookup turns an [Input] into endpoints: an address, a port, and the name to
// ask for in TLS. The unit of work is the [Endpoint] and not the domain, so that
// a domain with ten slow servers does not take ten times as long. A range is not
// turned into a list; the probes that are idle draw its addresses, in an order
// that is a seeded permutation (permute.go), so that no network is swept from
// end to end. With [DiscoverSYN] a range address is sent a SYN first, and needs a
// worker only if it accepts (discovery.go, flights.go).
//
// The schedule contacts each endpoint once, however many domains lead there:
// those that come later have rows of their own, marked reused. To one address
// and port there is one connection at a time, to one address no more than
// HostLimit; an endpoint that has to wait is parked and occupies no worker.
//
// A failure that may pass (a timeout, a reset, 421, SERVFAIL) is tried again
// at the end of the run. Servers that complain, and all of the same address or
// provider, are left alone until then (pace.go). The record of a [Domain] comes
// when all of its services are final.
//
// # Pressure goes backwards
//
// Nothing between the stages is buffered. Records are emitted on the goroutine
// that called Run, and another input is taken only while that goroutine is not
// busy emitting, so a slow disk stops the reading of the input. All that may
// wait is bounded (see the constants in schedule.go): memory does not grow with
// the number of targets.
//
// # Two ways to stop
//
// Closing [Scanner].Stop ends the intake: no connection is begun any more, those
// under way finish and are written. Cancelling the context ends everything at
// once. In both cases the last record is a [Summary] that says interrupted, and
// an endpoint that is not final has no record: a cut-off probe is not a finding.
//
// # Going on
//
// The records are all the state that a run has: whatever ends it, a [Ledger] of
// those that were written makes another run emit the rest, none missing, none
// twice. Three things make that work. A domain's own record comes last and says
// that its services are complete. Of a range, which has no record for what is
// silent, [Progress] records say how far its permuted order is final, and name
// what is not below that mark. And of everything else, a row that is there is
// not emitted again. The same permuted order, dealt out by a modulus, makes a
// [Shard].
//
// # Failure is data
//
// Whatever becomes of an input is told by the [Status] of its records, a closed
// vocabulary; the mapping is in faults.go. Faults of our own side (too few file
// descriptors, no free port) are waited out, announced through Warn, and never
// reported as the server's.
package scanner
