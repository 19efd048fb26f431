package fingerprint

import (
	"cmp"
	"slices"
)

// The constants of the arithmetic; the package comment explains it.
const (
	minWeight = 5
	maxWeight = 98
	// threshold is the least confidence with which a product is named.
	threshold = 0.5
	// contradicts is how sure conduct must be of one product before the mere
	// claims of another lose weight, and discount is what is left of them.
	contradicts = 0.8
	discount    = 0.25
)

// A node is a product for which at least one rule spoke, or one of whose family
// members' did.
type node struct {
	product int
	own     bool // a rule of its own spoke
	best    [kinds][signals]float64
	// confidence that the product, or one of its family, is what answers.
	confidence float64
}

// weigh fills the nodes: the evidence first, then the confidences from the
// roots of the families down.
func (s *Set) weigh(c *scratch) {
	c.nodes = c.nodes[:0]
	slices.SortFunc(c.hits, s.compareHits)
	for _, h := range c.hits {
		r := &s.rules[h.rule]
		for p := r.product; p >= 0; p = s.products[p].parent {
			n := c.node(p)
			n.own = n.own || p == r.product
			n.best[r.Kind][r.Signal] = max(n.best[r.Kind][r.Signal], r.weight)
		}
	}
	// In the order of the slugs, so that sums of fractions come out alike
	// whatever the order of the hits.
	slices.SortFunc(c.nodes, func(a, b node) int { return cmp.Compare(a.product, b.product) })
	s.contest(c, -1, 1, 0)
}

// node returns the node of a product, a new one if it has none.
func (c *scratch) node(product int) *node {
	for i := range c.nodes {
		if c.nodes[i].product == product {
			return &c.nodes[i]
		}
	}
	c.nodes = append(c.nodes, node{product: product})
	return &c.nodes[len(c.nodes)-1]
}

// contest divides belief among the nodes below parent, which exclude each
// other: the odds of each against the odds of all and of none. No node can be
// surer than its family.
func (s *Set) contest(c *scratch, parent int, limit float64, depth int) {
	if depth > maxFamilyDepth {
		return
	}
	surest := s.conduct(c, parent)
	sum := 1.0
	for i := range c.nodes {
		n := &c.nodes[i]
		if s.products[n.product].parent == parent {
			n.confidence = n.odds(surest >= contradicts && n.behavior() == 0 && s.products[n.product].Class != "gateway")
			sum += n.confidence
		}
	}
	for i := range c.nodes {
		n := &c.nodes[i]
		if s.products[n.product].parent == parent {
			n.confidence = min(limit, n.confidence/sum)
			s.contest(c, n.product, n.confidence, depth+1)
		}
	}
}

// conduct returns the highest sum of behavior below parent.
func (s *Set) conduct(c *scratch, parent int) float64 {
	var surest float64
	for i := range c.nodes {
		if s.products[c.nodes[i].product].parent == parent {
			surest = max(surest, c.nodes[i].behavior())
		}
	}
	return surest
}

// behavior adds up what conduct alone says.
func (n *node) behavior() float64 {
	doubt := 1.0
	for _, w := range n.best[behavior] {
		doubt *= 1 - w
	}
	return 1 - doubt
}

// odds adds up all the evidence: the best rule of each signal, the signals as
// independent witnesses. The claims of a node count less where conduct
// contradicts them.
func (n *node) odds(contradicted bool) float64 {
	factor := 1.0
	if contradicted {
		factor = discount
	}
	doubt := 1.0
	for s := range signals {
		doubt *= 1 - max(n.best[claim][s]*factor, n.best[behavior][s])
	}
	return (1 - doubt) / doubt
}
