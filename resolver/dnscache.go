package resolver

import (
	"sync"
	"time"

	"github.com/miekg/dns"
)

// A dnsCache keeps answers for their time to live, and the questions under way.
// Whoever began one of these sees it through; everybody else who asks the same
// waits for it.
//
// It is bounded by two generations: new answers go to the young one; when that
// is full it becomes the old one, and the old one is forgotten. An answer that is
// used from the old one becomes young again. So what is used often stays, without
// a list to keep in order.
type dnsCache struct {
	mu         sync.Mutex
	limit      int // weight of one generation
	weight     int // of the young one
	young, old map[dnsQuestion]*dnsAnswer
	calls      map[dnsQuestion]*dnsCall
}

func newDNSCache(size int) *dnsCache {
	return &dnsCache{
		limit: size / 2,
		young: make(map[dnsQuestion]*dnsAnswer),
		old:   make(map[dnsQuestion]*dnsAnswer),
		calls: make(map[dnsQuestion]*dnsCall),
	}
}

// begin returns the answer that is kept or else the call with the question, and
// whether it is the caller's to see through. If not, its others are closed when
// it has its answer.
func (c *dnsCache) begin(q dnsQuestion) (a *dnsAnswer, call *dnsCall, lead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a = c.kept(q); a != nil {
		return a, nil, false
	}
	if call = c.calls[q]; call != nil {
		if call.others == nil {
			call.others = make(chan struct{})
		}
		return nil, call, false
	}
	call = &dnsCall{q: q}
	c.calls[q] = call
	return nil, call, true
}

func (c *dnsCache) kept(q dnsQuestion) *dnsAnswer {
	a, young := c.young[q]
	if !young {
		a = c.old[q]
	}
	if a == nil || time.Now().After(a.expires) {
		return nil
	}
	if !young {
		c.keep(q, a)
	}
	return a
}

func (c *dnsCache) keep(q dnsQuestion, a *dnsAnswer) {
	w := a.weight()
	if w > c.limit {
		return
	}
	if c.weight += w; c.weight > c.limit {
		c.old, c.young = c.young, c.old
		clear(c.young) // which is used again: a new map would grow step by step
		c.weight = w
	}
	c.young[q] = a
}

// finish ends a call with its answer, and keeps that if it may be kept. The names
// of an address are not: a run asks for them once and remembers them, and there
// may be as many as addresses.
func (c *dnsCache) finish(call *dnsCall, a *dnsAnswer) {
	c.mu.Lock()
	if a.ttl > 0 && call.q.qtype != dns.TypePTR {
		a.expires = time.Now().Add(a.ttl)
		c.keep(call.q, a)
	}
	delete(c.calls, call.q)
	others := call.others
	c.mu.Unlock()
	call.answer = a
	if others != nil {
		close(others)
	}
}
