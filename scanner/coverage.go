package scanner

// A coverage says how far the negatives of a run can be trusted. The zero value
// is ready.
type coverage struct {
	covered     uint64 // endpoints with a final answer
	silent25    uint64 // connections to port 25 that did not come about, without a refusal
	reached25   uint64 // others
	submissions uint64 // endpoints on 465 and 587 that sent a greeting
}

// Final reports whether a status says something of the endpoint: even silence
// does, but not a limit, a fault of our own side, or the end of the run.
func (s Status) Final() bool {
	switch s {
	case StatusRateLimited, StatusLocal, StatusNoRoute, StatusCancelled:
		return false
	}
	return true
}

// add counts a final outcome.
func (c *coverage) add(port uint16, status Status, greeted bool) {
	if status.Final() {
		c.covered++
	}
	switch {
	case port == 25 && (status == StatusConnectTimeout || status == StatusUnreachable):
		c.silent25++
	case port == 25 && status != StatusNoRoute:
		c.reached25++
	case (port == 465 || port == 587) && greeted:
		c.submissions++
	}
}

// blocked reports whether our own side seems not to be allowed to connect to
// port 25, as many networks have it. One server without it proves nothing.
func (c *coverage) blocked() bool {
	return c.reached25 == 0 && c.silent25 > 1 && c.submissions > 0
}
