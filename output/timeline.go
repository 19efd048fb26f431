package output

import "time"

// A column is one step of the timeline.
type column struct {
	Label, Long, Value string
	Height             float64 // of 100
	Class              string
}

// timelineMonths is how far ahead the timeline looks.
const timelineMonths = 12

// timeline counts the certificates by the month in which they expire, seen
// from the time of the scan. Each endpoint counts, since each has to be mended.
func (f *fleet) timeline() []column {
	if f.to.IsZero() {
		return nil
	}
	now := f.to.UTC()
	start := time.Date(now.Year(), now.Month(), 1, 0, 0, 0, 0, time.UTC)
	counts := make([]int, timelineMonths+2) // expired, months, later
	total, most := 0, 0
	for _, s := range f.services {
		if s.expires.IsZero() {
			continue
		}
		i := monthsBetween(start, s.expires.UTC()) + 1
		if s.expires.Before(now) {
			i = 0
		}
		i = min(max(i, 0), len(counts)-1)
		counts[i]++
		total++
		most = max(most, counts[i])
	}
	if total == 0 {
		return nil
	}
	columns := make([]column, len(counts))
	for i, n := range counts {
		month := start.AddDate(0, i-1, 0)
		label := month.Format("Jan")
		if month.Month() == time.January {
			label += month.Format(" ’06")
		}
		c := column{Label: label, Long: month.Format("January 2006"), Class: "good", Value: grouped(uint64(n))}
		switch i {
		case 0:
			c.Label, c.Long, c.Class = "expired", "expired before the scan", "bad"
		case 1:
			c.Class = "warn"
		case len(counts) - 1:
			c.Label, c.Long = "later", "later than that"
		}
		c.Height = 100 * float64(n) / float64(most)
		columns[i] = c
	}
	return columns
}

func monthsBetween(from, to time.Time) int {
	return (to.Year()-from.Year())*12 + int(to.Month()) - int(from.Month())
}
