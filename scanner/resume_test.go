package scanner

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A range that is named twice is swept once, and an account of the second does
// not pass for one of the first: killed after any record, the run still ends
// with all addresses asked.
func TestResumeRangeNamedTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const addresses = 512
		in := []Input{sweepOf("198.41.4.0-198.41.5.255"), sweepOf("198.41.4.0-198.41.5.255"), sweepOf("198.41.4.16-198.41.4.31")}
		network := &fakeNet{behave: func(to netip.AddrPort, _ int) string {
			if to.Addr().As4()[3]%64 == 1 {
				return serve
			}
			return ignore
		}}
		scanner := func() *Scanner {
			return &Scanner{Dial: network.dial, Ports: smtp25(), Rate: 50, Seed: 3, NoPTR: true}
		}
		whole, _ := part(t, scanner(), in, nil, 1e9)
		if n := len(network.dials); n != addresses {
			t.Fatalf("%d addresses contacted, want %d", n, addresses)
		}
		for cut := range len(whole) {
			network.dials = nil
			all, _ := part(t, scanner(), in, whole[:cut], 1e9)
			sameRecords(t, all, whole)
			sameFigures(t, all[len(all)-1].Summary, whole[len(whole)-1].Summary)
			if t.Failed() {
				t.Fatalf("cut at %d of %d", cut, len(whole))
			}
		}
	})
}

// stopped runs a scanner for a while and returns what is on record then.
func stopped(t *testing.T, s *Scanner, after time.Duration, in ...Input) (earlier []Result) {
	t.Helper()
	stop := make(chan struct{})
	s.Stop = stop
	time.AfterFunc(after, func() { close(stop) })
	_ = s.Run(t.Context(), inputs(in...), func(r Result) error {
		if r.Summary == nil {
			earlier = append(earlier, r)
		}
		return nil
	})
	return earlier
}

// A row is written when it is final, not before: what waits for another attempt
// when a run ends is on no record and is asked again, and what has been given up
// as rate-limited is on record and is not. So the file never holds two rows of
// which one would have to supersede the other.
func TestResumeLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := []Input{domain("d.example")}
		dns := &fakeDNS{mx: map[string]Resolution{
			"d.example": mail(exchanger("mx1.example", 10, "198.41.0.1"), exchanger("mx2.other", 20, "198.41.0.2")),
		}}
		network := &fakeNet{behave: func(to netip.AddrPort, _ int) string {
			if to.Addr().As4()[3] == 2 {
				return tooBusy
			}
			return serve
		}}
		scanner := func() *Scanner {
			network.dials = nil
			return &Scanner{Resolver: dns, Dial: network.dial, NoPTR: true, Ports: smtp25(), Retries: 2}
		}
		whole, _ := part(t, scanner(), in, nil, 1e9)
		limited := netip.MustParseAddrPort("198.41.0.2:25")
		if got := whole[len(whole)-1].Summary; got.ByStatus[StatusRateLimited] != 1 || got.Covered != 1 || network.dials[limited] != 3 {
			t.Fatalf("summary %+v after %d attempts", got, network.dials[limited])
		}

		waiting := stopped(t, scanner(), 3*time.Second, in...) // between the attempts
		if n := len(waiting); n != 1 || waiting[0].Service.Status != StatusSuccess || network.dials[limited] == 0 {
			t.Fatalf("on record while one waits: %d, %d attempts", n, network.dials[limited])
		}
		all, _ := part(t, scanner(), in, waiting, 1e9)
		sameRecords(t, all, whole)
		if network.dials[limited] != 3 || len(network.dials) != 1 {
			t.Errorf("after the stop: contacted %v", network.dials)
		}

		all, _ = part(t, scanner(), in, whole[:2], 1e9) // all rows, not the record of the domain
		sameRecords(t, all, whole)
		if len(network.dials) != 0 {
			t.Errorf("final, and contacted again: %v", network.dials)
		}
	})
}

// Where the DNS says something else by then, the rows of what it said before
// stay, those of what it says now join them, and the record of the domain is of
// now. Nothing that is on record is contacted again.
func TestResumeChangedDNS(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer := func(mx ...MX) *fakeDNS {
			return &fakeDNS{mx: map[string]Resolution{"d.example": mail(mx...), "done.example": mail(mx[0])}}
		}
		kept, gone, fresh := exchanger("mx1.example", 10, "198.41.0.1"), exchanger("mx2.example", 20, "198.41.0.2"), exchanger("mx3.example", 5, "198.41.0.3")
		waits := exchanger("mx4.other", 30, "198.41.0.4")
		network := &fakeNet{behave: func(to netip.AddrPort, _ int) string {
			if to.Addr().As4()[3] == 4 {
				return tooBusy
			}
			return serve
		}}
		in := []Input{domain("done.example"), domain("d.example")}
		scanner := func(dns *fakeDNS) *Scanner {
			return &Scanner{Resolver: dns, Dial: network.dial, NoPTR: true, Ports: smtp25(), Retries: 2}
		}
		earlier := stopped(t, scanner(answer(kept, gone, waits)), 3*time.Second, in...)
		network.dials = nil
		all, _ := part(t, scanner(answer(kept, fresh)), in, earlier, 1e9)

		rows, domains := map[string]int{}, map[string]*Domain{}
		for _, r := range all {
			switch {
			case r.Service != nil:
				rows[r.Service.Domain+" "+r.Service.Host]++
			case r.Domain != nil && domains[r.Domain.Domain] != nil:
				t.Errorf("%s has two records", r.Domain.Domain)
			case r.Domain != nil:
				domains[r.Domain.Domain] = r.Domain
			}
		}
		if got, want := fmt.Sprint(rows), "map[d.example mx1.example:1 d.example mx2.example:1 d.example mx3.example:1 done.example mx1.example:1]"; got != want {
			t.Errorf("rows %s\nwant %s", got, want)
		}
		if d := domains["d.example"]; d == nil || len(d.MX) != 2 || d.Services != 2 {
			t.Errorf("the record of the domain: %+v", d)
		}
		if len(network.dials) != 1 || network.dials[netip.MustParseAddrPort("198.41.0.3:25")] != 1 {
			t.Errorf("contacted %v, want the new one alone", network.dials)
		}
	})
}

