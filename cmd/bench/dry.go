//go:build linux

package main

import (
	"context"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"runtime"
	"syscall"

	"github.com/mxsweep/mxsweep/scanner"
)

// dryPorts are as many ports as the command takes by default.
var dryPorts = scanner.DefaultPorts()

// drySweep takes a range of so many addresses from 11.0.0.0 on through the
// engine of package scanner, without limit of the rate and with a dial function
// that refuses at once: what is left is our own work for an endpoint. It is a
// process of its own, so that its memory is known from the kernel.
//
// The second argument is how many processors it may use. The goal is for one: on
// several, goroutines that never wait for a connection take the one schedule from
// each other all the time, which no network is fast enough to show.
func drySweep(ctx context.Context, args []string) error {
	count, processors, err := amounts(args)
	if err != nil || count < 1 || count > 1<<24 {
		return fmt.Errorf("%q: want 1 to %d addresses and a number of processors", args, 1<<24)
	}
	runtime.GOMAXPROCS(processors)
	refused := &net.OpError{Op: "dial", Net: "tcp", Err: syscall.ECONNREFUSED}
	s := &scanner.Scanner{
		Rate: -1, NoPTR: true, Ports: dryPorts,
		Dial: func(context.Context, netip.AddrPort) (net.Conn, error) { return nil, refused },
	}
	var last [4]byte
	binary.BigEndian.PutUint32(last[:], 11<<24+uint32(count)-1)
	in := scanner.Input{
		Text: "a range", Source: "argument 1", Kind: scanner.KindRange,
		First: netip.AddrFrom4([4]byte{11}), Last: netip.AddrFrom4(last),
	}
	one := func(yield func(scanner.Input, error) bool) { yield(in, nil) }
	return s.Run(ctx, one, func(scanner.Result) error { return nil })
}
