package version

import "strings"

// parseSendmail reads the first of the up to three parts Sendmail shows,
// binary/configuration/vendor (8.15.2/8.15.2/Debian-22): only the binary has
// bugs. A vendor mark such as 8.13.8+Sun is dropped, 8.12.0.Beta7 ranks below
// 8.12.0, 8.11.6p2 above 8.11.6.
func parseSendmail(s string) (release, bool) {
	s, _, _ = strings.Cut(s, "/")
	s, _, _ = strings.Cut(s, "+")
	nums, rest, ok := numbers(s)
	if !ok || len(nums) < minNumbers {
		return release{}, false
	}
	r := release{nums: nums}
	if patched, ok := r.withStep(rest, "p"); ok {
		return patched, true
	}
	return r.withPreRelease(rest)
}
