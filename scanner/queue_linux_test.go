package scanner

import (
	"net/netip"
	"testing"

	"golang.org/x/sys/unix"
)

// fullQueue returns the address of a server that takes no more connections, as
// nobody accepts those that it has.
func fullQueue(t *testing.T) (to netip.AddrPort, release func()) {
	t.Helper()
	loopback := &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}
	server, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
	if err == nil {
		if err = unix.Bind(server, loopback); err == nil {
			err = unix.Listen(server, 0)
		}
	}
	if err != nil {
		t.Fatal(err)
	}
	own, err := unix.Getsockname(server)
	if err != nil {
		t.Fatal(err)
	}
	to = netip.AddrPortFrom(netip.AddrFrom4(loopback.Addr), uint16(own.(*unix.SockaddrInet4).Port))
	files := []int{server}
	for range 3 { // one is queued, the others wait
		s, err := connect(netip.Addr{}, to)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, s.fd)
	}
	return to, func() {
		for _, fd := range files {
			unix.Close(fd)
		}
	}
}
