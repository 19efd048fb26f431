// Package dnstest has a DNS server for tests, demonstrations and benchmarks,
// as net/http/httptest has one for HTTP.
//
// A [Server] is a real server: it listens on a loopback port, over UDP and TCP,
// and answers from zone text in the master file format of RFC 1035, section 5.
// It behaves like a resolver with the whole world in its memory: it serves any
// number of zones, follows CNAME records itself, expands wildcards (RFC 4592),
// tells NXDOMAIN from an empty answer, puts a SOA record beside both (RFC 2308)
// and truncates what does not fit.
//
//	srv, err := dnstest.NewServer(`
//	$ORIGIN example.
//	@    MX 10 mx1
//	mx1  A  127.0.0.25
//	`)
//	if err != nil {
//		log.Fatal(err)
//	}
//	defer srv.Close()
//	dns := &resolver.DNS{Servers: []string{srv.Addr()}}
//
// Names can be made to misbehave, by [Server.Behave]: to fail, to stay silent,
// to answer late or truncated. A benchmark that needs a million names gives a
// function that makes them up, by [Server.Synthesize].
package dnstest
