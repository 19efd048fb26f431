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
	memoRange   = 2048  // outcomes kept of range addresses that answered, while addresses may follow
	memoPTR     = 16384 // reverse lookups kept
	memoTempers = 16384 // addresses remembered for having answered or complained, and providers
)

// A task is one endpoint on its way to an outcome. Its fields are guarded by
// the mutex of the schedule, except that attempts, began, reverse and
// best belong to whoever runs it.
type task struct {
	ep       Endpoint
	job      *job   // the first that led here; never changed
	rows     []row  // who wants to know
	first    [1]row // room for the one of most tasks
	attempts int
	began    time.Time // of the latest attempt
	reverse  *ptr      // nil: not looked up
	left     int       // times it was put off because its address or provider had complained
	provider string    // see providerOf
	rest     time.Time // not before then: the address rests
	best     *outcome  // of the earlier attempts, the one that saw most
	given    bool      // up: not to be put off again
	held     int       // weight of best while it waits for another attempt
	deferred bool
	place    int // in the list of those, -1 once that has been taken
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
	temper *temper // nil: nothing is known of it
}

// A schedule decides what may be contacted when: each endpoint once, one
// connection at a time to an address and port, and at most limit to an address
// and providerLimit to a provider. It starts nothing by itself.
type schedule struct {
	limit         int
	providerLimit int
	stats         *Stats

	mu        sync.Mutex
	room      *sync.Cond // fewer wait than before, or the intake has ended
	hosts     map[netip.Addr]*host
	live      map[Endpoint]*task // neither final nor forgotten: running, parked or deferred
	named     *memo[Endpoint, *Service]
	swept     *memo[Endpoint, *Service] // nil: nobody will ask for them, see asking
	askers    int
	tempers   *memo[netip.Addr, *temper]
	slowed    *memo[string, *provider] // idle ones that complained
	providers map[string]*provider     // with connections
	cool      cooling
	held      int // what the outcomes weigh that wait for another attempt
	parked    int
	waiting   int
	aloft     int // those of which only a SYN has been sent so far; see discover
	deferred  []retry
	spare     []*host // empty hosts for reuse
}

// A retry is another attempt that is due: of an endpoint, or of the lookup of
// a name.
type retry struct {
	at     time.Time
	task   *task  // nil: a lookup
	lookup func() // repeats it
}

func newSchedule(hostLimit, providerLimit int, delay time.Duration, stats *Stats) *schedule {
	s := &schedule{
		limit: hostLimit, providerLimit: providerLimit, stats: stats, cool: cooling{delay: delay},
		hosts:     make(map[netip.Addr]*host),
		live:      make(map[Endpoint]*task),
		named:     newOutcomes[Endpoint](memoNamed),
		swept:     newOutcomes[Endpoint](memoRange),
		askers:    1,
		tempers:   newMemo[netip.Addr, *temper](memoTempers),
		slowed:    newMemo[string, *provider](memoTempers),
		providers: make(map[string]*provider),
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
	provider := providerOf(ep.Name)
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if known := s.recall(ep); known != nil {
			return known, nil, false
		}
		t := s.live[ep]
		switch {
		case t == nil:
			t = s.newTask(ep, r)
			t.provider = provider
			s.waiting++
			return nil, t, true
		case s.waiting-s.aloft < maxWaiting || ctx.Err() != nil:
			t.rows = append(t.rows, r)
			s.waiting++
			return nil, nil, false
		case t.deferred: // its time would not come before the intake goes on
			t.deferred = false
			s.unlist(t)
			t.rows = append(t.rows, r)
			s.waiting++
			return nil, t, false
		}
		s.room.Wait()
	}
}

func (s *schedule) newTask(ep Endpoint, r row) *task {
	t := &task{ep: ep, job: r.job, first: [1]row{r}}
	t.rows = t.first[:]
	s.live[ep] = t
	return t
}

