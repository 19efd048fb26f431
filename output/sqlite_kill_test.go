package output

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"
)

// killBatch is how many services go into one transaction of the victim.
const killBatch = 20

// writeUntilKilled adds services to a database for as long as it lives, and says
// on standard output how many are committed.
func writeUntilKilled(t *testing.T, path, run string) {
	clock := noon
	w, err := Create(path, false, Options{Now: func() time.Time { return clock }})
	if err != nil {
		t.Fatal(err)
	}
	records := aRun(run, "3.5")
	records[1].Service.Findings = nil
	err = w.Write(&records[0])
	for n := 0; err == nil; n++ {
		if n%killBatch == 0 {
			clock = clock.Add(batchAge)
			err = w.Flush()
			fmt.Println("committed", n)
		}
		err = errors.Join(err, w.Write(&records[1]))
	}
	t.Fatal(err)
}

// Kill -9 in the middle of writing leaves a database that opens, is sound and
// has every transaction whole or not at all: those that were committed, and none
// that was not begun. The next run is added as if nothing had happened.
func TestSQLiteSurvivesKill(t *testing.T) {
	const victim = "MXSWEEP_TEST_VICTIM"
	if path := os.Getenv(victim); path != "" {
		writeUntilKilled(t, path, os.Getenv(victim+"_RUN"))
	}
	if testing.Short() {
		t.Skip("runs other processes")
	}
	path := filepath.Join(t.TempDir(), "fleet.db")
	for kill := range 4 {
		run := strconv.Itoa(kill)
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSQLiteSurvivesKill$")
		cmd.Env = append(os.Environ(), victim+"="+path, victim+"_RUN="+run)
		out, err := cmd.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		committed := -1
		lines := bufio.NewScanner(out)
		for range 2 + kill {
			if !lines.Scan() {
				t.Fatal("the victim died by itself")
			}
			if _, err := fmt.Sscanf(lines.Text(), "committed %d", &committed); err != nil {
				t.Fatalf("%q: %v", lines.Text(), err)
			}
		}
		if err := cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		_ = cmd.Wait() // says that it was killed
		if got := query(t, path, "PRAGMA integrity_check"); got[0] != "ok" {
			t.Fatalf("kill %d: %q", kill, got)
		}
		n, err := strconv.Atoi(query(t, path, "SELECT count(*) FROM services JOIN runs ON run = runs.id WHERE run = '"+run+"'")[0])
		if err != nil || n < committed || n%killBatch != 0 {
			t.Errorf("kill %d: %d services, committed %d in batches of %d, error %v", kill, n, committed, killBatch, err)
		}
	}
	database(t, path, aRun("0", "3.6")...) // as -resume does
	if got := query(t, path, "SELECT count(*), max(version) FROM services WHERE run = '0'"); got[0] != "1|3.6" {
		t.Errorf("the run that was killed first, made anew: %q", got)
	}
}
