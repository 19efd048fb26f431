package scanner

import (
	"context"
	"io"
	"net"
	"net/netip"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// A poller wakes the goroutines that wait for sockets. It has an epoll
// instance, which the poller of the Go runtime watches in turn: so its own
// goroutine blocks no thread, and one system call fetches what happened to
// many sockets.
type poller struct {
	epoll *os.File
	fd    int // of epoll

	mu      sync.Mutex
	sockets map[int32]*socket // by descriptor
	uses    int32             // tells a descriptor's uses apart
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	if err := unix.SetNonblock(fd, true); err != nil { // so that the runtime watches it
		unix.Close(fd)
		return nil, os.NewSyscallError("fcntl", err)
	}
	return &poller{epoll: os.NewFile(uintptr(fd), "epoll"), fd: fd, sockets: make(map[int32]*socket)}, nil
}

func (p *poller) close() { p.epoll.Close() }

// run wakes waiting goroutines until the poller is closed.
func (p *poller) run() {
	raw, err := p.epoll.SyscallConn()
	if err != nil {
		return
	}
	events := make([]unix.EpollEvent, 256)
	for {
		n := 0
		err := raw.Read(func(fd uintptr) bool {
			n, _ = unix.EpollWait(int(fd), events, 0)
			return n > 0
		})
		if err != nil {
			return
		}
		p.wake(events[:n])
	}
}

func (p *poller) wake(events []unix.EpollEvent) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, event := range events {
		if s := p.sockets[event.Fd]; s != nil && s.use == event.Pad {
			s.notify(event.Events)
		}
	}
}

// add has the poller watch a socket until it is closed. Events come once for
// each change (EPOLLET).
func (p *poller) add(s *socket) error {
	p.mu.Lock()
	p.uses++
	s.poller, s.use = p, p.uses
	p.sockets[int32(s.fd)] = s
	p.mu.Unlock()
	event := unix.EpollEvent{Events: readable | unix.EPOLLOUT | unix.EPOLLET, Fd: int32(s.fd), Pad: s.use}
	return os.NewSyscallError("epoll_ctl", unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, s.fd, &event))
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

	wakeup chan struct{} // holds one when something has changed

	mu       sync.Mutex
	events   uint32 // seen by epoll and not yet used up
	timer    *time.Timer
	deadline time.Time
	expired  bool // it has passed
	closed   bool
}

func newSocket(fd int, to netip.AddrPort) *socket {
	return &socket{fd: fd, to: to, wakeup: make(chan struct{}, 1)}
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

// await waits for one of some events, which it uses up and returns. A nil
// context never ends.
func (s *socket) await(events uint32, done <-chan struct{}) (uint32, error) {
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
		select {
		case <-s.wakeup:
		case <-done:
			return 0, context.Canceled
		}
	}
}

// connected waits for the end of connect.
func (s *socket) connected(ctx context.Context, timeout time.Duration) error {
	deadline := time.Now().Add(timeout)
	if early, ok := ctx.Deadline(); ok && early.Before(deadline) {
		deadline = early
	}
	s.setDeadline(deadline)
	seen, err := s.await(unix.EPOLLOUT, ctx.Done())
	if err != nil {
		return err
	}
	if seen&broken == 0 {
		// A ClientHello of two packets must not wait for the first one's
		// acknowledgment.
		return os.NewSyscallError("setsockopt", unix.SetsockoptInt(s.fd, unix.IPPROTO_TCP, unix.TCP_NODELAY, 1))
	}
	s.notify(seen) // for the first Read, if this is no matter of connect
	code, err := unix.GetsockoptInt(s.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	if err == nil && code != 0 {
		err = unix.Errno(code)
	}
	return os.NewSyscallError("connect", err)
}

// Read implements net.Conn. In a dialogue nearly every Read comes before its
// data, so it waits before it asks.
func (s *socket) Read(b []byte) (int, error) {
	for {
		seen, err := s.await(readable, nil)
		if err != nil {
			return 0, err
		}
		n, err := unix.Read(s.fd, b)
		if err == unix.EAGAIN {
			continue
		}
		// Less than asked for is all that there was, and more is another
		// event, unless the event said that the end has come as well.
		if n <= 0 || n == len(b) || seen != unix.EPOLLIN {
			s.notify(seen)
		}
		switch {
		case err == unix.EINTR:
		case err != nil:
			return 0, os.NewSyscallError("read", err)
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
		n, err := unix.Write(s.fd, b[done:])
		switch err {
		case nil:
			done += n
		case unix.EINTR:
		case unix.EAGAIN:
			if _, err = s.await(unix.EPOLLOUT, nil); err != nil {
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
	return os.NewSyscallError("close", unix.Close(s.fd))
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
