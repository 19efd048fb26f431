package scanner

import (
	"context"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"
)

// repeatAfter is when a SYN that was not answered is sent once more: after the
// first timeout of TCP (RFC 6298, section 2.1). A third one would come after
// three seconds, and helps few.
const repeatAfter = time.Second

// lookEvery is how often, at most, the flights are looked at for those that are
// due. Each may end so much later.
const lookEvery = 10 * time.Millisecond

// flights are the SYNs of a run that have been sent and not settled. A flight
// costs some memory, but neither a descriptor nor a goroutine nor a timer.
type flights struct {
	key     cookieKey
	timeout time.Duration
	syn     func(to netip.AddrPort) (from netip.AddrPort, err error) // sends one; is called with mu held
	alarm   func(time.Time)                                          // has tick called then, instead of when it was told before; zero: not at all

	mu    sync.Mutex
	aloft map[netip.AddrPort]*flight
	once  []*flight // sent once, in that order
	twice []*flight // repeated, in that order
	ended bool      // nothing is waited for any more
}

// A flight is one SYN. It is settled, and of no interest, once it has no done.
type flight struct {
	from, to netip.AddrPort
	sent     time.Time // the first time
	done     func(error)
}

// launch sends a SYN whose fate done is told: nil that it was accepted, else the
// error that a connection would have ended with. done must not wait. It returns
// false if none can be sent.
func (f *flights) launch(to netip.AddrPort, done func(error)) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.ended || f.aloft[to] != nil {
		return false
	}
	from, err := f.syn(to)
	if err != nil {
		return false
	}
	n := &flight{from: from, to: to, sent: time.Now(), done: done}
	f.aloft[to] = n
	f.once = append(f.once, n)
	if len(f.aloft) == 1 {
		f.alarm(n.sent.Add(min(repeatAfter, f.timeout)))
	}
	return true
}

// settle ends a flight and returns what is to be told.
func (f *flights) settle(n *flight) (done func(error)) {
	delete(f.aloft, n.to)
	done, n.done = n.done, nil
	return done
}

// answer takes in a segment from an endpoint. In answer to a SYN only a SYN or a
// RST that acknowledges it counts (RFC 9293, section 3.10.7.3).
func (f *flights) answer(from netip.AddrPort, s segment) {
	if s.flags&flagACK == 0 || s.flags&(flagSYN|flagRST) == 0 {
		return
	}
	var err error
	if s.flags&flagRST != 0 {
		err = os.NewSyscallError("connect", syscall.ECONNREFUSED)
	}
	f.conclude(from, s.destination, s.ack-1, err)
}

// fail takes in an error that quotes a SYN to an endpoint.
func (f *flights) fail(to netip.Addr, s segment, errno syscall.Errno) {
	f.conclude(netip.AddrPortFrom(to, s.destination), s.source, s.seq, os.NewSyscallError("connect", errno))
}

// conclude settles the flight to an endpoint from a port with that cookie, if
// there is one.
func (f *flights) conclude(to netip.AddrPort, port uint16, cookie uint32, err error) {
	f.mu.Lock()
	n := f.aloft[to]
	if n == nil || n.from.Port() != port || f.key.cookie(n.from, n.to) != cookie {
		f.mu.Unlock()
		return
	}
	done := f.settle(n)
	f.mu.Unlock()
	done(err)
}

// tick repeats and ends the flights that are due.
func (f *flights) tick(now time.Time) {
	late, why := f.sift(now)
	for _, done := range late {
		done(why)
	}
}

func (f *flights) sift(now time.Time) (late []func(error), why error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	why = os.ErrDeadlineExceeded
	if f.ended {
		why = context.Canceled
	}
	first := min(repeatAfter, f.timeout)
	for n := f.pop(&f.once, now, first); n != nil; n = f.pop(&f.once, now, first) {
		if f.ended || f.timeout <= repeatAfter {
			late = append(late, f.settle(n))
			continue
		}
		if from, err := f.syn(n.to); err == nil { // else this one was lost, as any may be
			n.from = from
		}
		f.twice = append(f.twice, n)
	}
	for n := f.pop(&f.twice, now, f.timeout); n != nil; n = f.pop(&f.twice, now, f.timeout) {
		late = append(late, f.settle(n))
	}
	f.alarm(f.next(now))
	return late, why
}

// pop takes the first flight out of a queue if its time has come, after that
// since it was sent; nil: there is none.
func (f *flights) pop(queue *[]*flight, now time.Time, after time.Duration) *flight {
	for len(*queue) > 0 {
		n := (*queue)[0]
		settled := n.done == nil
		if !settled && !f.ended && now.Before(n.sent.Add(after)) {
			return nil
		}
		(*queue)[0] = nil
		*queue = (*queue)[1:]
		if !settled {
			return n
		}
	}
	return nil
}

// next returns when the next flight is due, zero if there is none. The queues
// begin with one that is not settled.
func (f *flights) next(now time.Time) (at time.Time) {
	if len(f.once) > 0 {
		at = f.once[0].sent.Add(min(repeatAfter, f.timeout))
	}
	if len(f.twice) > 0 {
		if end := f.twice[0].sent.Add(f.timeout); at.IsZero() || end.Before(at) {
			at = end
		}
	}
	if soon := now.Add(lookEvery); !at.IsZero() && at.Before(soon) {
		at = soon
	}
	return at
}

// cancel has every flight end, and none begin any more.
func (f *flights) cancel() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ended = true
	f.alarm(time.Unix(1, 0))
}
