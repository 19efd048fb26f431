//go:build !linux

package scanner

import (
	"net/netip"
	"testing"
)

// fullQueue is for Linux only: queues elsewhere are never full.
func fullQueue(t *testing.T) (to netip.AddrPort, release func()) {
	t.Skip("needs Linux")
	return to, nil
}
