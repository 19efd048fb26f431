package main

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"github.com/mxsweep/mxsweep/scanner"
)

// checkSelf finds out about our own side, and the name to greet servers with:
// the one asked for, else a PTR name of the own address that leads back to it
// (RFC 5321, section 4.1.1.1, wants the fully qualified name of the client),
// else "" for the address literal of each connection (section 4.1.3).
func checkSelf(ctx context.Context, o *options, s *scanner.Scanner) {
	c := &scanner.SelfCheck{}
	s.Check, s.EHLODomain = c, o.ehloDomain
	_, c.OpenFiles = scanner.FitFileLimit(s.Concurrency)
	own, ok := ownAddress(o.sourceIP)
	if !ok {
		return
	}
	c.Address = own
	c.PTR, c.Resolver = s.Resolver.LookupPTR(ctx, own)
	if len(c.PTR) == 0 && (c.Resolver == scanner.StatusNXDomain || c.Resolver == scanner.StatusNoAddress) {
		c.PTR = []string{}
	}
	names := c.PTR
	if o.ehloDomain != "" {
		names = []string{o.ehloDomain}
	}
	for _, name := range names {
		res := s.Resolver.LookupHost(ctx, name)
		if slices.ContainsFunc(res.MX, func(mx scanner.MX) bool { return slices.Contains(mx.Addresses, own) }) {
			confirmed := true
			s.EHLODomain, c.EHLOConfirmed = name, &confirmed
			return
		}
		if o.ehloDomain != "" && answered(res.Status) {
			c.EHLOConfirmed = new(bool)
		}
	}
}

// answered reports whether a lookup had an answer, be it that there is nothing.
func answered(status scanner.Status) bool {
	switch status {
	case scanner.StatusSuccess, scanner.StatusNXDomain, scanner.StatusNoAddress:
		return true
	}
	return false
}

// ownAddress is the address that connections to the outside come from: the one
// asked for, else the one the system would choose. Connecting a UDP socket
// asks the routing table and sends nothing.
func ownAddress(sourceIP string) (netip.Addr, bool) {
	if own, err := netip.ParseAddr(sourceIP); err == nil {
		return own, true
	}
	conn, err := net.Dial("udp", "192.0.2.1:25") // TEST-NET-1, RFC 5737
	if err != nil {
		return netip.Addr{}, false
	}
	defer conn.Close()
	local, ok := conn.LocalAddr().(*net.UDPAddr)
	if !ok {
		return netip.Addr{}, false
	}
	return local.AddrPort().Addr().Unmap(), true
}
