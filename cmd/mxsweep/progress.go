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
	columns  func() int               // of the terminal
	width    int                      // that the bar was made for
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
		p.columns = func() int { n, _ := terminal(a.stderr); return n }
		p.fit()
		p.fit()
	}
	return p
}

// fit makes the bar for the terminal as wide as it is now: one that goes past
// its edge would be left standing on the line above.
func (p *progress) fit() {
	width := p.columns()
	if p.bar != nil && width == p.width {
		return
	}
	p.clear()
	p.width = width
	options := []progressbar.Option{
		progressbar.OptionSetWriter(p.w),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetWidth(min(24, max(1, width/3))),
		progressbar.OptionSetElapsedTime(width >= 80),
		progressbar.OptionSetPredictTime(width >= 80),
		progressbar.OptionClearOnFinish(),
	}
	if width >= 60 {
		options = append(options, progressbar.OptionShowCount())
	}
	if width >= 80 {
		options = append(options, progressbar.OptionShowIts(), progressbar.OptionSetItsString("endpoints"))
	}
	p.bar = progressbar.NewOptions64(1, options...) // grows; an unknown maximum would be drawn by a goroutine of the bar's own
}

// tick draws the state; it is called a few times a second.
func (p *progress) tick() {
	switch now := time.Now(); {
	case p.bar != nil:
		p.fit()
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
