package scanner

// recall returns the outcome of an endpoint, nil if it is not known.
func (s *schedule) recall(ep Endpoint) *Service {
	known, ok := s.named.get(ep)
	if !ok && s.swept != nil {
		known, _ = s.swept.get(ep)
	}
	return known
}

// publish remembers the record of a final outcome and returns the rows that
// waited for it.
func (s *schedule) publish(t *task, known *Service) []row {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case !t.ranged():
		s.named.put(t.ep, known)
	case s.swept != nil:
		s.swept.put(t.ep, known)
	}
	s.forget(t)
	return t.rows
}

// asking takes note of n more that may ask for what a range has found, or of one
// less: the input, until it ends, and every single address of it, until that has
// asked. Nobody else does: ranges leave out what earlier ones have, as far as spans
// are noted (see maxSpans), and under the name of a host an address is another
// endpoint. When all have asked, which in a sweep of one range is at once, those
// outcomes are not kept any longer. A run that goes on from an earlier part keeps
// them to its end.
func (s *schedule) asking(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.askers += n; s.askers == 0 {
		s.swept = nil
	}
}
