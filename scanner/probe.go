package scanner

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// A prober holds one conversation and closes the connection. *smtp.Prober is
// one.
type prober interface {
	Probe(ctx context.Context, conn net.Conn, mode smtp.Mode, serverName string) *smtp.Transcript
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
	uncontacted bool             // no connection was tried
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

// attempt makes one attempt at a task that holds a slot of its address and sees
// to what follows from it. It returns the tasks that got slots thereby.
func (e *engine) attempt(t *task) []*task {
	if e.plan != nil {
		return e.show(t)
	}
	if next, left := e.leaveAlone(t, &e.policy); left {
		return next
	}
	var reverse *ptr
	o := e.giveUp(t, &e.policy)
	if o == nil {
		e.sleep(e.overflow())
		e.stats.inFlight.Add(1)
		o, reverse = e.contact(t)
		e.stats.inFlight.Add(-1)
	}
	if o == nil { // cut short: the run is ending
		return nil
	}
	o = better(t.best, o)
	t.best = o
	v, next := e.settle(e.intake, t, o, &e.policy)
	switch v {
	case verdictSilent:
		e.sums.endpoint(t.ep.Port.Number, o.status, o.greeted())
		e.stats.silent.Add(1)
		e.stats.done.Add(1)
		e.end(t.rows[0], o.status)
	case verdictWrite:
		e.conclude(t, o, reverse)
	}
	return next
}

// conclude turns a final outcome into records.
func (e *engine) conclude(t *task, o *outcome, reverse *ptr) {
	known := newService(t.ep)
	known.fill(o)
	known.Attempts = t.attempts
	if reverse != nil {
		known.PTR, known.PTRValid = reverse.wait(e.run)
	}
	if e.run.Err() != nil {
		return
	}
	res := Result{Service: known}
	e.s.Assess(&res)
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
		} // else the record is for somebody else, who named the address
		e.end(r, "")
	}
}

// contact connects to the endpoint and holds the conversation. It returns nil
// if the end of the run came in between. The reverse lookup of the address goes
// on meanwhile; it is nil where there is none.
func (e *engine) contact(t *task) (*outcome, *ptr) {
	addr := t.ep.Addr
	if e.route != nil && addr.Is6() && !e.route(addr) && !e.down(addr) {
		return &outcome{at: time.Now(), status: StatusNoRoute, phase: smtp.PhaseConnect, text: "this machine has no route to the address", uncontacted: true}, nil
	}
	if !e.pace() {
		return nil, nil
	}
	if t.attempts++; t.attempts == 1 {
		e.stats.contacted.Add(1)
	}
	var reverse *ptr
	if !t.job.sweep {
		reverse = e.reverse(addr)
	}
	o := &outcome{}
	conn, at, err := e.connect(t.ep)
	o.at = at
	o.connect = time.Since(o.at)
	switch {
	case e.run.Err() != nil:
		if conn != nil {
			conn.Close()
		}
		return nil, nil
	case err != nil:
		o.phase, o.err = smtp.PhaseConnect, err
		o.status = e.connectStatus(addr, err)
		return o, reverse
	}
	if reverse == nil {
		reverse = e.reverse(addr)
	}
	e.converse(o, conn, t.ep)
	if e.run.Err() != nil {
		return nil, nil
	}
	return o, reverse
}

// converse holds the conversation. A server without TLS on a TLS port has been
// sent a ClientHello when that shows, so the rest takes a second connection.
func (e *engine) converse(o *outcome, conn net.Conn, ep Endpoint) {
	ctx := deadline{e.run, o.at.Add(e.s.TargetTimeout)}
	o.transcript = e.prober.Probe(ctx, conn, ep.Port.Mode, ep.Name)
	if smtp.KindOf(o.transcript.Err) == smtp.KindPlainText && e.pace() {
		if conn, _, err := e.connect(ep); err == nil {
			o.transcript = e.prober.Probe(ctx, conn, smtp.ModeSTARTTLS, ep.Name)
		}
	}
	o.status, o.phase, o.text = transcriptStatus(o.transcript)
}

