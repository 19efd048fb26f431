package scanner

import (
	"context"
	"errors"
	"iter"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// Run scans every input of the sequence and gives each record to emit, which is
// called on the goroutine that called Run, one record at a time. While emit
// blocks, no further input is taken. The records are Service and Domain ones as
// they become known — a domain's own record after those of its services — a
// Progress now and then for each range and at its end, and one Summary at the
// end of all. Records share memory with each other: emit may keep
// them but must not change them.
//
// Whatever happens to an input is a record, not an error. Run returns the error
// of emit or BadInput, of the sequence itself, of ctx, or ErrStopped; but for
// the first, what is under way then ends before it returns, and the Summary is
// written. An endpoint whose probe was cut short or that still waited for
// another attempt leaves no record then, nor does its domain: neither is final.
func (s *Scanner) Run(ctx context.Context, in iter.Seq2[Input, error], emit func(Result) error) error {
	if _, err := s.knowledge(); err != nil {
		return err
	}
	return newEngine(ctx, s, emit).perform(in)
}

// Scan runs a single input, and yields its records and the Summary. The
// sequence ends early without the Summary if the consumer stops.
func (s *Scanner) Scan(ctx context.Context, in Input) iter.Seq[Result] {
	return func(yield func(Result) bool) {
		one := func(yield func(Input, error) bool) { yield(in, nil) }
		// The only errors are ours and those of ctx, which the Summary
		// shows as interrupted.
		_ = s.Run(ctx, one, func(r Result) error {
			if !yield(r) {
				return ErrStopped
			}
			return nil
		})
	}
}

// maxUnwritten bounds the records that wait for the caller's goroutine. A few
// save most of the changes between goroutines.
const maxUnwritten = 64

// An engine is one run. Two contexts live as long as it does: run ends when
// everything is to end at once, intake also when nothing new is to begin.
type engine struct {
	s     Scanner // options, defaults filled in
	stats *Stats
	emit  func(Result) error

	caller, run, intake context.Context
	abort               context.CancelCauseFunc // of run
	drain               context.CancelFunc      // of intake

	out      chan func() error // what the caller's goroutine is to do: emit a record, report a bad input
	permit   chan struct{}     // received from before another input is taken; offered only while nothing is being emitted
	lookups  chan struct{}     // slots for inputs that are being resolved
	slots    chan struct{}     // slots for probes
	queued   atomic.Int64      // endpoints that wait for one and go before those of ranges: named, or discovered
	busy     sync.WaitGroup    // what was spawned, and attempts under way
	idle     chan func()       // to goroutines that have nothing to do
	desks    *desks            // where replies are read
	finished chan struct{}     // closed by the conductor at its end
	inputErr error             // of the sequence; read after finished

	*schedule
	policy  policy
	ranges  ranges
	limiter *rate.Limiter
	sums    sums
	fleet   fleet // of the caller's goroutine
	special []netip.Prefix
	outage  outage
	prober  prober
	dial    DialFunc
	open    func(to netip.AddrPort, done func(net.Conn, error)) // begins a connection; done must not wait after a failure; nil: dial is to be waited for
	scout   func(to netip.AddrPort, done func(error)) bool      // sends a SYN, see flights.launch; nil: ranges are connected to
	ends    bool                                                // connections fail at the end of the run by themselves
	route   func(netip.Addr) bool                               // nil: not asked
	ptrs    ptrs
	plan    func(Input, Endpoint) error // not nil: the endpoint is shown to it instead of contacted
	began   time.Time
}

// A policy says what is final.
type policy struct {
	retries int
	all     bool
}

// pause is how long an endpoint is left alone after its n-th failed attempt:
// 2 s, 6 s, 18 s and so on, at most two minutes. In all but the smallest runs
// far more time passes, since retries come at the end.
func (p *policy) pause(n int) time.Duration {
	d := 2 * time.Second
	for range n - 1 {
		d = min(3*d, 2*time.Minute)
	}
	return d
}

func newEngine(ctx context.Context, s *Scanner, emit func(Result) error) *engine {
	f := s.filled()
	e := &engine{
		s: f, stats: f.Stats, emit: emit, caller: ctx,
		out: make(chan func() error, maxUnwritten), permit: make(chan struct{}),
		lookups: make(chan struct{}, f.Concurrency), slots: make(chan struct{}, f.Concurrency),
		finished: make(chan struct{}), idle: make(chan func()), desks: newDesks(),
		schedule: newSchedule(f.HostLimit, f.ProviderLimit, f.Delay, f.Stats),
		policy:   policy{retries: f.Retries, all: f.All},
		limiter:  newLimiter(f.Rate),
		special:  specialPrefixes(),
		ptrs:     ptrs{underWay: make(map[netip.Addr]*ptr), known: newMemo[netip.Addr, ptr](memoPTR)},
		began:    time.Now(),
	}
	e.prober = f.newProber(e.ask)
	if f.Dial == nil {
		e.route = hasRoute
	} else {
		e.dial = f.dialer()
	}
	e.run, e.abort = context.WithCancelCause(ctx)
	e.intake, e.drain = context.WithCancel(e.run)
	if l := f.Resume; l != nil {
		l.tally.EndPart()
		e.adopt(&l.tally)
		e.asking(1) // ranges do: among what is recalled are addresses that were named
		l.recall(e.schedule, f.Ports)
	}
	return e
}

// perform runs the whole run; the calling goroutine emits.
func (e *engine) perform(in iter.Seq2[Input, error]) error {
	defer e.abort(nil)
	defer context.AfterFunc(e.intake, e.wake)()
	if e.dial == nil {
		watch, release := e.openSockets()
		defer release()
		go watch()
	}
	if e.s.Discovery == DiscoverSYN && e.plan == nil {
		watch, release := e.openScout()
		defer release()
		go watch()
	}
	for range runtime.GOMAXPROCS(0) {
		go e.desks.serve()
	}
	go e.conduct(in)
	go e.watch(e.s.Stop)

	failed := e.serve()
	switch {
	case failed != nil:
		return failed
	case e.caller.Err() != nil:
		return context.Cause(e.caller)
	case e.inputErr != nil:
		return e.inputErr
	case e.intake.Err() != nil:
		return ErrStopped
	}
	return nil
}

// serve does on the caller's goroutine what the others ask for, until all of
// them have ended, and then emits the summary. After an error it lets them run
// out and returns it.
func (e *engine) serve() (failed error) {
	var tick <-chan time.Time
	if e.s.Tick != nil {
		ticker := time.NewTicker(200 * time.Millisecond)
		defer ticker.Stop()
		tick = ticker.C
	}
	progress := time.NewTicker(progressEvery)
	defer progress.Stop()
	perform := func(do func() error) {
		if failed == nil {
			if failed = do(); failed != nil {
				e.abort(failed)
			}
		}
	}
	for {
		select {
		case <-tick:
			e.s.Tick()
		case <-progress.C:
			perform(func() error { return e.reportAll(false) })
		case do := <-e.out:
			perform(do)
		case e.permit <- struct{}{}:
		case <-e.finished:
			for len(e.out) > 0 {
				perform(<-e.out)
			}
			perform(func() error { return e.reportAll(true) })
			if failed != nil || e.plan != nil {
				return failed
			}
			return e.emit(Result{Summary: e.summary()})
		}
	}
}

// watch ends the intake when stop is closed.
func (e *engine) watch(stop <-chan struct{}) {
	select {
	case <-stop:
		e.drain()
	case <-e.finished:
	}
}

// spawn starts every goroutine of a run but a few: conductor, watcher, poller and
// desks. It takes an idle one where there is one, whose stack has grown to what a
// conversation needs.
func (e *engine) spawn(f func()) {
	e.busy.Add(1)
	select {
	case e.idle <- f:
	default:
		go e.serveIdle(f)
	}
}

// serveIdle runs f, and then what spawn hands over until the run is over.
func (e *engine) serveIdle(f func()) {
	for ok := true; ok; f, ok = <-e.idle {
		f()
		e.busy.Done()
	}
}

// conduct takes in the inputs and, when all else is done, lets rounds of
// retries follow until none is left.
func (e *engine) conduct(in iter.Seq2[Input, error]) {
	defer close(e.finished)
	defer close(e.desks.work)
	defer close(e.idle) // not before: others may still spawn if emit has panicked
	e.feed(in)
	e.asking(-1)
	e.stats.complete.Store(true)
	e.busy.Wait()
	for due := e.takeDeferred(); len(due) > 0 && e.intake.Err() == nil; due = e.takeDeferred() {
		for _, r := range due {
			e.again(r)
		}
		e.busy.Wait()
	}
}

// feed takes one input after the other, each as soon as the caller's goroutine
// is free and a lookup slot is.
func (e *engine) feed(in iter.Seq2[Input, error]) {
	for input, err := range in {
		var bad *InputError
		switch {
		case e.intake.Err() != nil:
			return
		case errors.As(err, &bad):
			e.reject(bad)
		case err != nil:
			e.inputErr = err
			return
		default:
			e.take(input)
		}
		select {
		case <-e.permit:
		case <-e.intake.Done():
			return
		}
	}
}

// take begins the work on one input once a lookup slot is free.
func (e *engine) take(in Input) {
	counted := e.s.Shard.of(in.canonical()) // a range is dealt out, yet counted once
	if !counted && !in.isRange() {
		return
	}
	select {
	case e.lookups <- struct{}{}:
	case <-e.intake.Done():
		return
	}
	j, err := e.enter(in)
	if err != nil {
		<-e.lookups
		e.reject(&InputError{Source: in.Source, Text: in.Text, Reason: err.Error()})
		return
	}
	if counted {
		e.stats.inputs.Add(1)
	}
	if e.s.Resume.claim(&in) {
		<-e.lookups
		return
	}
	e.spawn(func() {
		defer func() { <-e.lookups }()
		e.expand(j)
	})
}

// reject counts and reports an input that cannot be used.
func (e *engine) reject(bad *InputError) {
	if !e.s.Shard.of(bad.Text) {
		return
	}
	e.stats.badInputs.Add(1)
	if e.s.BadInput != nil {
		e.out <- func() error { return e.s.BadInput(bad) }
	}
}

// again makes another attempt at its time.
func (e *engine) again(r retry) {
	if !e.sleep(time.Until(r.at)) {
		return
	}
	switch {
	case r.task == nil:
		e.stats.deferred.Add(-1)
		e.lookups <- struct{}{}
		e.spawn(func() {
			defer func() { <-e.lookups }()
			r.lookup()
		})
	case e.resume(r.task):
		e.stats.deferred.Add(-1)
		e.submit(r.task)
	}
}

// sleep waits; it returns false if the intake has ended.
func (e *engine) sleep(d time.Duration) bool {
	if d > 0 {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-e.intake.Done():
		}
	}
	return e.intake.Err() == nil
}

