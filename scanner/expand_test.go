package scanner

import (
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// Every name is answered by at least one record, whatever becomes of it.
func TestNamesWithoutAddress(t *testing.T) {
	null := Resolution{Status: StatusNullMX, NullMX: true}
	partly := mail(exchanger("mx.example", 1, "198.41.0.1"), MX{Name: "gone.example", Preference: 2, Status: StatusNXDomain, Error: "no such host"})
	tests := []struct {
		name string
		in   Input
		mx   Resolution
		want map[Status]int
	}{
		{"nxdomain", domain("none.example"), Resolution{}, map[Status]int{StatusNXDomain: 1}},
		{"null MX", domain("d.example"), null, map[Status]int{StatusNullMX: 1}},
		{"no address", domain("d.example"), mail(MX{Name: "mx.example"}), map[Status]int{StatusNoAddress: 1}},
		{"one of two", domain("d.example"), partly, map[Status]int{StatusNXDomain: 1, StatusSuccess: 1}},
		{"bad name", domain("d.example"), mail(MX{Name: "192.0.2.1", Status: StatusBadName}), map[Status]int{StatusBadName: 1}},
		{"no reason", domain("d.example"), mail(), map[Status]int{StatusLocal: 1}},
		{"host", hostIn("none.example"), Resolution{}, map[Status]int{StatusNXDomain: 1}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dns := &fakeDNS{mx: map[string]Resolution{"d.example": tt.mx}}
				r := scan(t, &Scanner{Resolver: dns, Dial: (&fakeNet{}).dial, Ports: smtp25()}, tt.in)
				if got := r.statuses(); !maps.Equal(got, tt.want) {
					t.Errorf("statuses %v, want %v", got, tt.want)
				}
				if wantDomains := 1 - int(tt.in.Kind); len(r.domains) != wantDomains {
					t.Errorf("%d domain records, want %d", len(r.domains), wantDomains)
				}
				for _, v := range r.services {
					if v.Status != StatusSuccess && (v.IP.IsValid() || v.Port != 0 || v.Phase != "dns") {
						t.Errorf("row without address has %v:%d, phase %q", v.IP, v.Port, v.Phase)
					}
				}
			})
		})
	}
}

func TestNoResolver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := scan(t, &Scanner{}, domain("a.example"), hostIn("b.example"))
		if n := r.statuses()[StatusLocal]; n != 2 || len(r.domains) != 1 {
			t.Errorf("statuses %v, %d domains", r.statuses(), len(r.domains))
		}
	})
}

// A lookup that fails for the moment is repeated at the end, that of a whole
// domain as well as that of one MX among several.
func TestDNSRetries(t *testing.T) {
	for _, status := range []Status{StatusServFail, StatusDNSTimeout} {
		synctest.Test(t, func(t *testing.T) {
			dns := &fakeDNS{
				mx: map[string]Resolution{
					"a.example": mail(exchanger("mx.example", 1, "198.41.0.1")),
					"b.example": mail(exchanger("mx.example", 1, "198.41.0.1"), MX{Name: "mx2.example", Preference: 2, Status: status}),
					"c.example": mail(exchanger("mx.example", 1, "198.41.0.1"), MX{Name: "mx3.example", Preference: 2, Status: status}),
				},
				host: map[string][]string{"mx2.example": {"198.41.0.2"}},
				fail: func(name string, n int) Status {
					if name == "a.example" && n == 1 || name == "mx3.example" {
						return status
					}
					return ""
				},
			}
			r := scan(t, &Scanner{Resolver: dns, Dial: (&fakeNet{}).dial, Ports: smtp25(), NoPTR: true}, domain("a.example"), domain("b.example"), domain("c.example"))
			if want := map[Status]int{StatusSuccess: 4, status: 1}; !maps.Equal(r.statuses(), want) {
				t.Errorf("statuses %v, want %v", r.statuses(), want)
			}
			for _, d := range r.domains {
				if d.Status != StatusSuccess {
					t.Errorf("%s: %v", d.Domain, d.Status)
				}
				if d.Domain == "b.example" && len(d.MX[1].Addresses) != 1 {
					t.Errorf("domain record lacks what the second lookup found: %+v", d.MX)
				}
			}
			if dns.lookups["a.example"] != 2 || dns.lookups["mx3.example"] != 1 {
				t.Errorf("lookups %v", dns.lookups)
			}
			if len(dns.mx["b.example"].MX[1].Addresses) != 0 {
				t.Error("the resolver's own data were changed")
			}
		})
	}
}

