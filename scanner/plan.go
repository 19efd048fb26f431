package scanner

import (
	"context"
	"fmt"
	"iter"
)

// Plan shows the endpoints that Run would contact to show, each once and with
// the first input that leads there, and contacts none of them; names are looked
// up in the DNS. Warn is told of names that lead nowhere, and of what is
// excluded or private but for addresses within a range. show is called on the
// goroutine that called Plan; its error ends the plan.
func (s *Scanner) Plan(ctx context.Context, in iter.Seq2[Input, error], show func(Input, Endpoint) error) error {
	e := newEngine(ctx, s, func(r Result) error {
		if v := r.Service; v != nil && s.Warn != nil {
			s.Warn(fmt.Sprintf("%s: %s: %s", v.Input, v.Status, v.Error))
		}
		return nil
	})
	e.plan = show
	return e.perform(in)
}

// show takes the place of an attempt in a plan. The endpoint is remembered as
// if it had been contacted.
func (e *engine) show(t *task) []*task {
	e.out <- func() error { return e.plan(t.job.in, t.ep) }
	_, next := e.settle(e.intake, t, &outcome{status: StatusSuccess}, &e.policy)
	e.publish(t, &Service{})
	e.stats.done.Add(1)
	return next
}
