package smtp

import (
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// canned is a connection whose other side costs nothing: each command that is
// written makes the next reply readable.
type canned struct {
	net.Conn
	replies []string
	ready   string
}

func (c *canned) Read(p []byte) (int, error) {
	if c.ready == "" {
		return 0, os.ErrDeadlineExceeded
	}
	n := copy(p, c.ready)
	c.ready = c.ready[n:]
	return n, nil
}

func (c *canned) Write(p []byte) (int, error) {
	if len(c.replies) > 0 {
		c.ready, c.replies = c.replies[0], c.replies[1:]
	}
	return len(p), nil
}

func (c *canned) SetDeadline(time.Time) error { return nil }
func (c *canned) Close() error                { return nil }

// BenchmarkProbe is greeting, EHLO and QUIT with a server that answers like
// Postfix: what the client itself costs, without network and peer.
func BenchmarkProbe(b *testing.B) {
	ehlo := "250-mx.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n"
	p := &Prober{Name: "probe.example.net"}
	replies := []string{ehlo, "221 2.0.0 Bye\r\n"}
	b.ReportAllocs()
	for b.Loop() {
		tr := p.Probe(b.Context(), &canned{ready: "220 mx.example.com ESMTP Postfix\r\n", replies: replies}, ModeSTARTTLS, "mx.example.com")
		if tr.Err != nil || tr.Capabilities == nil {
			b.Fatal(tr.Err)
		}
	}
}

// BenchmarkParseReply is the parser alone, on a reply of 512 lines.
func BenchmarkParseReply(b *testing.B) {
	raw := Raw(strings.Repeat("250-a line of a usual length\r\n", maxLines-1) + "250 end\r\n")
	b.SetBytes(int64(len(raw)))
	b.ReportAllocs()
	for b.Loop() {
		ParseReply(raw)
	}
}
