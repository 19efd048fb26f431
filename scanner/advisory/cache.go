package advisory

import (
	"fmt"
	"slices"
	"sync"
)

// maxRemembered bounds the versions of a product that are remembered. The
// version is what a server says of itself, so there can be any number.
const maxRemembered = 512

// A memory keeps what the advisories of a product say of a version. Comparing
// it with up to a hundred ranges takes some 30 µs, and a fleet has few versions.
type memory struct {
	mu   sync.Mutex
	told map[remembered][]Finding // the findings are shared and never changed
}

// remembered is everything that the findings about advisories depend on.
type remembered struct {
	version, update, os string
	missing             uint64 // bit n: the product's need n is not met
}

// recall returns the findings of a key, from judge if they are not known. A full
// memory begins anew: what is frequent is back soon.
func (m *memory) recall(key remembered, judge func() []Finding) []Finding {
	m.mu.Lock()
	findings, known := m.told[key]
	m.mu.Unlock()
	if known {
		return findings
	}
	findings = judge()
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.told == nil || len(m.told) >= maxRemembered {
		m.told = map[remembered][]Finding{}
	}
	m.told[key] = findings
	return findings
}

// missing returns the needs of any advisory of p that the facts rule out.
func (p *product) missing(f *Facts) (bits uint64) {
	for i, n := range p.needs {
		if n.missing(f) {
			bits |= 1 << i
		}
	}
	return bits
}

// listNeeds collects the distinct needs, for the bits of a key.
func (p *product) listNeeds() error {
	for i := range p.advisories {
		for _, n := range p.advisories[i].needs {
			if !slices.Contains(p.needs, n) {
				p.needs = append(p.needs, n)
			}
		}
	}
	if len(p.needs) > 64 {
		return fmt.Errorf("more than 64 different needs")
	}
	return nil
}
