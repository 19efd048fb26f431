package output

import (
	"errors"
	"io"
	"syscall"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
)

// A failingDisk fails at one sync, and says so once, as systems do.
type failingDisk struct {
	err         error
	syncs, fail int
}

func (d *failingDisk) Close() error { return nil }

func (d *failingDisk) Sync() error {
	if d.syncs++; d.syncs == d.fail {
		return d.err
	}
	return nil
}

// That the disk has not taken what was written is told by all that follows,
// whoever had asked for it at the time; what is no disk may say so at any time.
func TestSyncError(t *testing.T) {
	for _, tt := range []struct {
		err  error
		lost bool
	}{{syscall.EIO, true}, {syscall.ENOSPC, true}, {syscall.EINVAL, false}, {errors.ErrUnsupported, false}} {
		now := time.Unix(0, 0)
		w, err := New(io.Discard, NDJSON, Options{})
		if err != nil {
			t.Fatal(err)
		}
		disk := &failingDisk{err: tt.err, fail: 2}
		fw := &fileWriter{Writer: w, file: disk, now: func() time.Time { return now }, synced: now}
		r := &scanner.Result{Progress: &scanner.Progress{}}
		for range 3 {
			_ = fw.Write(r)
			now = now.Add(SyncInterval)
			_ = fw.Flush() // as a ticker does
		}
		if disk.syncs < 2 {
			t.Fatalf("%d syncs", disk.syncs)
		}
		if err := fw.Write(r); errors.Is(err, tt.err) != tt.lost {
			t.Errorf("%v: Write says %v", tt.err, err)
		}
		if err := fw.Close(); errors.Is(err, tt.err) != tt.lost {
			t.Errorf("%v: Close says %v", tt.err, err)
		}
	}
}
