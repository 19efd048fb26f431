package smtp

import (
	"context"
	"crypto/x509"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"
)

// The clocks of a [Prober] whose fields are zero.
const (
	DefaultGreetingTimeout = 30 * time.Second
	DefaultTimeout         = 10 * time.Second
)

// A Prober holds the options of conversations. The zero value is ready to use;
// it must not be copied, nor changed once in use. Probe may be called from many
// goroutines.
type Prober struct {
	// Name is the argument of EHLO and HELO. "" stands for the address
	// literal of the connection's own address (RFC 5321, section 4.1.3).
	Name string
	// GreetingTimeout is the time for the whole greeting, 0 for 30 s: servers
	// delay it on purpose, postscreen by 6 s, others by 20.
	GreetingTimeout time.Duration
	// Timeout is the time for any other reply and for the TLS handshake, 0
	// for 10 s.
	Timeout time.Duration
	// Roots are the trusted certificates; nil stands for the system's.
	Roots *x509.CertPool
	// LightTLS leaves the post-quantum hybrids out of the key exchange, which
	// saves a third of a handshake's processor time and hides whether the
	// server knows them.
	LightTLS bool
	// Ask chooses the identifying commands to send before QUIT, given all
	// that was heard so far. It is called at most once, when the server has
	// answered the last EHLO (or HELO) with 250; nil chooses none. A server
	// may count HELP, CmdUnknown and CmdVrfy as errors, and some hang up
	// after three: keep it to two of them.
	Ask func(*Transcript) []Command

	wires  sync.Pool // of *wire
	once   sync.Once
	suites []uint16 // see Prober.tlsConfig
	chains chains
}

// Probe holds one conversation on conn, which it owns and closes. serverName is
// the name for SNI and for the check of the certificate; "" or an address
// sends no SNI. The deadline of ctx bounds the whole probe, and its end breaks
// off the conversation at once. Probe never returns nil: a failed conversation
// is a Transcript with Err set, which holds all that was heard before.
func (p *Prober) Probe(ctx context.Context, conn net.Conn, mode Mode, serverName string) *Transcript {
	c := p.begin(ctx, conn, serverName)
	defer c.end()
	start := time.Now()
	c.t.Err = c.hold(mode)
	c.t.Timings.Total = c.since(start)
	return c.t
}

// begin begins a conversation on conn, whose method end must be called in the
// end.
func (p *Prober) begin(ctx context.Context, conn net.Conn, serverName string) *conversation {
	c := &conversation{
		Prober: p, ctx: ctx, wire: p.newWire(conn), plain: conn, serverName: strings.TrimSuffix(serverName, "."),
		t: &Transcript{NameSent: p.Name}, times: make([]float64, 0, maxTimes),
	}
	if ctx.Done() != nil {
		// Once ctx is done, pending reads and writes fail now. The
		// conversation covers the case that it sets a new deadline afterwards.
		c.stop = context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	}
	if c.t.NameSent == "" {
		c.t.NameSent = addressLiteral(conn.LocalAddr())
	}
	c.limit, _ = ctx.Deadline()
	return c
}

// maxTimes is the number of durations that a conversation takes, see [Timings].
const maxTimes = 5

// end closes the connection.
func (c *conversation) end() {
	c.release(c.wire)
	if c.stop != nil {
		c.stop()
	}
	c.plain.Close()
}

// newWire returns a wire for a connection, with the buffers of an earlier one.
func (p *Prober) newWire(conn net.Conn) *wire {
	w, ok := p.wires.Get().(*wire)
	if !ok {
		w = &wire{buf: make([]byte, 0, bufferSize)}
	}
	w.conn = conn
	return w
}

// release keeps a wire for the next probe, unless its buffer has grown: what
// one talkative server needed would stay allocated for the rest of the run.
func (p *Prober) release(w *wire) {
	if cap(w.buf) == bufferSize {
		w.conn, w.buf = nil, w.buf[:0]
		p.wires.Put(w)
	}
}

// addressLiteral returns the address literal of a connection's own end (RFC
// 5321, section 4.1.3). A connection that has no address, as in memory, is
// taken for the loopback.
func addressLiteral(addr net.Addr) string {
	tcp, ok := addr.(*net.TCPAddr)
	if !ok {
		return "[127.0.0.1]"
	}
	ip := tcp.AddrPort().Addr().Unmap().WithZone("")
	if ip.Is6() {
		return "[IPv6:" + ip.String() + "]"
	}
	return "[" + ip.String() + "]"
}

// CheckName returns an error for a name that cannot be a [Prober.Name]: one that
// would break out of its command line, or is longer than the 255 octets of RFC
// 5321, section 4.5.3.1.2. Probe refuses such a name, too.
func CheckName(name string) error {
	if len(name) > 255 || strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r >= 0x7f }) {
		return fmt.Errorf("%q cannot be the argument of EHLO: want a host name or address literal", name)
	}
	return nil
}