// claimRange asks for an endpoint of a range. It returns the outcome if it is
// known, or a task that has a slot already; with fresh and no task, the new task
// is parked; without, the range has a row with a task that is under way.
func (s *schedule) claimRange(ep Endpoint, r row) (known *Service, t *task, fresh bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known := s.recall(ep); known != nil {
		return known, nil, false
	}
	s.waiting++
	if t := s.live[ep]; t != nil {
		t.rows = append(t.rows, r)
		return nil, nil, false
	}
	t = s.newTask(ep, r)
	switch {
	case s.free(t):
		s.seat(t)
		return nil, t, true
	case s.parked >= maxParked && !s.crowded():
		s.putOff(t, time.Now())
	default:
		s.park(t)
	}
	return nil, nil, true
}

// crowded reports whether as many endpoints are parked and put off as may be.
func (s *schedule) crowded() bool {
	return s.parked >= maxParked && len(s.deferred) >= maxDeferred/2
}

// awaitRoom waits until a task could be parked or put off, and sent a SYN, or ctx
// is done.
func (s *schedule) awaitRoom(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for (s.crowded() || s.aloft >= maxAloft) && ctx.Err() == nil {
		s.room.Wait()
	}
}

// full reports whether awaitRoom would wait.
func (s *schedule) full() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.crowded() || s.aloft >= maxAloft
}

