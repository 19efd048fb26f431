package scanner_test

import (
	"context"
	"net"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// The whole way over real sockets: plain text, STARTTLS, TLS from the first
// byte, and each of them where the other was expected.
func TestRealSockets(t *testing.T) {
	ca, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	config, err := ca.Config("localhost", "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	starttls := smtptest.Postfix("mx.example.com")
	starttls.TLS = config
	tests := []struct {
		name        string
		script      smtptest.Script
		mode        smtp.Mode
		implicit    bool
		handshake   bool
		connections int
	}{
		{"plain", smtptest.Script{}, smtp.ModeSTARTTLS, false, false, 1},
		{"STARTTLS", starttls, smtp.ModeSTARTTLS, false, true, 1},
		{"TLS", smtptest.Script{TLS: config, ImplicitTLS: true}, smtp.ModeTLS, true, true, 1},
		{"plain text on a TLS port", starttls, smtp.ModeTLS, false, true, 2},
		{"TLS on a plain port", smtptest.Script{TLS: config, ImplicitTLS: true}, smtp.ModeSTARTTLS, true, true, 1},
	}
	for i, tt := range slices.Concat(tests, tests) {
		dial, name := scanner.DialFunc(nil), "own sockets"
		if i >= len(tests) {
			dial, name = viaNet, "package net"
		}
		t.Run(name+"/"+tt.name, func(t *testing.T) {
			srv := smtptest.NewServer(t, tt.script)
			addr := netip.MustParseAddrPort(srv.Addr)
			s := &scanner.Scanner{Dial: dial, Roots: ca.Pool(), EHLODomain: "probe.example.net", GreetingTimeout: 300 * time.Millisecond, NoPTR: true}
			in := scanner.Input{
				Text: srv.Addr, Kind: scanner.KindRange, First: addr.Addr(), Last: addr.Addr(),
				Ports: []scanner.Port{{Number: addr.Port(), Mode: tt.mode}},
			}
			var got *scanner.Service
			var sum *scanner.Summary
			for r := range s.Scan(t.Context(), in) {
				if r.Service != nil {
					got = r.Service
				}
				sum = r.Summary
			}
			if got == nil || got.Status != scanner.StatusSuccess || got.ImplicitTLS == nil || *got.ImplicitTLS != tt.implicit {
				t.Fatalf("record %+v", got)
			}
			if (got.TLS != nil) != tt.handshake || tt.handshake && (got.TLS.ChainValid == nil || !*got.TLS.ChainValid) {
				t.Errorf("TLS %+v", got.TLS)
			}
			if sum.Connections != uint64(tt.connections) || sum.Contacted != 1 {
				t.Errorf("%d connections to %d endpoints", sum.Connections, sum.Contacted)
			}
		})
	}
}

// viaNet is a dial function as a caller may give one.
func viaNet(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", to.String())
}
