package scanner

import (
	"context"
	"errors"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A poller makes connections and wakes the goroutines that wait for them. It has
// an epoll instance, which the poller of the Go runtime watches in turn: so its
// own goroutine blocks no thread, and one system call fetches what happened to
// many sockets. Until a connection is made no goroutine waits for it and no
// timer runs: in a range most addresses are silent, and cost nothing but this.
type poller struct {
	epoll *os.File
	raw   syscall.RawConn
	fd    int // of epoll
	spawn func(func())

	mu      sync.Mutex
	sockets map[int32]*socket // by descriptor
	uses    int32             // tells a descriptor's uses apart
	waiting socket            // ring of those being connected: the first to expire is next
	due     time.Time         // when the poller looks for expired ones; zero: there are none
	ended   bool              // no connection is waited for any more
}

func newPoller(spawn func(func())) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that the runtime watches it
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	p := &poller{epoll: os.NewFile(uintptr(fd), "epoll"), fd: fd, spawn: spawn, sockets: make(map[int32]*socket)}
	p.waiting.prev, p.waiting.next = &p.waiting, &p.waiting
	if p.raw, err = p.epoll.SyscallConn(); err != nil {
		p.close()
		return nil, err
	}
	return p, nil
}

func (p *poller) close() { p.epoll.Close() }

// run serves the sockets until the poller is closed.
func (p *poller) run() {
	events := make([]unix.EpollEvent, 256)
	n := 0
	look := func(fd uintptr) bool {
		n, _ = unix.EpollWait(int(fd), events, 0)
		return n > 0
	}
	for {
		err := p.raw.Read(look)
		if errors.Is(err, os.ErrDeadlineExceeded) { // what came in time counts, however late we are
			err = p.raw.Control(func(fd uintptr) { look(fd) })
		}
		if err != nil {
			return
		}
		for _, s := range p.wake(events[:max(n, 0)]) {
			s.arrive()
		}
		if n == len(events) {
			continue // there may be more
		}
		late, why := p.expire(time.Now())
		for _, s := range late {
			s.fail(why)
		}
	}
}

// wake passes events on, and returns the sockets that have been connected or
// have failed to be.
func (p *poller) wake(events []unix.EpollEvent) (arrived []*socket) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, event := range events {
		s := p.sockets[event.Fd]
		switch {
		case s == nil || s.use != event.Pad:
		case s.next == nil:
			s.notify(event.Events)
		case event.Events&(unix.EPOLLOUT|broken) != 0:
			s.unlink()
			s.deadline, s.events, s.wakeup = time.Time{}, event.Events, make(chan struct{}, 1)
			arrived = append(arrived, s)
		}
	}
	return arrived
}

// expire returns the sockets whose time to be connected is over, and why.
func (p *poller) expire(now time.Time) (late []*socket, why error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.due.IsZero() || now.Before(p.due) {
		return nil, nil
	}
	why = os.ErrDeadlineExceeded
	if p.ended {
		why = context.Canceled
	}
	for s := p.waiting.next; s != &p.waiting && (p.ended || !now.Before(s.deadline)); s = p.waiting.next {
		s.unlink()
		late = append(late, s)
	}
	p.lookAt(p.waiting.next.deadline) // zero if nobody waits
	return late, why
}

// lookAt sets the time at which the poller is to look for expired sockets.
func (p *poller) lookAt(t time.Time) {
	p.due = t
	_ = p.epoll.SetReadDeadline(t) // fails only if it is closed
}

// cancel has every connect fail from now on, and what waits for data. Who sets a
// new deadline afterwards must look whether the run has ended.
func (p *poller) cancel() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	p.lookAt(time.Unix(1, 0))
	for _, s := range p.sockets {
		if s.next == nil {
			s.setDeadline(time.Unix(1, 0))
		}
	}
}

