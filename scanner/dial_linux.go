package scanner

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// bindLate lets the kernel choose the local port at connect time, when it knows
// the destination. Bound to an address without that, a machine could have only
// some 28,000 connections in all instead of as many to each destination
// (ip(7), IP_BIND_ADDRESS_NO_PORT). It holds for IPv6 sockets as well.
func bindLate(_, _ string, c syscall.RawConn) error {
	var failed error
	err := c.Control(func(fd uintptr) {
		failed = unix.SetsockoptInt(int(fd), unix.IPPROTO_IP, unix.IP_BIND_ADDRESS_NO_PORT, 1)
	})
	return errors.Join(err, failed)
}
