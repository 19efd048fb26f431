package scanner

import (
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"testing"
	"testing/synctest"
)

// A dealt is what a shard should have of a run by chance: the sum of parts that
// are independent of each other.
type dealt struct{ mean, variance, largest float64 }

// add takes in a part that is there with a probability.
func (d *dealt) add(size, probability float64) {
	d.mean += size * probability
	d.variance += size * size * probability * (1 - probability)
	d.largest = max(d.largest, size)
}

// deviation is how far from the mean a sum is at most, but for one in 10^9
// cases: Bernstein's inequality, solved for the deviation.
func (d *dealt) deviation() float64 {
	l := math.Log(2e9)
	m := d.largest * l / 3
	return m + math.Sqrt(m*m+2*d.variance*l)
}

// randomTargets are names, addresses and ranges, some of them of less endpoints
// than there are shards, no two with an endpoint in common.
func randomTargets(rng *rand.Rand, dns *fakeDNS) (in []Input) {
	v4, v6 := netip.MustParseAddr("45.0.0.0"), netip.MustParseAddr("2a00::")
	take := func(n uint64) (first, last netip.Addr) {
		free := &v4
		if rng.IntN(3) == 0 {
			free = &v6
		}
		first, last = *free, advance(*free, n-1)
		*free = advance(last, 1+rng.Uint64N(3))
		return first, last
	}
	dns.host = map[string][]string{}
	for i := range rng.IntN(300) {
		name := fmt.Sprintf("h%d-%d.example", i, rng.Uint32())
		addr, _ := take(1)
		dns.host[name] = []string{addr.String()}
		in = append(in, hostIn(name))
	}
	for range rng.IntN(200) {
		addr, _ := take(1)
		in = append(in, sweepOf(addr.String()))
	}
	for range rng.IntN(200) {
		first, last := take(2 + rng.Uint64N(8))
		in = append(in, sweepOf(first.String()+"-"+last.String()))
	}
	for range rng.IntN(3) {
		first, last := take(100 + rng.Uint64N(900))
		in = append(in, sweepOf(first.String()+"-"+last.String()))
	}
	rng.Shuffle(len(in), func(i, j int) { in[i], in[j] = in[j], in[i] })
	return in
}

// Whatever is named, each endpoint is of exactly one shard; of one range no
// shard has more than one endpoint above another; and of all they have what
// chance gives them, be it in a few large ranges or in many small ones.
func TestShardsAreEven(t *testing.T) {
	for trial := range uint64(30) {
		rng := rand.New(rand.NewPCG(11, trial))
		dns := new(fakeDNS)
		in := randomTargets(rng, dns)
		ports := DefaultPorts()[:1+rng.IntN(3)]
		n := 1 + rng.IntN(9)
		share := dealt{largest: 1}
		for _, i := range in {
			if !i.isRange() {
				share.add(float64(len(ports)), 1/float64(n))
				continue
			}
			d, _ := distance(i.First, i.Last)
			size := int(d+1) * len(ports)
			share.mean += float64(size / n)
			share.add(1, float64(size%n)/float64(n))
		}
		seed := rng.Uint64()
		whole := planned(t, &Scanner{Resolver: dns, Ports: ports, Seed: seed}, in)
		all := map[string]int{}
		for k := range n {
			part := planned(t, &Scanner{Resolver: dns, Ports: ports, Seed: seed, Shard: Shard{k + 1, n}}, in)
			for _, i := range in {
				if most := (whole[i.Text].n + n - 1) / n; i.isRange() && (part[i.Text].n > most || part[i.Text].n < whole[i.Text].n/n) {
					t.Errorf("trial %d: shard %d/%d has %d endpoints of %s, which has %d", trial, k+1, n, part[i.Text].n, i.Text, whole[i.Text].n)
				}
			}
			total := 0
			for _, p := range part {
				total += p.n
				for ep := range p.endpoints {
					all[ep]++
				}
			}
			if off := math.Abs(float64(total) - share.mean); off > share.deviation() {
				t.Errorf("trial %d: shard %d/%d has %d endpoints, expected %.0f ± %.0f", trial, k+1, n, total, share.mean, share.deviation())
			}
		}
		for _, p := range whole {
			for ep := range p.endpoints {
				if all[ep] != 1 {
					t.Errorf("trial %d: %s is of %d of %d shards", trial, ep, all[ep], n)
				}
				delete(all, ep)
			}
		}
		if len(all) > 0 {
			t.Errorf("trial %d: of no input: %v", trial, all)
		}
	}
}

// A plan is what a run would contact on behalf of one input.
type plan struct {
	n         int
	endpoints map[string]bool
}

func planned(t *testing.T, s *Scanner, in []Input) map[string]plan {
	t.Helper()
	plans := map[string]plan{}
	synctest.Test(t, func(t *testing.T) {
		err := s.Plan(t.Context(), inputs(in...), func(i Input, ep Endpoint) error {
			p := plans[i.Text]
			if p.endpoints == nil {
				p.endpoints = map[string]bool{}
			}
			p.n++
			p.endpoints[fmt.Sprint(ep)] = true
			plans[i.Text] = p
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	})
	return plans
}
