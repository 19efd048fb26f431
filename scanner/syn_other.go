//go:build !linux

package scanner

// openScout announces that there is none on this system.
func (e *engine) openScout() (watch, release func()) {
	e.noDiscovery("it takes the raw sockets of Linux")
	return func() {}, func() {}
}
