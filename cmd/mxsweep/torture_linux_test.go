package main

import (
	"fmt"
	"os"
	"syscall"
	"testing"
)

// mountSmall mounts a file system with room for so many bytes, if we may.
func mountSmall(t *testing.T, dir string, size int64) bool {
	t.Helper()
	if err := os.Mkdir(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)) != nil {
		return false
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, 0); err != nil {
			t.Error(err)
		}
	})
	return true
}
