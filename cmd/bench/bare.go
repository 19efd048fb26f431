//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"github.com/mxsweep/mxsweep/resolver/dnstest"
)

// bareClient is the least that a Go program can do for the certificates of many
// hosts: standard library, a goroutine for each connection, nothing kept. With
// "x25519" as its last argument it leaves out the hybrid key share.
func bareClient(ctx context.Context, args []string) error {
	first, err := netip.ParseAddr(args[0])
	if err != nil {
		return err
	}
	count, inFlight, err := amounts(args[1:])
	if err != nil {
		return err
	}
	config := &tls.Config{InsecureSkipVerify: true}
	if args[3] == "x25519" {
		config.CurvePreferences = []tls.CurveID{tls.X25519}
	}
	addresses := make(chan netip.Addr)
	var group sync.WaitGroup
	var mu sync.Mutex
	var failed error
	for range inFlight {
		group.Go(func() {
			for addr := range addresses {
				if err := bareProbe(ctx, addr, config); err != nil {
					mu.Lock()
					failed = errors.Join(failed, err)
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

// bareProbe is greeting, EHLO, STARTTLS, EHLO and QUIT.
func bareProbe(ctx context.Context, addr netip.Addr, config *tls.Config) error {
	dialer := net.Dialer{KeepAlive: -1}
	conn, err := dialer.DialContext(ctx, "tcp4", netip.AddrPortFrom(addr, tlsPort).String())
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		return err
	}
	lines := bufio.NewReaderSize(conn, 1024)
	for _, command := range []string{"", "EHLO probe.example.net\r\n", "STARTTLS\r\n", "EHLO probe.example.net\r\n", "QUIT\r\n"} {
		if _, err := conn.Write([]byte(command)); command != "" && err != nil {
			return err
		}
		if err := skipReply(lines); err != nil {
			return err
		}
		if command == "STARTTLS\r\n" {
			secure := tls.Client(conn, config)
			if err := secure.Handshake(); err != nil {
				return err
			}
			conn = secure
			lines.Reset(secure)
		}
	}
	return nil
}

func skipReply(lines *bufio.Reader) error {
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil || len(line) > 3 && line[3] == ' ' {
			return err
		}
	}
}

// bareNames resolves so many names, so many at a time, with the least effort.
func bareNames(args []string) error {
	count, inFlight, err := amounts(args)
	if err != nil {
		return err
	}
	return dnstest.Bare("127.0.0.1:53", func(i int) string { return fmt.Sprintf("d%d.bench", i) }, count, inFlight)
}

// amounts reads how many targets there are, and how much may be used for them at
// a time.
func amounts(args []string) (count, atOnce int, err error) {
	if count, err = strconv.Atoi(args[0]); err == nil {
		atOnce, err = strconv.Atoi(args[1])
	}
	return count, atOnce, err
}
