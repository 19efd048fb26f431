package resolver

import (
	"sync"
	"time"
)

// A dnsFlight is a question that is under way. Whoever began it sees it through;
// everybody else who asks the same waits for done to be closed.
type dnsFlight struct {
	done   chan struct{}
	answer *dnsAnswer // valid once done is closed
}

// A dnsCache keeps answers for their time to live, and the questions under way.
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
	flights    map[dnsQuestion]*dnsFlight
}

func newDNSCache(size int) *dnsCache {
	return &dnsCache{
		limit:   size / 2,
		young:   make(map[dnsQuestion]*dnsAnswer),
		flights: make(map[dnsQuestion]*dnsFlight),
	}
}

// begin returns the answer that is kept or else the question's flight, and
// whether it is the caller's to see through.
func (c *dnsCache) begin(q dnsQuestion) (a *dnsAnswer, f *dnsFlight, lead bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if a = c.kept(q); a != nil {
		return a, nil, false
	}
	if f = c.flights[q]; f != nil {
		return nil, f, false
	}
	f = &dnsFlight{done: make(chan struct{})}
	c.flights[q] = f
	return nil, f, true
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
		c.old, c.young = c.young, make(map[dnsQuestion]*dnsAnswer)
		c.weight = w
	}
	c.young[q] = a
}

// finish ends a flight with its answer, and keeps it if it may be kept.
func (c *dnsCache) finish(q dnsQuestion, f *dnsFlight, a *dnsAnswer) {
	c.mu.Lock()
	if a.ttl > 0 {
		a.expires = time.Now().Add(a.ttl)
		c.keep(q, a)
	}
	delete(c.flights, q)
	c.mu.Unlock()
	f.answer = a
	close(f.done)
}
