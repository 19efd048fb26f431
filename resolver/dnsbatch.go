package resolver

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"slices"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
)

// A dnsBatch is the questions of one lookup that nobody else has asked.
type dnsBatch struct {
	client   *dnsClient
	calls    []*dnsCall
	open     int
	leads    []*dnsSocket // whose queues this one must flush
	packets  chan dnsPacket
	timer    *time.Timer
	deadline time.Time // of answers over TCP, which are fetched one by one
	late     bool      // packets may come after the end, so that it cannot be used again
}

// batch returns a batch without calls.
func (c *dnsClient) batch() *dnsBatch {
	if b, ok := c.batches.Get().(*dnsBatch); ok {
		return b
	}
	b := &dnsBatch{client: c, timer: time.NewTimer(time.Hour)}
	b.timer.Stop()
	return b
}

// release lets a batch that is over be used again.
func (b *dnsBatch) release() {
	clear(b.calls)
	b.calls = b.calls[:0]
	if !b.late {
		b.client.batches.Put(b)
	}
}

// run sees all calls through.
func (b *dnsBatch) run(ctx context.Context) {
	b.open = len(b.calls)
	if room := len(b.calls) * (b.client.attempts + 1); cap(b.packets) < room {
		b.packets = make(chan dnsPacket, room)
	}
	b.deadline = time.Now().Add(2 * b.client.timeout)
	for _, call := range b.calls {
		call.batch, call.tickets, call.asked = b, call.ticketRoom[:0], call.askedRoom[:0]
		if err := call.pack(); err != nil {
			b.finish(call, &dnsAnswer{status: scanner.StatusBadName, err: err.Error(), name: call.q.name})
			continue
		}
		b.attempt(ctx, call)
	}
	defer b.timer.Stop()
	defer b.flush() // also after a stop: others may have queued behind this one
	for b.open > 0 {
		b.flush()
		b.timer.Reset(time.Until(b.nextDue()))
		select {
		case p := <-b.packets:
			b.receive(ctx, p)
		case <-b.timer.C:
			b.overdue(ctx)
		case <-ctx.Done():
			b.abandon()
		}
	}
}

func (b *dnsBatch) nextDue() time.Time {
	var next time.Time
	for _, call := range b.calls {
		if !call.done && (next.IsZero() || call.due.Before(next)) {
			next = call.due
		}
	}
	return next
}

// overdue sends the questions again whose time has come, or gives them up.
func (b *dnsBatch) overdue(ctx context.Context) {
	now := time.Now()
	for _, call := range b.calls {
		if call.done || call.due.After(now) {
			continue
		}
		last := call.asked[len(call.asked)-1]
		last.misses.Add(1)
		if len(call.asked) < b.client.attempts {
			b.attempt(ctx, call)
			continue
		}
		if len(call.tickets) > 0 { // else each attempt has failed in its own way
			call.fail(&dnsAnswer{status: scanner.StatusDNSTimeout, err: "no answer from " + last.address, ttl: failureTTL})
		}
		b.finish(call, call.failure)
	}
}

// attempt sends a question, to a server that has not had it if there is one.
func (b *dnsBatch) attempt(ctx context.Context, call *dnsCall) {
	if call.done { // given up together with another
		return
	}
	if b.pace(ctx) != nil {
		b.abandon()
		return
	}
	s := b.client.pick(call.asked)
	call.asked = append(call.asked, s)
	call.due = time.Now().Add(b.client.step << (len(call.asked) - 1))
	if err := b.send(ctx, call, s); err != nil {
		b.unsent(ctx, call, s, err)
	}
}

// send queues the question of a call at a server.
func (b *dnsBatch) send(ctx context.Context, call *dnsCall, s *dnsServer) error {
	k, err := s.socket(ctx)
	if err != nil {
		return err
	}
	t, first, err := k.enter(call)
	if err != nil {
		return err
	}
	call.tickets = append(call.tickets, t)
	if first {
		b.leads = append(b.leads, k)
	}
	return nil
}

// flush sends the queries that this batch and others have queued on the sockets
// where this one came first. It lets others run before, who may have more for
// the same call to the system; where nobody waits to run, that takes no time.
func (b *dnsBatch) flush() {
	if len(b.leads) == 0 {
		return
	}
	runtime.Gosched()
	for _, k := range b.leads {
		k.flush()
	}
	clear(b.leads)
	b.leads = b.leads[:0]
}

// pace waits for leave to send a packet, but first sends what is queued. It fails
// at once when leave would come after the deadline of the context.
func (b *dnsBatch) pace(ctx context.Context) error {
	limiter := b.client.limiter
	if limiter == nil || ctx.Err() == nil && limiter.Allow() {
		return ctx.Err()
	}
	b.flush()
	return limiter.Wait(ctx)
}

// unsent takes that a query could not be sent: a fault of our own side, but
// perhaps only on the way to this server.
func (b *dnsBatch) unsent(ctx context.Context, call *dnsCall, s *dnsServer, err error) {
	s.misses.Add(1)
	call.fail(&dnsAnswer{status: scanner.StatusLocal, err: err.Error()})
	if errors.Is(err, errDNSClosed) {
		b.finish(call, call.failure)
		return
	}
	b.elsewhere(ctx, call)
}

// receive takes what a socket has brought.
func (b *dnsBatch) receive(ctx context.Context, p dnsPacket) {
	call := p.call
	if call.done {
		return
	}
	call.tickets = slices.DeleteFunc(call.tickets, func(t dnsTicket) bool { return t == p.ticket })
	if errors.Is(p.err, net.ErrClosed) {
		b.finish(call, &dnsAnswer{status: scanner.StatusLocal, err: errDNSClosed.Error(), name: call.q.name})
		return
	}
	if p.unsent {
		b.unsent(ctx, call, p.server, fmt.Errorf("query to %s: %w", p.server.address, p.err)) // which a batched write leaves out
		return
	}
	if p.err != nil {
		p.server.misses.Add(1)
		call.fail(&dnsAnswer{status: scanner.StatusDNSTimeout, err: fmt.Sprintf("no answer from %s: %v", p.server.address, p.err), ttl: failureTTL})
		b.elsewhere(ctx, call)
		return
	}
	p.server.misses.Store(0)
	message := p.buffer[:p.size]
	a := b.read(ctx, call, p.server, message)
	p.server.buffers.Put(p.buffer)
	if a.answered {
		b.finish(call, a)
		return
	}
	call.fail(a)
	if !b.elsewhere(ctx, call) && len(call.tickets) == 0 {
		b.finish(call, call.failure)
	}
}

// elsewhere asks another server at once, if there is one that has not been asked
// and an attempt is left.
func (b *dnsBatch) elsewhere(ctx context.Context, call *dnsCall) bool {
	if len(call.asked) >= min(b.client.attempts, len(b.client.servers)) {
		return false
	}
	b.attempt(ctx, call)
	return true
}

// finish ends a call with its answer.
func (b *dnsBatch) finish(call *dnsCall, a *dnsAnswer) {
	if call.done {
		return
	}
	call.done = true
	b.open--
	for _, t := range call.tickets {
		t.leave()
		b.late = true
	}
	b.client.cache.finish(call, a)
}

// abandon ends all calls without an answer: whoever else waits for one of them
// begins anew.
func (b *dnsBatch) abandon() {
	for _, call := range b.calls {
		b.finish(call, &dnsAnswer{name: call.q.name})
	}
}
