//go:build !unix || freebsd || dragonfly

package scanner

// openFileLimit takes the limit of open files for sufficient where the system
// has none or states it in other types.
func openFileLimit(want uint64) uint64 { return want }
