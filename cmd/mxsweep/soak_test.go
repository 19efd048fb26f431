//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/resolver/dnstest"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// TestSoak scans hostile servers at full speed for as long as SOAK says ("make
// soak"), in a process of its own, the memory of which must stay flat and which
// must end with the goroutines and descriptors it began with.
func TestSoak(t *testing.T) {
	text := os.Getenv("SOAK")
	if text == "" {
		t.Skip("runs for as long as SOAK says, e.g. SOAK=2m")
	}
	duration, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	dns, ports := soakFleet(t)
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestSoakChild$", "-test.v", "-test.timeout=0")
	child.Env = append(os.Environ(), "SOAK_CHILD="+text, "SOAK_FLAGS=-r "+dns+" -p "+ports)
	var report bytes.Buffer
	child.Stdout = &report
	child.Stderr = &report
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var resident []int
	ended := make(chan error, 1)
	go func() { ended <- child.Wait() }()
	for sample := time.NewTicker(duration / 200); ; {
		select {
		case err := <-ended:
			if err != nil {
				t.Errorf("the scan ended with %v", err)
			}
			t.Log(report.String())
			judgeMemory(t, resident, duration)
			return
		case <-sample.C:
			if kb := residentMemory(child.Process.Pid); kb > 0 {
				resident = append(resident, kb)
			}
		}
	}
}

// What a soak may take in memory, and how long it takes until all that is
// bounded has filled: before that, memory cannot be flat.
const (
	soakMemory = 512 << 10 // KB
	soakFills  = 10 * time.Minute
)

// judgeMemory compares what was resident in the second fifth of the time, when
// all that is bounded has filled, with the last fifth.
func judgeMemory(t *testing.T, kb []int, duration time.Duration) {
	n := len(kb)
	if n < 50 {
		t.Fatalf("only %d samples", n)
	}
	median := func(part []int) int { return slices.Sorted(slices.Values(part))[len(part)/2] }
	early, late := median(kb[n/5:2*n/5]), median(kb[4*n/5:])
	t.Logf("resident memory: %d KB early, %d KB late, %d KB at most", early, late, slices.Max(kb))
	if slices.Max(kb) > soakMemory {
		t.Errorf("resident memory was above %d KB", soakMemory)
	}
	switch {
	case duration < soakFills:
		t.Logf("less than %v: whether it stays flat cannot be said", soakFills)
	case late > early+early/10:
		t.Errorf("resident memory grew from %d KB to %d KB", early, late)
	}
}

func residentMemory(pid int) (kb int) {
	status, _ := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	fields := strings.Fields(rest)
	if len(fields) > 0 {
		kb, _ = strconv.Atoi(fields[0])
	}
	return kb
}

// soakNames is how many names lead to the servers of a soak: more, with their
// ports, than the memo of outcomes holds.
const soakNames = 20_000

// soakFleet starts servers of each kind on an address of its own, to which many
// names lead.
func soakFleet(t *testing.T) (dns, ports string) {
	ca, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	scripts, err := hostileServers(ca)
	if err != nil {
		t.Fatal(err)
	}
	list := []string{"2700", "2701", "2702", "2703"}
	for i, name := range slices.Sorted(maps.Keys(scripts)) {
		for _, port := range list {
			server, err := smtptest.Listen(net.JoinHostPort(fmt.Sprintf("127.25.9.%d", i+1), port), scripts[name])
			if err != nil {
				t.Skipf("needs all of 127.0.0.0/8 on loopback: %v", err)
			}
			t.Cleanup(server.Close)
		}
	}
	var zone strings.Builder
	zone.WriteString("$TTL 300\n")
	for i := range soakNames {
		fmt.Fprintf(&zone, "d%d.example. MX 10 mx.d%d.example.\nmx.d%d.example. A 127.25.9.%d\n", i, i, i, i%len(scripts)+1)
	}
	server, err := dnstest.NewServer(zone.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	return server.Addr(), strings.Join(list, ",")
}

// TestSoakChild is the scan of a soak.
func TestSoakChild(t *testing.T) {
	duration, err := time.ParseDuration(os.Getenv("SOAK_CHILD"))
	if err != nil {
		t.Skip("is started by TestSoak")
	}
	args := append(strings.Fields(os.Getenv("SOAK_FLAGS")), "-allow-private", "-ptr=false", "-dns-rate-limit", "0", "-rl", "0",
		"-c", "500", "-host-limit", "500", "-provider-limit", "0", "-greeting-timeout", "1s", "-timeout", "1s", "-target-timeout", "3s",
		"-ehlo-domain", "auditor.example", "-j", "-all")
	goroutines, files := runtime.NumGoroutine(), openFiles(t)
	names, feed := io.Pipe()
	var errs bytes.Buffer
	a := testApp(names, io.Discard, &errs)
	var stop context.CancelFunc
	a.stopping, stop = context.WithTimeout(t.Context(), duration)
	defer stop()
	go feedNames(a.stopping, feed)
	if code := a.run(t.Context(), args); code != exitInterrupted {
		t.Errorf("exit code %d, want %d", code, exitInterrupted)
	}
	feed.Close()
	names.Close()
	stop()
	settled := time.Now().Add(10 * time.Second)
	for runtime.NumGoroutine() > goroutines && time.Now().Before(settled) {
		runtime.Gosched()
	}
	if n := runtime.NumGoroutine(); n > goroutines {
		t.Errorf("%d goroutines before the scan, %d after it", goroutines, n)
	}
	if n := openFiles(t); n > files+2 { // the runtime's own poller
		t.Errorf("%d descriptors before the scan, %d after it", files, n)
	}
	t.Logf("goroutines %d and %d, descriptors %d and %d\n%s", goroutines, runtime.NumGoroutine(), files, openFiles(t), errs.String())
}

// feedNames writes the names again and again.
func feedNames(ctx context.Context, to io.WriteCloser) {
	defer to.Close()
	w := bufio.NewWriter(to)
	for i := 0; ctx.Err() == nil; i = (i + 1) % soakNames {
		if _, err := fmt.Fprintf(w, "d%d.example\n", i); err != nil {
			return
		}
	}
}

func openFiles(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
