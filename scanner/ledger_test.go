package scanner

import (
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

// A fleet with something of everything: what it answers depends on nothing but
// the endpoint, but for failures that pass at the second attempt.
func mixedDNS() *fakeDNS {
	return &fakeDNS{
		latency: 10 * time.Millisecond,
		mx: map[string]Resolution{
			"a.example":    mail(exchanger("mx1.example", 10, "198.41.0.1", "198.41.0.2"), exchanger("mx2.example", 20, "198.41.0.3")),
			"b.example":    mail(exchanger("mx1.example", 10, "198.41.0.1", "198.41.0.2")),
			"c.example":    mail(exchanger("mx3.example", 10, "198.41.0.200"), MX{Name: "lost.example", Preference: 20, Status: StatusNXDomain}),
			"null.example": {Status: StatusNullMX, NullMX: true},
			"slow.example": mail(exchanger("mx4.example", 10, "198.41.0.9"), exchanger("mx5.example", 10, "10.0.0.1")),
			"late.example": mail(exchanger("mx1.example", 10, "198.41.0.1"), MX{Name: "later.example", Preference: 20, Status: StatusServFail}),
		},
		host: map[string][]string{"host.example": {"198.41.0.4", "198.41.0.5"}, "later.example": {"198.41.0.6"}},
		fail: func(name string, n int) Status {
			if name == "slow.example" && n == 1 {
				return StatusServFail
			}
			return ""
		},
	}
}

func mixedNet() *fakeNet {
	return &fakeNet{latency: 100 * time.Millisecond, behave: func(to netip.AddrPort, n int) string {
		switch last := to.Addr().As4()[3]; {
		case last == 9 && n == 1, last == 40 && n == 1:
			return tooBusy
		case last%16 == 4:
			return refuse
		case last%16 == 5:
			return mute
		case last%16 == 6:
			return hangUp
		case last%8 < 4:
			return serve
		}
		return ignore
	}}
}

func mixedInputs() []Input {
	return []Input{
		domain("a.example"), domain("b.example"), sweepOf("198.41.0.0-198.41.0.63"), domain("a.example"),
		domain("null.example"), domain("none.example"), hostIn("host.example"), hostIn("nohost.example"), sweepOf("198.41.0.1"),
		domain("c.example"), domain("slow.example"), domain("late.example"), sweepOf("198.41.0.1"), sweepOf("198.41.0.32-198.41.0.95", smtp25()...),
		sweepOf("198.41.0.40"), sweepOf("198.41.0.90-198.41.0.91"), domain("b.example"),
	}
}

func mixedScanner() *Scanner {
	return &Scanner{
		Resolver: mixedDNS(), Dial: mixedNet().dial, NoPTR: true, Seed: 7, Concurrency: 5, Rate: 20, Retries: 3,
		Ports:   []Port{{Number: 25}, {Number: 587}},
		Exclude: func(a netip.Addr, _ string) bool { return a == netip.MustParseAddr("198.41.0.33") },
	}
}

// identity counts the records but those of progress, by all that must be the
// same in every run.
func identity(records []Result) map[string]int {
	counts := map[string]int{}
	for _, r := range records {
		switch {
		case r.Service != nil:
			v := r.Service
			counts[fmt.Sprintln("service", v.Input, v.Domain, v.MX, v.Host, v.IP, v.Port, v.Status, v.Phase)]++
		case r.Domain != nil:
			counts[fmt.Sprintln("domain", r.Domain.Input, r.Domain.Domain, r.Domain.Status, r.Domain.Services)]++
		}
	}
	return counts
}

func sameRecords(t *testing.T, got, want []Result) {
	t.Helper()
	g, w := identity(got), identity(want)
	for key, n := range w {
		if g[key] != n {
			t.Errorf("%d times, want %d: %s", g[key], n, key)
		}
	}
	for key, n := range g {
		if w[key] == 0 {
			t.Errorf("%d times, want none: %s", n, key)
		}
	}
}

// part runs one part of a run after the records of the earlier ones and returns
// all; after limit records the process is killed.
func part(t *testing.T, s *Scanner, in []Input, earlier []Result, limit int) (all []Result, complete bool) {
	t.Helper()
	s.Resume = NewLedger()
	s.Resume.Add(&Result{Run: &Run{Seed: s.Seed, Timestamp: time.Now()}})
	for _, r := range earlier {
		s.Resume.Add(&r)
	}
	all = slices.Clone(earlier)
	err := s.Run(t.Context(), inputs(in...), func(r Result) error {
		if limit--; limit < 0 {
			return errEmit
		}
		if r.Summary == nil || !r.Summary.Interrupted {
			all = append(all, r)
		}
		return nil
	})
	if err != nil && !errors.Is(err, errEmit) {
		t.Fatal(err)
	}
	if err == nil && s.Resume.Unclaimed() != 0 {
		t.Errorf("%d inputs are left over", s.Resume.Unclaimed())
	}
	return all, err == nil
}

// Cut after any record, a run is completed to the same set of records, each
// once, and to the same figures. (Every fifth is tried, to save time.)
func TestResumeAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole, _ := part(t, mixedScanner(), mixedInputs(), nil, 1e9)
		want := whole[len(whole)-1].Summary
		if n := len(identity(whole)); n < 50 || want.Silent < 10 || want.ByStatus[StatusExcluded] == 0 {
			t.Fatalf("the fleet is not mixed: %d records, summary %+v", n, want)
		}
		for cut := 0; cut < len(whole); cut += 5 {
			all, complete := part(t, mixedScanner(), mixedInputs(), whole[:cut], 1e9)
			if !complete {
				t.Fatalf("cut at %d: not completed", cut)
			}
			sameRecords(t, all, whole)
			sameFigures(t, all[len(all)-1].Summary, want)
			if t.Failed() {
				t.Fatalf("cut at %d of %d", cut, len(whole))
			}
		}
	})
}

