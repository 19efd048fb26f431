package scanner

import (
	"maps"
	"slices"
	"time"
)

// progressEvery is how often a range that is being swept leaves a Progress
// record, if it has come on. What is asked again because of a sudden end was
// begun at most twice as long before it.
const progressEvery = 5 * time.Second

// quietChunk is how many neighboring indices are counted together while it is
// open whether the record can cover them: counts by chunk need a hundredth of
// the memory that the indices would.
const quietChunk = 1 << 7

// quietKey names the endpoints of one chunk that ended with one status.
type quietKey struct {
	chunk  uint64
	status Status
}

// A track is what a cursor knows of the indices it has handed out and that are
// not covered by a Progress record yet. Those that take longer than it takes
// from one record to the next, as retries do, are named in the record as
// pending, lest one slow server hold up the account of all.
type track struct {
	open      map[uint64]struct{} // handed out since the latest record but one, not final
	pending   map[uint64]struct{} // named as pending, not final
	quiet     map[quietKey]uint64 // final without a record, perhaps above an open one
	unwritten map[Status]uint64   // final without a record, below all open ones
	put, got  []uint64            // for the next record: newly pending, no longer pending
	reported  uint64              // c.at at the latest record
	done      uint64              // of the latest record
}

func newTrack() *track {
	return &track{
		open: make(map[uint64]struct{}), pending: make(map[uint64]struct{}),
		quiet: make(map[quietKey]uint64), unwritten: make(map[Status]uint64),
	}
}

// end takes note that an index is final; status is "" where a record was
// written or another input has the endpoint.
func (t *track) end(i uint64, status Status) {
	delete(t.open, i)
	if _, ok := t.pending[i]; ok {
		delete(t.pending, i)
		t.got = append(t.got, i)
	}
	switch {
	case status == "":
	case i < t.done:
		t.unwritten[status]++
	default:
		t.quiet[quietKey{i / quietChunk, status}]++
	}
}

// record returns how far a cursor has come that is about to hand out at. With
// all, as at the end of a run, everything that is not final becomes pending.
func (t *track) record(at uint64, all bool) *Progress {
	done := at
	for i := range t.open {
		if all || i < t.reported {
			delete(t.open, i)
			t.pending[i] = struct{}{}
			t.put = append(t.put, i)
		} else {
			done = min(done, i)
		}
	}
	if done < at { // chunks are covered whole or not at all
		done = max(t.done, done-done%quietChunk)
	}
	for k, n := range t.quiet {
		if done == at || (k.chunk+1)*quietChunk <= done {
			delete(t.quiet, k)
			t.unwritten[k.status] += n
		}
	}
	slices.Sort(t.put)
	slices.Sort(t.got)
	p := &Progress{
		Type: "progress", Timestamp: time.Now().UTC(), Done: done,
		Pending: t.put, Settled: t.got, Unwritten: maps.Clone(t.unwritten),
	}
	t.put, t.got = nil, nil
	t.reported, t.done = at, done
	return p
}

// end takes note that one endpoint of a range is final; see track.end. It
// returns true if it was the last one.
func (r *ranges) end(c *cursor, i uint64, status Status) (last bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if c.track == nil {
		return false
	}
	c.track.end(i, status)
	last = c.exhausted() && len(c.track.open) == 0 && len(c.track.pending) == 0
	if last {
		delete(r.unfinished, c)
	}
	return last
}

// progress returns the record of a cursor; nil if nothing has changed since the
// one before.
func (r *ranges) progress(c *cursor, all bool) *Progress {
	r.mu.Lock()
	defer r.mu.Unlock()
	t := c.track
	at := min(c.at, c.perm.n)
	if !all && at == t.reported && at == t.done && len(t.got) == 0 {
		return nil
	}
	p := t.record(at, all)
	p.Input, p.Total = c.job.in.Text, c.perm.n
	return p
}

// underWay returns the cursors that have begun and not ended.
func (r *ranges) underWay() []*cursor {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.unfinished))
}

// end takes note that a row is final, if it is one of a range. The last one of a
// range is worth a Progress record.
func (e *engine) end(r row, status Status) {
	if c := r.job.cursor; c != nil && e.ranges.end(c, r.index, status) {
		e.spawn(func() { e.out <- func() error { return e.report(c, true) } })
	}
}

// report emits how far a range has come.
func (e *engine) report(c *cursor, all bool) error {
	if p := e.ranges.progress(c, all); p != nil {
		return e.emit(Result{Progress: p})
	}
	return nil
}

// reportAll does so for all ranges that are being swept.
func (e *engine) reportAll(all bool) error {
	for _, c := range e.ranges.underWay() {
		if err := e.report(c, all); err != nil {
			return err
		}
	}
	return nil
}
