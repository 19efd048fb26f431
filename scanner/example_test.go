package scanner_test

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/netip"

	"github.com/mxsweep/mxsweep/scanner"
)

// A program gives the Scanner a way to look names up and ranges over records.
// Here the network is a single server in memory.
func ExampleScanner_Scan() {
	s := &scanner.Scanner{
		Resolver: book{},
		Dial:     func(context.Context, netip.AddrPort) (net.Conn, error) { return server(), nil },
		Ports:    []scanner.Port{{Number: 25}},
		NoPTR:    true,
	}
	in := scanner.Input{Text: "example.org", Kind: scanner.KindDomain, Name: "example.org"}
	for r := range s.Scan(context.Background(), in) {
		switch {
		case r.Service != nil:
			fmt.Println(r.Service.IP, r.Service.Host, r.Service.Status, r.Service.Software.Product)
		case r.Domain != nil:
			fmt.Println(r.Domain.Domain, "has", r.Domain.Services, "service")
		case r.Summary != nil:
			fmt.Println("endpoints contacted:", r.Summary.Contacted)
		}
	}
	// Output:
	// 198.41.0.4 mx.example.org success Postfix
	// example.org has 1 service
	// endpoints contacted: 1
}

// book is a Resolver that knows one domain.
type book struct{}

func (book) LookupMX(_ context.Context, domain string) scanner.Resolution {
	return book{}.LookupHost(context.Background(), "mx."+domain)
}

func (book) LookupHost(_ context.Context, host string) scanner.Resolution {
	mx := scanner.MX{Name: host, Preference: 10, Status: scanner.StatusSuccess, Addresses: []netip.Addr{netip.MustParseAddr("198.41.0.4")}}
	return scanner.Resolution{Status: scanner.StatusSuccess, MX: []scanner.MX{mx}}
}

func (book) LookupPTR(context.Context, netip.Addr) ([]string, scanner.Status) {
	return nil, scanner.StatusNXDomain
}

func server() net.Conn {
	client, conn := net.Pipe()
	go func() {
		defer conn.Close()
		fmt.Fprint(conn, "220 mx.example.org ESMTP Postfix\r\n")
		for lines := bufio.NewScanner(conn); lines.Scan(); {
			fmt.Fprint(conn, "250 mx.example.org\r\n")
		}
	}()
	return client
}
