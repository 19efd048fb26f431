package scanner

import (
	"encoding/binary"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of a dialogue. The sockets do not block, so that none of these
// calls waits for anything, and the scheduler need not be told of them. If it
// were, it would take a call of more than 20 µs, which is what a packet over the
// loopback takes, for one that waits: its monitor would never come to rest, and
// goroutines would move to other threads all the time, which is half of all context
// switches; the monitor alone takes a twentieth of the processor time.

func sysRead(fd int, b []byte) (int, unix.Errno) {
	if len(b) == 0 {
		return 0, 0
	}
	n, _, err := unix.RawSyscall(unix.SYS_READ, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), err
}

func sysWrite(fd int, b []byte) (int, unix.Errno) {
	n, _, err := unix.RawSyscall(unix.SYS_WRITE, uintptr(fd), uintptr(unsafe.Pointer(&b[0])), uintptr(len(b)))
	return int(n), err
}

func sysClose(fd int) unix.Errno {
	_, _, err := unix.RawSyscall(unix.SYS_CLOSE, uintptr(fd), 0, 0)
	return err
}

func sysConnect(fd int, to netip.AddrPort) unix.Errno {
	port := binary.NativeEndian.Uint16(binary.BigEndian.AppendUint16(nil, to.Port()))
	if to.Addr().Is4() {
		a := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: port, Addr: to.Addr().As4()}
		_, _, err := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&a)), unsafe.Sizeof(a))
		return err
	}
	a := unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: port, Addr: to.Addr().As16()}
	_, _, err := unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&a)), unsafe.Sizeof(a))
	return err
}

func sysWatch(epoll, fd int, event *unix.EpollEvent) unix.Errno {
	_, _, err := unix.RawSyscall6(unix.SYS_EPOLL_CTL, uintptr(epoll), unix.EPOLL_CTL_ADD, uintptr(fd), uintptr(unsafe.Pointer(event)), 0, 0)
	return err
}
