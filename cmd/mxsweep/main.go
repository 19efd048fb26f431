// Old servers are to be seen, not missed: without these settings crypto/tls
// refuses RSA keys below 1024 bits and SHA-1 signatures in TLS 1.2, and
// crypto/x509 negative serial numbers. Nothing is trusted on their word.

//go:debug rsa1024min=0
//go:debug tlssha1=1
//go:debug x509negativeserial=1

// Mxsweep audits a mail fleet: it finds every SMTP server behind domains, hosts
// and address ranges, talks to each politely and once, and says what it is,
// which version, how it is secured and what is wrong with it.
//
// "mxsweep -h" lists the flags, "mxsweep help" is the manual with examples,
// exit codes and limits. The work is done by packages scanner, resolver and
// output; this one only turns flags into their options and stops the process.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	// A reader of standard output that goes away must not kill the process: the
	// write fails with EPIPE, and all other outputs are closed in good order.
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithCancel(context.Background())
	stopping, _ := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM) // first signal: no new work
	context.AfterFunc(stopping, func() {
		again := make(chan os.Signal, 1)
		signal.Notify(again, os.Interrupt, syscall.SIGTERM)
		<-again // second: stop now
		cancel()
	})
	app := &app{stdin: os.Stdin, stdout: os.Stdout, stderr: os.Stderr, getenv: os.Getenv, environ: os.Environ, stopping: stopping}
	os.Exit(app.run(ctx, os.Args[1:]))
}
