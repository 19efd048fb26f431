package resolver

import (
	"context"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/resolver/dnstest"
	"github.com/mxsweep/mxsweep/scanner"
)

var _ scanner.Resolver = (*DNS)(nil)

func TestLookupHost(t *testing.T) {
	srv, d := serve(t, mxZone)
	srv.Behave("servfail.test", "", dnstest.Behavior{RCode: dnstest.ServFail})
	test := func(host, want string) {
		t.Helper()
		expect(t, host, summary(d.LookupHost(t.Context(), host)), want)
	}
	test("mx1.test", "success | 0 mx1.test 192.0.2.1 192.0.2.2 2001:db8::1")
	test("alias2.test", "success | 0 alias2.test >alias.test >mx1.test 192.0.2.1 192.0.2.2 2001:db8::1")
	test("nothing.test", "no-address | 0 nothing.test no-address")
	test("missing.test", "nxdomain | 0 missing.test nxdomain")
	test("servfail.test", "servfail | 0 servfail.test servfail")
	test("192.0.2.1", "bad-name")
}

func TestFamilies(t *testing.T) {
	srv, d := serve(t, mxZone)
	d.NoIPv6 = true
	expect(t, "IPv4 only", summary(d.LookupMX(t.Context(), "good.test")),
		"success | 10 mx1.test 192.0.2.1 192.0.2.2 | 20 mx2.test 192.0.2.3")
	expect(t, "AAAA questions", srv.Count("mx1.test", "AAAA"), 0)

	d = &DNS{Servers: []string{srv.Addr()}, NoIPv4: true}
	defer d.Close()
	before := srv.Count("mx2.test", "A")
	expect(t, "IPv6 only", summary(d.LookupMX(t.Context(), "good.test")),
		"success | 10 mx1.test 2001:db8::1 | 20 mx2.test no-address")
	expect(t, "A questions of mx2", srv.Count("mx2.test", "A"), before)
}

func TestLookupPTR(t *testing.T) {
	many := "$ORIGIN 2.0.192.in-addr.arpa.\n"
	for i := range 40 {
		many += fmt.Sprintf("9 PTR host%02d.test.\n", i)
	}
	srv, d := serve(t, many+`
1 PTR mx1.test.
2 PTR b.test.
2 PTR A.test.
3 CNAME 3.0-31
3.0-31 PTR delegated.test.
4 TXT "no PTR"
5 PTR a\000b.test.
$ORIGIN ip6.arpa.
1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2 PTR six.test.
`)
	srv.Behave("6.2.0.192.in-addr.arpa", "", dnstest.Behavior{RCode: dnstest.ServFail})
	test := func(addr string, want scanner.Status, names ...string) {
		t.Helper()
		got, status := d.LookupPTR(t.Context(), netip.MustParseAddr(addr))
		if status != want || !slices.Equal(got, names) || (got == nil) != (names == nil) {
			t.Errorf("%s: %s %q, want %s %q", addr, status, got, want, names)
		}
	}
	test("192.0.2.1", scanner.StatusSuccess, "mx1.test")
	test("::ffff:192.0.2.1", scanner.StatusSuccess, "mx1.test")
	test("192.0.2.2", scanner.StatusSuccess, "a.test", "b.test")
	test("192.0.2.3", scanner.StatusSuccess, "delegated.test") // RFC 2317
	test("192.0.2.4", scanner.StatusNXDomain)                  // the name exists, a PTR does not
	test("192.0.2.5", scanner.StatusSuccess, `a\000b.test`)
	test("192.0.2.6", scanner.StatusServFail)
	test("192.0.2.7", scanner.StatusNXDomain)
	test("2001:db8::1", scanner.StatusSuccess, "six.test")
	if _, status := d.LookupPTR(t.Context(), netip.Addr{}); status != scanner.StatusBadName {
		t.Errorf("no address: %s", status)
	}
	if names, _ := d.LookupPTR(t.Context(), netip.MustParseAddr("192.0.2.9")); len(names) != 16 || names[15] != "host15.test" {
		t.Errorf("40 names: got %d, last %q; want the first 16", len(names), names[len(names)-1])
	}
}

// The AD bit is asked for and recorded; what was not answered has none.
func TestAuthenticData(t *testing.T) {
	srv, d := serve(t, mxZone)
	srv.SetAuthentic(true)
	srv.Behave("servfail.test", "", dnstest.Behavior{RCode: dnstest.ServFail})
	ad := func(p *bool) string {
		if p == nil {
			return "unknown"
		}
		return fmt.Sprint(*p)
	}
	r := d.LookupMX(t.Context(), "good.test")
	expect(t, "MX answer", ad(r.AuthenticData), "true")
	expect(t, "address answers", ad(r.MX[0].AuthenticData), "true")
	expect(t, "NXDOMAIN", ad(d.LookupMX(t.Context(), "missing.test").AuthenticData), "true")
	expect(t, "SERVFAIL", ad(d.LookupMX(t.Context(), "servfail.test").AuthenticData), "unknown")
	srv.SetAuthentic(false)
	expect(t, "unsigned", ad(d.LookupMX(t.Context(), "null.test").AuthenticData), "false")
}

