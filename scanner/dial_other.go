//go:build !linux

package scanner

import "syscall"

// bindLate does nothing where the system has no such option.
func bindLate(_, _ string, _ syscall.RawConn) error { return nil }
