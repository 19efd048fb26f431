package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"syscall"

	"golang.org/x/term"

	"github.com/mxsweep/mxsweep/scanner"
)

// Exit codes, documented in the manual. The mapping from errors is in exitCode
// and nowhere else.
const (
	exitDone        = 0
	exitFailure     = 1
	exitUsage       = 2
	exitFindings    = 3
	exitDiffers     = 4
	exitInterrupted = 130 // 128 + SIGINT, as shells report it
)

// An app is one invocation of the command with everything it may touch, so that
// a test can run it in-process.
type app struct {
	stdin  io.Reader
	stdout io.Writer
	stderr io.Writer
	getenv func(string) string
	// environ returns all of the environment as os.Environ does; nil: nothing.
	environ func() []string
	// stopping is done after the first signal: no new work is begun. The
	// context given to run is canceled by the second: everything ends now.
	stopping context.Context
	// flags, if not nil, is told the flags of a command instead of the user.
	flags func(*flagSet)
}

// A usageError is a mistake in the command line; its text says what to do.
type usageError struct{ error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// errShown marks a failure whose explanation has been printed already.
var errShown = errors.New("explained above")

// commands are the words that may stand first instead of flags and targets. A
// domain of such a name is given with -u.
func (a *app) commands() map[string]func(context.Context, []string) error {
	return map[string]func(context.Context, []string) error{
		"demo":         a.demo,
		"check":        a.check,
		"help":         a.help,
		"schema":       a.schema,
		"fingerprints": a.fingerprints,
		"classify":     a.classify,
		"findings":     a.findings,
		"report":       a.report,
		"diff":         a.diff,
		"assess":       a.assess,
		"data":         a.data,
		"merge":        a.merge,
		"convert":      a.convert,
		"completion":   a.completion,
		"man":          a.man,
	}
}

// run executes the command line and returns the exit code.
func (a *app) run(ctx context.Context, args []string) int {
	err := a.dispatch(ctx, args)
	code := exitCode(err)
	var usage usageError
	switch {
	case errors.As(err, &usage):
		a.logf("error: %v", err)
		help := "mxsweep -h"
		if len(args) > 0 && a.commands()[args[0]] != nil {
			help = "mxsweep " + args[0] + " -h"
		}
		a.logf("hint: %q lists the flags, \"mxsweep help\" shows examples", help)
	case code == exitFailure && !errors.Is(err, errShown), code == exitFindings:
		a.logf("error: %v", err)
	}
	return code
}

func (a *app) dispatch(ctx context.Context, args []string) error {
	if len(args) > 0 {
		if command, ok := a.commands()[args[0]]; ok {
			return command(ctx, args[1:])
		}
	}
	return a.scan(ctx, args)
}

// exitCode maps the outcome of a command to the exit code. A reader that went
// away (a closed pipe) is how Unix tools are told to stop, not a failure.
func exitCode(err error) int {
	var usage usageError
	var findings findingsError
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE), errors.Is(err, flag.ErrHelp):
		return exitDone
	case errors.As(err, &usage):
		return exitUsage
	case errors.Is(err, errDiffers):
		return exitDiffers
	case errors.Is(err, scanner.ErrStopped), errors.Is(err, context.Canceled):
		return exitInterrupted
	case errors.As(err, &findings):
		return exitFindings
	default:
		return exitFailure
	}
}

// logf prints one line to stderr: lower case, no full stop, prefixed with the
// program's name.
func (a *app) logf(format string, args ...any) {
	fmt.Fprintf(a.stderr, "mxsweep: "+format+"\n", args...)
}

// buildVersion is the module version, or the revision the binary was built
// from, as the Go linker recorded it.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	revision, modified := "", ""
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			modified = "+changes"
		}
	}
	version := strings.Trim(info.Main.Version, "()")
	if revision != "" && !strings.Contains(version, revision) {
		version += " " + revision + modified
	}
	return version
}

// stdoutColumns is the width of the terminal that standard output is, 0 if it is none.
func (a *app) stdoutColumns() int {
	n, _ := terminal(a.stdout)
	return n
}

// terminal reports whether a stream is a terminal, and its width in columns.
func terminal(stream any) (columns int, ok bool) {
	f, isFile := stream.(*os.File)
	if !isFile || !term.IsTerminal(int(f.Fd())) {
		return 0, false
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil || columns <= 0 {
		columns = 80
	}
	return columns, true
}
