package resolver

import (
	"cmp"
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"

	"github.com/mxsweep/mxsweep/scanner"
)

// A dnsClient asks name servers. It has no goroutine of its own: a lookup sends
// its questions, then waits for the answers of all of them at once.
//
// An unanswered question is asked again early, and elsewhere: the waits grow by
// doubling and add up to the timeout, so that with the defaults packets go out
// after 0, 0.4, 1.2 and 2.8 s, by turns to every server, and the answer to any
// of them counts until 6 s have passed.
type dnsClient struct {
	servers  []*dnsServer
	cache    *dnsCache
	limiter  *rate.Limiter // nil: none
	dial     dialFunc
	attempts int
	step     time.Duration // the first wait
	timeout  time.Duration
	turn     atomic.Uint32
	batches  sync.Pool // of *dnsBatch
}

func newDNSClient(d *DNS) (*dnsClient, error) {
	addresses, err := serversOf(d.Servers, "/etc/resolv.conf")
	if err != nil {
		return nil, err
	}
	c := &dnsClient{
		cache:    newDNSCache(cmp.Or(d.CacheSize, 65536)),
		dial:     d.dial,
		attempts: min(max(cmp.Or(d.Attempts, 4), 1), 16),
		timeout:  cmp.Or(max(d.Timeout, 0), 6*time.Second),
	}
	c.step = c.timeout / time.Duration(1<<c.attempts-1)
	if d.Rate >= 0 {
		c.limiter = rate.NewLimiter(rate.Limit(cmp.Or(d.Rate, 1000)), 1)
	}
	if c.dial == nil {
		c.dial = new(net.Dialer).DialContext
	}
	buffers, queues := new(sync.Pool), new(sync.Pool)
	for _, address := range addresses {
		c.servers = append(c.servers, &dnsServer{address: address, dial: c.dial, buffers: buffers, queues: queues})
	}
	return c, nil
}

func (c *dnsClient) close() {
	for _, s := range c.servers {
		s.close()
	}
}

// lookup returns the answers to the questions, in their order, with all aliases
// followed: also those that a server left to us.
func (c *dnsClient) lookup(ctx context.Context, questions ...dnsQuestion) []*dnsAnswer {
	answers := c.ask(ctx, questions)
	for {
		var again []dnsQuestion
		var index []int
		for i, a := range answers {
			if a.more {
				again, index = append(again, newDNSQuestion(a.name, questions[i].qtype)), append(index, i)
			}
		}
		if len(again) == 0 {
			return answers
		}
		for j, a := range c.ask(ctx, again) {
			i := index[j]
			answers[i] = chain(questions[i].name, answers[i], a)
		}
	}
}

// chain joins the answer for an alias to the one that led there. Each round adds
// an alias or ends, so their limit ends the chain.
func chain(name string, first, next *dnsAnswer) *dnsAnswer {
	a := *next
	a.aliases = slices.Concat(first.aliases, next.aliases)
	a.authentic = first.authentic && next.authentic
	loop := slices.ContainsFunc(next.aliases, func(alias string) bool {
		return alias == name || slices.Contains(first.aliases, alias)
	})
	if loop || len(a.aliases) > maxAliases {
		a = dnsAnswer{status: scanner.StatusDNSLoop, err: "the aliases of " + withoutDot(name) + " loop or are more than 16",
			answered: true, authentic: a.authentic, aliases: cut(a.aliases, maxAliases+1), name: a.name}
	}
	return &a
}

// ask returns the answers to the questions: kept ones, those of questions that
// are under way already, and those of the servers.
func (c *dnsClient) ask(ctx context.Context, questions []dnsQuestion) []*dnsAnswer {
	answers := make([]*dnsAnswer, len(questions))
	calls := make([]*dnsCall, len(questions))
	b := c.batch()
	defer b.release()
	for i, q := range questions {
		var lead bool
		if answers[i], calls[i], lead = c.cache.begin(q); lead {
			b.calls = append(b.calls, calls[i])
		}
	}
	// Own questions first, then those of others: who waits for somebody else
	// has nothing left that somebody could be waiting for.
	if len(b.calls) > 0 {
		b.run(ctx)
	}
	for _, call := range b.calls {
		i := slices.Index(calls, call)
		if answers[i], calls[i] = call.answer, nil; answers[i].status == "" {
			answers[i] = gaveUp(ctx, call.q)
		}
	}
	for i, call := range calls {
		if call != nil {
			answers[i] = c.await(ctx, call)
		}
	}
	return answers
}

// await waits for the call of somebody else. If that one gave up, the question
// is asked again.
func (c *dnsClient) await(ctx context.Context, call *dnsCall) *dnsAnswer {
	select {
	case <-call.others:
	case <-ctx.Done():
		return gaveUp(ctx, call.q)
	}
	if call.answer.status == "" {
		return c.ask(ctx, []dnsQuestion{call.q})[0]
	}
	return call.answer
}

// gaveUp is the answer for one whose own time was over.
func gaveUp(ctx context.Context, q dnsQuestion) *dnsAnswer {
	if errors.Is(ctx.Err(), context.Canceled) {
		return &dnsAnswer{status: scanner.StatusCancelled, err: "the lookup was stopped", name: q.name}
	}
	return &dnsAnswer{status: scanner.StatusDNSTimeout, err: "the lookup took too long", name: q.name}
}

// pick returns the server for an attempt: the servers by turns, without those
// that have been silent lately. Now and then these are asked all the same, so
// that one that comes back is noticed.
func (c *dnsClient) pick(avoid []*dnsServer) *dnsServer {
	turn := c.turn.Add(1)
	n := uint32(len(c.servers))
	var second *dnsServer
	for i := range n {
		s := c.servers[(turn+i)%n]
		if slices.Contains(avoid, s) {
			continue
		}
		if s.misses.Load() < 3 || turn%61 == 0 {
			return s
		}
		if second == nil {
			second = s
		}
	}
	if second == nil {
		second = c.servers[turn%n]
	}
	return second
}
