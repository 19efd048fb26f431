package version

import "strings"

// fractionDigits is the precision of a fraction: "3.13" and "3.1300" are one.
const fractionDigits = 4

// parseDecimal reads versions whose second number is a decimal fraction, so
// that 1.54 comes before 1.6 (MailEnable, Mercury): 4.01b is a rebuild of 4.01.
func parseDecimal(s string) (release, bool) {
	major, rest, ok := number(s)
	if !ok {
		return release{}, false
	}
	minor, rest, ok := fraction(rest)
	if !ok {
		return release{}, false
	}
	r := release{nums: []uint32{major, minor}}
	if len(rest) == 1 && isLetter(rest[0]) {
		r.stage, rest = letterStage(rest[0]), ""
	}
	return r.withPart(rest)
}

// parseIMail reads IMail's versions. They were decimal up to 8.22, named after
// years from 2006 to 2009 and decimal again from 10 on, so years rank between.
func parseIMail(s string) (release, bool) {
	const firstYear, beforeYears = 2000, 9
	major, rest, ok := number(s)
	if !ok || major < firstYear {
		return parseDecimal(s)
	}
	r := release{nums: []uint32{beforeYears, major}}
	if rest == "" {
		return r, true
	}
	minor, rest, ok := fraction(rest)
	r.nums = append(r.nums, minor)
	return r, ok && rest == ""
}

// fraction reads ".54" as 5400.
func fraction(s string) (n uint32, rest string, ok bool) {
	after, found := strings.CutPrefix(s, ".")
	end := digits(after)
	if !found || end == 0 || end > fractionDigits {
		return 0, s, false
	}
	n, _, ok = number(after[:end] + strings.Repeat("0", fractionDigits-end))
	return n, after[end:], ok
}

// withPart reads an optional third number from the whole of rest.
func (r release) withPart(rest string) (release, bool) {
	if rest == "" {
		return r, true
	}
	part, found := strings.CutPrefix(rest, ".")
	n, after, ok := number(part)
	r.nums = append(r.nums, n)
	return r, found && ok && after == ""
}
