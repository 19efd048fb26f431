//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package output

import (
	"errors"
	"os"
	"syscall"
)

var errInUse = errors.New("another process is writing to it")

// lock keeps other runs from writing to the same file, which would mix their
// lines. It lasts until the file is closed, also by the death of the process.
// File systems without locks are left alone.
func lock(f *os.File) error {
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return err
	}
	if errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK) {
		return errInUse
	}
	return nil
}
