package advisory

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
)

// Bounds of a Fleet. A comparison needs a few hundred bytes for each name,
// address and key, so its memory stays below some 50 MB whatever is scanned.
const (
	maxFleetSubjects = 1 << 15 // names, addresses of each family and keys, each
	maxKeyHolders    = 16      // addresses remembered for each key
	maxFleetFindings = 1000
)

// sharedKey is the number of addresses from which on a key counts as shared: a
// host with IPv4 and IPv6 has two.
const sharedKey = 3

// A Fleet compares the services of a run with each other, for the findings that
// no service shows by itself. The zero value is ready. It is used by one
// goroutine at a time.
type Fleet struct {
	keys   map[string][]netip.Addr // public key to the addresses that use it
	certs  map[string]*contrast    // host name to the certificates seen there
	hosts  map[string]*contrast    // host name to the software seen there
	ipv4   map[[4]byte]kind        // address to the software seen there
	ipv6   map[[16]byte]kind       // and of the other family
	kinds  []*contrast             // what a kind is, of all addresses that are alike: in a large range, a few
	alike  map[sighting]kind       // by the first sighting, those without another
	missed uint64                  // services that were not compared for want of room
}

// A contrast is the first thing seen of a subject, and the first other one. It
// never changes: addresses share it.
type contrast struct {
	first sighting
	other *sighting // nil: there is none
}

type sighting struct {
	what string         // "" is none
	at   netip.AddrPort // where the subject is an address, only the port
}

// A kind is a place in the kinds of a Fleet.
type kind uint32

// Add takes in one service: its Host, Addr, Port, TLS and Software. The same one
// may come again, under another name.
func (f *Fleet) Add(v *Facts) {
	if f.keys == nil {
		f.keys, f.certs = map[string][]netip.Addr{}, map[string]*contrast{}
		f.hosts, f.alike = map[string]*contrast{}, map[sighting]kind{}
		f.ipv4, f.ipv6 = map[[4]byte]kind{}, map[[16]byte]kind{}
	}
	at := netip.AddrPortFrom(v.Addr, v.Port)
	host := strings.ToLower(strings.TrimSuffix(v.Host, "."))
	room := true
	if v.TLS != nil && v.TLS.Certificate != nil {
		room = f.key(v.TLS.Certificate.SPKISHA256, v.Addr) && room
		room = note(f.certs, host, sighting{v.TLS.Certificate.SHA256, at}) && room
	}
	if name := v.Software.Product; name != "" {
		if v.Software.Version != "" {
			name += " " + v.Software.Version
		}
		room = note(f.hosts, host, sighting{name, at}) && room
		room = f.address(v.Addr, sighting{name, netip.AddrPortFrom(netip.Addr{}, v.Port)}) && room
	}
	if !room {
		f.missed++
	}
}

// key remembers who uses a public key. It returns false if there is no room.
func (f *Fleet) key(spki string, addr netip.Addr) bool {
	holders, known := f.keys[spki]
	switch {
	case spki == "" || slices.Contains(holders, addr) || len(holders) == maxKeyHolders:
		return true
	case !known && len(f.keys) == maxFleetSubjects:
		return false
	}
	f.keys[spki] = append(holders, addr)
	return true
}

// note remembers what was seen of a name. It returns false if there is no room.
func note(seen map[string]*contrast, name string, s sighting) bool {
	c := seen[name]
	switch {
	case name == "" || s.what == "":
	case c == nil && len(seen) == maxFleetSubjects:
		return false
	case c == nil:
		seen[name] = &contrast{first: s}
	case c.differs(s):
		seen[name] = c.with(s)
	}
	return true
}

// address remembers what was seen of an address. It returns false if there is no
// room.
func (f *Fleet) address(addr netip.Addr, s sighting) bool {
	switch {
	case !addr.IsValid():
		return true
	case addr.Is4():
		return noteAddress(f, f.ipv4, addr.As4(), s)
	}
	return noteAddress(f, f.ipv6, addr.As16(), s)
}

