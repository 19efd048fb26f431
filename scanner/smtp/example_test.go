package smtp_test

import (
	"context"
	"fmt"
	"net"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

func ExampleProber_Probe() {
	srv, err := smtptest.Listen("127.0.0.1:0", smtptest.Postfix("mx.example.com"))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	conn, err := net.Dial("tcp", srv.Addr)
	if err != nil {
		fmt.Println(err)
		return
	}

	p := &smtp.Prober{
		Name: "probe.example.net",
		Ask:  func(*smtp.Transcript) []smtp.Command { return []smtp.Command{smtp.CmdUnknown} },
	}
	t := p.Probe(ctx, conn, smtp.ModeSTARTTLS, "mx.example.com")

	fmt.Printf("%q\n", t.Greeting.Raw)
	fmt.Println(t.Capabilities.Keywords)
	fmt.Printf("%q\n", t.Unknown.Lines)
	fmt.Println(t.Phase, t.Err)
	// Output:
	// "220 mx.example.com ESMTP Postfix (Debian/GNU)\r\n"
	// [PIPELINING SIZE VRFY ETRN ENHANCEDSTATUSCODES 8BITMIME DSN SMTPUTF8 CHUNKING]
	// ["5.5.2 Error: command not recognized"]
	// quit <nil>
}
