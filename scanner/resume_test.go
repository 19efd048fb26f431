package scanner

import (
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A range that is named twice is swept once, and an account of the second does
// not pass for one of the first: killed after any record, the run still ends
// with all addresses asked.
func TestResumeRangeNamedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const addresses = 512
		in := []Input{sweepOf("198.41.4.0-198.41.5.255"), sweepOf("198.41.4.0-198.41.5.255"), sweepOf("198.41.4.16-198.41.4.31")}
		network := &fakeNet{behave: func(to netip.AddrPort, _ int) string {
			if to.Addr().As4()[3]%64 == 1 {
				return serve
			}
			return ignore
		}}
		scanner := func() *Scanner {
			return &Scanner{Dial: network.dial, Ports: smtp25(), Rate: 50, Seed: 3, NoPTR: true}
		}
		whole, _ := part(t, scanner(), in, nil, 1e9)
		if n := len(network.dials); n != addresses {
			t.Fatalf("%d addresses contacted, want %d", n, addresses)
		}
		for cut := range len(whole) {
			network.dials = nil
			all, _ := part(t, scanner(), in, whole[:cut], 1e9)
			sameRecords(t, all, whole)
			sameFigures(t, all[len(all)-1].Summary, whole[len(whole)-1].Summary)
			if t.Failed() {
				t.Fatalf("cut at %d of %d", cut, len(whole))
			}
		}
	})
}

var _ = fmt.Sprint
var _ = slices.Clone[[]int]
var _ = time.Now