// Addresses that a name leads to by DNS are not contacted where they are
// private; named by the user they are.
func TestPrivate(t *testing.T) {
	addrs := []string{"127.0.0.1", "10.1.2.3", "::1", "fd00::1", "::ffff:192.168.0.1", "64:ff9b::a00:1", "169.254.0.1"}
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{mx: map[string]Resolution{"a.example": mail(exchanger("mx.example", 1, addrs...))}, host: map[string][]string{"localhost": {"127.0.0.1"}}}
		network := &fakeNet{}
		s := &Scanner{Resolver: dns, Dial: network.dial, Ports: smtp25()}
		r := scan(t, s, domain("a.example"), hostIn("localhost"))
		if n := r.statuses()[StatusPrivate]; n != len(addrs)+1 || len(network.dials) != 0 {
			t.Errorf("statuses %v, contacted %v", r.statuses(), network.dials)
		}
		r = scan(t, s, sweepOf("127.0.0.1"), sweepOf("10.0.0.1-10.0.0.2"))
		if n := r.statuses()[StatusSuccess]; n != 3 {
			t.Errorf("named: statuses %v", r.statuses())
		}
		s.AllowPrivate = true
		r = scan(t, s, domain("a.example"))
		if n := r.statuses()[StatusSuccess]; n != len(addrs) {
			t.Errorf("allowed: statuses %v", r.statuses())
		}
	})
}

// What no TCP connection can reach is reported and not tried, even when named.
func TestNotConnectable(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &fakeNet{}
		var in []Input
		for _, a := range []string{"0.0.0.0", "0.1.2.3", "::", "224.0.0.1", "ff02::1", "255.255.255.255"} {
			in = append(in, sweepOf(a))
		}
		r := scan(t, &Scanner{Dial: network.dial, Ports: smtp25(), AllowPrivate: true}, in...)
		if n := r.statuses()[StatusPrivate]; n != len(in) || len(network.dials) != 0 {
			t.Errorf("statuses %v, contacted %v", r.statuses(), network.dials)
		}
	})
}

// What is excluded is never contacted, whatever leads to it.
func TestExclude(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		bad := netip.MustParseAddr("198.41.0.66")
		dns := &fakeDNS{
			mx: map[string]Resolution{
				"bad.example":  mail(exchanger("mx.example", 1, "198.41.0.1")),
				"good.example": mail(exchanger("mx.bad.example", 1, "198.41.0.2"), exchanger("mx.example", 1, "198.41.0.66", "64:ff9b::c629:42", "198.41.0.3")),
			},
			host: map[string][]string{"bad.example": {"198.41.0.4"}},
		}
		network := &fakeNet{}
		s := &Scanner{Resolver: dns, Dial: network.dial, Ports: smtp25(), NoPTR: true, Exclude: func(a netip.Addr, name string) bool {
			return a == bad || name == "bad.example" || name == "mx.bad.example"
		}}
		r := scan(t, s, domain("bad.example"), hostIn("bad.example"), domain("good.example"), sweepOf("198.41.0.66"), sweepOf("198.41.0.65-198.41.0.67"))
		want := map[Status]int{StatusExcluded: 6, StatusSuccess: 3}
		if got := r.statuses(); !maps.Equal(got, want) {
			t.Errorf("statuses %v, want %v", got, want)
		}
		var contacted []string
		for to := range network.dials {
			contacted = append(contacted, to.Addr().String())
		}
		slices.Sort(contacted)
		if want := []string{"198.41.0.3", "198.41.0.65", "198.41.0.67"}; !slices.Equal(contacted, want) {
			t.Errorf("contacted %v, want %v", contacted, want)
		}
		if dns.lookups["bad.example"] != 0 {
			t.Error("an excluded name was looked up")
		}
		for _, d := range r.domains {
			if d.Domain == "bad.example" && (d.Status != StatusExcluded || d.NullMX != nil) {
				t.Errorf("domain record %+v", d)
			}
		}
		if n := r.summary.ByStatus[StatusExcluded]; n != 7 {
			t.Errorf("%d excluded in the summary, want 7", n)
		}
	})
}

