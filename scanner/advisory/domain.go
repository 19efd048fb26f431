package advisory

import (
	"net/netip"
	"strings"
)

// domain judges the MX records of a mail domain.
func (r *report) domain(f *DomainFacts) {
	explicit := len(others(f.MX)) > 0 && !isTrue(f.ImplicitMX)
	switch {
	case f.Status == "nxdomain" && !explicit:
		r.add("domain-missing", "%s does not exist", f.Domain)
		return
	case isTrue(f.NullMX) && explicit: // RFC 7505, section 3
		r.add("null-mx-with-others", "null MX beside %q", head(others(f.MX)))
	case isDeadEnd(f.Status):
		r.add("domain-without-server", "no MX of %s leads to an address", f.Domain)
	}
	if isTrue(f.ImplicitMX) && f.Status == "success" { // RFC 5321, section 5.1
		r.add("mx-implicit", "%s has no MX record; mail goes to its own address", f.Domain)
	}
	if len(f.CNAME) > 0 {
		r.add("domain-alias", "%s is an alias of %q", f.Domain, strings.Join(f.CNAME, ", "))
	}
	for i := range f.MX {
		r.exchanger(&f.MX[i])
	}
	r.redundancy(f)
}

// isDeadEnd reports whether the DNS has answered, and no address came of it. A
// domain has the status of its exchangers where none of them can be used.
func isDeadEnd(status string) bool {
	switch status {
	case "no-address", "nxdomain", "bad-name", "dns-loop":
		return true
	}
	return false
}

// exchanger judges one MX record. The domain itself in its place has none that
// could be wrong.
func (r *report) exchanger(mx *MX) {
	switch {
	case mx.Implicit:
	case mx.Status == "bad-name": // RFC 5321, section 2.3.5: an MX holds a name
		r.add("mx-not-a-name", "MX %d %q", mx.Preference, mx.Name)
	case mx.Status == "nxdomain":
		r.add("mx-unresolvable", "MX %d %q does not exist", mx.Preference, mx.Name)
	case mx.Status == "no-address":
		r.add("mx-unresolvable", "MX %d %q has no address", mx.Preference, mx.Name)
	case mx.Status == "dns-loop":
		r.add("mx-unresolvable", "MX %d %q is a loop of aliases", mx.Preference, mx.Name)
	}
	if len(mx.CNAME) > 0 && !mx.Implicit { // RFC 2181, section 10.3
		r.add("mx-alias", "MX %d %q is an alias of %q", mx.Preference, mx.Name, strings.Join(mx.CNAME, ", "))
	}
	for _, addr := range mx.Addresses {
		if isPrivate(addr) {
			r.add("mx-private-address", "MX %d %q leads to %s", mx.Preference, mx.Name, addr)
			return
		}
	}
}

// redundancy judges the records together, if there is more than the domain
// itself.
func (r *report) redundancy(f *DomainFacts) {
	if isTrue(f.ImplicitMX) || isTrue(f.NullMX) || len(f.MX) == 0 {
		return
	}
	if len(f.MX) == 1 {
		r.add("mx-single", "%q, number of addresses: %d", f.MX[0].Name, len(f.MX[0].Addresses))
		return
	}
	for i, mx := range f.MX[1:] {
		if mx.Preference != f.MX[i].Preference {
			return
		}
	}
	r.add("mx-equal-preferences", "%d records of preference %d", len(f.MX), f.MX[0].Preference)
}

// others returns the names that are not the null MX.
func others(mx []MX) []string {
	var names []string
	for i := range mx {
		if mx[i].Name != "" && mx[i].Name != "." {
			names = append(names, mx[i].Name)
		}
	}
	return names
}

// isPrivate reports whether the public Internet cannot reach an address: RFC
// 1918, RFC 4193, shared space (RFC 6598), loopback, link-local and unspecified
// ones.
func isPrivate(addr netip.Addr) bool {
	addr = addr.Unmap()
	if addr.Is4() {
		if b := addr.As4(); b[0] == 0 || b[0] >= 240 || b[0] == 100 && b[1]&0xc0 == 64 {
			return true
		}
	}
	return addr.IsPrivate() || addr.IsLoopback() || addr.IsLinkLocalUnicast() || addr.IsUnspecified() || addr.IsMulticast()
}
