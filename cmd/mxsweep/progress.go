package main

import (
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/mxsweep/mxsweep/scanner"
)

// A progress shows how far a run has come: a bar on a terminal, plain lines
// where they were asked for, nothing otherwise. All its methods are called on
// the goroutine of Scanner.Run, so it needs no lock.
type progress struct {
	stats    *scanner.Stats
	w        io.Writer
	bar      *progressbar.ProgressBar // nil without a bar
	interval time.Duration            // 0 without plain lines
	start    time.Time
	next     time.Time
	drawn    bool // the bar stands on the line that results would be written to
}

// newProgress returns the progress display that the options and the terminal
// allow.
func (a *app) newProgress(o *options, stats *scanner.Stats) *progress {
	p := &progress{stats: stats, w: a.stderr, start: time.Now()}
	_, isTerminal := terminal(a.stderr)
	switch {
	case o.silent:
	case o.stats:
		p.interval = o.statsInterval
		p.next = p.start.Add(p.interval)
	case isTerminal && a.getenv("TERM") != "dumb":
		p.bar = progressbar.NewOptions64(1, // grows; an unknown maximum would be drawn by a goroutine of the bar's own
			progressbar.OptionSetWriter(a.stderr),
			progressbar.OptionUseANSICodes(true),
			progressbar.OptionSetPredictTime(true),
			progressbar.OptionShowCount(),
			progressbar.OptionShowIts(),
			progressbar.OptionSetItsString("endpoints"),
			progressbar.OptionSetWidth(24),
			progressbar.OptionSetElapsedTime(true),
			progressbar.OptionClearOnFinish())
	}
	return p
}

// tick draws the state; it is called a few times a second.
func (p *progress) tick() {
	switch now := time.Now(); {
	case p.bar != nil:
		s := p.stats.Snapshot()
		p.bar.ChangeMax64(int64(max(s.Known, 1)))
		p.bar.Describe(fmt.Sprintf("%d answered", s.Answered))
		_ = p.bar.Set64(int64(min(s.Done, max(s.Known, 1)-1))) // the bar calls itself finished at its maximum, which still grows
		p.drawn = true
	case p.interval > 0 && !now.Before(p.next):
		p.line(now)
		p.next = now.Add(p.interval)
	}
}

// line prints one plain line of progress.
func (p *progress) line(now time.Time) {
	s := p.stats.Snapshot()
	elapsed := now.Sub(p.start)
	fmt.Fprintf(p.w, "mxsweep: %s: %d of %d known endpoints done, %d answered, %d in flight, %d to retry, %.0f/s\n",
		elapsed.Round(time.Second), s.Done, s.Known, s.Answered, s.InFlight, s.Deferred, float64(s.Done)/elapsed.Seconds())
}

// clear takes the bar off the terminal, so that a line can be written there.
func (p *progress) clear() {
	if p.bar != nil && p.drawn {
		_ = p.bar.Clear()
		p.drawn = false
	}
}
