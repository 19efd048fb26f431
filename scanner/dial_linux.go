package scanner

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

// openSockets has the engine connect by sockets of its own, which takes half of
// the system calls of the net package, and neither a goroutine nor a timer for
// an address that is silent. Where that cannot be had, package net serves. The
// sockets work while watch runs, which release ends.
func (e *engine) openSockets() (watch, release func()) {
	p, err := newPoller(e.spawn)
	if err != nil {
		e.dial = e.s.dialer()
		return func() {}, func() {}
	}
	e.open = func(to netip.AddrPort, done func(net.Conn, error)) { p.open(&e.s, to, done) }
	e.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) { return p.dial(ctx, &e.s, to) }
	e.ends = true
	stop := context.AfterFunc(e.run, p.cancel)
	return p.run, func() { stop(); p.close() }
}

// open begins a connection, with the options of s, and returns. done is told how
// that ended: on success on a goroutine of its own, otherwise where it must not
// wait.
func (p *poller) open(s *Scanner, to netip.AddrPort, done func(net.Conn, error)) {
	if _, err := p.begin(s, to, done); err != nil {
		done(nil, err)
	}
}

// dial opens a connection: DialFunc, with the options of s.
func (p *poller) dial(ctx context.Context, s *Scanner, to netip.AddrPort) (net.Conn, error) {
	type result struct {
		conn net.Conn
		err  error
	}
	ended := make(chan result, 1)
	conn, err := p.begin(s, to, func(conn net.Conn, err error) { ended <- result{conn, err} })
	if err != nil {
		return nil, err
	}
	select {
	case r := <-ended:
		return r.conn, r.err
	case <-ctx.Done():
	}
	if p.leave(conn) {
		conn.Close()
	} else if r := <-ended; r.conn != nil {
		r.conn.Close()
	}
	return nil, ctx.Err()
}

// begin begins a connection whose end done is told, but for an error that it
// returns at once.
func (p *poller) begin(s *Scanner, to netip.AddrPort, done func(net.Conn, error)) (*socket, error) {
	if s.SourceIP.IsValid() && s.SourceIP.Unmap().Is4() != to.Addr().Is4() {
		return nil, errNoFamily
	}
	conn, err := connect(s.SourceIP.Unmap(), to)
	if err != nil {
		return nil, err
	}
	conn.done = done
	if err := p.add(conn, s.ConnectTimeout); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// connect begins a connection, from a source address if that is valid.
func connect(source netip.Addr, to netip.AddrPort) (*socket, error) {
	family := unix.AF_INET6
	if to.Addr().Is4() {
		family = unix.AF_INET
	}
	fd, err := unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	s := &socket{fd: fd, to: to}
	if source.IsValid() {
		if err := bind(fd, source); err != nil {
			s.Close()
			return nil, err
		}
	}
	// After an interruption, too, the connection goes on being made
	// (connect(2), EINTR).
	if err := sysConnect(fd, to); err != 0 && err != unix.EINPROGRESS && err != unix.EINTR {
		s.Close()
		return nil, os.NewSyscallError("connect", err)
	}
	return s, nil
}

// bindLate is bind's option for package net.
func bindLate(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
	return errors.Join(err, failed)
}

// bind sets the local address but lets the kernel choose the port at connect
// time, when it knows the destination. Otherwise a machine could have only some
// 28,000 connections in all instead of as many to each destination (ip(7),
// IP_BIND_ADDRESS_NO_PORT). That holds for IPv6 sockets as well.
func bind(fd int, source netip.Addr) error {
	if err := unix.SetsockoptInt(fd, unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1); err != nil {
		return os.NewSyscallError("setsockopt", err)
	}
	return os.NewSyscallError("bind", unix.Bind(fd, sockaddr(netip.AddrPortFrom(source, 0))))
}

func sockaddr(a netip.AddrPort) unix.Sockaddr {
	if a.Addr().Is4() {
		return &unix.SockaddrInet4{Port: int(a.Port()), Addr: a.Addr().As4()}
	}
	return &unix.SockaddrInet6{Port: int(a.Port()), Addr: a.Addr().As16()}
}
