package version

import "strings"

func isLetter(c byte) bool { return 'a' <= c|0x20 && c|0x20 <= 'z' }

// letterStage ranks a release letter: none is 0, "a" is 1.
func letterStage(c byte) int { return int(c|0x20-'a') + 1 }

// parseLetter reads MDaemon's versions: 24.5.1c is the third rebuild of 24.5.1.
func parseLetter(s string) (release, bool) {
	nums, rest, ok := numbers(s)
	if !ok || len(nums) < minNumbers {
		return release{}, false
	}
	r := release{nums: nums}
	if len(rest) == 1 && isLetter(rest[0]) {
		r.stage = letterStage(rest[0])
		return r, true
	}
	return r.withPreRelease(rest)
}

// parseSurgeMail reads 3.8k4 and 7.4q-1, where the letter counts on from the
// two numbers, and 38k4, in which the dot has been left out.
func parseSurgeMail(s string) (release, bool) {
	if digits(s) == 2 {
		s = s[:1] + "." + s[1:]
	}
	nums, rest, ok := numbers(s)
	if !ok || len(nums) != 2 {
		return release{}, false
	}
	r := release{nums: nums}
	if rest != "" && isLetter(rest[0]) {
		r.stage, rest = letterStage(rest[0]), rest[1:]
		if digits(rest) > 0 {
			r.step, rest, ok = number(rest)
		}
	}
	if build, isDashed := strings.CutPrefix(rest, "-"); ok && isDashed {
		r.sub, rest, ok = number(build)
	}
	return r, ok && rest == ""
}
