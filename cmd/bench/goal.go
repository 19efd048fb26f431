//go:build linux

package main

import "fmt"

// A goal bounds one property of the figure of mxsweep in a row.
type goal struct {
	what  string
	value func(f *figure) float64 // 0: not known
	bound float64
	least bool // the bound is the least that will do, not the most
}

// An outcome is a goal beside what was measured.
type outcome struct {
	What  string  `json:"what"`
	Bound float64 `json:"bound"`
	Value float64 `json:"value"`
	Met   bool    `json:"met"`
}

func (o outcome) String() string {
	verdict := "missed"
	if o.Met {
		verdict = "met"
	}
	return fmt.Sprintf("goal %s: %s %s, have %s", verdict, o.What, plain(o.Bound), plain(o.Value))
}

// plain writes a number with as many decimals as a reader can use.
func plain(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.2f", v)
}

// judge holds a figure against goals.
func (f *figure) judge(goals []goal) (outcomes []outcome) {
	for _, g := range goals {
		value := g.value(f)
		if value == 0 {
			continue
		}
		what := g.what + " at most"
		met := value <= g.bound
		if g.least {
			what, met = g.what+" at least", value >= g.bound
		}
		outcomes = append(outcomes, outcome{what, g.bound, value, met})
	}
	return outcomes
}

// The properties that goals are about.
func timesLimit(most float64) goal {
	return goal{what: "CPU x limit", value: func(f *figure) float64 { return f.Ratio }, bound: most}
}

func processorMicros(most float64) goal {
	return goal{what: "CPU µs each", value: func(f *figure) float64 { return f.CPUMicros }, bound: most}
}

func peakMB(most float64) goal {
	return goal{what: "peak MB", value: func(f *figure) float64 { return f.PeakMB }, bound: most}
}

func wallMS(most float64) goal {
	return goal{what: "wall ms", value: func(f *figure) float64 { return f.WallMS }, bound: most}
}

func perSecond(least float64) goal {
	return goal{what: "each second", value: func(f *figure) float64 { return f.PerSecond }, bound: least, least: true}
}

// fullTurns compares the wall time with that of a range in which nobody answers:
// as many turns of the timeout as it takes to ask all, so many in flight.
func fullTurns(timeoutMS, inFlight int, most float64) goal {
	return goal{what: "wall x turns of the timeout", bound: most, value: func(f *figure) float64 {
		turns := (f.Targets + inFlight - 1) / inFlight
		return f.WallMS / float64(turns*timeoutMS)
	}}
}

// memoryEach is the whole process's memory, divided among those in flight.
func memoryEach(inFlight int, most float64) goal {
	return goal{what: "KB for each in flight", bound: most, value: func(f *figure) float64 {
		return f.PeakMB * 1024 / float64(min(inFlight, f.Targets))
	}}
}
