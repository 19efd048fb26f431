package version

import "strings"

// parseExim reads the versions Exim and its packagers show: 4.96, 4.84_2 and
// 4.84.2 for the same release, 4.89_1b, 4.90_RC3, "4.96 #2" with the count of a
// build, 4.89-122312 and 4.96-58-g4e9ed49f8 with the count of a control panel
// or a repository, 4.94.2+fixes of the maintenance branch. Such additions do
// not change the release they follow.
func parseExim(s string) (release, bool) {
	s, _, _ = strings.Cut(s, "#")
	s, _, _ = strings.Cut(strings.TrimSpace(s), "+")
	nums, rest, ok := numbers(strings.ReplaceAll(s, "_", "."))
	if !ok || len(nums) < minNumbers {
		return release{}, false
	}
	r := release{nums: nums}
	if build, isDashed := strings.CutPrefix(rest, "-"); isDashed && isEximBuild(build) {
		return r, true
	}
	if len(rest) == 1 && isLetter(rest[0]) {
		r.stage = letterStage(rest[0])
		return r, true
	}
	return r.withPreRelease(rest)
}

// isEximBuild reports whether s is a number, with or without an abbreviated
// commit after it.
func isEximBuild(s string) bool {
	_, rest, ok := number(s)
	if !ok || rest == "" {
		return ok
	}
	commit, found := strings.CutPrefix(rest, "-g")
	return found && commit != "" && strings.Trim(commit, "0123456789abcdef") == ""
}
