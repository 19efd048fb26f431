package resolver

import (
	"errors"
	"fmt"
	"strings"
)

// parseName brings the name of a domain or host into the form that the DNS is
// asked for: A-labels in lower case, without the final dot. It accepts what can
// be a mail domain, letters, digits and hyphens (RFC 5321, section 2.3.5), with
// the limits of RFC 1035, section 2.3.4. One label alone is a name as well.
func parseName(s string) (string, error) {
	s, err := toASCII(s)
	if err != nil {
		return "", err
	}
	s = strings.ToLower(strings.TrimSuffix(s, "."))
	if len(s) > 253 {
		return "", errors.New("longer than the 253 bytes that a name can have")
	}
	label := s
	for rest, more := s, true; more; {
		label, rest, more = strings.Cut(rest, ".")
		if err := checkLabel(label); err != nil {
			return "", err
		}
	}
	// Nearly an address, as 192.0.2.10-2o is, is no name: top-level domains
	// are alphabetic (RFC 1123, section 2.1).
	if '0' <= label[0] && label[0] <= '9' && (label != s || looksLikeAddress(s)) {
		return "", errors.New("no top-level domain begins with a digit (after an @ an address goes in brackets); " + expected)
	}
	return s, nil
}

// checkLabel applies the rules for one label of a host name (RFC 1123, section
// 2.1).
func checkLabel(label string) error {
	switch {
	case label == "":
		return errors.New("a label is empty; " + expected)
	case len(label) > 63:
		return fmt.Errorf("label %q is longer than 63 bytes", clip(label))
	case label[0] == '-' || label[len(label)-1] == '-':
		return fmt.Errorf("label %q begins or ends with a hyphen", label)
	}
	for i := range len(label) {
		c := label[i]
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' || c == '-' {
			continue
		}
		return badCharacter(c)
	}
	return nil
}

// badCharacter explains why a character cannot be in a name.
func badCharacter(c byte) error {
	switch c {
	case '_':
		return errors.New("a mail domain or host cannot have an underscore in its name")
	case ' ', '\t', ',', ';':
		return errors.New("expected one target per line")
	}
	return fmt.Errorf("%q cannot be in a name; %s", c, expected)
}
