package scanner

import (
	"cmp"
	"context"
	"encoding/binary"
	"errors"
	"net/netip"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// A scout sends SYNs through raw sockets and hears what comes back. The kernel
// makes the packet around the TCP header, so that routes and neighbors remain
// its business; and as it knows of no such connection it resets what is accepted
// (RFC 9293, section 3.10.7.1), and the server forgets it.
type scout struct {
	flights
	legs  []*leg
	epoll *os.File // of the receiving sockets, watched by the runtime; see poller
	raw   syscall.RawConn
}

// openScout has the engine send SYNs. They are heard while watch runs, which
// release ends.
func (e *engine) openScout() (watch, release func()) {
	if e.s.Dial != nil {
		e.noDiscovery("the connections are not made by the system")
		return func() {}, func() {}
	}
	s, err := newScout(e.s.SourceIP.Unmap(), e.s.ConnectTimeout)
	if err != nil {
		if errors.Is(err, unix.EPERM) {
			err = errors.New("a raw socket needs CAP_NET_RAW, as root has it")
		}
		e.noDiscovery(err.Error())
		return func() {}, func() {}
	}
	e.scout = s.launch
	stop := context.AfterFunc(e.run, s.cancel)
	return s.run, func() { stop(); s.epoll.Close() }
}

// newScout returns a scout for the family of a source address, or for each that
// this machine has.
func newScout(source netip.Addr, timeout time.Duration) (_ *scout, err error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("epoll_create1", err)
	}
	_ = unix.SetNonblock(fd, true) // so that the runtime watches it
	s := &scout{epoll: os.NewFile(uintptr(fd), "epoll")}
	s.timeout, s.aloft, s.syn = timeout, make(map[netip.AddrPort]*flight), s.send
	s.alarm = func(t time.Time) { _ = s.epoll.SetReadDeadline(t) } // fails only if it is closed
	s.key = newCookieKey()
	for _, family := range []int{unix.AF_INET, unix.AF_INET6} {
		if source.IsValid() && source.Is4() != (family == unix.AF_INET) {
			continue // the connection to such an address says so
		}
		l, failed := newLeg(family, source)
		if failed == nil {
			s.legs = append(s.legs, l)
			failed = unix.EpollCtl(fd, unix.EPOLL_CTL_ADD, l.in, &unix.EpollEvent{Events: unix.EPOLLIN})
		}
		if !errors.Is(failed, unix.EAFNOSUPPORT) {
			err = errors.Join(err, failed)
		}
	}
	if len(s.legs) == 0 {
		err = cmp.Or(err, error(unix.EAFNOSUPPORT))
	}
	if s.raw, _ = s.epoll.SyscallConn(); err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *scout) close() {
	s.epoll.Close()
	for _, l := range s.legs {
		l.close()
	}
}

// run hears answers, and repeats and ends what is due, until the epoll instance
// is closed.
func (s *scout) run() {
	defer s.close()
	events := make([]unix.EpollEvent, 2)
	look := func(fd uintptr) bool {
		n, _ := unix.EpollWait(int(fd), events, 0)
		return n > 0
	}
	for {
		if err := s.raw.Read(look); err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
			return
		}
		for _, l := range s.legs { // what came in time counts, however late we are
			l.hear(&s.flights)
			l.hearErrors(&s.flights)
		}
		s.tick(time.Now())
	}
}

// send sends a SYN by the leg of its family.
func (s *scout) send(to netip.AddrPort) (from netip.AddrPort, err error) {
	for _, l := range s.legs {
		if to.Addr().Is4() == (l.family == unix.AF_INET) {
			return l.send(to, &s.key)
		}
	}
	return netip.AddrPort{}, unix.EAFNOSUPPORT
}

// A leg has the sockets of one address family.
type leg struct {
	family int
	source netip.Addr // to send from; not valid: the kernel chooses
	port   uint16
	hold   int // a TCP socket that is bound to the port and does nothing
	out    int // raw; receives nothing
	in     int // raw; receives the segments to the port, and all ICMP errors

	packet, heard, control []byte // buffers
}

