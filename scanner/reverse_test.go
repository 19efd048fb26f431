package scanner

import (
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// One lookup serves all ports of an address, those that are contacted while it
// is under way and those that come when it has long been done.
func TestPTRShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{
			latency: 3 * time.Second,
			ptr:     map[string][]string{"198.41.0.1": {"mx.example"}},
			host:    map[string][]string{"mx.example": {"198.41.0.1"}},
		}
		s := &Scanner{Resolver: dns, Dial: (&fakeNet{latency: time.Second}).dial, HostLimit: 2, Ports: []Port{{Number: 25}, {Number: 587}, {Number: 2525}}}
		e, r := newEngine(t.Context(), s, nil), new(records)
		e.emit = r.emit
		in := func(yield func(Input, error) bool) {
			_ = yield(sweepOf("198.41.0.1-198.41.0.2"), nil) && pass(t.Context(), time.Hour) && yield(sweepOf("198.41.0.1", Port{Number: 26}), nil)
		}
		if err := e.perform(in); err != nil || len(r.services) != 7 {
			t.Fatalf("error %v, %d rows", err, len(r.services))
		}
		for _, v := range r.services {
			names, valid := []string{}, any(nil)
			if v.IP.As4()[3] == 1 {
				names, valid = []string{"mx.example"}, true
			}
			if !slices.Equal(v.PTR, names) || v.PTR == nil || deref(v.PTRValid) != valid {
				t.Errorf("%v port %d: PTR %#v valid %v, want %#v %v", v.IP, v.Port, v.PTR, deref(v.PTRValid), names, valid)
			}
		}
		if a, b := dns.lookups["198.41.0.1"], dns.lookups["198.41.0.2"]; a != 1 || b != 1 || len(e.ptrs.underWay) != 0 {
			t.Errorf("looked up %d and %d times, under way in the end: %v", a, b, e.ptrs.underWay)
		}
	})
}
