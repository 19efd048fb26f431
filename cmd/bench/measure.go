//go:build linux

package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// most is the time after which a client is killed: several times what the longest
// row takes.
const most = 10 * time.Minute

// A figure is what one client took for one row.
type figure struct {
	Row       string  `json:"row"`
	Who       string  `json:"who"` // "mxsweep", "limit", or a peer
	Targets   int     `json:"targets"`
	WallMS    float64 `json:"wall_ms"`
	CPUMicros float64 `json:"cpu_us_per_target"` // user and system time
	UserShare float64 `json:"user_share"`        // of that time
	PerSecond float64 `json:"targets_per_second"`
	PeakMB    float64 `json:"peak_mb"` // resident
	Ratio     float64 `json:"ratio"`   // of the processor time to the latest limit of the row; 0: none
	Command   string  `json:"command"` // without paths
	title     string

	Goals []outcome `json:"goals,omitempty"`
}

// measure runs a client and keeps its figure.
func (b *bench) measure(ctx context.Context, r *row, who, path string, args ...string) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	cmd := exec.CommandContext(ctx, path, args...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	start := time.Now()
	err := cmd.Run()
	wall := time.Since(start)
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", who, strings.Join(args, " "), err, errs.String())
	}
	use := cmd.ProcessState.SysUsage().(*syscall.Rusage)
	user, system := time.Duration(use.Utime.Nano()), time.Duration(use.Stime.Nano())
	n := float64(r.targets)
	f := figure{
		Row: r.name, title: r.title, Who: who, Targets: r.targets,
		WallMS:    float64(wall.Microseconds()) / 1000,
		CPUMicros: float64((user + system).Microseconds()) / n,
		UserShare: float64(user) / float64(user+system),
		PerSecond: n / wall.Seconds(),
		PeakMB:    float64(use.Maxrss) / 1024,
		Command:   strings.ReplaceAll(strings.Join(append([]string{who}, args...), " "), b.dir+"/", ""),
	}
	for _, earlier := range b.figures {
		if earlier.Row == f.Row && earlier.Who == "limit" {
			f.Ratio = f.CPUMicros / earlier.CPUMicros
		}
	}
	if who == "mxsweep" {
		f.Goals = f.judge(r.goals)
	}
	b.figures = append(b.figures, f)
	return nil
}

// report prints the table, and the NDJSON to a file if one is named.
func (b *bench) report(path string) error {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	row := ""
	var goals []outcome
	end := func() {
		_ = table.Flush()
		for _, o := range goals {
			fmt.Println(" ", o)
		}
		goals = nil
	}
	for _, f := range b.figures {
		if f.Row != row {
			row = f.Row
			end()
			fmt.Printf("\n%s: %d %s\n", f.Row, f.Targets, f.title)
			fmt.Fprintln(table, "client\tCPU µs each\tx limit\tuser\tpeak MB\twall s\teach s\t")
		}
		ratio := "-"
		if f.Ratio > 0 {
			ratio = fmt.Sprintf("%.2f", f.Ratio)
		}
		fmt.Fprintf(table, "%s\t%.1f\t%s\t%.0f %%\t%.0f\t%.3f\t%.0f\t\n",
			f.Who, f.CPUMicros, ratio, 100*f.UserShare, f.PeakMB, f.WallMS/1000, f.PerSecond)
		goals = append(goals, f.Goals...)
	}
	end()
	if path == "" {
		return nil
	}
	var lines bytes.Buffer
	encoder := json.NewEncoder(&lines)
	for _, f := range b.figures {
		if err := encoder.Encode(f); err != nil {
			return err
		}
	}
	return os.WriteFile(path, lines.Bytes(), 0o644)
}
