//go:build unix

package resolver

import (
	"encoding/binary"
	"fmt"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mxsweep/mxsweep/scanner"
)

// BenchmarkLookupMX measures whole names: the MX record, then A and AAAA of a
// host of its own, three questions each, none of them kept from before, by 100
// lookups at once. It reports names per second and the processor time of a name.
//
// The server is a loop in this process, which costs about as much again; to
// measure the client alone, name a server that knows "*.bench" in
// MXSWEEP_BENCH_DNS.
func BenchmarkLookupMX(b *testing.B) {
	address := os.Getenv("MXSWEEP_BENCH_DNS")
	if address == "" {
		address = respond(b)
	}
	d := &DNS{Servers: []string{address}, Rate: -1}
	defer d.Close()
	b.ReportAllocs()
	var next atomic.Int64
	var failures atomic.Int64
	var group sync.WaitGroup
	before := processorTime(b)
	b.ResetTimer()
	for range 100 {
		group.Go(func() {
			for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
				if d.LookupMX(b.Context(), fmt.Sprintf("d%d.bench", i)).Status != scanner.StatusSuccess {
					failures.Add(1)
				}
			}
		})
	}
	group.Wait()
	b.StopTimer()
	if n := failures.Load(); n > 0 {
		b.Errorf("%d of %d lookups failed", n, b.N)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "names/s")
	b.ReportMetric(float64((processorTime(b)-before).Microseconds())/float64(b.N), "cpu-µs/name")
}

// respond answers every question from a loop of its own, without a DNS library:
// MX with "mx." and the name asked for, A and AAAA with an address.
func respond(b *testing.B) string {
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { conn.Close() })
	conn.SetReadBuffer(receiveBuffer)
	go func() {
		buf := make([]byte, 512)
		for {
			n, from, err := conn.ReadFromUDPAddrPort(buf)
			if err != nil {
				return
			}
			conn.WriteToUDPAddrPort(answerPacket(buf[:n]), from)
		}
	}()
	return conn.LocalAddr().String()
}

// answerPacket turns a query of ours into its answer, in place.
func answerPacket(p []byte) []byte {
	p = p[:len(p)-optSize]
	qtype := binary.BigEndian.Uint16(p[len(p)-4:])
	p[2], p[3], p[7], p[11] = 0x81, 0x80, 1, 0
	data := map[uint16]string{
		dns.TypeMX:   "\x00\x0a\x02mx\xc0\x0c",
		dns.TypeA:    "\x7f\x00\x00\x19",
		dns.TypeAAAA: "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01",
	}[qtype]
	p = append(p, 0xc0, headerSize)
	p = binary.BigEndian.AppendUint16(p, qtype)
	p = append(p, 0, 1, 0, 0, 1, 0, 0, byte(len(data)))
	return append(p, data...)
}

func processorTime(b *testing.B) time.Duration {
	var use syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &use); err != nil {
		b.Fatal(err)
	}
	return time.Duration(use.Utime.Nano() + use.Stime.Nano())
}
