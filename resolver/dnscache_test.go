package resolver

import (
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func (c *dnsCache) put(name string, a *dnsAnswer) {
	q := dnsQuestion{name, 1}
	_, call, _ := c.begin(q)
	c.finish(call, a)
}

func (c *dnsCache) has(name string) bool {
	q := dnsQuestion{name, 1}
	a, call, _ := c.begin(q)
	if call != nil {
		c.finish(call, &dnsAnswer{})
	}
	return a != nil
}

// The cache stays within its bound, and what is used often stays in it.
func TestCacheBound(t *testing.T) {
	c := newDNSCache(100)
	c.put("hot", &dnsAnswer{ttl: time.Hour})
	for i := range 10000 {
		c.put(fmt.Sprint(i), &dnsAnswer{ttl: time.Hour})
		if size := len(c.young) + len(c.old); size > 101 {
			t.Fatalf("%d answers in a cache of 100", size)
		}
		if i%20 == 0 && !c.has("hot") {
			t.Fatalf("an answer used every 20 others is gone after %d", i)
		}
	}
	if !c.has("9999") || c.has("100") {
		t.Error("the latest answer is gone, or an old one is not")
	}
	if len(c.calls) != 0 {
		t.Errorf("%d questions are still under way", len(c.calls))
	}
}

// Large answers count for several; one that would be half the cache is not kept.
func TestCacheWeight(t *testing.T) {
	c := newDNSCache(100)
	large := func(n int) *dnsAnswer { return &dnsAnswer{ttl: time.Hour, addresses: make([]netip.Addr, n)} }
	for i := range 100 {
		c.put(fmt.Sprint(i), large(64)) // of weight 9
	}
	if n := len(c.young) + len(c.old); n > 11 {
		t.Errorf("%d large answers in a cache of 100", n)
	}
	c.put("huge", large(1000))
	if c.has("huge") {
		t.Error("an answer larger than half the cache is kept")
	}
	none := newDNSCache(-1)
	none.put("any", &dnsAnswer{ttl: time.Hour})
	if none.has("any") {
		t.Error("a cache of negative size keeps answers")
	}
}

// The names of addresses are not kept, so that those of a large range do not
// take the room of what is asked again and again.
func TestCacheLeavesOutPTR(t *testing.T) {
	c := newDNSCache(100)
	for _, qtype := range []uint16{dns.TypeA, dns.TypeMX, dns.TypePTR} {
		q := dnsQuestion{"a.example.", qtype}
		_, call, _ := c.begin(q)
		c.finish(call, &dnsAnswer{ttl: time.Hour})
		if a, _, _ := c.begin(q); (a != nil) != (qtype != dns.TypePTR) {
			t.Errorf("%s: kept %v", dns.TypeToString[qtype], a)
		}
	}
}
