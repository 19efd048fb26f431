package resolver_test

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"

	"github.com/mxsweep/mxsweep/resolver"
	"github.com/mxsweep/mxsweep/scanner"
)

func ExampleInputs() {
	list := strings.NewReader("# our domains\nexample.com\nBücher.example # the shop\n192.0.2.300\n[2001:db8::1]:2525\n")
	sources := []resolver.Source{
		resolver.Arguments([]string{"192.0.2.0/24,mx.example.org:465"}),
		resolver.Reader("stdin", list),
	}
	for in, err := range resolver.Inputs(context.Background(), resolver.InputOptions{}, sources...) {
		var bad *scanner.InputError
		switch {
		case errors.As(err, &bad):
			fmt.Println("bad:   ", bad.Source, bad.Text)
		case err != nil:
			fmt.Fprintln(os.Stderr, err) // the last of the sequence
		case in.Kind == scanner.KindRange:
			fmt.Println("range: ", in.Source, in.First, in.Last, in.Ports)
		case in.Kind == scanner.KindHost:
			fmt.Println("host:  ", in.Source, in.Name, in.Ports)
		default:
			fmt.Println("domain:", in.Source, in.Name)
		}
	}
	// Output:
	// range:  argument 1 192.0.2.0 192.0.2.255 []
	// host:   argument 1 mx.example.org [465]
	// domain: stdin:2 example.com
	// domain: stdin:3 xn--bcher-kva.example
	// bad:    stdin:4 192.0.2.300
	// range:  stdin:5 2001:db8::1 2001:db8::1 [2525]
}

func ExampleReadExclusions() {
	x, err := resolver.ReadExclusions(context.Background(),
		resolver.Arguments([]string{"192.0.2.0/24", "example.org"}),
		resolver.Reader("stdin", strings.NewReader("2001:db8::/32 # asked us to stop\n")))
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return
	}
	fmt.Println(x.Covers(netip.MustParseAddr("192.0.2.25"), "mx.example.com"))
	fmt.Println(x.Covers(netip.Addr{}, "mx.example.org"))
	fmt.Println(x.Covers(netip.MustParseAddr("198.51.100.25"), "mx.example.com"))
	// Output:
	// true
	// true
	// false
}

func ExampleParse() {
	for _, text := range []string{"postmaster@example.com", "192.0.2.10-20:2525", "010.1.1.1"} {
		in, err := resolver.Parse(text, "argument 1", resolver.InputOptions{})
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Println(in.Name, in.First, in.Last, in.Ports)
	}
	// Output:
	// example.com invalid IP invalid IP []
	//  192.0.2.10 192.0.2.20 [2525]
	// argument 1: "010.1.1.1": some programs read octets with leading zeros as octal; write them without
}

func ExampleParsePorts() {
	ports, err := resolver.ParsePorts("25,465,2525:starttls,4465:tls")
	fmt.Println(ports, err)
	// Output: [25 465 2525 4465:tls] <nil>
}
