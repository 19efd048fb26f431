package scanner

import (
	"net"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// smallRange are addresses of loopback, each of which accepts connections on the
// port of a server that speaks no SMTP.
func smallRange(t *testing.T) Input {
	t.Helper()
	l, err := net.Listen("tcp4", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			_, _ = conn.Write([]byte("220 mx.example.com ESMTP\r\n"))
			conn.Close()
		}
	}()
	return sweepOf("127.25.40.0-127.25.40.7", Port{Number: uint16(l.Addr().(*net.TCPAddr).Port)})
}

// Where a raw socket may not be opened that is said once, and the range is
// connected to.
func TestDiscoveryWithoutCapability(t *testing.T) {
	// What this thread gives up it does not get back: it ends with this
	// goroutine, since it is never unlocked.
	runtime.LockOSThread()
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var sets [2]unix.CapUserData
	if err := unix.Capget(&header, &sets[0]); err != nil {
		t.Fatal(err)
	}
	sets[0].Effective &^= 1 << unix.CAP_NET_RAW
	if err := unix.Capset(&header, &sets[0]); err != nil {
		t.Fatal(err)
	}
	var warnings []string
	r := scan(t, &Scanner{Discovery: DiscoverSYN, NoPTR: true, Warn: func(text string) { warnings = append(warnings, text) }}, smallRange(t))
	if len(warnings) != 1 || !strings.Contains(warnings[0], "CAP_NET_RAW") || !strings.Contains(warnings[0], "connected to") {
		t.Errorf("warnings %q", warnings)
	}
	if len(r.services) != 8 || r.summary.Answered != 8 {
		t.Errorf("%d records, summary %+v", len(r.services), r.summary)
	}
}

// A dial function of the caller's may lead anywhere, which a SYN does not.
func TestDiscoveryDialer(t *testing.T) {
	var warnings []string
	s := &Scanner{Discovery: DiscoverSYN, NoPTR: true, Dial: (&fakeNet{}).dial, Warn: func(text string) { warnings = append(warnings, text) }}
	r := scan(t, s, sweepOf("198.18.0.0-198.18.0.3", smtp25()...))
	if len(warnings) != 1 || len(r.services) != 4 {
		t.Errorf("warnings %q, %d records", warnings, len(r.services))
	}
}

func needRawSocket(t *testing.T) {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.IPPROTO_TCP)
	if err != nil {
		t.Skipf("a raw socket: %v", err)
	}
	unix.Close(fd)
}

// On loopback, too, and without a warning.
func TestDiscoveryLoopback(t *testing.T) {
	needRawSocket(t)
	in := smallRange(t)
	var s Scanner
	s.Discovery, s.NoPTR, s.Warn = DiscoverSYN, true, func(text string) { t.Errorf("warning %s", text) }
	if r := scan(t, &s, in); len(r.services) != 8 || r.summary.Answered != 8 {
		t.Errorf("%d records, summary %+v", len(r.services), r.summary)
	}
}

// The port of a scout is given to nobody else, by connecting or by binding, and
// free again when the scout has ended.
func TestHeldPort(t *testing.T) {
	needRawSocket(t)
	s, err := newScout(netip.Addr{}, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	for _, l := range s.legs {
		network, addr := "tcp4", &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: int(l.port)}
		if l.family == unix.AF_INET6 {
			network, addr = "tcp6", &net.TCPAddr{IP: net.IPv6loopback, Port: int(l.port)}
		}
		if other, err := net.ListenTCP(network, addr); err == nil {
			other.Close()
			t.Errorf("%s: somebody else has it, too", addr)
		}
	}
	s.close()
	for _, l := range s.legs {
		if l.family == unix.AF_INET {
			if other, err := net.ListenTCP("tcp4", &net.TCPAddr{Port: int(l.port)}); err != nil {
				t.Errorf("afterwards: %v", err)
			} else {
				other.Close()
			}
		}
	}
}

// A leg of one family serves no address of the other.
func TestScoutSource(t *testing.T) {
	needRawSocket(t)
	s, err := newScout(netip.MustParseAddr("127.0.0.1"), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if s.launch(netip.MustParseAddrPort("[::1]:25"), func(error) {}) {
		t.Error("IPv6 from an IPv4 address")
	}
	from, err := s.send(netip.MustParseAddrPort("127.25.40.1:9"))
	if err != nil || from.Addr() != netip.MustParseAddr("127.0.0.1") {
		t.Errorf("sent from %v, error %v", from, err)
	}
}
