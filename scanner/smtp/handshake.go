package smtp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"time"
)

// errPlainText says that the first bytes of a handshake were no TLS record.
var errPlainText = errors.New("plain text instead of TLS")

// handshake begins TLS on the connection, as one step of the conversation, and
// records what it shows, also of a handshake that fails. On success the
// conversation goes on inside TLS; after errPlainText the bytes that came
// instead lie in the buffer.
func (c *conversation) handshake(d time.Duration) error {
	c.t.Phase = PhaseTLS
	c.idle = false
	c.t.TLS = &TLS{Chain: []ChainCert{}}
	if err := c.clock(d); err != nil {
		c.t.TLS.Error = err.Error()
		return err
	}
	// A ClientHello of two packets must not wait for the acknowledgment of the
	// first one.
	if conn, ok := c.plain.(interface{ SetNoDelay(bool) error }); ok {
		_ = conn.SetNoDelay(true)
	}
	start := time.Now()
	var sent []*x509.Certificate
	first := &firstBytes{Conn: c.plain, wire: c.wire}
	config := c.tlsConfig(c.serverName, &sent)
	if c.version != 0 {
		config.MinVersion, config.MaxVersion = c.version, c.version
	}
	conn := tls.Client(first, config)
	err := conn.Handshake()
	c.t.Timings.TLS = c.since(start)
	c.t.TLS.ServerName = sni(c.serverName)
	c.t.TLS.record(sent, c.serverName, &c.chains, c.Roots)
	if err != nil {
		err = c.handshakeError(err)
		c.t.TLS.Error = strings.TrimPrefix(err.Error(), "tls: ")
		return err
	}
	c.t.TLS.negotiated(conn.ConnectionState())
	c.conn, c.buf, c.idle = conn, c.buf[:0], true
	return nil
}

// handshakeError tells the ways apart in which a handshake fails.
func (c *conversation) handshakeError(err error) error {
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok && len(c.buf) > 0 && ' ' <= c.buf[0] && c.buf[0] < 0x7f {
		return &Error{PhaseTLS, KindTLS, fmt.Errorf("%w: %q", errPlainText, excerpt(string(c.buf)))}
	}
	e := c.fail(err)
	// crypto/tls has no type for most of its errors; those of our own system
	// have one.
	if _, ours := errors.AsType[syscall.Errno](err); e.Kind == KindLocal && !ours {
		e.Kind = KindTLS
	}
	return e
}

// firstBytes is the connection below TLS. It keeps the first bytes from the
// server in the wire's buffer, which is empty then, so that they are not lost
// if they turn out to be plain text.
type firstBytes struct {
	net.Conn
	wire *wire
	done bool
}

// Read reads from the connection.
func (f *firstBytes) Read(p []byte) (int, error) {
	n, err := f.Conn.Read(p)
	if !f.done {
		f.wire.buf = append(f.wire.buf, p[:n]...)
		f.done = len(f.wire.buf) >= 5 // a record header: crypto/tls decides on it
	}
	return n, err
}

// tlsConfig returns the most tolerant client that crypto/tls can be: TLS 1.0
// to 1.3, every cipher suite there is, the insecure ones too, no verification.
// The point is to see old servers. Key shares are the defaults of crypto/tls,
// the post-quantum hybrids first, unless LightTLS is set.
func (p *Prober) tlsConfig(serverName string, sent *[]*x509.Certificate) *tls.Config {
	p.once.Do(func() {
		for _, s := range slices.Concat(tls.CipherSuites(), tls.InsecureCipherSuites()) {
			p.suites = append(p.suites, s.ID)
		}
	})
	var curves []tls.CurveID // nil: all of crypto/tls
	if p.LightTLS {
		curves = []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	}
	return &tls.Config{
		CurvePreferences:   curves,
		ServerName:         serverName, // crypto/tls sends no SNI for an address (RFC 6066, section 3)
		MinVersion:         tls.VersionTLS10,
		CipherSuites:       p.suites,
		InsecureSkipVerify: true,
		// Called before the key exchange, so the certificate is kept even
		// if the handshake fails afterwards.
		VerifyConnection: func(s tls.ConnectionState) error {
			*sent = s.PeerCertificates
			return nil
		},
	}
}

// sni returns the name that crypto/tls sends for a server name.
func sni(serverName string) string {
	if _, err := netip.ParseAddr(serverName); err == nil {
		return ""
	}
	return serverName
}

// negotiated records the outcome of a handshake.
func (t *TLS) negotiated(s tls.ConnectionState) {
	t.Version = tls.VersionName(s.Version)
	t.Cipher = tls.CipherSuiteName(s.CipherSuite)
	t.ALPN = s.NegotiatedProtocol
	if s.CurveID != 0 {
		t.Curve = s.CurveID.String()
	}
}
