package scanner

import (
	"fmt"
	"time"
)

// A Discovery says how it is found out which addresses of a range answer at
// all. What was named, by address or by name, is connected to at once.
type Discovery uint8

// The ways of discovery.
const (
	DiscoverConnect Discovery = iota // each is connected to
	DiscoverSYN                      // each is sent a SYN by a raw socket, and what answers is connected to then
)

// ParseDiscovery returns the discovery of that name: "connect" or "syn".
func ParseDiscovery(text string) (Discovery, error) {
	switch text {
	case "connect":
		return DiscoverConnect, nil
	case "syn":
		return DiscoverSYN, nil
	}
	return 0, fmt.Errorf("%q is not a way of discovery: expected connect or syn", text)
}

// maxAloft bounds the SYNs that are waited for at once: over the connect timeout
// it is the greatest rate at which silent addresses can be passed. Ranges and
// conversations go beyond it by one each.
const maxAloft = 1 << 16

// noDiscovery announces why ranges are connected to although the discovery was
// to be another one. It must be called on the goroutine that called Run.
func (e *engine) noDiscovery(why string) {
	if e.s.Warn != nil {
		e.s.Warn("no discovery by SYN, every address of a range is connected to: " + why)
	}
}

// takeOff takes note that an endpoint is sent a SYN and needs no slot of the pool
// until that is answered.
func (s *schedule) takeOff() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.aloft++
}

// land ends what takeOff began.
func (s *schedule) land() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.aloft--; s.aloft == maxAloft-1 {
		s.room.Broadcast()
	}
}

// discover sends a SYN in place of the connection of an attempt, which then goes
// on without a slot of the pool. It returns false if the endpoint is to be
// connected to at once: somebody named it, it has been discovered before, or no
// SYN can be sent, in which case the connection will tell why.
func (e *engine) discover(t *task) bool {
	if e.scout == nil || !t.job.sweep || t.attempts > 1 {
		return false
	}
	e.takeOff()
	sent := e.scout(t.ep.addrPort(), func(err error) { e.discovered(t, err) })
	if !sent {
		e.land()
	}
	return sent
}

// discovered goes on with an attempt whose SYN has been answered, or has not. It
// does not wait.
func (e *engine) discovered(t *task, err error) {
	e.land()
	switch {
	case e.run.Err() != nil:
		e.leave(nil)
	case err == nil || ourFault(err):
		e.spawn(func() { e.follow(t) })
	default:
		e.outage.routed(t.ep.Addr)
		e.unconnected(t, err, e.leave)
	}
}

// follow connects to what has answered, as soon as a slot of the pool is free
// and at the pace of all connections.
func (e *engine) follow(t *task) {
	if !e.queue() {
		e.leave(nil)
		return
	}
	if !e.pace() {
		e.passOn(nil)
		return
	}
	t.began = time.Now()
	if next, underWay := e.reach(t); !underWay {
		e.work(e.choose(next))
	}
}

// leave is passOn for an attempt that has no slot of the pool.
func (e *engine) leave(next []*task) {
	for _, t := range next {
		e.spawn(func() { e.launch(t) })
	}
	e.ended()
}
