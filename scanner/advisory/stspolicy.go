package advisory

import (
	"slices"
	"strconv"
	"strings"
)

// An stsPolicy is a policy of RFC 8461, section 3.2.
type stsPolicy struct {
	mode  string
	mx    []string
	fault string // what is wrong with it
}

// maxAge is the longest max_age that a policy may have.
const maxAge = 31557600

// readSTSPolicy reads "key: value" lines.
func readSTSPolicy(text string) (p stsPolicy) {
	values := map[string]string{}
	for line := range strings.Lines(text) {
		key, value, found := strings.Cut(strings.TrimRight(line, "\r\n"), ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		switch {
		case !found && key == "":
		case !found:
			p.fault = "a line without a colon: " + strconv.Quote(key)
		case key == "mx":
			p.mx = append(p.mx, value)
		case values[key] == "": // of a key that is there twice, the first counts
			values[key] = value
		}
	}
	p.mode = values["mode"]
	age, err := strconv.Atoi(values["max_age"])
	switch {
	case p.fault != "":
	case values["version"] != "STSv1":
		p.fault = "version is not STSv1"
	case !slices.Contains([]string{"enforce", "testing", "none"}, p.mode):
		p.fault = "mode " + strconv.Quote(p.mode)
	case err != nil || age < 0 || age > maxAge:
		p.fault = "max_age " + strconv.Quote(values["max_age"])
	case len(p.mx) == 0 && p.mode != "none":
		p.fault = "no mx"
	}
	return p
}

// covers reports whether a pattern of the policy is for a host: section 4.1,
// where "*" stands for one label.
func (p *stsPolicy) covers(host string) bool {
	return slices.ContainsFunc(p.mx, func(pattern string) bool {
		if rest, wild := strings.CutPrefix(pattern, "*."); wild {
			_, parent, _ := strings.Cut(host, ".")
			return sameName(parent, rest)
		}
		return sameName(host, pattern)
	})
}

// stsPolicy judges a policy that was fetched.
func (r *report) stsPolicy(f *DomainFacts) {
	if f.Policy.Error != "" {
		r.add("mta-sts-policy-invalid", "%s", f.Policy.Error)
		return
	}
	p := readSTSPolicy(f.Policy.Text)
	switch {
	case p.fault != "":
		r.add("mta-sts-policy-invalid", "%s", p.fault)
		return
	case p.mode != "enforce":
		r.add("mta-sts-not-enforced", "mode %s", p.mode)
	}
	if p.mode == "none" {
		return
	}
	var missed []string
	for _, name := range others(f.MX) {
		if !p.covers(name) {
			missed = append(missed, name)
		}
	}
	if len(missed) > 0 {
		severity := Medium
		if p.mode != "enforce" {
			severity = Low
		}
		r.addAs("mta-sts-mx-not-covered", severity, "the policy names %q, not %q", p.mx, missed)
	}
}
