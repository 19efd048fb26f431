package scanner

import (
	"context"
	"net"
	"net/netip"
)

// dialer returns the function that opens connections: the caller's, bounded by
// the connect timeout, or that of package net.
func (s *Scanner) dialer() DialFunc {
	if s.Dial != nil {
		return func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(ctx, s.ConnectTimeout)
			defer cancel()
			return s.Dial(ctx, to)
		}
	}
	d := net.Dialer{
		Timeout:   s.ConnectTimeout,
		KeepAlive: -1, // a probe is over long before the first one would be sent
	}
	source := s.SourceIP.Unmap()
	if source.IsValid() { // a zero LocalAddr is not the same as none: it binds a port, of which there are few
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		d.Control = bindLate
	}
	return func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		if source.IsValid() && source.Is4() != to.Addr().Is4() {
			return nil, errNoFamily
		}
		return d.DialContext(ctx, "tcp", to.String())
	}
}

// hasRoute asks the routing table whether an address can be reached at all.
// Connecting a UDP socket does that and sends nothing.
func hasRoute(addr netip.Addr) bool {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 25)))
	if err != nil {
		return !noRoute(err)
	}
	conn.Close()
	return true
}
