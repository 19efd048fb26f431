package advisory

import (
	"net/netip"
	"slices"
	"strings"
)

// names judges what the server and the DNS call it, where there is a server.
func (r *report) names(f *Facts) {
	if f.Greeting == nil {
		return
	}
	switch {
	case f.PTR != nil && len(f.PTR) == 0:
		r.add("ptr-missing", "%s has no PTR record", f.Addr)
	case len(f.PTR) > 0 && isFalse(f.PTRValid):
		r.add("ptr-not-confirmed", "%q does not lead back to %s", head(f.PTR), f.Addr)
	}
	if !f.accepted() {
		return
	}
	name := f.Greeting.Hostname
	if reason := unfitName(name, f.names()); reason != "" {
		r.add("greeting-name-unfit", "greeting name %q: %s", name, reason)
	} else {
		r.greetingName(f)
	}
	if f.EHLO != nil && f.EHLO.Hostname != "" && name != "" && !sameName(name, f.EHLO.Hostname) {
		r.add("ehlo-name-differs", "greeting says %q, EHLO says %q", name, f.EHLO.Hostname)
	}
}

// greetingName compares a usable greeting name with the names that led to the
// server.
func (r *report) greetingName(f *Facts) {
	name, known := f.Greeting.Hostname, f.PTR
	if f.Host != "" {
		known = append([]string{f.Host}, known...)
	}
	same := func(other string) bool { return sameName(name, other) }
	switch {
	case name == "" || slices.ContainsFunc(known, same):
	case isFalse(f.Greeting.Resolves):
		r.add("greeting-name-unresolvable", "greeting name %q has no address", name)
	case len(known) > 0 && f.PTR != nil: // else it was not looked up, and could have been that name
		r.add("greeting-name-differs", "greeting name %q; found by %q", name, head(known))
	}
}

// unfitName says why a name in a greeting cannot be the public name that RFC
// 5321, sections 2.3.5 and 4.1.3, asks for; "" if it can, or is not there. A name
// under a private domain is as it should be where a name that led to the host is
// under the same one: then it is an inner network that is being looked at.
func unfitName(name string, led []string) string {
	name = strings.ToLower(strings.TrimSuffix(name, "."))
	if name == "" {
		return ""
	}
	if strings.HasPrefix(name, "[") {
		return "an address literal, not a name"
	}
	if _, err := netip.ParseAddr(name); err == nil {
		return "an address, not a name"
	}
	last := topLabel(name)
	switch {
	case name == "localhost" || last == "localhost" || strings.HasPrefix(name, "localhost."):
		return "every host is called so"
	case last == name:
		return "not a fully qualified name"
	case isPrivateSuffix(last) && !slices.ContainsFunc(led, func(other string) bool {
		return strings.EqualFold(topLabel(strings.TrimSuffix(other, ".")), last)
	}):
		return "." + last + " does not exist in the public DNS"
	}
	return ""
}

func topLabel(name string) string { return name[strings.LastIndexByte(name, '.')+1:] }

// isPrivateSuffix reports whether a top-level domain is reserved (RFC 2606, RFC
// 6762, RFC 9476, ICANN for .internal) or one that many use inside only.
func isPrivateSuffix(label string) bool {
	switch label {
	case "local", "localdomain", "localnet", "lan", "internal", "intranet", "intra", "private",
		"corp", "home", "test", "example", "invalid", "alt", "arpa":
		return true
	}
	return false
}

func sameName(a, b string) bool {
	return strings.EqualFold(strings.TrimSuffix(a, "."), strings.TrimSuffix(b, "."))
}