func TestTruncatedOverRealSockets(t *testing.T) {
	srv, d := serve(t, "mx.test. A 192.0.2.1")
	srv.Behave("mx.test", "", dnstest.Behavior{Truncate: true})
	expect(t, "answer", summary(d.LookupHost(t.Context(), "mx.test")), "success | 0 mx.test 192.0.2.1")
	expect(t, "questions", srv.Count("mx.test", "A"), 2)
}

// A server on a real port dies, which ICMP tells, and comes back.
func TestRestartOverRealSockets(t *testing.T) {
	srv, d := serve(t, mxZone)
	look := func(host string) scanner.Status { return d.LookupHost(t.Context(), host).Status }
	expect(t, "before", look("mx1.test"), scanner.StatusSuccess)
	address := srv.Addr()
	srv.Close()
	srv, err := dnstest.Listen(address, mxZone)
	if err != nil {
		t.Skip("somebody took the port: ", err)
	}
	defer srv.Close()
	expect(t, "after", look("mx2.test"), scanner.StatusSuccess)
}

func TestParseServer(t *testing.T) {
	good := func(text, want string) {
		t.Helper()
		got, err := ParseServer(text)
		if err != nil || got != want {
			t.Errorf("%q: %q, %v; want %q", text, got, err, want)
		}
		if again, err := ParseServer(got); err != nil || again != got {
			t.Errorf("%q: read again: %q, %v", got, again, err)
		}
	}
	good("192.0.2.53", "192.0.2.53:53")
	good("192.0.2.53:5353", "192.0.2.53:5353")
	good("2001:db8::53", "[2001:db8::53]:53")
	good("[2001:db8::53]", "[2001:db8::53]:53")
	good("[2001:db8::53]:5353", "[2001:db8::53]:5353")
	good("fe80::1%eth0", "[fe80::1%eth0]:53")
	good("ns.example", "ns.example:53")
	good("ns.example.:5353", "ns.example.:5353")
	good("localhost", "localhost:53")
	for _, text := range []string{"", ":53", "192.0.2.53:0", "192.0.2.53:65536", "192.0.2.53:dns", "192.0.2.300", "a b", "https://dns.example/", "[::1", "ns.example:"} {
		if got, err := ParseServer(text); err == nil {
			t.Errorf("%q passes as %q", text, got)
		}
	}
}

func TestServersOfTheSystem(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resolv.conf")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("# comment\nnameserver 192.0.2.53\nnameserver 2001:db8::53\noptions ndots:5\nsearch example\n")
	servers, err := serversOf(nil, file)
	if err != nil || !slices.Equal(servers, []string{"192.0.2.53:53", "[2001:db8::53]:53"}) {
		t.Errorf("servers %q, %v", servers, err)
	}
	write("search example\n")
	if _, err := serversOf(nil, file); err == nil || !strings.Contains(err.Error(), "no name server") {
		t.Errorf("without name servers: %v", err)
	}
	if _, err := serversOf(nil, file+".missing"); err == nil || !strings.Contains(err.Error(), "resolv.conf.missing") {
		t.Errorf("without a file: %v", err)
	}
}

// A configuration that cannot work is a fault of our own side in every lookup.
func TestBadConfiguration(t *testing.T) {
	d := &DNS{Servers: []string{"bad server"}}
	defer d.Close()
	want := `name server "bad server": expected an address or a host name, with or without :port`
	r := d.LookupMX(t.Context(), "example")
	expect(t, "LookupMX", string(r.Status)+": "+r.Error, "local-error: "+want)
	r = d.LookupHost(t.Context(), "example")
	expect(t, "LookupHost", string(r.Status)+": "+r.Error, "local-error: "+want)
	_, status := d.LookupPTR(t.Context(), netip.MustParseAddr("192.0.2.1"))
	expect(t, "LookupPTR", status, scanner.StatusLocal)
}

func ExampleDNS() {
	srv, err := dnstest.NewServer(`
$ORIGIN example.
@    MX 10 mx1
@    MX 20 mx2
mx1  A  192.0.2.1
mx1  AAAA 2001:db8::1
mx2  CNAME mx1
`)
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	d := &DNS{Servers: []string{srv.Addr()}}
	defer d.Close()

	r := d.LookupMX(context.Background(), "example")
	fmt.Println(r.Status)
	for _, mx := range r.MX {
		fmt.Println(mx.Preference, mx.Name, mx.CNAME, mx.Addresses)
	}
	// Output:
	// success
	// 10 mx1.example [] [192.0.2.1 2001:db8::1]
	// 20 mx2.example [mx1.example] [192.0.2.1 2001:db8::1]
}
