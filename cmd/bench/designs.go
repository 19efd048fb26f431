//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// The designs are three ways for a Go program to hold many dialogues at once,
// each without anything else that a scanner does: they show what the choice of
// one costs. All are timed out by nothing but the bench's own bound.
//
//   - net: package net, a goroutine for each host in flight
//   - goroutines: descriptors of our own and one epoll instance, which wakes a
//     goroutine for each host in flight
//   - loop: one goroutine and epoll; a dialogue is a buffer and a number
func design(ctx context.Context, args []string) error {
	first, err := netip.ParseAddr(args[1])
	if err != nil {
		return err
	}
	count, inFlight, err := amounts(args[2:])
	if err != nil {
		return err
	}
	switch args[0] {
	case "net":
		dialer := net.Dialer{KeepAlive: -1}
		return eachHost(first, count, inFlight, func(to netip.AddrPort) (io.ReadWriteCloser, error) {
			return dialer.DialContext(ctx, "tcp4", to.String())
		})
	case "goroutines":
		p, err := newPlainPoller()
		if err != nil {
			return err
		}
		return eachHost(first, count, inFlight, p.dial)
	case "loop":
		return loop(first, count, inFlight)
	}
	return fmt.Errorf("no design %q", args[0])
}

var plainCommands = []string{"EHLO probe.example.net\r\n", "QUIT\r\n"}

// eachHost holds the dialogue with each host on one of so many goroutines.
func eachHost(first netip.Addr, count, inFlight int, dial func(netip.AddrPort) (io.ReadWriteCloser, error)) error {
	addresses := make(chan netip.Addr, inFlight)
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range inFlight {
		group.Go(func() {
			lines := bufio.NewReaderSize(nil, 1024)
			for addr := range addresses {
				if err := dialogue(dial, netip.AddrPortFrom(addr, plainPort), lines); err != nil {
					mu.Lock()
					failed = err
					mu.Unlock()
				}
			}
		})
	}
	for addr := first; count > 0; addr, count = addr.Next(), count-1 {
		addresses <- addr
	}
	close(addresses)
	group.Wait()
	return failed
}

func dialogue(dial func(netip.AddrPort) (io.ReadWriteCloser, error), to netip.AddrPort, lines *bufio.Reader) error {
	conn, err := dial(to)
	if err != nil {
		return err
	}
	defer conn.Close()
	if c, ok := conn.(net.Conn); ok {
		if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
			return err
		}
	}
	lines.Reset(conn)
	for _, command := range plainCommands {
		if err := skipReply(lines); err != nil {
			return err
		}
		if _, err := io.WriteString(conn, command); err != nil {
			return err
		}
	}
	return skipReply(lines)
}

// A plainPoller wakes the goroutine of a descriptor when there is something to
// read.
type plainPoller struct {
	epoll int
	mu    sync.Mutex
	conns map[int32]*plainConn
}

type plainConn struct {
	fd     int
	poller *plainPoller
	ready  chan struct{}
}

func newPlainPoller() (*plainPoller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, err
	}
	p := &plainPoller{epoll: fd, conns: make(map[int32]*plainConn)}
	go p.run()
	return p, nil
}

func (p *plainPoller) run() {
	events := make([]unix.EpollEvent, 256)
	for {
		n, err := unix.EpollWait(p.epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return
		}
		p.mu.Lock()
		for _, event := range events[:max(n, 0)] {
			if c := p.conns[event.Fd]; c != nil {
				select {
				case c.ready <- struct{}{}:
				default:
				}
			}
		}
		p.mu.Unlock()
	}
}

func (p *plainPoller) dial(to netip.AddrPort) (io.ReadWriteCloser, error) {
	fd, err := begin(to)
	if err != nil {
		return nil, err
	}
	c := &plainConn{fd, p, make(chan struct{}, 1)}
	p.mu.Lock()
	p.conns[int32(fd)] = c
	p.mu.Unlock()
	return c, watch(p.epoll, fd, int32(fd))
}

func (c *plainConn) Read(b []byte) (int, error) {
	for {
		<-c.ready
		switch n, err := unix.Read(c.fd, b); {
		case err == unix.EAGAIN:
		case n == 0 && err == nil:
			return 0, io.EOF
		default:
			return n, err
		}
	}
}

func (c *plainConn) Write(b []byte) (int, error) { return unix.Write(c.fd, b) }

func (c *plainConn) Close() error {
	c.poller.mu.Lock()
	delete(c.poller.conns, int32(c.fd))
	c.poller.mu.Unlock()
	return unix.Close(c.fd)
}

// begin begins a connection without waiting for it.
func begin(to netip.AddrPort) (fd int, err error) {
	fd, err = unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	err = unix.Connect(fd, &unix.SockaddrInet4{Port: int(to.Port()), Addr: to.Addr().As4()})
	if err == unix.EINPROGRESS {
		err = nil
	}
	return fd, err
}

func watch(epoll, fd int, token int32) error {
	return unix.EpollCtl(epoll, unix.EPOLL_CTL_ADD, fd, &unix.EpollEvent{Events: unix.EPOLLIN | unix.EPOLLET, Fd: token})
}

// A plainProbe is a dialogue in the loop.
type plainProbe struct {
	fd, said, have int
	text           [1024]byte
}

var errTooLong = errors.New("a reply is too long or the host has hung up")

func loop(first netip.Addr, count, inFlight int) error {
	epoll, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return err
	}
	probes := make([]plainProbe, inFlight)
	next, left := first, count
	start := func(i int) error {
		if left == 0 {
			return nil
		}
		fd, err := begin(netip.AddrPortFrom(next, plainPort))
		if err != nil {
			return err
		}
		next, left = next.Next(), left-1
		probes[i].fd, probes[i].said, probes[i].have = fd, 0, 0
		return watch(epoll, fd, int32(i))
	}
	for i := range probes {
		if err := start(i); err != nil {
			return err
		}
	}
	events := make([]unix.EpollEvent, 256)
	for count > 0 {
		n, err := unix.EpollWait(epoll, events, -1)
		if err != nil && err != unix.EINTR {
			return err
		}
		for _, event := range events[:max(n, 0)] {
			over, err := probes[event.Fd].goOn()
			if over && err == nil {
				count--
				err = start(int(event.Fd))
			}
			if err != nil {
				return err
			}
		}
	}
	return nil
}

// goOn takes in what has come, and answers a whole reply.
func (p *plainProbe) goOn() (over bool, err error) {
	n, err := unix.Read(p.fd, p.text[p.have:])
	switch {
	case err == unix.EAGAIN:
		return false, nil
	case err != nil:
		return false, err
	case n == 0:
		return false, errTooLong
	}
	p.have += n
	text := p.text[:p.have]
	line := text[bytes.LastIndexByte(text[:max(0, len(text)-1)], '\n')+1:]
	if len(line) < 4 || line[3] != ' ' || line[len(line)-1] != '\n' {
		return false, nil
	}
	if p.said == len(plainCommands) {
		return true, unix.Close(p.fd)
	}
	_, err = unix.Write(p.fd, []byte(plainCommands[p.said]))
	p.said, p.have = p.said+1, 0
	return false, err
}