// submit has the task run as soon as a slot of its address and one of the pool
// is free. It waits for the latter, and thus holds up its caller's input.
func (e *engine) submit(t *task) {
	if e.admit(e.intake, t) {
		e.launch(t)
	}
}

// launch has a task that holds its slots run as soon as its address has rested
// and one of the pool is free. It waits for the latter only, and for the pace.
func (e *engine) launch(t *task) {
	if e.resting(t) {
		return
	}
	if e.queue() {
		e.begin(t)
	}
}

// queue waits for a slot of the pool. It returns false if nothing more is to
// begin.
func (e *engine) queue() bool {
	e.queued.Add(1)
	defer e.queued.Add(-1)
	select {
	case e.slots <- struct{}{}:
		return true
	case <-e.intake.Done():
		return false
	}
}

// begin is work that does not wait for a conversation.
func (e *engine) begin(t *task) {
	if e.open != nil {
		e.work(t)
	} else {
		e.spawn(func() { e.work(t) })
	}
}

// work makes attempts, one after the other, with the slot of the pool that its
// caller holds: at a task that holds its other slots, and at what choose returns
// afterwards. It ends when there is nothing or when an attempt is under way,
// which takes over the slot.
func (e *engine) work(t *task) {
	for t != nil && e.intake.Err() == nil && !e.resting(t) {
		next, underWay := e.attempt(t)
		if underWay {
			return
		}
		t = e.choose(next)
	}
	<-e.slots
}

// choose returns what is to have a slot of the pool that has become free: one of
// the tasks that have got slots of their addresses, or an endpoint of a range
// unless somebody waits for the slot, or all for the pace. Ranges thus go on
// without a change of goroutines. In a plan they do not: no attempt would ever be
// under way, and a name would have to wait for the end of them all.
func (e *engine) choose(next []*task) *task {
	if t := e.share(next); t != nil || e.queued.Load() > 0 || e.plan != nil || e.debt() > 0 {
		return t
	}
	return e.sweep()
}

// share returns one of the tasks, nil if there is none, and launches the others.
func (e *engine) share(next []*task) *task {
	if len(next) == 0 {
		return nil
	}
	for _, more := range next[1:] {
		e.spawn(func() { e.launch(more) })
	}
	return next[0]
}

// resting sees to a task whose address must rest: it is launched afterwards.
func (e *engine) resting(t *task) bool {
	if t.rest.IsZero() {
		return false
	}
	e.spawn(func() {
		e.sleep(time.Until(t.rest))
		e.rested(t)
		e.launch(t)
	})
	return true
}
