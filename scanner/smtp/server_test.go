package smtp_test

import (
	"errors"
	"net"
	"syscall"
	"testing"

	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// dial connects to a server on the loopback.
func dial(t testing.TB, srv *smtptest.Server) net.Conn {
	t.Helper()
	for {
		conn, err := net.Dial("tcp", srv.Addr)
		if err == nil {
			return conn
		}
		if !errors.Is(err, syscall.ECONNRESET) { // the server may be quicker than we are
			t.Fatal(err)
		}
	}
}