// buffer is what sockets should hold of what waits: a range may be behind a
// router that has to ask for every address first, and answers may come in
// bursts.
const buffer = 4 << 20

// newLeg opens the sockets. None but this process can have a port that one of
// its sockets is bound to, and the kernel chooses no such port for a connection:
// so what comes to it is for the scout or for nobody, and no connection of this
// machine is disturbed.
func newLeg(family int, source netip.Addr) (_ *leg, err error) {
	l := &leg{family: family, source: source, hold: -1, out: -1, in: -1, heard: make([]byte, 256), control: make([]byte, 512)}
	defer func() {
		if err != nil {
			l.close()
		}
	}()
	if l.out, err = rawSocket(family, []bpf.Instruction{bpf.RetConstant{Val: 0}}); err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(l.out, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, buffer) // may take a further capability
	if l.hold, l.port, err = holdPort(family); err != nil {
		return nil, err
	}
	if l.in, err = rawSocket(family, portFilter(family, l.port)); err != nil {
		return nil, err
	}
	_ = unix.SetsockoptInt(l.in, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, buffer)
	level, option := unix.SOL_IP, unix.IP_RECVERR
	if family == unix.AF_INET6 {
		level, option = unix.SOL_IPV6, unix.IPV6_RECVERR
	}
	return l, os.NewSyscallError("setsockopt", unix.SetsockoptInt(l.in, level, option, 1))
}

func (l *leg) close() {
	for _, fd := range []int{l.hold, l.out, l.in} {
		if fd >= 0 {
			unix.Close(fd)
		}
	}
}

// rawSocket opens a raw socket that receives what a filter lets pass.
func rawSocket(family int, filter []bpf.Instruction) (fd int, err error) {
	fd, err = unix.Socket(family, unix.SOCK_RAW|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		return -1, os.NewSyscallError("socket", err)
	}
	assembled, err := bpf.Assemble(filter)
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	program := make([]unix.SockFilter, len(assembled))
	for i, x := range assembled {
		program[i] = unix.SockFilter{Code: x.Op, Jt: x.Jt, Jf: x.Jf, K: x.K}
	}
	prog := unix.SockFprog{Len: uint16(len(program)), Filter: &program[0]}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &prog); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("setsockopt", err)
	}
	return fd, nil
}

// portFilter lets segments to a port pass. Those of IPv4 have the header of the
// packet in front (raw(7)), those of IPv6 have not.
func portFilter(family int, port uint16) []bpf.Instruction {
	load := bpf.Instruction(bpf.LoadAbsolute{Off: 2, Size: 2})
	if family == unix.AF_INET {
		load = bpf.LoadIndirect{Off: 2, Size: 2}
	}
	return []bpf.Instruction{
		bpf.LoadMemShift{Off: 0}, // the length of the header
		load,
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(port), SkipFalse: 1},
		bpf.RetConstant{Val: 128},
		bpf.RetConstant{Val: 0},
	}
}

// holdPort binds a TCP socket to a free port and leaves it at that.
func holdPort(family int) (fd int, port uint16, err error) {
	fd, err = unix.Socket(family, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return -1, 0, os.NewSyscallError("socket", err)
	}
	everywhere := netip.IPv4Unspecified()
	if family == unix.AF_INET6 {
		everywhere = netip.IPv6Unspecified()
		err = unix.SetsockoptInt(fd, unix.SOL_IPV6, unix.IPV6_V6ONLY, 1)
	}
	if err == nil {
		err = unix.Bind(fd, sockaddr(netip.AddrPortFrom(everywhere, 0)))
	}
	var own netip.AddrPort
	if err == nil {
		own, err = localAddr(fd)
	}
	if err != nil {
		unix.Close(fd)
		return -1, 0, os.NewSyscallError("bind", err)
	}
	return fd, own.Port(), nil
}

