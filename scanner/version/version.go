// Package version orders the version numbers of mail servers.
//
// No single rule fits them: Exim 4.100 is newer than 4.99, MailEnable 1.54 is
// older than 1.6, OpenSMTPD 6.6.2p1 is newer than 6.6.2, and IMail 2006.21 came
// before IMail 10. A product therefore names its [Schemes] entry, and [Parse]
// turns a text into a [Version] of that scheme:
//
//	shown, err := version.Parse("exim", "4.99")
//	fixed, err := version.Parse("exim", "4.100.1")
//	order, err := version.Compare(shown, fixed) // -1: older
//
// A text that does not have the form of its scheme is an error and stays one:
// "cannot compare" is an answer a reviewer can use, a guess is not. Within one
// scheme the order is total.
package version

import (
	"errors"
	"fmt"
	"strings"
)

// ErrUnknownScheme says that a scheme is none of [Schemes].
var ErrUnknownScheme = errors.New("unknown version scheme")

// maxLength bounds what Parse looks at. Versions come from hostile banners, and
// no product shows a longer one.
const maxLength = 64

// A Version is a parsed version of one scheme. The zero Version belongs to no
// scheme and compares with nothing. Versions are comparable with == only in the
// sense of equal text; use [Compare] for order.
type Version struct {
	scheme string
	text   string
	key    string // its byte order is the order of versions
}

// String returns the text the version was parsed from, blanks around it cut.
func (v Version) String() string { return v.text }

// Scheme returns the name of the scheme, "" for the zero Version.
func (v Version) Scheme() string { return v.scheme }

// Parse reads s by the rules of scheme, one of [Schemes]. An error wraps
// [ErrUnknownScheme], or says that s does not have the scheme's form.
func Parse(scheme, s string) (Version, error) {
	parse := parser(scheme)
	if parse == nil {
		return Version{}, fmt.Errorf("%w %q", ErrUnknownScheme, scheme)
	}
	text := strings.TrimSpace(s)
	if len(text) > maxLength {
		return Version{}, fmt.Errorf("cannot compare a version of %d bytes: at most %d are expected", len(text), maxLength)
	}
	r, ok := parse(text)
	if !ok {
		return Version{}, fmt.Errorf("cannot compare version %q: not of the form of scheme %q", text, scheme)
	}
	return Version{scheme, text, r.key()}, nil
}

// Compare returns -1 if a is older than b, 0 if they are the same release and
// +1 if a is newer. Versions of different schemes, and zero Versions, are an
// error.
func Compare(a, b Version) (int, error) {
	if a.scheme == "" || a.scheme != b.scheme {
		return 0, fmt.Errorf("cannot compare version %q of scheme %q with %q of scheme %q", a.text, a.scheme, b.text, b.scheme)
	}
	return strings.Compare(a.key, b.key), nil
}

// Less reports whether a is older than b. It is Compare for sorting and for
// ranges whose bounds are known to be of a's scheme; otherwise it is false.
func Less(a, b Version) bool {
	return a.scheme != "" && a.scheme == b.scheme && a.key < b.key
}

// A Line is a release line such as Exim 4.99 or Exchange 15.2: all versions
// whose first numbers are the same.
type Line struct {
	scheme string
	prefix string
	parts  int
}

// ParseLine reads the numbers a release line has in common: "4.99", "14".
func ParseLine(scheme, s string) (Line, error) {
	if parser(scheme) == nil {
		return Line{}, fmt.Errorf("%w %q for a release line", ErrUnknownScheme, scheme)
	}
	nums, rest, ok := numbers(s)
	if !ok || rest != "" {
		return Line{}, fmt.Errorf("release line %q: expected numbers separated by dots", s)
	}
	whole := release{nums: nums}.key()
	return Line{scheme, whole[:len(nums)*numberSize], len(nums)}, nil
}

// Contains reports whether v belongs to the line.
func (l Line) Contains(v Version) bool {
	return l.scheme != "" && l.scheme == v.scheme && strings.HasPrefix(v.key, l.prefix)
}

// Parts returns how many numbers the line has: where two lines contain a
// version, the one with more parts says more.
func (l Line) Parts() int { return l.parts }
