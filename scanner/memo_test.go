package scanner

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// The memo behaves as a list in the order of use that is cut at its size.
func TestMemo(t *testing.T) {
	const size = 8
	rng := rand.New(rand.NewPCG(1, 2))
	m := newMemo[int, int](size)
	var model []int // keys, last used first
	values := map[int]int{}
	use := func(k int) {
		if i := slices.Index(model, k); i >= 0 {
			model = slices.Delete(model, i, i+1)
		}
		model = slices.Insert(model, 0, k)
		model = model[:min(len(model), size)]
	}
	for i := range 20_000 {
		k := rng.IntN(12)
		if rng.IntN(2) == 0 {
			m.put(k, i)
			values[k] = i
			use(k)
			continue
		}
		v, ok := m.get(k)
		if want := slices.Contains(model, k); ok != want || ok && v != values[k] {
			t.Fatalf("step %d: get(%d) = %d, %v; model %v", i, k, v, ok, model)
		}
		if ok {
			use(k)
		}
	}
	if len(m.entries) != size {
		t.Errorf("%d entries, want %d", len(m.entries), size)
	}
}
