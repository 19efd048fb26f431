package scanner

import (
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

// Every errand is done once and before run returns, as many at a time as there
// are desks, and no desk stays when the work is over.
func TestDesks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const open, errands = 2, 100
		d := newDesks()
		for range open {
			go d.serve()
		}
		began := time.Now()
		var busy, most, done atomic.Int64
		var callers sync.WaitGroup
		for range errands {
			callers.Go(func() {
				mine := false
				d.run(func() {
					most.Store(max(most.Load(), busy.Add(1)))
					pass(t.Context(), time.Second) // a long errand
					busy.Add(-1)
					done.Add(1)
					mine = true
				})
				if !mine {
					t.Error("run has returned before its errand was done")
				}
			})
		}
		callers.Wait()
		close(d.work)
		if done.Load() != errands || most.Load() != open || time.Since(began) != errands/open*time.Second {
			t.Errorf("%d errands done in %v, %d at a time", done.Load(), time.Since(began), most.Load())
		}
	})
}