// What is excluded only now is not contacted any more in the rest of a range
// either, nor what of it had waited for another attempt; rows on record stay.
func TestResumeExcludedRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := []Input{sweepOf("198.41.4.0-198.41.4.255")}
		network := &fakeNet{behave: func(to netip.AddrPort, _ int) string {
			switch last := to.Addr().As4()[3]; {
			case last%16 == 1:
				return serve
			case last%16 == 2:
				return tooBusy
			}
			return ignore
		}}
		scanner := func() *Scanner {
			return &Scanner{Dial: network.dial, Ports: smtp25(), Rate: 20, Seed: 3, NoPTR: true, Retries: 1}
		}
		earlier := stopped(t, scanner(), 8*time.Second, in...)
		before := len(network.dials)
		written, early := map[netip.Addr]bool{}, 0
		never := netip.MustParsePrefix("198.41.4.128/25")
		for _, r := range earlier {
			if r.Service != nil {
				written[r.Service.IP] = true
				if never.Contains(r.Service.IP) {
					early++
				}
			}
		}
		if early == 0 || before > 200 || before < 50 {
			t.Fatalf("%d rows of what is excluded later, %d contacted", early, before)
		}
		network.dials = nil
		s := scanner()
		s.Exclude = func(a netip.Addr, _ string) bool { return never.Contains(a) }
		all, _ := part(t, s, in, earlier, 1e9)
		for to := range network.dials {
			if never.Contains(to.Addr()) || written[to.Addr()] {
				t.Errorf("%s contacted", to)
			}
		}
		seen := map[netip.Addr]int{}
		late := 0
		for _, r := range all {
			if r.Service == nil {
				continue
			}
			if seen[r.Service.IP]++; seen[r.Service.IP] > 1 {
				t.Errorf("%s is on record twice", r.Service.IP)
			}
			if never.Contains(r.Service.IP) {
				late++
			}
		}
		sum := all[len(all)-1].Summary
		if late != early || sum.ByStatus[StatusExcluded] < 20 || sum.Endpoints+sum.ByStatus[StatusExcluded] != 256 {
			t.Errorf("%d rows of what is excluded, want the %d of before; summary %+v", late, early, sum)
		}
	})
}

// Shards, each killed again and again and resumed, are together the whole.
func TestResumeShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole, _ := part(t, mixedScanner(), mixedInputs(), nil, 1e9)
		rng := rand.New(rand.NewPCG(3, 4))
		for _, n := range []int{2, 3, 5} {
			var all []Result
			for i := range n {
				var records []Result
				for complete := false; !complete; {
					s := mixedScanner()
					s.Shard = Shard{i + 1, n}
					records, complete = part(t, s, mixedInputs(), records, 1+rng.IntN(30))
				}
				all = append(all, records...)
			}
			sameRecords(t, all, whole)
		}
	})
}

// Where too many ranges are remembered for another one, that is not known for
// named twice. Both are swept then, and no account of one passes for the other:
// killed after any record, the run still ends with the rows of both.
func TestResumeRangeNamedTwiceUnnoticed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := []Input{sweepOf("198.41.4.0-198.41.4.255"), sweepOf("198.41.4.0-198.41.4.255")}
		network := &fakeNet{behave: func(to netip.AddrPort, _ int) string {
			if to.Addr().As4()[3]%16 == 1 {
				return serve
			}
			return ignore
		}}
		run := func(earlier []Result) []Result {
			s := &Scanner{Dial: network.dial, Ports: smtp25(), Rate: 20, Seed: 3, NoPTR: true, Resume: NewLedger()}
			s.Resume.Add(&Result{Run: &Run{Seed: s.Seed}})
			for _, r := range earlier {
				s.Resume.Add(&r)
			}
			all := slices.Clone(earlier)
			e := newEngine(t.Context(), s, func(r Result) error { all = append(all, r); return nil })
			e.ranges.seen = map[Port]spans{smtp25()[0]: manySpans()}
			if err := e.perform(inputs(in...)); err != nil {
				t.Fatal(err)
			}
			return all
		}
		whole := run(nil)
		want := whole[len(whole)-1].Summary
		if want.Services != 32 {
			t.Fatalf("summary %+v", want)
		}
		for cut := range len(whole) {
			all := run(whole[:cut])
			sameRecords(t, all, whole)
			// Silent is left out: it depends on whether both wait for an address at once.
			if got := all[len(all)-1].Summary; got.Services != want.Services {
				t.Errorf("summary %+v\nwant    %+v", got, want)
			}
			if t.Failed() {
				t.Fatalf("cut at %d of %d", cut, len(whole))
			}
		}
	})
}

// manySpans are as many as are remembered, far from all else.
func manySpans() (s spans) {
	for i := range uint64(maxSpans) {
		a := advance(netip.MustParseAddr("11.0.0.0"), i*4)
		s = append(s, span{a, a})
	}
	return s
}
