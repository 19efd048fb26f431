package version

import "strings"

// minNumbers is what a version needs to say something: a lone "3" or the
// "125302" of a patched Exim banner is no version to judge by.
const minNumbers = 2

// parseDotted reads numbers separated by dots, an optional "v" before them and
// an optional pre-release after them. Build metadata after "+" does not count
// (Semantic Versioning 2.0.0, section 10).
func parseDotted(s string) (release, bool) {
	s = strings.TrimPrefix(s, "v")
	s, _, _ = strings.Cut(s, "+")
	nums, rest, ok := numbers(s)
	if !ok || len(nums) < minNumbers {
		return release{}, false
	}
	return release{nums: nums}.withPreRelease(rest)
}

// parsePostfix reads a dotted version or an experimental release such as
// 3.12-20260101 or 3.12-20260101-nonprod, which comes before 3.12.0.
func parsePostfix(s string) (release, bool) {
	nums, rest, ok := numbers(s)
	if !ok || len(nums) < minNumbers {
		return release{}, false
	}
	r := release{nums: nums}
	date, isDashed := strings.CutPrefix(strings.TrimSuffix(rest, "-nonprod"), "-")
	if !isDashed || digits(date) != 8 || len(date) != 8 {
		return r.withPreRelease(rest)
	}
	r.stage = stageSnapshot
	r.step, _, ok = number(date)
	return r, ok
}

// parseDashed reads numbers and an optional build after a dash: 10.6.3-267,
// 16.0.4-016, 5.6.7-B2425.
func parseDashed(s string) (release, bool) {
	nums, rest, ok := numbers(s)
	if !ok || len(nums) < minNumbers {
		return release{}, false
	}
	r := release{nums: nums}
	if rest == "" {
		return r, true
	}
	if rest[0] != '-' {
		return r, false
	}
	build, _ := cutFold(rest[1:], "B")
	r.step, rest, ok = number(build)
	return r, ok && rest == ""
}

// parseExchange reads an Exchange build. The long form pads the last two
// numbers with zeros (15.02.0986.014 is 15.2.986.14), and a dialogue may say
// "15.2 (Build 986.14)". Two numbers alone name a product, not a build, and
// would fall into every range of it.
func parseExchange(s string) (release, bool) {
	if name, build, found := strings.Cut(s, " (Build "); found {
		s = name + "." + strings.TrimSuffix(build, ")")
	}
	nums, rest, ok := numbers(s)
	return release{nums: nums}, ok && len(nums) >= 3 && rest == ""
}