// An exclusion of a name holds also where an alias leads to it.
func TestExcludeAlias(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		alias := exchanger("alias.example", 1, "198.41.0.1")
		alias.CNAME = []string{"hop.example", "mx.bad.example"}
		aliased := mail(exchanger("mx.example", 1, "198.41.0.1"))
		aliased.CNAME = []string{"bad.example"}
		dns := &fakeDNS{mx: map[string]Resolution{"a.example": mail(alias), "b.example": aliased}}
		network := &fakeNet{}
		r := scan(t, &Scanner{Resolver: dns, Dial: network.dial, Ports: smtp25(), NoPTR: true, Exclude: func(_ netip.Addr, name string) bool {
			return name == "bad.example" || name == "mx.bad.example"
		}}, domain("a.example"), domain("b.example"))
		if n := r.statuses()[StatusExcluded]; n != 2 || len(network.dials) != 0 {
			t.Errorf("statuses %v, dials %v", r.statuses(), network.dials)
		}
	})
}

// What the MX records say is known if they were seen, and else is not.
func TestUnseenMX(t *testing.T) {
	no, yes := false, true
	implicit := Resolution{Status: StatusServFail, MX: []MX{{Name: "d.example", Implicit: true, Status: StatusServFail}}, ImplicitMX: true}
	for _, tt := range []struct {
		name               string
		mx                 Resolution
		wantNull, wantImpl *bool
	}{
		{"refused", Resolution{Status: StatusDNSRefused}, nil, nil},
		{"loop", Resolution{Status: StatusDNSLoop}, nil, nil},
		{"servfail", Resolution{Status: StatusServFail}, nil, nil},
		{"nxdomain", Resolution{Status: StatusNXDomain}, &no, &no},
		{"null MX", Resolution{Status: StatusNullMX, NullMX: true}, &yes, &no},
		{"implicit, address unknown", implicit, &no, &yes},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var d Domain
			d.describe(&tt.mx)
			if !equal(d.NullMX, tt.wantNull) || !equal(d.ImplicitMX, tt.wantImpl) {
				t.Errorf("null_mx %v, implicit_mx %v", d.NullMX, d.ImplicitMX)
			}
		})
	}
}

func equal(a, b *bool) bool { return a == b || a != nil && b != nil && *a == *b }

// Overlapping ranges and single addresses within them: each endpoint is
// contacted once, a named address always has a record, silent ones of a range
// none.
func TestOverlaps(t *testing.T) {
	answers := func(to netip.AddrPort, _ int) string {
		if to.Addr().As4()[3]%16 == 0 {
			return serve
		}
		return refuse
	}
	in := []Input{
		sweepOf("198.41.0.5"), // silent, named first
		sweepOf("198.41.0.0-198.41.0.127"),
		sweepOf("198.41.0.64-198.41.0.200"),
		sweepOf("198.41.0.0-198.41.0.255"),
		sweepOf("198.41.0.16"), // answers
		sweepOf("198.41.0.16"),
	}
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			network := &fakeNet{latency: time.Second, behave: answers}
			r := scan(t, &Scanner{Dial: network.dial, Ports: smtp25(), Seed: seed}, in...)
			if len(network.dials) != 256 {
				t.Errorf("%d endpoints contacted, want 256", len(network.dials))
			}
			for to, n := range network.dials {
				if n != 1 {
					t.Errorf("%v contacted %d times", to, n)
				}
			}
			rows := map[string]int{}
			for _, v := range r.services {
				rows[v.IP.String()]++
				if v.IP.As4()[3]%16 != 0 && v.Input != "198.41.0.5" {
					t.Errorf("row for a silent address of a range: %v", v.IP)
				}
			}
			if len(rows) != 17 || rows["198.41.0.5"] != 1 || rows["198.41.0.16"] != 3 {
				t.Errorf("rows %v", rows)
			}
			if r.summary.Silent != 239 || r.summary.Endpoints != 256 || r.summary.ByStatus[StatusRefused] != 240 {
				t.Errorf("summary %+v", r.summary)
			}
		})
	}
}

// A range of few addresses with many ports keeps to the limits, too.
func TestRangeLimits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var ports []Port
		for i := range uint16(50) {
			ports = append(ports, Port{Number: 2500 + i})
		}
		network := &fakeNet{latency: time.Second}
		s := &Scanner{Dial: network.dial, HostLimit: 2, Rate: -1, Ports: ports, NoPTR: true}
		began := time.Now()
		r := scan(t, s, sweepOf("198.41.0.0-198.41.0.3"), sweepOf("198.41.0.2"))
		if len(network.dials) != 200 || len(r.services) != 250 || network.maxHost != 2 || network.maxPort != 1 {
			t.Errorf("%d endpoints, %d rows, %d connections at once to an address, %d to a port",
				len(network.dials), len(r.services), network.maxHost, network.maxPort)
		}
		if took := time.Since(began); took > 26*time.Second {
			t.Errorf("took %v, want 25 s: slots stood empty", took)
		}
	})
}

func TestAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := scan(t, &Scanner{Dial: (&fakeNet{behave: always(refuse)}).dial, All: true}, sweepOf("198.41.0.0-198.41.0.9"))
		if n := r.statuses()[StatusRefused]; n != 30 || r.summary.Silent != 0 {
			t.Errorf("statuses %v, %d silent", r.statuses(), r.summary.Silent)
		}
	})
}

// Several ranges are swept in turns, so that neither waits for the other.
func TestRangesInTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := scan(t, &Scanner{Dial: (&fakeNet{}).dial, Ports: smtp25(), Rate: 10, Concurrency: 4}, sweepOf("198.41.0.0-198.41.0.99"), sweepOf("198.41.1.0-198.41.1.99"))
		first := 0
		for _, v := range r.services[:100] {
			first += 1 - int(v.IP.As4()[2])
		}
		if len(r.services) != 200 || first < 45 || first > 55 {
			t.Errorf("%d rows, %d of the first hundred from the first range", len(r.services), first)
		}
	})
}

func TestBadRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := scan(t, &Scanner{Dial: (&fakeNet{}).dial},
			sweepOf("198.41.0.9-198.41.0.1"), sweepOf("198.41.0.1-2001:db8::1"), sweepOf("::-ffff::"), Input{Kind: KindRange, First: netip.MustParseAddr("::2")})
		if r.summary.BadInputs != 4 || len(r.services) != 0 {
			t.Errorf("summary %+v", r.summary)
		}
	})
}

// The reverse lookup happens once for each address, beside the probe, and for
// a range only where something answered.
func TestPTR(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dns := &fakeDNS{
			latency: 3 * time.Second,
			ptr:     map[string][]string{"198.41.0.1": {"mx.example"}, "198.41.0.2": {"liar.example"}, "198.41.0.3": {"gone.example"}},
			host:    map[string][]string{"mx.example": {"198.41.0.9", "198.41.0.1"}, "liar.example": {"198.41.0.9"}},
			fail: func(name string, _ int) Status {
				if name == "198.41.0.4" || name == "gone.example" {
					return StatusServFail
				}
				return ""
			},
		}
		network := &fakeNet{latency: 6 * time.Second, behave: func(to netip.AddrPort, _ int) string {
			if to.Addr().As4()[3] > 5 {
				return refuse
			}
			return serve
		}}
		began := time.Now()
		s := &Scanner{Resolver: dns, Dial: network.dial, Ports: []Port{{Number: 25}, {Number: 587}}, ConnectTimeout: time.Minute, Rate: -1}
		r := scan(t, s, sweepOf("198.41.0.1"), sweepOf("198.41.0.2"), sweepOf("198.41.0.3"), sweepOf("198.41.0.4"), sweepOf("198.41.0.5-198.41.0.20"))
		yes, no := true, false
		want := map[string]struct {
			names []string
			valid *bool
		}{
			"198.41.0.1": {[]string{"mx.example"}, &yes},
			"198.41.0.2": {[]string{"liar.example"}, &no},
			"198.41.0.3": {[]string{"gone.example"}, nil},
			"198.41.0.4": {nil, nil},
			"198.41.0.5": {[]string{}, nil},
		}
		if len(r.services) != 10 {
			t.Errorf("%d rows, want 10", len(r.services))
		}
		for _, v := range r.services {
			w := want[v.IP.String()]
			if !slices.Equal(v.PTR, w.names) || (v.PTR == nil) != (w.names == nil) || fmt.Sprint(deref(v.PTRValid)) != fmt.Sprint(deref(w.valid)) {
				t.Errorf("%v: PTR %#v valid %v, want %#v %v", v.IP, v.PTR, deref(v.PTRValid), w.names, deref(w.valid))
			}
		}
		for name, n := range dns.lookups {
			if n != 1 && name != "mx.example.com" { // that of the greetings; the resolver keeps its answer
				t.Errorf("%s looked up %d times", name, n)
			}
		}
		if dns.lookups["198.41.0.7"] != 0 {
			t.Error("a silent address was looked up")
		}
		if took := time.Since(began); took > 13*time.Second {
			t.Errorf("took %v: the lookup of a named address must go on beside its probe", took)
		}
		if r := scan(t, &Scanner{Resolver: dns, Dial: network.dial, NoPTR: true, Ports: smtp25()}, sweepOf("198.41.0.1")); r.services[0].PTR != nil {
			t.Error("looked up although turned off")
		}
	})
}

func deref(b *bool) any {
	if b == nil {
		return nil
	}
	return *b
}
