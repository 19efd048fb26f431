package scanner

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"syscall"
	"time"

	"golang.org/x/time/rate"

	"github.com/mxsweep/mxsweep/scanner/fingerprint"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// A prober holds one conversation and closes the connection. *smtp.Prober is
// one.
type prober interface {
	Probe(ctx context.Context, conn net.Conn, mode smtp.Mode, serverName string) *smtp.Transcript
	Check(ctx context.Context, conn net.Conn, mode smtp.Mode, serverName string, check smtp.Check) (smtp.Checked, error)
	SpeaksTLS(ctx context.Context, conn net.Conn, mode smtp.Mode, serverName string, version uint16) (*bool, error)
}

// An outcome is how one attempt at an endpoint ended.
type outcome struct {
	at          time.Time // of its begin
	status      Status
	phase       smtp.Phase
	text        string // the error, for people
	err         error  // of the dial; its text is made when it is needed
	connect     time.Duration
	transcript  *smtp.Transcript // nil: never connected
	versions    *TLSVersions     // of further, as are the checks
	checks      []smtp.Checked
	uncontacted bool // no connection was tried
}

// silent is as that of the record.
func (o *outcome) silent() bool { return silent(o.status, o.phase) }

// transient reports whether another attempt may end otherwise. Silence of an
// address that nobody named is what most of a range consists of: it is final.
func (o *outcome) transient(ranged bool) bool {
	switch o.status {
	case StatusConnectTimeout, StatusUnreachable: // a router may be down for a moment, ours too
		return !ranged
	case StatusGreetingTimeout, StatusReset, StatusRateLimited, StatusLocal:
		return true
	case StatusClosed:
		return o.transcript == nil || o.transcript.Greeting == nil
	}
	return false
}

// better returns the outcome to report of two attempts: the later one, unless
// only the earlier one was greeted.
func better(earlier, later *outcome) *outcome {
	if earlier != nil && earlier.greeted() && !later.greeted() {
		return earlier
	}
	return later
}

func (o *outcome) greeted() bool { return o.transcript != nil && o.transcript.Greeting != nil }

// reading returns what the classification can go on from; nil: nothing.
func (o *outcome) reading() *fingerprint.Reading {
	if o.transcript == nil {
		return nil
	}
	r, _ := o.transcript.Clues.(*fingerprint.Reading)
	return r
}

// attempt makes an attempt at a task that holds a slot of its address and one of
// the pool. If it is under way in the end, it goes on without the caller, who
// must leave the slot of the pool to it. Otherwise next are the tasks that got
// slots of their addresses by its end.
func (e *engine) attempt(t *task) (next []*task, underWay bool) {
	if e.plan != nil {
		return e.show(t), false
	}
	o, next, left := e.refrain(t, &e.policy)
	if left {
		return next, false
	}
	if o == nil {
		e.sleep(e.overflow())
		o = e.noRoute(t.ep.Addr)
	}
	if o != nil {
		return e.settled(t, o), false
	}
	if !e.pace() {
		return nil, false
	}
	return e.contact(t)
}

// settled ends an attempt with an outcome and turns one that is final into
// records.
func (e *engine) settled(t *task, o *outcome) (next []*task) {
	v, next := e.finish(t, o)
	if v == verdictWrite {
		e.conclude(t)
	}
	return next
}

// finish ends an attempt with an outcome. It waits for nothing.
func (e *engine) finish(t *task, o *outcome) (v verdict, next []*task) {
	t.best = better(t.best, o)
	v, next = e.settle(e.intake, t, t.best, &e.policy)
	if v == verdictSilent {
		e.sums.endpoint(t.ep.Port.Number, t.best.status, t.best.greeted())
		e.stats.silent.Add(1)
		e.stats.done.Add(1)
		e.end(t.rows[0], t.best.status)
	}
	return v, next
}

// conclude turns a final outcome into records.
func (e *engine) conclude(t *task) {
	o := t.best
	known := newService(t.ep)
	known.fill(o)
	known.Attempts = t.attempts
	if t.reverse != nil {
		known.PTR, known.PTRValid = t.reverse.wait(e.run)
	}
	e.lookGreetingUp(known)
	if e.run.Err() != nil {
		return
	}
	res := Result{Service: known}
	e.assess(&res, o.reading())
	if o.greeted() {
		e.stats.answered.Add(1)
		e.sums.software(known.Software.Product, known.Software.Version)
	}
	e.sums.endpoint(t.ep.Port.Number, o.status, o.greeted())
	e.stats.done.Add(1)
	reused := false
	for _, r := range e.publish(t, known) {
		if !r.job.sweep || !o.silent() || e.policy.all {
			e.write(r, known, reused)
			reused = true
		} else { // the record is for somebody else, who named the address
			e.end(r, "")
		}
	}
}