// admit takes a slot of the task's address and provider and returns true, or
// parks the task and returns false. If too many are parked it puts the task off
// to the end of the run, so that others get their turn; if too many are put off,
// too, it waits, and with it the intake.
func (s *schedule) admit(ctx context.Context, t *task) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		switch {
		case s.free(t):
			s.seat(t)
			return true
		case s.parked < maxParked || ctx.Err() != nil:
			s.park(t)
			return false
		case !s.crowded():
			s.putOff(t, time.Now())
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

// vacant reports whether the host has a slot for the task. An address that
// complains of too many connections has only one.
func (s *schedule) vacant(h *host, t *task) bool {
	limit := s.limit
	if h != nil && h.temper != nil && h.temper.complaints > 0 {
		limit = 1
	}
	return h == nil || len(h.busy) < limit && !slices.Contains(h.busy, t.ep.Port.Number)
}

// open reports whether a provider has a slot.
func (p *provider) open() bool { return p == nil || p.busy < p.limit }

func (s *schedule) free(t *task) bool {
	return s.vacant(s.hosts[t.ep.Addr], t) && s.providers[t.provider].open()
}

// seat gives the task a slot of its address and one of its provider.
func (s *schedule) seat(t *task) {
	h := s.host(t.ep.Addr)
	h.busy = append(h.busy, t.ep.Port.Number)
	if p := s.provider(t); p != nil {
		p.busy++
	}
	if t.rest = s.cool.until[t.ep.Addr]; !t.rest.IsZero() {
		s.parked++ // until rested
	}
}

// rested ends the wait of a task whose address had to rest.
func (s *schedule) rested(t *task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	t.rest = time.Time{}
	s.unpark()
}

// park has the task wait where there is no slot: at its address, in whose list
// are only tasks that the address itself has no slot for, else at its provider.
// Hence there is always one under way whose release looks at the list.
func (s *schedule) park(t *task) {
	if h := s.hosts[t.ep.Addr]; !s.vacant(h, t) {
		h.parked = append(h.parked, t)
	} else if p := s.providers[t.provider]; !p.open() {
		p.parked = append(p.parked, t)
	}
	s.parked++
}

func (s *schedule) unpark() {
	s.parked--
	s.room.Broadcast()
}

// release gives back the task's slots and returns the tasks that have thereby
// got theirs. rest says that the address must rest before the next connection.
func (s *schedule) release(t *task, rest bool) (next []*task) {
	h, p := s.hosts[t.ep.Addr], s.providers[t.provider]
	i := slices.Index(h.busy, t.ep.Port.Number)
	h.busy = slices.Delete(h.busy, i, i+1)
	if rest && s.cool.delay > 0 {
		s.cool.rest(t.ep.Addr, time.Now())
	}
	if p != nil {
		p.busy--
		next = s.callProvider(p, next)
	}
	next = s.callHost(h, next)
	if len(h.busy) == 0 {
		h.parked, h.temper = nil, nil
		delete(s.hosts, t.ep.Addr)
		if len(s.spare) < 64 {
			s.spare = append(s.spare, h)
		}
	}
	s.dismiss(t.provider, p)
	return next
}

// callProvider seats tasks that wait for a slot of their provider.
func (s *schedule) callProvider(p *provider, next []*task) []*task {
	for len(p.parked) > 0 && p.open() {
		t := p.parked[0]
		p.parked[0] = nil // else the task, and all that it leads to, would stay with the list
		p.parked = p.parked[1:]
		if h := s.hosts[t.ep.Addr]; !s.vacant(h, t) {
			h.parked = append(h.parked, t)
			continue
		}
		s.unpark()
		s.seat(t)
		next = append(next, t)
	}
	return next
}

// callHost seats tasks that wait for a slot of their address.
func (s *schedule) callHost(h *host, next []*task) []*task {
	for i := 0; i < len(h.parked); {
		t := h.parked[i]
		if !s.vacant(h, t) {
			if len(h.busy) >= s.limit {
				break
			}
			i++
			continue
		}
		if h.parked = slices.Delete(h.parked, i, i+1); !s.providers[t.provider].open() {
			p := s.providers[t.provider]
			p.parked = append(p.parked, t)
			continue
		}
		s.unpark()
		s.seat(t)
		next = append(next, t)
	}
	return next
}

// A verdict says what becomes of a task after an attempt.
type verdict int

const (
	verdictWrite  verdict = iota // the outcome is final: publish it
	verdictSilent                // final, and nobody wants a record of it
	verdictAgain                 // the task waits for another attempt
	verdictLost                  // it would have, but the run is ending
)

// settle ends an attempt with the outcome o: it gives back the task's slots and
// decides what becomes of the task. next are tasks that may run now.
func (s *schedule) settle(ctx context.Context, t *task, o *outcome, p *policy) (v verdict, next []*task) {
	s.mu.Lock()
	defer s.mu.Unlock()
	broken := s.learn(t, o, p)
	s.held, t.held = s.held-t.held, 0
	next = s.release(t, !o.uncontacted && !o.at.IsZero())
	ranged := t.ranged()
	if t.attempts <= p.retries && (broken || o.transient(ranged)) && !t.given && len(s.deferred) < maxDeferred && s.held+o.weight() <= maxHeld {
		if ctx.Err() != nil {
			return verdictLost, next
		}
		t.held = o.weight()
		s.held += t.held
		at := o.at.Add(p.pause(t.attempts))
		if m := s.temperOf(t.ep.Addr, false); m != nil {
			at = later(at, m.until)
		}
		s.putOff(t, at)
		return verdictAgain, next
	}
	if broken {
		s.suspect(t, o)
	}
	if ranged && o.silent() && !p.all {
		s.forget(t)
		return verdictSilent, next
	}
	return verdictWrite, next
}

func (s *schedule) forget(t *task) {
	delete(s.live, t.ep)
	if s.waiting-s.aloft >= maxWaiting {
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
// it is due, and forgets it.
func (s *schedule) takeDeferred() []retry {
	s.mu.Lock()
	defer s.mu.Unlock()
	due := s.deferred
	s.deferred = nil
	for _, r := range due {
		if r.task != nil {
			r.task.place = -1
		}
	}
	s.room.Broadcast()
	slices.SortStableFunc(due, func(a, b retry) int { return a.at.Compare(b.at) })
	return due
}

// unlist takes a task that is retried early out of the list of those that wait
// for another attempt: else the list would fill with tasks that are over.
func (s *schedule) unlist(t *task) {
	if t.place < 0 {
		return
	}
	last := len(s.deferred) - 1
	s.deferred[t.place] = s.deferred[last]
	if moved := s.deferred[t.place].task; moved != nil {
		moved.place = t.place
	}
	s.deferred[last] = retry{}
	s.deferred = s.deferred[:last]
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
