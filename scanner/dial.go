package scanner

import (
	"context"
	"net"
	"net/netip"
	"sync"
	"time"
)

// dialer returns the function that opens connections: the caller's, bounded by
// the connect timeout, or that of package net.
func (s *Scanner) dialer() DialFunc {
	if s.Dial != nil {
		return func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
			bounded := &bounded{Context: ctx, at: time.Now().Add(s.ConnectTimeout)}
			defer bounded.release()
			return s.Dial(bounded, to)
		}
	}
	d := net.Dialer{
		Timeout:   s.ConnectTimeout,
		KeepAlive: -1, // a probe is over long before the first one would be sent
	}
	source := s.SourceIP.Unmap()
	if source.IsValid() { // a zero LocalAddr is not the same as none: it binds a port, of which there are few
		d.LocalAddr = net.TCPAddrFromAddrPort(netip.AddrPortFrom(source, 0))
		d.Control = bindLate
	}
	return func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		if source.IsValid() && source.Is4() != to.Addr().Is4() {
			return nil, errNoFamily
		}
		return d.DialContext(ctx, "tcp", to.String())
	}
}

// A bounded is a context that ends at a time. Its timer is made when somebody
// first asks for the end: a dial function that answers at once, as a proxy's or
// a simulation's may, would spend most of its time on timers.
type bounded struct {
	context.Context // of the run
	at              time.Time

	mu     sync.Mutex
	timed  context.Context // nil: nobody has asked
	cancel context.CancelFunc
	over   bool // the dial function has returned
}

// Deadline returns the time at which the connection is given up.
func (b *bounded) Deadline() (time.Time, bool) {
	if at, ok := b.Context.Deadline(); ok && at.Before(b.at) {
		return at, true
	}
	return b.at, true
}

func (b *bounded) Done() <-chan struct{} { return b.arm().Done() }
func (b *bounded) Err() error            { return b.arm().Err() }

func (b *bounded) arm() context.Context {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.timed == nil {
		b.timed, b.cancel = context.WithDeadline(b.Context, b.at)
		if b.over {
			b.cancel()
		}
	}
	return b.timed
}

// release ends the context when the dial function has returned, also for those
// that only ask later: a slower try at the connection may still be under way.
func (b *bounded) release() {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over = true; b.cancel != nil {
		b.cancel()
	}
}

// hasRoute asks the routing table whether an address can be reached at all.
// Connecting a UDP socket does that and sends nothing.
func hasRoute(addr netip.Addr) bool {
	conn, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 25)))
	if err != nil {
		return !noRoute(err)
	}
	conn.Close()
	return true
}