// noRoute returns the outcome of an address that this machine cannot reach, nil
// for any other.
func (e *engine) noRoute(addr netip.Addr) *outcome {
	if e.route == nil || !addr.Is6() || e.route(addr) || e.down(addr) {
		return nil
	}
	return &outcome{at: time.Now(), status: StatusNoRoute, phase: smtp.PhaseConnect, text: "this machine has no route to the address", uncontacted: true}
}

// contact begins an attempt that takes a connection, or a SYN first. The reverse
// lookup of an address that was named goes on meanwhile.
func (e *engine) contact(t *task) (next []*task, underWay bool) {
	if t.attempts++; t.attempts == 1 {
		e.stats.contacted.Add(1)
	}
	if !t.job.sweep {
		t.reverse = e.reverse(t.ep.Addr)
	}
	e.busy.Add(1) // until it has ended
	e.stats.inFlight.Add(1)
	e.stats.connections.Add(1)
	t.began = time.Now()
	if e.discover(t) {
		<-e.slots // what has answered waits for one, perhaps, so no SYN follows at once
		return nil, true
	}
	return e.reach(t)
}

// reach makes the connection of an attempt and has it go on from there.
func (e *engine) reach(t *task) (next []*task, underWay bool) {
	if e.open != nil {
		e.open(t.ep.addrPort(), e.connecting(t))
		return nil, true
	}
	conn, err := e.dial(e.run, t.ep.addrPort())
	next = e.carry(t, conn, err)
	e.ended()
	return next, false
}

// ended takes note that an attempt which contact began is over.
func (e *engine) ended() {
	e.stats.inFlight.Add(-1)
	e.busy.Done()
}

// connecting returns what is to be told how the connection of an attempt has
// ended.
func (e *engine) connecting(t *task) func(net.Conn, error) {
	return func(conn net.Conn, err error) { e.connected(t, conn, err) }
}

// connected goes on with an attempt whose connection has been made, or has
// failed. In the latter case it must not wait.
func (e *engine) connected(t *task, conn net.Conn, err error) {
	switch {
	case err == nil:
		e.goOn(t, conn, nil)
	case e.run.Err() != nil:
		e.passOn(nil)
	case ourFault(err):
		e.spawn(func() { e.goOn(t, nil, err) })
	default:
		e.outage.routed(t.ep.Addr)
		e.unconnected(t, err, e.passOn)
	}
}

// goOn carries an attempt to its end, and then goes on with another one.
func (e *engine) goOn(t *task, conn net.Conn, err error) {
	next := e.carry(t, conn, err)
	e.ended()
	e.work(e.choose(next))
}

// carry carries an attempt to its end, after the first try at its connection.
func (e *engine) carry(t *task, conn net.Conn, err error) (next []*task) {
	conn, t.began, err = e.persist(t.ep, t.began, conn, err)
	switch {
	case err == nil:
		return e.talk(t, conn)
	case e.run.Err() != nil, e.intake.Err() != nil && (ourFault(err) || errors.Is(err, errOutage)): // not waited to the end
		return nil
	}
	return e.settled(t, e.noConnection(t, err))
}

// noConnection returns the outcome of an attempt whose connection has failed.
func (e *engine) noConnection(t *task, err error) *outcome {
	if dialStatus(err) == StatusConnectTimeout && e.outage.during(t.began) {
		err = errOutage // the silence was ours
	}
	return &outcome{
		at: t.began, connect: time.Since(t.began),
		status: e.connectStatus(t.ep.Addr, err), phase: smtp.PhaseConnect, err: err,
	}
}

// unconnected ends an attempt without a connection, in the end by passOn. It
// waits for nothing.
func (e *engine) unconnected(t *task, err error, passOn func(next []*task)) {
	v, next := e.finish(t, e.noConnection(t, err))
	if v != verdictWrite {
		passOn(next)
		return
	}
	e.spawn(func() {
		e.conclude(t)
		passOn(next)
	})
}

// talk holds the conversation on a connection, and ends the attempt.
func (e *engine) talk(t *task, conn net.Conn) (next []*task) {
	o := &outcome{at: t.began, connect: time.Since(t.began)}
	if t.reverse == nil {
		t.reverse = e.reverse(t.ep.Addr)
	}
	complete := e.converse(o, conn, t.ep) && e.further(o, t.ep)
	if !complete || e.run.Err() != nil { // cut short
		return nil
	}
	return e.settled(t, o)
}

