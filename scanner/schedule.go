package scanner

import (
	"context"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// Bounds of what may wait. They keep memory flat however long the input is.
const (
	maxParked   = 8192  // endpoints that wait for a slot of their address; then the intake stops
	maxWaiting  = 65536 // rows that wait for an outcome; then deferred endpoints are retried early
	maxDeferred = 65536 // endpoints and names that wait for another attempt; further failures are final at once
	memoNamed   = 16384 // outcomes kept of endpoints that were named or found through DNS
	memoRange   = 2048  // outcomes kept of range addresses that answered
	memoPTR     = 16384 // reverse lookups kept
	memoBusy    = 16384 // addresses remembered for having complained
)

// A task is one endpoint on its way to an outcome. Its fields are guarded by
// the mutex of the schedule, except that attempts and best belong to whoever
// runs it.
type task struct {
	ep       Endpoint
	job      *job  // the first that led here; never changed
	rows     []row // who wants to know
	attempts int
	left     int      // 1: was put off once untried, because its address had complained
	best     *outcome // of the earlier attempts, the one that saw most
	deferred bool
}

// ranged reports whether nobody named this endpoint, so that it came up only
// in the sweep of a range.
func (t *task) ranged() bool {
	return len(t.rows) == 1 && t.job.sweep
}

// A host is an address with connections: the ports that are busy, and the
// tasks parked until one of them or a slot is free.
type host struct {
	busy   []uint16
	parked []*task
}

// A schedule decides what may be contacted when: each endpoint once, one
// connection at a time to an address and port, and at most limit to an address.
// It starts nothing by itself.
type schedule struct {
	limit int

	mu       sync.Mutex
	room     *sync.Cond // fewer wait than before, or the intake has ended
	hosts    map[netip.Addr]*host
	live     map[Endpoint]*task // neither final nor forgotten: running, parked or deferred
	named    *memo[Endpoint, *Service]
	swept    *memo[Endpoint, *Service]
	busy     *memo[netip.Addr, bool] // addresses that answered 421
	parked   int
	waiting  int
	deferred []retry
	spare    []*host // empty hosts for reuse
}

// A retry is another attempt that is due: of an endpoint, or of the lookup of
// a name.
type retry struct {
	at     time.Time
	task   *task  // nil: a lookup
	lookup func() // repeats it
}

func newSchedule(hostLimit int) *schedule {
	s := &schedule{
		limit: hostLimit,
		hosts: make(map[netip.Addr]*host),
		live:  make(map[Endpoint]*task),
		named: newMemo[Endpoint, *Service](memoNamed),
		swept: newMemo[Endpoint, *Service](memoRange),
		busy:  newMemo[netip.Addr, bool](memoBusy),
	}
	s.room = sync.NewCond(&s.mu)
	return s
}

// wake lets everything that waits for room look at its context again.
func (s *schedule) wake() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.room.Broadcast()
}

// claim asks for an endpoint's outcome on behalf of a row. It returns the
// outcome if it is known, or a task that the caller must submit, or neither if
// the row now waits for a task that is under way. A task that is not fresh had
// been deferred.
func (s *schedule) claim(ctx context.Context, ep Endpoint, r row) (known *Service, t *task, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if known := s.recall(ep); known != nil {
			return known, nil, false
		}
		t := s.live[ep]
		switch {
		case t == nil:
			t = &task{ep: ep, job: r.job, rows: []row{r}}
			s.live[ep] = t
			s.waiting++
			return nil, t, true
		case s.waiting < maxWaiting || ctx.Err() != nil:
			t.rows = append(t.rows, r)
			s.waiting++
			return nil, nil, false
		case t.deferred: // its time would not come before the intake goes on
			t.deferred = false
			t.rows = append(t.rows, r)
			s.waiting++
			return nil, t, false
		}
		s.room.Wait()
	}
}

// claimRange asks for an endpoint of a range. It returns the outcome if it is
// known, or a task that has a slot already; with fresh and no task, the new task
// is parked; without, the range has a row with a task that is under way. crowded
// says that no more can be parked for now.
func (s *schedule) claimRange(ep Endpoint, j *job) (known *Service, t *task, fresh, crowded bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.recall(ep); known != nil {
		return known, nil, false, false
	}
	s.waiting++
	if t := s.live[ep]; t != nil {
		t.rows = append(t.rows, row{job: j})
		return nil, nil, false, false
	}
	t = &task{ep: ep, job: j, rows: []row{{job: j}}}
	s.live[ep] = t
	h := s.host(ep.Addr)
	if s.free(h, t) {
		h.busy = append(h.busy, ep.Port.Number)
		return nil, t, true, false
	}
	s.park(h, t)
	return nil, nil, true, s.parked >= maxParked
}

// awaitRoom waits until a task could be parked, or ctx is done.
func (s *schedule) awaitRoom(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for s.parked >= maxParked && ctx.Err() == nil {
		s.room.Wait()
	}
}

func (s *schedule) recall(ep Endpoint) *Service {
	if known, ok := s.named.get(ep); ok {
		return known
	}
	known, _ := s.swept.get(ep)
	return known
}