func sameFigures(t *testing.T, got, want *Summary) {
	t.Helper()
	g, w := *got, *want
	for _, s := range []*Summary{&g, &w} {
		s.Timestamp, s.DurationMS, s.Connections, s.Findings = time.Time{}, 0, 0, nil
	}
	if !reflect.DeepEqual(g, w) {
		t.Errorf("summary %+v\nwant    %+v", g, w)
	}
}

// A run that is killed again and again comes to its end.
func TestResumeAgainAndAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole, _ := part(t, mixedScanner(), mixedInputs(), nil, 1e9)
		rng := rand.New(rand.NewPCG(1, 2))
		for range 20 {
			var all []Result
			complete := false
			for parts := 0; !complete; parts++ {
				if parts > 100 {
					t.Fatal("no end")
				}
				all, complete = part(t, mixedScanner(), mixedInputs(), all, 1+rng.IntN(20))
			}
			sameRecords(t, all, whole)
			sameFigures(t, all[len(all)-1].Summary, whole[len(whole)-1].Summary)
		}
	})
}

// Stopped in good order at any second, a run has lost no work but that of
// retries.
func TestResumeAfterStop(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		whole, _ := part(t, mixedScanner(), mixedInputs(), nil, 1e9)
		for second := range 20 {
			first := mixedScanner()
			stop := make(chan struct{})
			first.Stop = stop
			time.AfterFunc(time.Duration(second)*time.Second, func() { close(stop) })
			var earlier []Result
			_ = first.Run(t.Context(), inputs(mixedInputs()...), func(r Result) error {
				if r.Summary == nil {
					earlier = append(earlier, r)
				}
				return nil
			})
			all, _ := part(t, mixedScanner(), mixedInputs(), earlier, 1e9)
			sameRecords(t, all, whole)
			if t.Failed() {
				t.Fatalf("stopped after %d s", second)
			}
		}
	})
}

// Silent addresses that a Progress record covers are not asked again, and a
// finished range is not touched at all.
func TestResumeRange(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := []Input{sweepOf("198.41.4.0-198.41.7.255")}
		scanner := func(n *fakeNet) *Scanner {
			return &Scanner{Dial: n.dial, Ports: smtp25(), Rate: 50, Seed: 3, NoPTR: true}
		}
		first := &fakeNet{behave: func(to netip.AddrPort, _ int) string {
			if to.Addr().As4()[3] == 200 {
				return tooBusy // deferred for the whole run
			}
			return ignore
		}}
		stop := make(chan struct{})
		time.AfterFunc(12*time.Second, func() { close(stop) })
		s := scanner(first)
		s.Stop = stop
		var earlier []Result
		_ = s.Run(t.Context(), inputs(in...), func(r Result) error { earlier = append(earlier, r); return nil })
		last := earlier[len(earlier)-2].Progress
		if last == nil || last.Done < 590 || last.Total != 1024 {
			t.Fatalf("progress at the stop: %+v", last)
		}
		crashed := slices.DeleteFunc(slices.Clone(earlier), func(r Result) bool { return r.Progress == last || r.Summary != nil })

		for name, records := range map[string][]Result{"stopped": earlier[:len(earlier)-1], "killed": crashed} {
			second := &fakeNet{behave: first.behave}
			all, _ := part(t, scanner(second), in, records, 1e9)
			again := 0
			for to := range second.dials {
				if first.dials[to] > 0 && to.Addr().As4()[3] != 200 {
					again++
				}
			}
			// Up to twice the interval at 50/s, or nothing after a stop.
			if limit := map[string]int{"stopped": 0, "killed": 500}[name]; again > limit {
				t.Errorf("%s: %d silent addresses asked again, want at most %d", name, again, limit)
			}
			sum := all[len(all)-1].Summary
			if sum.Endpoints != 1024 || sum.Silent != 1020 || sum.Services != 4 || sum.ByStatus[StatusConnectTimeout] != 1020 {
				t.Errorf("%s: summary %+v", name, sum)
			}
			third := &fakeNet{}
			part(t, scanner(third), in, all[:len(all)-1], 1e9)
			if len(third.dials) != 0 {
				t.Errorf("%s: %d endpoints of a finished range contacted", name, len(third.dials))
			}
		}
	})
}