// A deadline is a context with a deadline and no timer of its own: the
// conversation reads it and sets it on the connection. An earlier deadline of
// the run itself is left out on purpose. It ends the context, and must not be
// taken for slowness of the server.
type deadline struct {
	context.Context
	at time.Time
}

// Deadline returns the time at which the probe is to end.
func (d deadline) Deadline() (time.Time, bool) { return d.at, true }

// connect opens a connection, the try at which began at the time it returns.
// Faults of our own side are waited out for a while, and announced.
func (e *engine) connect(ep Endpoint) (_ net.Conn, at time.Time, _ error) {
	to := netip.AddrPortFrom(ep.Addr, ep.Port.Number)
	for wait := 100 * time.Millisecond; ; wait *= 2 {
		e.stats.connections.Add(1)
		at = time.Now()
		conn, err := e.dial(e.run, to)
		fault := localFault(err)
		if fault == "" {
			again, err := e.outlast(ep.Addr, err)
			if again {
				continue
			}
			return conn, at, err
		}
		e.warn(fault, err)
		if wait > 2*time.Second || !passing(err) || !e.sleep(wait) {
			return nil, at, err
		}
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

// pace waits for its turn to begin a connection. It returns false if the run
// ends first.
func (e *engine) pace() bool {
	if e.limiter.Wait(e.intake) != nil {
		<-e.intake.Done() // Wait gives up early where the turn would come after the deadline
	}
	return e.intake.Err() == nil
}

// ptrs are the reverse lookups of a run: one for each address.
type ptrs struct {
	mu    sync.Mutex
	known *memo[netip.Addr, *ptr]
}

// A ptr is one reverse lookup, under way or done.
type ptr struct {
	done  chan struct{}
	names []string
	valid *bool
}

// reverse begins the reverse lookup of an address unless that has been done.
func (e *engine) reverse(addr netip.Addr) *ptr {
	if e.s.NoPTR || e.s.Resolver == nil {
		return nil
	}
	e.ptrs.mu.Lock()
	defer e.ptrs.mu.Unlock()
	p, ok := e.ptrs.known.get(addr)
	if !ok {
		p = &ptr{done: make(chan struct{})}
		e.ptrs.known.put(addr, p)
		e.spawn(func() { p.lookup(e.run, e.s.Resolver, addr) })
	}
	return p
}

// wait returns the names, nil if there was no answer.
func (p *ptr) wait(ctx context.Context) ([]string, *bool) {
	select {
	case <-p.done:
		return p.names, p.valid
	case <-ctx.Done():
		return nil, nil
	}
}

// maxForward bounds the PTR names of an address that are looked up in turn.
const maxForward = 3

// lookup finds the names and whether one of them leads back to the address,
// without which a PTR name proves nothing: the owner of the address may put any
// name there (RFC 8601, section 2.7.3).
func (p *ptr) lookup(ctx context.Context, r Resolver, addr netip.Addr) {
	defer close(p.done)
	names, status := r.LookupPTR(ctx, addr)
	switch {
	case status == StatusNXDomain || status == StatusNoAddress:
		p.names = []string{}
		return
	case len(names) == 0:
		return
	}
	p.names = names
	known := false
	for _, name := range names[:min(len(names), maxForward)] {
		res := r.LookupHost(ctx, name)
		known = known || !transientDNS(res.Status)
		for _, host := range res.MX {
			for _, a := range host.Addresses {
				if a.Unmap() == addr {
					valid := true
					p.valid = &valid
					return
				}
			}
		}
	}
	if known {
		p.valid = new(bool)
	}
}

// errNoFamily is the error where SourceIP and the address are of different
// families.
var errNoFamily = errors.New("the source address is of the other address family")
