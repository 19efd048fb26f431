package scanner

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// What hostile servers say is remembered up to a limit of bytes, and the
// latest first.
func TestMemoWeight(t *testing.T) {
	for _, tt := range []struct {
		size, n  int // bytes of a greeting, outcomes put
		min, max int // outcomes kept
	}{
		{1 << 10, memoNamed - 1, 12000, memoNamed},
		{64 << 10, 2000, 200, maxRemembered / (128 << 10)},
		{64 << 20, 3, 0, 0},
	} {
		m := newOutcomes[Endpoint](memoNamed)
		var last Endpoint
		for i := range tt.n {
			last = Endpoint{Name: fmt.Sprint(i)}
			m.put(last, &Service{Banner: smtp.Raw(strings.Repeat("x", tt.size)), Greeting: &Greeting{}})
		}
		sum, n := 0, 0
		for _, v := range m.all() {
			sum += v.weight()
			n++
		}
		if n < tt.min || n > tt.max || sum != m.weight || sum > maxRemembered {
			t.Errorf("%d bytes: %d outcomes kept, weight %d, counted %d", tt.size, n, sum, m.weight)
		}
		if _, ok := m.get(last); ok != (tt.max > 0) {
			t.Errorf("%d bytes: the latest is kept: %v", tt.size, ok)
		}
	}
}

// Outcomes that wait for another attempt are bounded in weight: what is beyond
// that is final at once, and all of it is given back in the end.
func TestDeferredWeight(t *testing.T) {
	s := newSchedule(3, 10, 0, new(Stats))
	heavy := strings.Repeat("x", 1<<20)
	policy := &policy{retries: 1}
	again := 0
	for i := range 100 {
		ep := Endpoint{Addr: netip.AddrFrom4([4]byte{198, 41, 0, byte(i)}), Port: Port{Number: 25}}
		_, task, _ := s.claim(t.Context(), ep, row{job: &job{}})
		s.admit(t.Context(), task)
		task.attempts++
		o := &outcome{at: time.Now(), status: StatusRateLimited, transcript: &smtp.Transcript{Greeting: &smtp.Reply{Raw: smtp.Raw(heavy)}}}
		if v, _ := s.settle(t.Context(), task, o, policy); v == verdictAgain {
			again++
		}
	}
	if again != maxHeld/(2<<20) || s.held > maxHeld {
		t.Errorf("%d of 100 wait for another attempt, and weigh %d", again, s.held)
	}
	for _, r := range s.takeDeferred() {
		s.resume(r.task)
		s.admit(t.Context(), r.task)
		r.task.attempts++
		s.settle(t.Context(), r.task, &outcome{at: r.at, status: StatusSuccess}, policy)
	}
	if s.held != 0 {
		t.Errorf("%d bytes are still counted", s.held)
	}
}
