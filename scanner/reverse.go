package scanner

import (
	"context"
	"net/netip"
	"strings"
	"sync"
)

// ptrs are the reverse lookups of a run: one for each address.
type ptrs struct {
	mu       sync.Mutex
	underWay map[netip.Addr]*ptr
	known    *memo[netip.Addr, ptr]
}

// A ptr is one reverse lookup.
type ptr struct {
	done  chan struct{} // nil, or closed when the others are there
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
	if known, ok := e.ptrs.known.get(addr); ok {
		return &known
	}
	p := e.ptrs.underWay[addr]
	if p == nil {
		p = &ptr{done: make(chan struct{})}
		e.ptrs.underWay[addr] = p
		e.spawn(func() {
			p.lookup(e.run, e.s.Resolver, addr)
			e.ptrs.end(addr, p)
		})
	}
	return p
}

// end keeps what a lookup has found, and tells those who wait for it.
func (all *ptrs) end(addr netip.Addr, p *ptr) {
	all.mu.Lock()
	delete(all.underWay, addr)
	all.known.put(addr, ptr{names: p.names, valid: p.valid})
	all.mu.Unlock()
	close(p.done)
}

// wait returns the names, nil if there was no answer.
func (p *ptr) wait(ctx context.Context) ([]string, *bool) {
	if p.done == nil {
		return p.names, p.valid
	}
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

// lookGreetingUp finds out whether the name in a greeting has an address. The
// name that led here has one.
func (e *engine) lookGreetingUp(s *Service) {
	if s.Greeting == nil || e.s.NoPTR || e.s.Resolver == nil {
		return
	}
	name := strings.TrimSuffix(s.Greeting.Hostname, ".")
	if !strings.Contains(name, ".") || name[0] == '[' {
		return
	}
	if strings.EqualFold(name, s.Host) {
		s.Greeting.Resolves = new(true)
		return
	}
	switch e.s.Resolver.LookupHost(e.run, name).Status {
	case StatusSuccess:
		s.Greeting.Resolves = new(true)
	case StatusNXDomain, StatusNoAddress:
		s.Greeting.Resolves = new(false)
	}
}
