package version

import "strings"

// parsePatchlevel reads numbers and a patch level: 6.6.2p1 (OpenSMTPD),
// 8.8.15p46 (Zimbra), "9.2.7 patch 3" (Kerio). No patch level is level 0.
func parsePatchlevel(s string) (release, bool) {
	nums, rest, ok := numbers(s)
	if !ok || len(nums) < minNumbers {
		return release{}, false
	}
	r := release{nums: nums}
	if patched, ok := r.withStep(rest, "patch", "p"); ok {
		return patched, true
	}
	return r.withPreRelease(rest)
}

// parseDomino reads a Domino release: a fix pack counts as the fourth number
// (8.5.3FP6 is 8.5.3.6), a hot fix or interim fix after it as a step.
func parseDomino(s string) (release, bool) {
	nums, rest, ok := numbers(s)
	if !ok || len(nums) < minNumbers {
		return release{}, false
	}
	r := release{nums: nums}
	if after, found := cutFold(strings.TrimLeft(rest, " "), "FP"); found {
		pack, after, ok := number(after)
		if !ok || len(nums) > 3 {
			return r, false
		}
		r.nums = []uint32{nums[0], nums[1], 0, pack}
		if len(nums) == 3 {
			r.nums[2] = nums[2]
		}
		rest = after
	}
	return r.withStep(rest, "HF", "IF")
}

// parseGroupWise reads GroupWise's versions. The agents wrote 8.0.2 as 8.02
// until 2012; HP2 is the second hot patch, HP alone the first.
func parseGroupWise(s string) (release, bool) {
	nums, rest, ok := numbers(s)
	if !ok || len(nums) < minNumbers {
		return release{}, false
	}
	_, minor, _ := strings.Cut(s, ".")
	if len(nums) == 2 && digits(minor) == 2 && minor[0] == '0' {
		nums = []uint32{nums[0], 0, nums[1]}
	}
	return release{nums: nums}.withStep(rest, "HP")
}

// parseCommuniGate reads CommuniGate Pro's versions: 4.3b1 is a beta and 4.3c3
// a candidate of 4.3, both before 4.3.
func parseCommuniGate(s string) (release, bool) {
	nums, rest, ok := numbers(s)
	if !ok || len(nums) < minNumbers {
		return release{}, false
	}
	r := release{nums: nums}
	if after, found := cutFold(rest, "c"); found {
		r.stage = stageCandidate
		r.step, after, ok = number(after)
		return r, ok && after == ""
	}
	return r.withPreRelease(rest)
}
