//go:build unix

package resolver

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// A named pipe is read like the standard input: process substitution in shells
// makes one.
func TestFileThatIsAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Skip("no named pipes:", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	opened := make(chan *os.File, 1)
	go func() {
		w, _ := os.OpenFile(path, os.O_WRONLY, 0)
		fmt.Fprintln(w, "a.example")
		opened <- w
	}()
	var got []string
	for in, err := range Inputs(ctx, InputOptions{}, File(path)) {
		got = append(got, fmt.Sprint(in.Name, err))
		cancel() // the writer keeps the pipe open
	}
	if want := []string{"a.example<nil>", path + ": context canceled"}; len(got) != 2 || got[0] != want[0] || !strings.HasSuffix(got[1], "context canceled") {
		t.Errorf("got %q, want %q", got, want)
	}
	if w := <-opened; w != nil {
		w.Close()
	}
}