// add has the poller watch a socket that is being connected, until it is
// closed. Events come once for each change (EPOLLET). The timeout is the same
// for all, so the ring is in the order of the deadlines.
func (p *poller) add(s *socket, timeout time.Duration) error {
	p.mu.Lock()
	if p.ended {
		p.mu.Unlock()
		return context.Canceled
	}
	p.uses++
	s.poller, s.use, s.deadline = p, p.uses, time.Now().Add(timeout)
	p.sockets[int32(s.fd)] = s
	s.prev, s.next = p.waiting.prev, &p.waiting
	s.prev.next, s.next.prev = s, s
	if p.due.IsZero() {
		p.lookAt(s.deadline)
	}
	p.mu.Unlock()
	event := unix.EpollEvent{Events: readable | unix.EPOLLOUT | unix.EPOLLET, Fd: int32(s.fd), Pad: s.use}
	if err := sysWatch(p.fd, s.fd, &event); err != 0 && p.leave(s) {
		return os.NewSyscallError("epoll_ctl", err)
	}
	return nil
}

// leave takes a socket out of the ring. It returns false if connect has ended:
// then its end is, or has been, reported.
func (p *poller) leave(s *socket) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if s.next == nil {
		return false
	}
	s.unlink()
	return true
}

// The events that end the wait for data, and those that end every wait. All but
// EPOLLIN say that there will be no more.
const (
	readable = unix.EPOLLIN | unix.EPOLLRDHUP
	broken   = unix.EPOLLERR | unix.EPOLLHUP
)

// A socket is a TCP connection. It is a net.Conn but for this: only one
// goroutine may use it, which fits a dialogue in lock-step. Only its deadline may
// be set by others.
type socket struct {
	fd     int
	to     netip.AddrPort
	poller *poller // nil until it is watched
	use    int32

	done       func(net.Conn, error) // is told how connect has ended
	prev, next *socket               // in the ring of the poller; nil once that has ended

	wakeup chan struct{} // holds one when something has changed; nil until connected

	mu       sync.Mutex
	events   uint32 // seen by epoll and not yet used up
	timer    *time.Timer
	deadline time.Time // of connect, then of Read and Write
	expired  bool      // it has passed
	closed   bool
}

// unlink takes the socket out of the ring.
func (s *socket) unlink() {
	s.prev.next, s.next.prev = s.next, s.prev
	s.prev, s.next = nil, nil
}

// arrive reports the end of connect. What comes after success takes its time,
// so it has a goroutine of its own.
func (s *socket) arrive() {
	if s.events&broken != 0 { // this may be a matter of connect, or of the first Read
		code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
		if err == nil && code != 0 {
			err = unix.Errno(code)
		}
		if err != nil {
			s.fail(os.NewSyscallError("connect", err))
			return
		}
	}
	s.poller.spawn(func() { s.done(s, nil) })
}

// fail reports that connect has failed.
func (s *socket) fail(why error) {
	s.Close()
	s.done(nil, why)
}

func (s *socket) notify(events uint32) {
	s.mu.Lock()
	s.events |= events
	s.mu.Unlock()
	s.wake()
}

func (s *socket) wake() {
	select {
	case s.wakeup <- struct{}{}:
	default:
	}
}

// await waits for one of some events, which it uses up and returns.
func (s *socket) await(events uint32) (uint32, error) {
	events |= broken
	for {
		s.mu.Lock()
		seen, expired, closed := s.events&events, s.expired, s.closed
		s.events &^= seen
		s.mu.Unlock()
		switch {
		case closed:
			return 0, net.ErrClosed
		case expired:
			return 0, os.ErrDeadlineExceeded
		case seen != 0:
			return seen, nil
		}
		<-s.wakeup
	}
}

