package scanner

import (
	"testing"
	"testing/synctest"
	"time"
)

// What has answered a SYN is connected to soon, however much of the range is left.
func TestDiscoveredSoon(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var syns []time.Time
		fake := &fakeNet{behave: mixed}
		e, r := scouted(t, &Scanner{Rate: 100, Concurrency: 2, Retries: -1}, fake, &syns)
		if err := e.perform(inputs(sweepOf("198.18.0.0-198.18.15.255"))); err != nil {
			t.Fatal(err)
		}
		if len(r.services) != 64 {
			t.Fatalf("%d records", len(r.services))
		}
		if half, all := fake.times[32].Sub(syns[0]), syns[len(syns)-1].Sub(syns[0]); half > all*3/4 {
			t.Errorf("half of what answers was connected to after %v of a sweep of %v", half, all)
		}
	})
}
