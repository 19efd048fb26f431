package resolver

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// toASCII turns the U-labels of an internationalized name into A-labels (RFC
// 5891, section 4.4, with the mapping of UTS 46). A name in ASCII is returned as
// it is, even if an A-label in it is not valid: somebody has named it so.
func toASCII(s string) (string, error) {
	ascii := true
	for i := range len(s) {
		ascii = ascii && s[i] < utf8.RuneSelf
	}
	if ascii {
		return s, nil
	}
	if !utf8.ValidString(s) {
		return "", errors.New("an internationalized name that is not UTF-8")
	}
	a, err := idna.Lookup.ToASCII(s)
	if err != nil {
		return "", fmt.Errorf("not an internationalized name: %w", err)
	}
	return a, nil
}
