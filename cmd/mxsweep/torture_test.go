package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/output"
)

var torture = flag.Bool("torture", false, "run TestTorture in full: 5,000 endpoints, 50 kills, some minutes")

// A tormented run is killed with SIGKILL at random moments, half of the times
// with a loss of what was written last, and resumed each time; it meets a full disk once, and loses its name server once; at the end its
// records are those of a run that nothing happened to. "make torture" does it in
// full.
func TestTorture(t *testing.T) {
	endpoints, kills, perCycle, retries := 300, 6, 6, "0"
	if *torture {
		endpoints, kills, perCycle, retries = 5000, 50, 10, "1"
	}
	w := newWorld(t, endpoints, *torture)
	v := &victim{world: w, binary: buildBinary(t), dir: t.TempDir(), rng: rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))}
	v.flags = slices.Concat(w.flags, []string{
		"-c", "200", "-greeting-timeout", "2s", "-timeout", "5s", "-retries", retries, "-silent", "-fields", worldFields, "-seed", "5",
	})

	began := time.Now()
	if code, errs := v.exec(t, 0, "-o", v.at("whole.ndjson"), "-o", v.at("whole.csv")); code != 0 {
		t.Fatalf("undisturbed: exit code %d: %s", code, errs)
	}
	undisturbed := time.Since(began)
	want, rows := identities(t, v.at("whole.ndjson")), linesOf(t, v.at("whole.csv"))
	records := 0
	for _, n := range want {
		records += n
	}

	cycles, full, differ := 0, 0, 0
	for v.kills < kills {
		cycles++
		path, table := v.at(fmt.Sprintf("run%d.ndjson", cycles)), v.at(fmt.Sprintf("run%d.csv", cycles))
		if cycles == 1 {
			full = v.fillDisk(t, path)
		}
		v.disturb(t, path, table, min(perCycle, kills-v.kills), undisturbed, cycles == 1)
		differ += same(t, path, identities(t, path), want)
		differ += same(t, table, linesOf(t, table), rows)
	}
	t.Logf("%d endpoints, %d records, undisturbed %.1f s; %d times SIGKILL (%d times with a power cut in the middle of a line), %d full disk, %d name server lost, %d times to the end; records that differ: %d",
		endpointsOf(t, v.at("whole.ndjson")), records, undisturbed.Seconds(), v.kills, v.torn, full, v.outages, cycles, differ)
	if v.kills < kills || full == 0 || v.outages == 0 || v.torn == 0 {
		t.Error("not all of it happened")
	}
}

// A victim is the command as a process of its own.
type victim struct {
	*world
	flags                []string
	binary, dir          string
	rng                  *rand.Rand
	kills, torn, outages int
}

func (v *victim) at(name string) string { return filepath.Join(v.dir, name) }

func buildBinary(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "mxsweep")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v: %s", err, out)
	}
	return path
}

// exec runs the command, and kills it after life if that is not 0. The code is
// -1 if it was killed.
func (v *victim) exec(t *testing.T, life time.Duration, args ...string) (code int, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Minute)
	if life > 0 {
		ctx, cancel = context.WithTimeout(t.Context(), life)
	}
	defer cancel()
	cmd := exec.CommandContext(ctx, v.binary, slices.Concat(v.flags, args)...)
	var errs bytes.Buffer
	cmd.Stderr = &errs
	_ = cmd.Run() // the exit code tells
	return cmd.ProcessState.ExitCode(), errs.String()
}

// disturb runs the scan to its end, with so many kills on the way.
func (v *victim) disturb(t *testing.T, path, table string, kills int, undisturbed time.Duration, outage bool) {
	t.Helper()
	for range kills {
		// Half of the kills come where most records are written, soon after
		// the begin.
		life := 20*time.Millisecond + time.Duration(v.rng.Int64N(int64(undisturbed)/2))
		if v.rng.IntN(2) == 0 {
			life /= 5
		}
		back := func() {}
		if outage && v.outages == 0 {
			back = v.loseNames(t)
		}
		code, errs := v.exec(t, life, v.args(path, table)...)
		back()
		if code == 0 {
			break // it came to its end before
		}
		if code != -1 {
			t.Fatalf("exit code %d: %s", code, errs)
		}
		v.kills++
		if v.kills%2 == 0 {
			v.cutPower(t, path)
		}
	}
	if code, errs := v.exec(t, 0, v.args(path, table)...); code != 0 {
		t.Fatalf("exit code %d: %s", code, errs)
	}
}

// cutPower takes the last bytes of a file, as a power cut does with what is not
// on the disk yet.
func (v *victim) cutPower(t *testing.T, path string) {
	t.Helper()
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return
	}
	if err == nil {
		err = os.Truncate(path, info.Size()-v.rng.Int64N(min(info.Size(), 256<<10)+1))
	}
	if err != nil {
		t.Fatal(err)
	}
	if text := read(t, path); text != "" && !strings.HasSuffix(text, "\n") {
		v.torn++
	}
}

// args begin a run or resume it.
func (v *victim) args(path, table string) []string {
	if _, err := os.Stat(path); err == nil {
		return []string{"-resume", path, "-o", table, "-force"}
	}
	return []string{"-o", path, "-o", table}
}

// loseNames takes the name server away for a second. The function that it
// returns waits for it to be back.
func (v *victim) loseNames(t *testing.T) (back func()) {
	t.Helper()
	addr := v.dns.Addr()
	if err := v.dns.Close(); err != nil {
		t.Fatal(err)
	}
	v.outages++
	again := time.After(time.Second)
	return func() {
		<-again
		v.serveNames(t, addr)
	}
}

// fillDisk begins the run where there is room for half of it: on a small file
// system if one can be mounted, else under a limit for the size of files.
func (v *victim) fillDisk(t *testing.T, path string) (times int) {
	t.Helper()
	whole, err := os.Stat(v.at("whole.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	room := whole.Size() / 2
	var code int
	var errs string
	if small := v.at("small"); mountSmall(t, small, room) {
		inside := filepath.Join(small, "run.ndjson")
		code, errs = v.exec(t, 0, "-o", inside)
		if code != exitFailure || !strings.Contains(errs, "no space left") {
			t.Errorf("full disk: exit code %d: %s", code, errs)
		}
		if err := os.WriteFile(path, []byte(read(t, inside)), 0o666); err != nil {
			t.Fatal(err)
		}
		return 1
	}
	// Without the right to mount, the size of files is limited: the system then
	// ends the process.
	limit := []string{"-c", fmt.Sprintf(`ulimit -f %d; exec "$@"`, room/1024), "bash", v.binary}
	limited := &victim{world: v.world, binary: "bash", flags: slices.Concat(limit, v.flags)}
	if code, errs = limited.exec(t, 0, "-o", path); code == 0 {
		t.Errorf("limited to %d bytes: exit code %d: %s", room, code, errs)
	}
	return 1
}

// endpointsOf returns the number of endpoints that the summary of a file says.
func endpointsOf(t *testing.T, path string) (n uint64) {
	t.Helper()
	for r, err := range output.NewReader(strings.NewReader(read(t, path))).Results() {
		if err == nil && r.Summary != nil {
			n = r.Summary.Endpoints
		}
	}
	return n
}