// passOn ends an attempt that was under way, and waits for nothing. Its slot of
// the pool goes to one of the tasks that have got slots of their addresses.
func (e *engine) passOn(next []*task) {
	if len(next) == 0 {
		<-e.slots
	} else {
		e.spawn(func() { e.work(e.choose(next)) })
	}
	e.ended()
}

// converse holds the conversation. A server without TLS on a TLS port has been
// sent a ClientHello when that shows, so the rest takes a second connection. It
// returns false if the end of the run has come before that.
func (e *engine) converse(o *outcome, conn net.Conn, ep Endpoint) (complete bool) {
	ctx := e.deadline(o.at)
	o.transcript = e.prober.Probe(ctx, conn, ep.Port.Mode, ep.Name)
	if smtp.KindOf(o.transcript.Err) == smtp.KindPlainText {
		if !e.pace() {
			return false
		}
		if conn, _, err := e.connect(ep); err == nil {
			o.transcript = e.prober.Probe(ctx, conn, smtp.ModeSTARTTLS, ep.Name)
		}
	}
	o.status, o.phase, o.text = transcriptStatus(o.transcript)
	return true
}

// A deadline is a context with a deadline and no timer of its own: the
// conversation reads it and sets it on the connection. An earlier deadline of
// the run itself is left out on purpose. It ends the context, and must not be
// taken for slowness of the server.
type deadline struct {
	context.Context
	at   time.Time
	ends bool // the connection fails at the end of the run by itself
}

// deadline returns the context of a probe that began at a time.
func (e *engine) deadline(began time.Time) deadline {
	return deadline{e.run, began.Add(e.s.TargetTimeout), e.ends}
}

// Deadline returns the time at which the probe is to end.
func (d deadline) Deadline() (time.Time, bool) { return d.at, true }

// Done spares the conversation the watch over the run where the connection does
// not need it: to register with a context that a thousand others have registered
// with takes as long as reading a reply.
func (d deadline) Done() <-chan struct{} {
	if d.ends {
		return nil
	}
	return d.Context.Done()
}

// connect opens a connection, the try at which began at the time it returns.
// Faults of our own side are waited out for a while, and announced.
func (e *engine) connect(ep Endpoint) (_ net.Conn, at time.Time, _ error) {
	e.stats.connections.Add(1)
	at = time.Now()
	conn, err := e.dial(e.run, ep.addrPort())
	return e.persist(ep, at, conn, err)
}

// ourFault reports whether the error of a dial may be the fault of our own side.
func ourFault(err error) bool {
	return localFault(err) != "" || errors.Is(err, syscall.ENETUNREACH)
}

// persist is connect after the first try, which began at that time and ended
// so.
func (e *engine) persist(ep Endpoint, at time.Time, conn net.Conn, err error) (net.Conn, time.Time, error) {
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		fault := localFault(err)
		if fault == "" {
			again, err := e.outlast(ep.Addr, err)
			if !again {
				return conn, at, err
			}
		} else {
			e.warn(fault, err)
			if wait > 2*time.Second || !passing(err) || !e.sleep(wait) {
				return nil, at, err
			}
		}
		e.stats.connections.Add(1)
		at = time.Now()
		conn, err = e.dial(e.run, ep.addrPort())
	}
}

// warn announces a fault of our own side, once for each kind.
func (e *engine) warn(fault string, err error) {
	if e.s.Warn != nil && e.sums.first(fault) {
		e.out <- func() error { e.s.Warn(fault + ": " + err.Error()); return nil }
	}
}

// newLimiter returns the limiter of connections. Its burst is one, so that
// connections are spread evenly; at high rates it is the share of ten
// milliseconds, because a timer for each connection would cost more than the
// connection.
func newLimiter(perSecond float64) *rate.Limiter {
	if perSecond < 0 {
		return rate.NewLimiter(rate.Inf, 1)
	}
	return rate.NewLimiter(rate.Limit(perSecond), max(1, int(perSecond/100)))
}

// pace waits for its turn to begin a connection, if there is a rate at all. It
// returns false if the run ends first.
func (e *engine) pace() bool {
	if e.s.Rate >= 0 && e.limiter.Wait(e.intake) != nil {
		<-e.intake.Done() // Wait gives up early where the turn would come after the deadline
	}
	return e.intake.Err() == nil
}

// debt is how long others must wait for their turn to begin a connection. Ranges
// do not queue up behind them, each with a slot of the pool: else they would come
// to hold all slots, and what is named would have to wait for as many turns.
func (e *engine) debt() time.Duration {
	if e.s.Rate < 0 {
		return 0
	}
	return time.Duration(-e.limiter.Tokens() / e.s.Rate * float64(time.Second))
}

// errNoFamily is the error where SourceIP and the address are of different
// families.
var errNoFamily = errors.New("the source address is of the other address family")
