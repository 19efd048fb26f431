package advisory

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"

	"github.com/mxsweep/mxsweep/scanner/version"
)

// The types below are the form of a policy:
//
//	hosts: ["*.acme.example", mx.acme.example, 192.0.2.0/24]
//	products:
//	  - {product: postfix, minimum: "3.7"}
//	  - {product: exchange}
//	tls: "1.2"
//	starttls: required
//	ignore:
//	  - id: certificate-self-signed
//	    host: "*.lab.acme.example"
//	    reason: the lab has no public names, ticket 4711
//	    until: 2027-01-31

type policyFile struct {
	Hosts    []word        `yaml:"hosts"`    // where servers are expected
	Products []fileAllowed `yaml:"products"` // what they may be
	TLS      word          `yaml:"tls"`      // least version: "1.0" to "1.3"
	STARTTLS word          `yaml:"starttls"` // "required"
	Ignore   []fileIgnore  `yaml:"ignore"`
}

type fileAllowed struct {
	Product word `yaml:"product"` // slug, as "mxsweep fingerprints" lists them
	Minimum word `yaml:"minimum"` // version; "": any
}

type fileIgnore struct {
	ID     word `yaml:"id"`     // as "mxsweep findings" lists them
	Host   word `yaml:"host"`   // as in hosts; "": all
	Reason word `yaml:"reason"` // demanded
	Until  word `yaml:"until"`  // YYYY-MM-DD, the last day; demanded
}

// A word is a scalar that knows its line.
type word struct {
	text string
	line int
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (w *word) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: expected one value", n.Line)
	}
	w.text, w.line = n.Value, n.Line
	return nil
}

// ParsePolicy reads a policy. Unknown keys, hosts and versions that cannot be
// understood, and findings that do not exist are errors; each begins with name
// and line.
func (s *Set) ParsePolicy(name string, text []byte) (*Policy, error) {
	var file policyFile
	if err := yaml.Load(text, &file, yaml.WithKnownFields()); err != nil {
		return nil, yamlError(name, err)
	}
	p := &Policy{set: s}
	var faults []error
	fault := func(w word, err error) {
		switch {
		case err != nil && w.line == 0: // an empty entry has no word to point at
			faults = append(faults, fmt.Errorf("%s: %w", name, err))
		case err != nil:
			faults = append(faults, fmt.Errorf("%s:%d: %w", name, w.line, err))
		}
	}
	for _, w := range file.Hosts {
		h, err := parseHost(w.text)
		p.hosts = append(p.hosts, h)
		fault(w, err)
	}
	for _, a := range file.Products {
		product, err := s.allow(a)
		p.products = append(p.products, product)
		fault(cmp.Or(a.Product, a.Minimum), err)
	}
	for _, g := range file.Ignore {
		i, err := s.ignore(g)
		p.ignores = append(p.ignores, i)
		fault(cmp.Or(g.ID, g.Host, g.Reason, g.Until), err)
	}
	fault(file.TLS, p.setTLS(file.TLS.text))
	fault(file.STARTTLS, p.setSTARTTLS(file.STARTTLS.text))
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	return p, nil
}

func parseHost(text string) (h hostPattern, err error) {
	h.text = text
	if strings.Contains(text, "/") {
		h.prefix, err = netip.ParsePrefix(text)
		return h, err
	}
	if addr, err := netip.ParseAddr(text); err == nil {
		h.prefix = netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen())
		return h, nil
	}
	h.name, h.below = strings.CutPrefix(strings.ToLower(strings.TrimSuffix(text, ".")), "*.")
	if h.name == "" || strings.ContainsAny(h.name, "* \t") {
		return h, fmt.Errorf("host %q is neither a name, *.name, an address nor a prefix", text)
	}
	return h, nil
}

func (s *Set) allow(a fileAllowed) (allowed, error) {
	slug := a.Product.text
	if slug == "" {
		return allowed{}, errors.New("an entry of products has no product")
	}
	if a.Minimum.text == "" {
		return allowed{slug: slug}, nil
	}
	scheme := "dotted"
	if read, known := s.products[slug]; known {
		if p, err := read(); err == nil {
			scheme = p.Scheme
		}
	}
	v, err := version.Parse(scheme, a.Minimum.text)
	return allowed{slug, &v}, err
}

func (s *Set) ignore(g fileIgnore) (i ignore, err error) {
	i = ignore{id: g.ID.text, reason: strings.TrimSpace(g.Reason.text)}
	if i.id == "" {
		return i, errors.New("an entry of ignore has no id")
	}
	if s.entries[i.id].ID == "" {
		return i, fmt.Errorf("there is no finding %q: \"mxsweep findings\" lists them", i.id)
	}
	if i.reason == "" {
		return i, fmt.Errorf("ignoring %s needs a reason", i.id)
	}
	last, err := time.Parse(time.DateOnly, g.Until.text)
	if err != nil {
		return i, fmt.Errorf("ignoring %s needs until, the last day, as YYYY-MM-DD; not %q", i.id, g.Until.text)
	}
	i.until = last.AddDate(0, 0, 1)
	if g.Host.text != "" {
		h, err := parseHost(g.Host.text)
		i.host = &h
		return i, err
	}
	return i, nil
}

func (p *Policy) setTLS(text string) error {
	switch text {
	case "":
	case "1.0", "1.1", "1.2", "1.3":
		p.tls = "TLS " + text
	default:
		return fmt.Errorf("tls is one of \"1.0\", \"1.1\", \"1.2\", \"1.3\"; not %q", text)
	}
	return nil
}

func (p *Policy) setSTARTTLS(text string) error {
	p.starttls = text == "required"
	if text != "" && !p.starttls {
		return fmt.Errorf("starttls can be \"required\"; not %q", text)
	}
	return nil
}
