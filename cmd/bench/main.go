//go:build linux

// Bench measures mxsweep beside what the machine allows and beside other
// scanners, in one run, and prints a table and NDJSON.
//
//	bench [-o file] [-rows names] [-scale percent] path-of-mxsweep
//
// All of it happens in a network namespace of its own, which it enters by
// starting itself again as root of a user namespace: no packet leaves the
// machine, nothing is left behind. A responder answers SMTP and DNS there. What
// counts is the processor time of the client process for each target, as the
// kernel accounts it; wall time on a shared machine says little.
//
// A row that has goals shows them, met or missed, below its figures. Those in
// ratios to the limit hold anywhere; those in microseconds, seconds and names
// were set on a machine where the limit of the row "hosts" takes 40 µs.
//
// The yardsticks are yard/limit.c, plain sockets and epoll, built where there is a
// C compiler, and a bare crypto/tls client for certificates. zgrab2, nmap and
// zdns are measured too where they are on PATH.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"syscall"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		if err != errInside {
			fmt.Fprintln(os.Stderr, "bench:", err)
		}
		os.Exit(1)
	}
}

// run does what the first argument says: the roles of the processes that bench
// starts have words of their own.
func run(ctx context.Context, args []string) error {
	role := ""
	if len(args) > 0 {
		role = args[0]
	}
	switch role {
	case "inside":
		return inside(ctx, args[1:])
	case "respond":
		return respond(ctx)
	case "bare":
		return bareClient(ctx, args[1:])
	case "design":
		return design(ctx, args[1:])
	case "names":
		return bareNames(args[1:])
	case "dry":
		return drySweep(ctx, args[1:])
	}
	return enter(ctx, args)
}

// enter starts this program again in a network namespace.
func enter(ctx context.Context, args []string) error {
	cmd := exec.CommandContext(ctx, "/proc/self/exe", append([]string{"inside"}, args...)...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNET, Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags |= syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	runtime.LockOSThread() // Pdeathsig is sent when the thread ends that started the process
	err := cmd.Run()
	if errors.Is(err, syscall.EPERM) {
		return fmt.Errorf("this machine does not permit a network namespace; try as root: %w", err)
	}
	if cmd.ProcessState != nil && err != nil {
		return errInside
	}
	return err
}

// errInside is a failure that the process inside has explained.
var errInside = errors.New("failed inside the namespace")

// inside prepares the namespace and runs the table.
func inside(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	out := flags.String("o", "", "file for the figures as NDJSON")
	only := flags.String("rows", "", "rows to run, joined by commas (default: all)")
	scale := flags.Int("scale", 100, "size of the rows in percent")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return errors.New("give the path of the mxsweep to measure")
	}
	for _, command := range setup {
		if text, err := exec.CommandContext(ctx, "sh", "-c", command).CombinedOutput(); err != nil {
			return fmt.Errorf("%s: %w: %s", command, err, text)
		}
	}
	dir, err := os.MkdirTemp("", "mxsweep-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{mxsweep: flags.Arg(0), dir: dir, scale: *scale}
	if err := b.start(ctx); err != nil {
		return err
	}
	defer b.stop()
	var wanted []string
	if *only != "" {
		wanted = strings.Split(*only, ",")
	}
	return errors.Join(b.all(ctx, wanted), b.report(*out))
}

// setup makes a network of the namespace: all loopback addresses, and 198.18/16
// (RFC 2544), where one address in a hundred is ours. What goes to the others comes
// back, is not for us and not forwarded, and so meets silence. Ports are for use again at once, since every server is this machine.
var setup = []string{
	"ip link set lo up",
	"ip route add 198.18.0.0/16 dev lo",
	"for i in 1 2 3 4 5; do ip route add local 198.18.$((i * 40)).0/25 dev lo; done",
	"cd /proc/sys/net/ipv4 && echo 1024 65535 >ip_local_port_range && echo 1 >tcp_tw_reuse && echo 65535 >tcp_max_syn_backlog",
	"echo 65535 >/proc/sys/net/core/somaxconn",
}