// No endpoint of a complete domain is contacted, no name of it looked up, and an
// outcome that is on record serves the other domains that lead there.
func TestResumeContactsNothingTwice(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := []Input{domain("a.example"), domain("b.example"), hostIn("host.example"), sweepOf("198.41.0.1")}
		whole, _ := part(t, mixedScanner(), in, nil, 1e9)
		kept := slices.DeleteFunc(slices.Clone(whole), func(r Result) bool {
			return r.Summary != nil || r.Domain != nil && r.Domain.Domain == "b.example" || r.Service != nil && r.Service.Domain == "b.example"
		})
		s, dns, network := mixedScanner(), mixedDNS(), mixedNet()
		s.Resolver, s.Dial = dns, network.dial
		all, _ := part(t, s, in, kept, 1e9)
		sameRecords(t, all, whole)
		if len(network.dials) != 0 || dns.lookups["a.example"] != 0 {
			t.Errorf("contacted %v, looked up %v", network.dials, dns.lookups)
		}
	})
}

// Exclusions are asked anew and win; records of inputs that are not there any
// more are counted.
func TestResumeChanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := []Input{sweepOf("198.41.0.0-198.41.0.31"), domain("b.example"), sweepOf("198.41.0.1")}
		whole, _ := part(t, mixedScanner(), in, nil, 1e9)
		s, network := mixedScanner(), mixedNet()
		s.Dial = network.dial
		s.Exclude = func(netip.Addr, string) bool { return true }
		s.Resume = NewLedger()
		for _, r := range whole[:3] {
			s.Resume.Add(&r)
		}
		if err := s.Run(t.Context(), inputs(in[2]), new(records).emit); err != nil {
			t.Fatal(err)
		}
		if len(network.dials) != 0 {
			t.Errorf("contacted %v", maps.Keys(network.dials))
		}
		if n := s.Resume.Unclaimed(); n == 0 {
			t.Error("no input is left over")
		}
	})
}

// The shards of a run are disjoint, together the whole, and about equal.
func TestShards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		in := mixedInputs()
		for i := range 500 {
			in = append(in, domain(fmt.Sprintf("d%d.example", i)))
		}
		in = append(in, sweepOf("198.41.9.0-198.41.11.255"))
		bad := &InputError{Text: "???"}
		run := func(shard Shard) []Result {
			s := mixedScanner()
			s.Shard, s.All, s.Rate, s.Concurrency = shard, true, -1, 50
			var all []Result
			err := s.Run(t.Context(), func(yield func(Input, error) bool) {
				_ = yield(Input{}, bad)
				for i := range inputs(in...) {
					if !yield(i, nil) {
						return
					}
				}
			}, func(r Result) error { all = append(all, r); return nil })
			if err != nil {
				t.Fatal(err)
			}
			return all
		}
		whole := run(Shard{})
		want := whole[len(whole)-1].Summary
		for _, n := range []int{1, 2, 5, 7} {
			var all []Result
			var tally Tally
			for i := range n {
				records := run(Shard{i + 1, n})
				if len(records) < len(whole)/n*3/4 || len(records) > len(whole)/n*5/4+20 {
					t.Errorf("shard %d/%d has %d records of %d", i+1, n, len(records), len(whole))
				}
				for _, r := range records {
					tally.Add(&r)
				}
				tally.EndPart()
				all = append(all, records...)
			}
			sameRecords(t, all, whole)
			sum := new(Scanner).Summarize(&tally, false)
			if sum.Inputs != want.Inputs || sum.BadInputs != want.BadInputs || sum.Services != want.Services || sum.Domains != want.Domains {
				t.Errorf("%d shards: summary %+v, want %+v", n, sum, want)
			}
		}
	})
}

func TestParseShard(t *testing.T) {
	for text, want := range map[string]Shard{"1/1": {1, 1}, "2/5": {2, 5}, "5/5": {5, 5}} {
		if got, err := ParseShard(text); got != want || err != nil {
			t.Errorf("ParseShard(%q) = %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "2", "0/5", "6/5", "-1/5", "a/b", "1/2/3", "1/99999999"} {
		if got, err := ParseShard(text); err == nil {
			t.Errorf("ParseShard(%q) = %v, want an error", text, got)
		}
	}
}

// Every index is dealt to exactly one shard, from wherever it is counted.
func TestShardIndices(t *testing.T) {
	for n := 1; n <= 7; n++ {
		for at := range uint64(20) {
			seen := map[uint64]int{}
			for k := 1; k <= n; k++ {
				s := Shard{k, n}
				counted := uint64(0)
				for i := s.first(at); i < 50; i += s.step() {
					seen[i]++
					counted++
				}
				if got := s.count(at, 50); got != counted {
					t.Errorf("%v.count(%d, 50) = %d, want %d", s, at, got, counted)
				}
			}
			for i := at; i < 50; i++ {
				if seen[i] != 1 {
					t.Errorf("%d shards: index %d dealt %d times from %d on", n, i, seen[i], at)
				}
			}
		}
	}
}