// Read implements net.Conn. In a dialogue nearly every Read comes before its
// data, so it waits before it asks.
func (s *socket) Read(b []byte) (int, error) {
	for {
		seen, err := s.await(readable)
		if err != nil {
			return 0, err
		}
		n, failed := sysRead(s.fd, b)
		if failed == unix.EAGAIN {
			continue
		}
		// Less than asked for is all that there was, and more is another
		// event, unless the event said that the end has come as well.
		if failed != 0 || n == 0 || n == len(b) || seen != unix.EPOLLIN {
			s.notify(seen)
		}
		switch {
		case failed == unix.EINTR:
		case failed != 0:
			return 0, os.NewSyscallError("read", failed)
		case n == 0 && len(b) > 0:
			return 0, io.EOF
		default:
			return n, nil
		}
	}
}

// Write implements net.Conn. What it writes fits the send buffer, so it asks
// before it waits.
func (s *socket) Write(b []byte) (int, error) {
	done := 0
	for done < len(b) {
		if err := s.usable(); err != nil {
			return done, err
		}
		n, err := sysWrite(s.fd, b[done:])
		switch err {
		case 0:
			done += n
		case unix.EINTR:
		case unix.EAGAIN:
			if _, err := s.await(unix.EPOLLOUT); err != nil {
				return done, err
			}
		default:
			return done, os.NewSyscallError("write", err)
		}
	}
	return done, nil
}

func (s *socket) usable() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.closed:
		return net.ErrClosed
	case s.expired:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// Close implements net.Conn.
func (s *socket) Close() error {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		return net.ErrClosed
	}
	s.closed = true
	if s.timer != nil {
		s.timer.Stop()
	}
	s.mu.Unlock()
	if p := s.poller; p != nil {
		p.mu.Lock()
		delete(p.sockets, int32(s.fd)) // before another socket can have the number
		p.mu.Unlock()
	}
	if err := sysClose(s.fd); err != 0 {
		return os.NewSyscallError("close", err)
	}
	return nil
}

// SetDeadline implements net.Conn.
func (s *socket) SetDeadline(t time.Time) error {
	if !s.setDeadline(t) {
		return net.ErrClosed
	}
	return nil
}

// SetReadDeadline implements net.Conn; there is one deadline for both.
func (s *socket) SetReadDeadline(t time.Time) error { return s.SetDeadline(t) }

// SetWriteDeadline implements net.Conn; there is one deadline for both.
func (s *socket) SetWriteDeadline(t time.Time) error { return s.SetDeadline(t) }

func (s *socket) setDeadline(t time.Time) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.deadline = t
	left := time.Until(t)
	s.expired = !t.IsZero() && left <= 0
	switch {
	case s.expired:
		s.wake()
	case t.IsZero():
	case s.timer == nil:
		s.timer = time.AfterFunc(left, s.expire)
	default:
		s.timer.Reset(left)
	}
	return true
}

// expire is called by the timer, which may be that of an earlier deadline.
func (s *socket) expire() {
	s.mu.Lock()
	s.expired = !s.deadline.IsZero() && !time.Now().Before(s.deadline)
	s.mu.Unlock()
	s.wake()
}

// SetNoDelay is as that of net.TCPConn, but the default is false: in a dialogue
// in lock-step nothing is ever held back.
func (s *socket) SetNoDelay(on bool) error {
	value := 0
	if on {
		value = 1
	}
	return os.NewSyscallError("setsockopt", unix.SetsockoptInt(s.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, value))
}

// LocalAddr implements net.Conn. The system is asked only here, since most
// probes need not know.
func (s *socket) LocalAddr() net.Addr {
	own, err := syscall.Getsockname(s.fd) // that of package unix asks for the protocol, too
	if err != nil {
		return nil
	}
	switch own := own.(type) {
	case *syscall.SockaddrInet4:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom4(own.Addr), uint16(own.Port)))
	case *syscall.SockaddrInet6:
		return net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.AddrFrom16(own.Addr), uint16(own.Port)))
	}
	return nil
}

// RemoteAddr implements net.Conn.
func (s *socket) RemoteAddr() net.Addr { return net.TCPAddrFromAddrPort(s.to) }