// admit takes a slot of the task's address and returns true, or parks the task
// and returns false. If too many are parked it waits, and with it the intake.
func (s *schedule) admit(ctx context.Context, t *task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		h := s.host(t.ep.Addr)
		if s.free(h, t) {
			h.busy = append(h.busy, t.ep.Port.Number)
			return true
		}
		if s.parked < maxParked || ctx.Err() != nil {
			s.park(h, t)
			return false
		}
		s.room.Wait()
	}
}

// host returns the entry of an address, which is made where there is none.
func (s *schedule) host(addr netip.Addr) *host {
	h := s.hosts[addr]
	if h != nil {
		return h
	}
	if n := len(s.spare); n > 0 {
		h, s.spare = s.spare[n-1], s.spare[:n-1]
	} else {
		h = &host{busy: make([]uint16, 0, s.limit)}
	}
	s.hosts[addr] = h
	return h
}

func (s *schedule) free(h *host, t *task) bool {
	return len(h.busy) < s.limit && !slices.Contains(h.busy, t.ep.Port.Number)
}

func (s *schedule) park(h *host, t *task) {
	h.parked = append(h.parked, t)
	s.parked++
}

// release gives back the task's slot and returns a task of the same address
// that has thereby got one.
func (s *schedule) release(t *task) *task {
	h := s.hosts[t.ep.Addr]
	i := slices.Index(h.busy, t.ep.Port.Number)
	h.busy = slices.Delete(h.busy, i, i+1)
	for i, next := range h.parked {
		if s.free(h, next) {
			h.parked = slices.Delete(h.parked, i, i+1)
			s.parked--
			s.room.Broadcast()
			h.busy = append(h.busy, next.ep.Port.Number)
			return next
		}
	}
	if len(h.busy) == 0 {
		h.parked = nil
		delete(s.hosts, t.ep.Addr)
		if len(s.spare) < 64 {
			s.spare = append(s.spare, h)
		}
	}
	return nil
}

// A verdict says what becomes of a task after an attempt.
type verdict int

const (
	verdictWrite  verdict = iota // the outcome is final: publish it
	verdictSilent                // final, and nobody wants a record of it
	verdictAgain                 // the task waits for another attempt
	verdictLost                  // it would have, but the run is ending
)

// settle ends an attempt with the outcome o: it gives back the task's slot and
// decides what becomes of the task. next is a task of the same address that
// may run now.
func (s *schedule) settle(ctx context.Context, t *task, o *outcome, p *policy) (v verdict, next *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	next = s.release(t)
	if o.status == StatusRateLimited {
		s.busy.put(t.ep.Addr, true)
	}
	ranged := t.ranged()
	switch {
	case t.attempts+t.left <= p.retries && o.transient(ranged) && len(s.deferred) < maxDeferred:
		if ctx.Err() != nil {
			return verdictLost, next
		}
		t.deferred = true
		s.deferred = append(s.deferred, retry{at: o.at.Add(p.pause(t.attempts)), task: t})
		return verdictAgain, next
	case ranged && o.silent() && !p.all:
		s.forget(t)
		return verdictSilent, next
	}
	return verdictWrite, next
}

// leaveAlone puts an attempt off to the end of the run if the address has
// complained of too many connections, to other ports or under other names. It
// does so once for each task, in the place of one of its retries. next is as
// that of settle.
func (s *schedule) leaveAlone(t *task, p *policy) (next *task, left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if complained, _ := s.busy.get(t.ep.Addr); !complained || t.left > 0 || t.attempts > 0 || p.retries < 1 || len(s.deferred) >= maxDeferred {
		return nil, false
	}
	t.left, t.deferred = 1, true
	s.deferred = append(s.deferred, retry{at: time.Now().Add(p.pause(1)), task: t})
	return s.release(t), true
}

// publish remembers the record of a final outcome and returns the rows that
// waited for it.
func (s *schedule) publish(t *task, known *Service) []row {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.ranged() {
		s.swept.put(t.ep, known)
	} else {
		s.named.put(t.ep, known)
	}
	s.forget(t)
	return t.rows
}

func (s *schedule) forget(t *task) {
	delete(s.live, t.ep)
	if s.waiting >= maxWaiting {
		s.room.Broadcast()
	}
	s.waiting -= len(t.rows)
}

// postpone keeps a lookup for another attempt. It returns false if too many
// wait already.
func (s *schedule) postpone(at time.Time, lookup func()) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.deferred) >= maxDeferred {
		return false
	}
	s.deferred = append(s.deferred, retry{at: at, lookup: lookup})
	return true
}

// takeDeferred returns what waits for another attempt, in the order in which
// it failed, and forgets it.
func (s *schedule) takeDeferred() []retry {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := s.deferred
	s.deferred = nil
	return due
}

// resume reports whether a deferred task is still to be retried, which its
// caller then must do.
func (s *schedule) resume(t *task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := t.deferred
	t.deferred = false
	return was
}