func noteAddress[K comparable](f *Fleet, seen map[K]kind, addr K, s sighting) bool {
	k, known := seen[addr]
	switch {
	case !known && len(seen) == maxFleetSubjects:
		return false
	case !known:
		seen[addr] = f.kindOf(s)
	case f.kinds[k].differs(s):
		seen[addr] = f.newKind(f.kinds[k].with(s))
	}
	return true
}

// kindOf returns the kind of addresses of which nothing else has been seen.
func (f *Fleet) kindOf(first sighting) kind {
	k, known := f.alike[first]
	if !known {
		k = f.newKind(&contrast{first: first})
		f.alike[first] = k
	}
	return k
}

func (f *Fleet) newKind(c *contrast) kind {
	f.kinds = append(f.kinds, c)
	return kind(len(f.kinds) - 1)
}

// differs reports whether s is another thing than the first, and the first such.
func (c *contrast) differs(s sighting) bool { return c.other == nil && c.first.differs(s.what) }

func (c *contrast) with(other sighting) *contrast { return &contrast{c.first, &other} }

// differs reports whether two texts name different things. A version that one
// port shows and another hides is no difference.
func (s sighting) differs(what string) bool {
	return s.what != what && !strings.HasPrefix(s.what, what+" ") && !strings.HasPrefix(what, s.what+" ")
}

// Fleet judges what the services of a run have in common, or have not. The
// order is that of [Set.Service]; at most 1000 findings are returned.
func (s *Set) Fleet(f *Fleet) []Finding {
	r := report{entries: s.entries, findings: []Finding{}}
	for spki, holders := range f.keys {
		if len(holders) >= sharedKey {
			r.sharedKey(spki, holders)
		}
	}
	for host, c := range f.certs {
		r.contrast("certificate-differs", `"`+host+`"`, c)
	}
	for host, c := range f.hosts {
		r.contrast("software-differs", `"`+host+`"`, c)
	}
	for addr, k := range f.ipv4 {
		r.addressContrast(netip.AddrFrom4(addr), f.kinds[k])
	}
	for addr, k := range f.ipv6 {
		r.addressContrast(netip.AddrFrom16(addr), f.kinds[k])
	}
	// Maps have no order, and equal runs are to have equal records.
	slices.SortFunc(r.findings, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.ID, b.ID), strings.Compare(a.Evidence, b.Evidence))
	})
	if hidden := len(r.findings) - maxFleetFindings; hidden > 0 || f.missed > 0 {
		r.findings = r.findings[:min(len(r.findings), maxFleetFindings)]
		r.add("fleet-incomplete", "services not compared: %d, findings not listed: %d", f.missed, max(hidden, 0))
	}
	return r.sorted()
}

func (r *report) sharedKey(spki string, holders []netip.Addr) {
	count := ""
	if len(holders) == maxKeyHolders {
		count = " or more"
	}
	names := make([]string, 0, sharedKey)
	for _, addr := range holders[:sharedKey] {
		names = append(names, addr.String())
	}
	r.add("key-shared", "the key %.16s... is used at %d%s addresses, among them %s",
		spki, len(holders), count, strings.Join(names, ", "))
}

// contrast adds a finding if two things were seen of the subject.
func (r *report) contrast(id, subject string, c *contrast) {
	if c.other != nil {
		r.add(id, "%s: %s at %s, %s at %s", subject, shorten(c.first.what), c.first.at, shorten(c.other.what), c.other.at)
	}
}

// addressContrast is contrast with the address that the sightings leave out.
func (r *report) addressContrast(addr netip.Addr, c *contrast) {
	if c.other != nil {
		other := c.other.on(addr)
		r.contrast("software-differs", addr.String(), &contrast{c.first.on(addr), &other})
	}
}

func (s sighting) on(addr netip.Addr) sighting {
	return sighting{s.what, netip.AddrPortFrom(addr, s.at.Port())}
}

// shorten keeps both halves of a comparison within the evidence.
func shorten(what string) string { return clip(what, 64) }
