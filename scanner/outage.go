package scanner

import (
	"errors"
	"net/netip"
	"sync/atomic"
	"syscall"
	"time"
)

// maxOutage is how long a connection waits for the network to come back.
const maxOutage = 5 * time.Minute

// errOutage is a fault of our own side that outlasted the wait.
var errOutage = errors.New("the network of this machine is down")

// An outage is told from an address without a route by another one: an address
// of the same family that there was a route to in this run. The zero value is
// ready.
type outage struct {
	v4, v6 atomic.Pointer[netip.Addr]
	seen   atomic.Pointer[time.Time] // when the network was last found to be down
}

func (o *outage) witness(addr netip.Addr) *atomic.Pointer[netip.Addr] {
	if addr.Is4() {
		return &o.v4
	}
	return &o.v6
}

// routed takes note that there is a route to an address.
func (o *outage) routed(addr netip.Addr) {
	if w := o.witness(addr); w.Load() == nil {
		kept := addr
		w.Store(&kept)
	}
}

// during reports whether the network has been found to be down since a time.
func (o *outage) during(since time.Time) bool {
	seen := o.seen.Load()
	return seen != nil && !seen.Before(since)
}

// down reports whether the network is gone, and not just the way to addr. It
// sends nothing.
func (e *engine) down(addr netip.Addr) bool {
	w := e.outage.witness(addr).Load()
	if e.route == nil || w == nil || e.route(addr) || e.route(*w) {
		return false
	}
	now := time.Now()
	e.outage.seen.Store(&now)
	return true
}

// outlast waits, after a connection that failed with err, as long as the
// network is down. It returns true if the connection is to be tried again;
// otherwise the error to report.
func (e *engine) outlast(addr netip.Addr, err error) (again bool, _ error) {
	if !errors.Is(err, syscall.ENETUNREACH) {
		e.outage.routed(addr)
		return false, err
	}
	if !e.down(addr) {
		return false, err
	}
	e.warn("the network of this machine is down, the run waits for it", err)
	for began := time.Now(); time.Since(began) < maxOutage; {
		if !e.sleep(time.Second) || !e.down(addr) {
			return e.intake.Err() == nil, errOutage
		}
	}
	return false, errOutage
}
