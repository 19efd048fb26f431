package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// What hangs behind the cable, in addresses of benchmark and documentation
// networks (RFC 2544, RFC 3849): of the first ones a quarter answers and the
// others refuse, then come a few that a router says are unreachable, the last
// quarter gets forged answers, and what is between them is silent.
const (
	sweepV4 = "198.18.0.0/22"
	sweepV6 = "2001:db8:18::/118"
)

// A sweep is what came of a scan of the ranges: the rows, and the summary.
type sweepResult struct {
	rows    map[string]int
	summary scanner.Summary
	stderr  string
}

func readSweep(t *testing.T, b []byte) (s sweepResult) {
	t.Helper()
	s.rows = map[string]int{}
	for r, err := range output.NewReader(bytes.NewReader(b)).Results() {
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Service != nil:
			v := r.Service
			s.rows[fmt.Sprint(v.IP, v.Port, v.Status, v.Phase, v.Error, v.Attempts, v.Software.Product, len(v.Banner))]++
		case r.Summary != nil:
			s.summary = *r.Summary
		}
	}
	return s
}

var sweepFlags = []string{"-r", "127.0.0.1:9", "-p", "2525", "-ehlo-domain", "auditor.example", "-ptr=false", "-no-stdin",
	"-connect-timeout", "1200ms", "-dns-timeout", "100ms", "-seed", "1"}

func sweep(t *testing.T, args ...string) sweepResult {
	t.Helper()
	var out, errs bytes.Buffer
	args = append(append([]string{"-j"}, sweepFlags...), args...)
	if code := testApp(nil, &out, &errs).run(t.Context(), args); code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	s := readSweep(t, out.Bytes())
	s.stderr = errs.String()
	return s
}

// A range swept by SYN has the same records and the same summary as by connecting:
// addresses that answer, refuse, are unreachable or silent, and those for which
// somebody forges answers.
func TestDiscovery(t *testing.T) {
	if !inNamespace(t) {
		return
	}
	ask := cable(t, "TestDiscoveryPeer")
	command(t, "ip", "route", "add", sweepV4, "via", "198.51.100.254")
	command(t, "ip", "addr", "add", "2001:db8:1::1/64", "dev", "cable", "nodad")
	command(t, "ip", "route", "add", sweepV6, "via", "2001:db8:1::fe")

	want := sweep(t, "-c", "3000", "-rl", "0", "-all", sweepV4, sweepV6)
	counts := map[scanner.Status]uint64{"success": 64, "connection-refused": 192, "unreachable": 9, "connection-timeout": 2*1024 - 265}
	if !maps.Equal(want.summary.ByStatus, counts) {
		t.Fatalf("by connecting: %v, want %v\n%s", want.summary.ByStatus, counts, want.stderr)
	}
	ask("forget")
	got := sweep(t, "-discovery", "syn", "-c", "8", "-rl", "0", "-all", sweepV4, sweepV6)
	sameSweep(t, "by SYN", got, want)
	if strings.Contains(got.stderr, "warning") {
		t.Errorf("a warning: %s", got.stderr)
	}
	// Of the 256 forged ones each is sent two SYNs, all from one port: connections
	// would come from many.
	var syns, ports int
	if fmt.Sscan(ask("what did you see?"), &syns, &ports); syns <= 256 || syns > 512 || ports != 1 {
		t.Errorf("the peer saw %d SYNs from %d ports", syns, ports)
	}

	quiet := sweep(t, "-discovery", "syn", "-c", "8", "-rl", "0", "-source-ip", "198.51.100.1", sweepV4)
	if len(quiet.rows) != 32 || quiet.summary.Silent != 1024-32 || quiet.summary.ByStatus["connection-refused"] != 96 {
		t.Errorf("without -all, from a source address: %d rows, summary %+v", len(quiet.rows), quiet.summary)
	}
	t.Run("resume", func(t *testing.T) { resumedSweep(t, want) })
}

func sameSweep(t *testing.T, what string, got, want sweepResult) {
	t.Helper()
	for row, n := range want.rows {
		if got.rows[row] != n {
			t.Errorf("%s: %d rows %s, want %d", what, got.rows[row], row, n)
		}
	}
	if len(got.rows) != len(want.rows) {
		t.Errorf("%s: %d rows, want %d", what, len(got.rows), len(want.rows))
	}
	g, w := got.summary, want.summary
	if !maps.Equal(g.ByStatus, w.ByStatus) || g.Endpoints != w.Endpoints || g.Contacted != w.Contacted || g.Connections != w.Connections ||
		g.Answered != w.Answered || g.Silent != w.Silent || g.Covered != w.Covered || g.Services != w.Services {
		t.Errorf("%s: summary\n%+v, want\n%+v", what, g, w)
	}
}

