package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
)

// SpeaksTLS asks on conn, which it owns and closes, whether the server takes one
// version of TLS, such as tls.VersionTLS12. It goes as far as the handshake, in
// the way of [Prober.Probe], and takes leave. The answer is nil where there was
// none: only an alert, or the offer of another version, is a no. A connection
// that just ends may be a limit, or a fault. The error is how the conversation
// ended early, an *Error; a no is one, too.
func (p *Prober) SpeaksTLS(ctx context.Context, conn net.Conn, mode Mode, serverName string, version uint16) (speaks *bool, err error) {
	c := p.begin(ctx, conn, serverName)
	defer c.end()
	c.version = version
	err = c.handshakeOnly(mode)
	if c.idle {
		c.quit(true)
	}
	switch {
	case c.t.TLS == nil:
	case c.t.TLS.Version == tls.VersionName(version): // whatever was said inside it
		speaks = new(true)
	case refusesVersion(err):
		speaks = new(false)
	}
	return speaks, err
}

// handshakeOnly is a conversation whose only aim is TLS. Its error is that of
// the handshake.
func (c *conversation) handshakeOnly(mode Mode) error {
	if err := CheckName(c.t.NameSent); err != nil {
		return err
	}
	if mode == ModeTLS {
		if err := c.handshake(c.timeout()); err != nil {
			return err
		}
		return c.greeting()
	}
	if err := c.greeting(); err != nil {
		return err
	}
	if err := c.hello(PhaseEHLO, &c.t.EHLO, &c.t.Capabilities); err != nil {
		return err
	}
	if err := c.startTLS(); err != nil {
		return err
	}
	return c.t.TLSErr
}

// refusesVersion tells a server that does not want this version from one that
// failed. crypto/tls has no type for either.
func refusesVersion(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" {
		text := op.Err.Error()
		return strings.Contains(text, "protocol version") || strings.Contains(text, "handshake failure") || strings.Contains(text, "insufficient security")
	}
	return err != nil && strings.Contains(err.Error(), "unsupported protocol version")
}
