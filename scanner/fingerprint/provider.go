package fingerprint

import (
	"errors"
	"fmt"
	"iter"
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
	last := ""
	for name := range serverNames(sig) {
		if name == last { // most servers go by one name
			continue
		}
		if p := lookup(s.hosts, name); p != "" {
			return p
		}
		last = name
	}
	if product >= 0 && s.products[product].Class == "provider" {
		return s.products[product].Provider
	}
	return ""
}

// maxName bounds the names that are looked up: no host name is longer (RFC
// 1035, section 2.3.4), and a certificate may hold anything.
const maxName = 255

// lookup finds the longest suffix of a host name in a table.
func lookup(table map[string]string, name string) string {
	name = lower(strings.TrimPrefix(strings.TrimSuffix(name, "."), "*."))
	if len(name) > maxName {
		return ""
	}
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

// serverNames yields what a server is called, the harder to make up the sooner.
func serverNames(sig *Signals) iter.Seq[string] {
	return func(yield func(string) bool) {
		_ = yield(sig.PTR) && yield(sig.CertCN) && each(sig.CertNames[:min(len(sig.CertNames), maxLines)], yield) && each(greetingNames(sig.Greeting), yield)
	}
}

func each(names []string, yield func(string) bool) bool {
	for _, name := range names {
		if !yield(name) {
			return false
		}
	}
	return true
}

// nameWords is how far into a greeting a server may name itself: after an
// enhanced status code and the word ESMTP.
const nameWords = 3

// greetingNames returns the words at the head of a greeting that can be the
// server's name, whatever its code: refusals name the server first, too
// (RFC 5321, section 4.2.3). Words in brackets name the client.
func greetingNames(text string) (names []string) {
	if len(text) < 5 {
		return nil
	}
	l, _, _ := strings.Cut(text[4:min(len(text), maxLine)], "\n")
	n := 0
	for w := range strings.FieldsSeq(l) {
		if n++; n > nameWords {
			break
		}
		if strings.Contains(w, ".") && !strings.ContainsAny(w, "[]<>()@/:") {
			names = append(names, w)
		}
	}
	return names
}