// localAddr returns the address that a socket is bound to.
func localAddr(fd int) (netip.AddrPort, error) {
	own, err := syscall.Getsockname(fd) // that of package unix asks for the protocol, too
	switch own := own.(type) {
	case *syscall.SockaddrInet4:
		return netip.AddrPortFrom(netip.AddrFrom4(own.Addr), uint16(own.Port)), nil
	case *syscall.SockaddrInet6:
		return netip.AddrPortFrom(netip.AddrFrom16(own.Addr), uint16(own.Port)), nil
	}
	return netip.AddrPort{}, errors.Join(err, unix.EAFNOSUPPORT)
}

// send sends a SYN. The socket is connected for a moment: so the kernel chooses
// the source address for this destination, and keeps to it, and the checksum can
// be of that.
func (l *leg) send(to netip.AddrPort, key *cookieKey) (from netip.AddrPort, err error) {
	if l.source.IsValid() {
		if err := unix.Bind(l.out, sockaddr(netip.AddrPortFrom(l.source, 0))); err != nil {
			return from, err
		}
	}
	if err := unix.Connect(l.out, sockaddr(netip.AddrPortFrom(to.Addr(), 0))); err != nil {
		return from, err
	}
	defer disconnect(l.out)
	own, err := localAddr(l.out)
	if err != nil {
		return from, err
	}
	from = netip.AddrPortFrom(own.Addr(), l.port)
	l.packet = appendSYN(l.packet[:0], from, to, key.cookie(from, to))
	_, err = unix.Write(l.out, l.packet)
	return from, err
}

// disconnect has a socket forget its addresses (connect(2), AF_UNSPEC), for
// which package unix has no type.
func disconnect(fd int) {
	var none unix.RawSockaddr
	_, _, _ = unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&none)), unsafe.Sizeof(none))
}

// batch is how many segments are read before others get their turn.
const batch = 4096

// hear takes in the segments that have come.
func (l *leg) hear(f *flights) {
	for range batch {
		n, from, err := unix.Recvfrom(l.in, l.heard, 0)
		if err == unix.EAGAIN {
			return
		}
		if err != nil { // of a signal, or of an error that waits in its own queue
			continue
		}
		b := l.heard[:n]
		if l.family == unix.AF_INET {
			b = pastIPv4(b)
		}
		if s, ok := parseSegment(b); ok {
			f.answer(netip.AddrPortFrom(peer(from), s.source), s)
		}
	}
}

// hearErrors takes in the ICMP errors that have come: each has the destination
// and the begin of the packet that it is about (ip(7), IP_RECVERR).
func (l *leg) hearErrors(f *flights) {
	for range batch {
		n, controls, _, to, err := unix.Recvmsg(l.in, l.heard, l.control, unix.MSG_ERRQUEUE)
		if err != nil {
			return
		}
		errno := icmpError(l.control[:controls])
		if s, ok := parseQuote(l.heard[:n]); ok && errno != 0 {
			f.fail(peer(to), s, errno)
		}
	}
}

// icmpError returns the error that the kernel makes of an ICMP message for a
// connection, too, from a struct sock_extended_err; 0: there is none.
func icmpError(control []byte) syscall.Errno {
	messages, _ := unix.ParseSocketControlMessage(control)
	for _, m := range messages {
		v4 := m.Header.Level == unix.SOL_IP && m.Header.Type == unix.IP_RECVERR
		v6 := m.Header.Level == unix.SOL_IPV6 && m.Header.Type == unix.IPV6_RECVERR
		if (v4 || v6) && len(m.Data) >= 5 && (m.Data[4] == unix.SO_EE_ORIGIN_ICMP || m.Data[4] == unix.SO_EE_ORIGIN_ICMP6) {
			return syscall.Errno(binary.NativeEndian.Uint32(m.Data))
		}
	}
	return 0
}

// peer returns the address of a socket address; the zero Addr if it has none.
func peer(a unix.Sockaddr) netip.Addr {
	switch a := a.(type) {
	case *unix.SockaddrInet4:
		return netip.AddrFrom4(a.Addr)
	case *unix.SockaddrInet6:
		return netip.AddrFrom16(a.Addr)
	}
	return netip.Addr{}
}
