package scanner

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"os"
	"runtime"
	"testing"
	"time"
)

// opened collects how connections ended that were begun with engine.open.
func opened(e *engine, to netip.AddrPort, n int) (ends chan error) {
	ends = make(chan error, n)
	for range n {
		e.open(to, func(conn net.Conn, err error) {
			if conn != nil {
				conn.Close()
			}
			ends <- err
		})
	}
	return ends
}

// Connections that wait for an answer need no goroutine; each ends once, by its
// timeout or by the end of the run.
func TestSilentConnections(t *testing.T) {
	const n = 200
	to, queued := fullQueue(t)
	defer queued()
	tests := []struct {
		name    string
		timeout time.Duration
		end     func(*engine)
		want    error
	}{
		{"timeout", 50 * time.Millisecond, func(*engine) {}, os.ErrDeadlineExceeded},
		{"end of the run", time.Hour, func(e *engine) { e.abort(nil) }, context.Canceled},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := dialing(t, &Scanner{ConnectTimeout: tt.timeout})
			before := runtime.NumGoroutine()
			ends := opened(e, to, n)
			if more := runtime.NumGoroutine() - before; more > 10 {
				t.Errorf("%d goroutines wait for %d connections", more, n)
			}
			tt.end(e)
			for range n {
				if err := <-ends; !errors.Is(err, tt.want) {
					t.Fatalf("error %v, want %v", err, tt.want)
				}
			}
			if tt.want == context.Canceled { // and none is begun any more
				if err := <-opened(e, to, 1); !errors.Is(err, context.Canceled) {
					t.Errorf("begun after the end: %v", err)
				}
			}
		})
	}
}

// A later connection with the number of an earlier one's descriptor is not taken
// for that one, however their ends and events mix.
func TestManyConnections(t *testing.T) {
	good := serving(t, func(c *net.TCPConn) { _, _ = c.Write([]byte("220 hello\r\n")) })
	full, queued := fullQueue(t)
	defer queued()
	e := dialing(t, &Scanner{ConnectTimeout: 300 * time.Millisecond})
	for range 5 {
		silent, answered := opened(e, full, 20), opened(e, good, 20)
		for range 20 {
			if err := <-answered; err != nil {
				t.Errorf("a server that takes connections: %v", err)
			}
			if err := <-silent; !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("one that takes none: %v", err)
			}
		}
	}
}
