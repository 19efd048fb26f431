package fingerprint

import (
	"errors"
	"fmt"
	"strings"
)

// addProviders fills the tables of host suffixes. A suffix in two files is an
// error: the answer would depend on their order.
func (s *Set) addProviders() error {
	s.providers, s.hosts = make(map[string]string), make(map[string]string)
	var faults []error
	for i := range s.compact {
		c := &s.compact[i]
		faults = append(faults, addSuffixes(s.providers, c, c.MX), addSuffixes(s.hosts, c, c.Hosts))
	}
	return errors.Join(faults...)
}

func addSuffixes(table map[string]string, c *compact, suffixes []string) error {
	for _, suffix := range suffixes {
		if other, taken := table[suffix]; taken && other != c.Provider {
			return fmt.Errorf("%s.yaml:1: provider host %q is also that of %s", c.Slug, suffix, other)
		}
		table[suffix] = c.Provider
	}
	return nil
}

// provider names the operator: by the MX name, which the domain's owner
// published; then by the server's own names, from PTR, certificate and
// greeting; then by a product that only its maker runs.
func (s *Set) provider(sig *Signals, product int) string {
	if p := lookup(s.providers, sig.MX); p != "" {
		return p
	}
	if p := lookup(s.hosts, sig.PTR); p != "" {
		return p
	}
	if p := lookup(s.hosts, sig.CertCN); p != "" {
		return p
	}
	if p := lookup(s.hosts, greetingHost(sig.Greeting)); p != "" {
		return p
	}
	if product >= 0 && s.products[product].Class == "provider" {
		return s.products[product].Provider
	}
	return ""
}

// lookup finds the longest suffix of a host name in a table.
func lookup(table map[string]string, name string) string {
	name = lower(strings.TrimPrefix(strings.TrimSuffix(name, "."), "*."))
	for name != "" {
		if p := table[name]; p != "" {
			return p
		}
		first, rest, _ := strings.Cut(name, ".")
		if _, tail, ok := strings.Cut(rest, "."); ok {
			if p := table[first+".*."+tail]; p != "" {
				return p
			}
		}
		name = rest
	}
	return ""
}

// greetingHost returns the first word of a 220 greeting.
func greetingHost(text string) string {
	if len(text) < 5 || !strings.HasPrefix(text, "220") {
		return ""
	}
	l, _, _ := strings.Cut(text[4:min(len(text), maxLine)], "\n")
	if words := strings.Fields(l); len(words) > 0 {
		return words[0]
	}
	return ""
}
