//go:build unix && !freebsd && !dragonfly

package scanner

import "syscall"

// openFileLimit raises the limit of open files towards want, as far as the
// system lets an ordinary process, and returns it.
func openFileLimit(want uint64) uint64 {
	var l syscall.Rlimit
	if syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l) != nil {
		return want
	}
	if l.Cur < want {
		raised := l
		raised.Cur = min(raised.Max, want)
		if syscall.Setrlimit(syscall.RLIMIT_NOFILE, &raised) == nil {
			l = raised
		}
	}
	return l.Cur
}
