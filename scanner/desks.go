package scanner

import (
	"sync"

	"github.com/mxsweep/mxsweep/scanner/fingerprint"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// Desks are where what servers have said is read: classified and assessed. This
// takes more stack than all else and waits for nothing, while the conversations
// wait nearly all the time, each with a stack as large as it ever had to be. So
// it is done for all of them by a few goroutines, which halves the stacks of a
// run; to hand it over costs no more than to let so many stacks grow.
type desks struct {
	work chan *errand
	free sync.Pool // of *errand
}

// An errand is something to do at a desk.
type errand struct {
	do   func()
	done chan struct{}
}

func newDesks() *desks {
	return &desks{
		work: make(chan *errand),
		free: sync.Pool{New: func() any { return &errand{done: make(chan struct{})} }},
	}
}

// serve is a desk. It does errands until work is closed.
func (d *desks) serve() {
	for w := range d.work {
		w.do()
		w.done <- struct{}{}
	}
}

// run has f, which must not wait for anything, done at a desk, and returns
// afterwards.
func (d *desks) run(f func()) {
	w := d.free.Get().(*errand)
	w.do = f
	d.work <- w
	<-w.done
	w.do = nil
	d.free.Put(w)
}

// assess is that of the Scanner, at a desk.
func (e *engine) assess(r *Result, reading *fingerprint.Reading) {
	e.desks.run(func() { e.s.assess(r, reading) })
}

// ask is that of the Scanner, at a desk.
func (e *engine) ask(t *smtp.Transcript) (commands []smtp.Command) {
	e.desks.run(func() { commands = e.s.ask(t) })
	return commands
}
