package scanner

import (
	"encoding/binary"
	"net/netip"
)

// specialPrefixes returns the blocks of the IANA special-purpose address
// registries (RFC 6890 and its updates) that are not globally reachable, with
// the multicast and reserved space. A public name has no business leading
// there, and who lets foreign DNS data choose what is contacted in the own
// network has become a tool of others.
func specialPrefixes() []netip.Prefix {
	texts := []string{
		"0.0.0.0/8",       // this network (RFC 791, section 3.2)
		"10.0.0.0/8",      // private (RFC 1918)
		"100.64.0.0/10",   // shared, carrier-grade NAT (RFC 6598)
		"127.0.0.0/8",     // loopback (RFC 1122, section 3.2.1.3)
		"169.254.0.0/16",  // link-local (RFC 3927)
		"172.16.0.0/12",   // private (RFC 1918)
		"192.0.0.0/24",    // IETF protocol assignments (RFC 6890)
		"192.0.2.0/24",    // documentation (RFC 5737)
		"192.88.99.0/24",  // 6to4 relay anycast, withdrawn (RFC 7526)
		"192.168.0.0/16",  // private (RFC 1918)
		"198.18.0.0/15",   // benchmarking (RFC 2544)
		"198.51.100.0/24", // documentation (RFC 5737)
		"203.0.113.0/24",  // documentation (RFC 5737)
		"224.0.0.0/4",     // multicast (RFC 5771)
		"240.0.0.0/4",     // reserved (RFC 1112), with the broadcast address (RFC 8190)

		"::/96",          // unspecified, loopback and the old IPv4-compatible form (RFC 4291)
		"64:ff9b:1::/48", // local-use translation (RFC 8215)
		"100::/64",       // discard-only (RFC 6666)
		"100:0:0:1::/64", // dummy prefix (RFC 9780)
		"2001::/23",      // IETF protocol assignments (RFC 2928): Teredo, benchmarking, ORCHID
		"2001:db8::/32",  // documentation (RFC 3849)
		"3fff::/20",      // documentation (RFC 9637)
		"5f00::/16",      // segment routing identifiers (RFC 9602)
		"fc00::/7",       // unique local (RFC 4193)
		"fe80::/10",      // link-local (RFC 4291)
		"fec0::/10",      // site-local, deprecated (RFC 3879)
		"ff00::/8",       // multicast (RFC 4291)
	}
	prefixes := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		prefixes[i] = netip.MustParsePrefix(text)
	}
	return prefixes
}

// isSpecial reports whether addr is in one of the prefixes, or is an IPv6
// address that carries an IPv4 address which is.
func isSpecial(prefixes []netip.Prefix, addr netip.Addr) bool {
	if v4, ok := embeddedIPv4(addr); ok {
		addr = v4
	}
	for _, p := range prefixes {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// embeddedIPv4 returns the IPv4 address that an IPv6 address stands for:
// IPv4-mapped (RFC 4291, section 2.5.5.2), translated by NAT64 (RFC 6052) or
// tunneled by 6to4 (RFC 3056).
func embeddedIPv4(addr netip.Addr) (netip.Addr, bool) {
	if !addr.Is6() {
		return netip.Addr{}, false
	}
	b := addr.As16()
	switch {
	case addr.Is4In6():
		return addr.Unmap(), true
	case binary.BigEndian.Uint64(b[:8]) == 0x64ff9b<<32 && binary.BigEndian.Uint32(b[8:12]) == 0:
		return netip.AddrFrom4([4]byte(b[12:])), true
	case b[0] == 0x20 && b[1] == 0x02:
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

// plain returns an address in the one form in which it is compared: an
// IPv4-mapped address as IPv4, without a zone.
func plain(addr netip.Addr) netip.Addr {
	if addr.Zone() != "" {
		addr = addr.WithZone("")
	}
	return addr.Unmap()
}

// notConnectable says why no TCP connection to addr is possible, or returns "".
// The unspecified address is among them because a connection to it would reach
// this very machine.
func notConnectable(addr netip.Addr) string {
	switch {
	case addr.IsUnspecified(), addr.Is4() && addr.As4()[0] == 0:
		return "the address means this host or network (RFC 1122, section 3.2.1.3), nothing can be contacted there"
	case addr.IsMulticast():
		return "a multicast address has no TCP services"
	case addr == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return "the broadcast address has no TCP services"
	}
	return ""
}
