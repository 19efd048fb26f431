package main

import (
	"context"
	"net"
	"net/netip"
	"slices"

	"github.com/mxsweep/mxsweep/scanner"
)

// ehloDomain is the name to greet servers with: the one asked for, else a PTR
// name of the own address that leads back to it (RFC 5321, section 4.1.1.1,
// wants the fully qualified name of the client), else "" for the address
// literal of each connection (section 4.1.3).
func (a *app) ehloDomain(ctx context.Context, o *options, r scanner.Resolver) string {
	if o.ehloDomain != "" {
		return o.ehloDomain
	}
	own, ok := ownAddress(o.sourceIP)
	if !ok {
		return ""
	}
	names, _ := r.LookupPTR(ctx, own)
	for _, name := range names {
		for _, mx := range r.LookupHost(ctx, name).MX {
			if slices.Contains(mx.Addresses, own) {
				return name
			}
		}
	}
	return ""
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