// resumedSweep stops a sweep in the middle and goes on with it.
func resumedSweep(t *testing.T, want sweepResult) {
	path := filepath.Join(t.TempDir(), "out.ndjson")
	var errs bytes.Buffer
	a := testApp(nil, new(bytes.Buffer), &errs)
	var stop context.CancelFunc
	a.stopping, stop = context.WithTimeout(t.Context(), time.Second) // at the given rate a sweep takes two
	defer stop()
	args := append([]string{"-discovery", "syn", "-all", "-rl", "1000", "-o", path}, sweepFlags...)
	if code := a.run(t.Context(), append(args, sweepV4, sweepV6)); code != exitInterrupted {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(readSweep(t, before).rows); n == 0 || n > 1100 {
		t.Fatalf("%d rows before the stop", n)
	}
	if code := testApp(nil, new(bytes.Buffer), &errs).run(t.Context(), []string{"-resume", path, "-rl", "0"}); code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	got := readSweep(t, whole)
	got.summary.Contacted, got.summary.Connections = want.summary.Contacted, want.summary.Connections // what answered late was contacted twice
	sameSweep(t, "stopped and resumed", got, want)
}

// TestDiscoveryPeer is the other end of the cable.
func TestDiscoveryPeer(t *testing.T) {
	if os.Getenv("NETWORK_PEER") == "" {
		t.Skip("is started by TestDiscovery")
	}
	stdin := bufio.NewReader(os.Stdin)
	_, _ = stdin.ReadString('\n') // the cable is there
	command(t, "ip", "link", "set", "lo", "up")
	command(t, "ip", "link", "set", "theirs", "up")
	command(t, "ip", "addr", "add", theirEnd, "dev", "theirs")
	command(t, "ip", "addr", "add", "2001:db8:1::fe/64", "dev", "theirs", "nodad")
	for _, route := range []string{"local 198.18.0.0/25 dev lo", "unreachable 198.18.1.0", "blackhole " + sweepV4,
		"local 2001:db8:18::/121 dev lo", "unreachable 2001:db8:18::100/125", "blackhole " + sweepV6} {
		command(t, "ip", append([]string{"route", "add"}, strings.Fields(route)...)...)
	}
	for path, value := range map[string]string{"ipv4/ip_forward": "1", "ipv6/conf/all/forwarding": "1", "ipv4/icmp_ratelimit": "0", "ipv6/icmp/ratelimit": "0", "ipv6/ip_nonlocal_bind": "1"} {
		if err := os.WriteFile("/proc/sys/net/"+path, []byte(value), 0); err != nil {
			t.Fatal(err)
		}
	}
	for i := 0; i < 128; i += 4 {
		for _, addr := range []string{fmt.Sprintf("198.18.0.%d", i), fmt.Sprintf("2001:db8:18::%x", i)} {
			if _, err := smtptest.Listen(net.JoinHostPort(addr, "2525"), smtptest.Postfix("mx.example.com")); err != nil {
				t.Fatal(err) // the servers end with this process
			}
		}
	}
	var f forger
	f.open(t)
	go f.run()
	for answer := "ready"; ; answer = f.saw() {
		fmt.Println("\npeer: " + answer)
		if _, err := stdin.ReadString('\n'); err != nil {
			return // the test is over
		}
	}
}

// A forger sees the SYNs to the last quarter of the IPv4 range and answers each
// as somebody would who has not seen it: with numbers beside the right one, and
// none at all.
type forger struct {
	ears, mouth int
	syns        atomic.Int64
	ports       [1 << 16]atomic.Bool
}

func (f *forger) open(t *testing.T) {
	t.Helper()
	var err error
	const everything = unix.ETH_P_IP<<8 | unix.ETH_P_IP>>8 // in network order
	if f.ears, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM, everything); err != nil {
		t.Fatal(err)
	}
	if f.mouth, err = unix.Socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_RAW); err != nil {
		t.Fatal(err)
	}
}

func (f *forger) run() {
	b := make([]byte, 256)
	for {
		n, from, err := unix.Recvfrom(f.ears, b, 0)
		if err != nil && err != unix.EINTR {
			return
		}
		link, _ := from.(*unix.SockaddrLinklayer)
		if n < 40 || b[9] != syscall.IPPROTO_TCP || b[33] != 2 || link == nil || link.Pkttype == unix.PACKET_OUTGOING ||
			!netip.MustParsePrefix("198.18.3.0/24").Contains(netip.AddrFrom4([4]byte(b[16:20]))) {
			continue
		}
		for _, offset := range []uint32{0, 2, 0x80000001} {
			f.answer(b, offset, 0x12) // SYN, ACK
			f.answer(b, offset, 0x14) // RST, ACK
		}
		f.answer(b, 1, 0x04) // RST alone
		f.answer(b, 1, 0x02) // SYN alone
		f.answer(b, 1, 0x10) // ACK alone
		f.ports[binary.BigEndian.Uint16(b[20:])].Store(true)
		f.syns.Add(1)
	}
}

// answer sends an answer to a SYN, with its sequence number and so much more
// acknowledged.
func (f *forger) answer(syn []byte, more uint32, flags byte) {
	b := make([]byte, 40)
	b[0], b[3], b[8], b[9] = 0x45, 40, 64, syscall.IPPROTO_TCP
	copy(b[12:16], syn[16:20])
	copy(b[16:20], syn[12:16])
	copy(b[20:22], syn[22:24])
	copy(b[22:24], syn[20:22])
	binary.BigEndian.PutUint32(b[28:], binary.BigEndian.Uint32(syn[24:])+more)
	b[32], b[33] = 5<<4, flags
	sum := uint32(20 + syscall.IPPROTO_TCP)
	for i := 12; i < 40; i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	binary.BigEndian.PutUint16(b[36:], ^uint16(sum>>16+sum))
	_ = unix.Sendto(f.mouth, b, 0, &unix.SockaddrInet4{Addr: [4]byte(syn[12:16])})
}

// saw says how many SYNs came since it was last asked, and from how many ports.
func (f *forger) saw() string {
	ports := 0
	for i := range f.ports {
		if f.ports[i].Swap(false) {
			ports++
		}
	}
	return fmt.Sprint(f.syns.Swap(0), " ", ports)
}
