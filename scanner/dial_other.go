//go:build !linux

package scanner

import "syscall"

// openSockets has the engine dial by package net.
func (e *engine) openSockets() (watch, release func()) {
	e.dial = e.s.dialer()
	return func() {}, func() {}
}

// bindLate does nothing where the system has no such option.
func bindLate(_, _ string, _ syscall.RawConn) error { return nil }
