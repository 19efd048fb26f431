package dnstest_test

import (
	"context"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mxsweep/mxsweep/resolver/dnstest"
)

const zone = `
$ORIGIN example.
$TTL 300
@        SOA ns root 1 3600 600 86400 60
@        MX 10 mx1
mx1      A 192.0.2.1
mx1      AAAA 2001:db8::1
alias    CNAME mx1
dangling CNAME missing
loop     CNAME loop2
loop2    CNAME loop
*.wild   A 192.0.2.7
a.b.deep A 192.0.2.8
elsewhere.test. A 192.0.2.9
1.2.0.192.in-addr.arpa. PTR mx1
`

func start(t *testing.T, zone string) *dnstest.Server {
	t.Helper()
	srv, err := dnstest.NewServer(zone)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { srv.Close() })
	return srv
}

// ask asks over a network with a client that is not ours.
func ask(t *testing.T, srv *dnstest.Server, network, name, qtype string, edns uint16) (*dns.Msg, error) {
	t.Helper()
	m := new(dns.Msg).SetQuestion(name, dns.StringToType[qtype])
	if edns > 0 {
		m.SetEdns0(edns, false)
	}
	client := &dns.Client{Net: network, Timeout: 10 * time.Second}
	reply, _, err := client.ExchangeContext(t.Context(), m, srv.Addr())
	return reply, err
}

// line writes a reply as "CODE answer; answer / authority".
func line(m *dns.Msg) string {
	var answers []string
	for _, rr := range m.Answer {
		h := rr.Header()
		answers = append(answers, fmt.Sprintf("%s %s %s", h.Name, dns.TypeToString[h.Rrtype], strings.TrimPrefix(rr.String(), h.String())))
	}
	out := strings.TrimSpace(dns.RcodeToString[m.Rcode] + " " + strings.Join(answers, "; "))
	if len(m.Ns) > 0 {
		out += " / " + m.Ns[0].Header().Name + " " + dns.TypeToString[m.Ns[0].Header().Rrtype]
	}
	return out
}

func TestAnswers(t *testing.T) {
	srv := start(t, zone)
	test := func(name, qtype, want string) {
		t.Helper()
		for _, network := range []string{"udp", "tcp"} {
			m, err := ask(t, srv, network, name, qtype, 1232)
			if err != nil {
				t.Fatalf("%s %s %s: %v", network, name, qtype, err)
			}
			if got := line(m); got != want {
				t.Errorf("%s %s %s:\n got %s\nwant %s", network, name, qtype, got, want)
			}
		}
	}
	test("example.", "MX", "NOERROR example. MX 10 mx1.example.")
	test("EXAMPLE.", "MX", "NOERROR example. MX 10 mx1.example.")
	test("mx1.example.", "A", "NOERROR mx1.example. A 192.0.2.1")
	test("mx1.example.", "AAAA", "NOERROR mx1.example. AAAA 2001:db8::1")
	test("mx1.example.", "MX", "NOERROR / example. SOA")
	test("alias.example.", "A", "NOERROR alias.example. CNAME mx1.example.; mx1.example. A 192.0.2.1")
	test("alias.example.", "MX", "NOERROR alias.example. CNAME mx1.example. / example. SOA")
	test("alias.example.", "CNAME", "NOERROR alias.example. CNAME mx1.example.")
	test("dangling.example.", "A", "NXDOMAIN dangling.example. CNAME missing.example. / example. SOA")
	test("missing.example.", "A", "NXDOMAIN / example. SOA")
	test("any.wild.example.", "A", "NOERROR any.wild.example. A 192.0.2.7")
	test("any.any.wild.example.", "A", "NOERROR any.any.wild.example. A 192.0.2.7")
	test("any.wild.example.", "AAAA", "NOERROR / example. SOA")
	test("wild.example.", "A", "NOERROR / example. SOA") // an empty non-terminal
	test("b.deep.example.", "A", "NOERROR / example. SOA")
	test("x.deep.example.", "A", "NXDOMAIN / example. SOA")
	test("elsewhere.test.", "A", "NOERROR elsewhere.test. A 192.0.2.9")
	test("elsewhere.test.", "MX", "NOERROR / . SOA")
	test("1.2.0.192.in-addr.arpa.", "PTR", "NOERROR 1.2.0.192.in-addr.arpa. PTR mx1.example.")
	test(".", "NS", "NOERROR / . SOA")
	if m, _ := ask(t, srv, "udp", "loop.example.", "A", 1232); m.Rcode != dns.RcodeServerFailure {
		t.Errorf("a loop: %s", line(m))
	}
}

func TestZoneFaults(t *testing.T) {
	if _, err := dnstest.NewServer("a. A 192.0.2.1\nb. A nonsense\n"); err == nil || !strings.Contains(err.Error(), "line: 2") {
		t.Errorf("error %v, want one that tells of line 2", err)
	}
	srv := start(t, zone)
	if err := srv.Add("new.example. A 192.0.2.99"); err != nil {
		t.Fatal(err)
	}
	if m, err := ask(t, srv, "udp", "new.example.", "A", 0); err != nil || len(m.Answer) != 1 {
		t.Errorf("a record added later: %v, %v", m, err)
	}
	if err := srv.Add("new.example. A 1.2.3.4.5"); err == nil {
		t.Error("a bad record was added")
	}
}

func TestBehaviors(t *testing.T) {
	srv := start(t, zone)
	srv.Behave("", "", dnstest.Behavior{RCode: dnstest.Refused})
	srv.Behave("", "AAAA", dnstest.Behavior{RCode: dnstest.NotImp})
	srv.Behave("mx1.example", "", dnstest.Behavior{})
	srv.Behave("mx1.example", "AAAA", dnstest.Behavior{RCode: dnstest.ServFail})
	for _, test := range []struct {
		name, qtype string
		want        int
	}{
		{"any.example.", "A", dns.RcodeRefused},
		{"any.example.", "AAAA", dns.RcodeNotImplemented},
		{"mx1.example.", "A", dns.RcodeSuccess},
		{"mx1.example.", "AAAA", dns.RcodeServerFailure},
	} {
		m, err := ask(t, srv, "udp", test.name, test.qtype, 0)
		if err != nil || m.Rcode != test.want || m.Rcode != 0 && len(m.Answer) > 0 {
			t.Errorf("%s %s: %v, %v; want %s", test.name, test.qtype, m, err, dns.RcodeToString[test.want])
		}
	}
}

// What is dropped is counted all the same, and answers later where so told.
func TestDrop(t *testing.T) {
	srv := start(t, zone)
	srv.Behave("mx1.example", "A", dnstest.Behavior{DropFirst: 2})
	srv.Behave("mx1.example", "AAAA", dnstest.Behavior{Drop: true})
	conn, err := net.Dial("udp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	// Whatever the order in which they are handled, one question is answered.
	for _, qtype := range []uint16{dns.TypeAAAA, dns.TypeA, dns.TypeA, dns.TypeA} {
		packet, err := new(dns.Msg).SetQuestion("mx1.example.", qtype).Pack()
		if err != nil {
			t.Fatal(err)
		}
		conn.Write(packet)
	}
	conn.SetReadDeadline(time.Now().Add(10 * time.Second))
	buf := make([]byte, 512)
	n, err := conn.Read(buf)
	var m dns.Msg
	if err != nil || m.Unpack(buf[:n]) != nil || line(&m) != "NOERROR mx1.example. A 192.0.2.1" {
		t.Errorf("answer %v, %v", &m, err)
	}
	if n := srv.Count("mx1.example", "A"); n != 3 {
		t.Errorf("%d questions counted, want 3", n)
	}
}

func TestTruncation(t *testing.T) {
	var text strings.Builder
	for i := range 60 { // 60 addresses need about 1000 bytes
		fmt.Fprintf(&text, "big. A 192.0.2.%d\n", i)
	}
	srv := start(t, text.String()+"small. A 192.0.2.1\n")
	srv.Behave("small", "A", dnstest.Behavior{Truncate: true})
	for _, test := range []struct {
		network, name string
		edns          uint16
		truncated     bool
	}{
		{"udp", "big.", 0, true}, // 512 bytes: RFC 1035, section 4.2.1
		{"udp", "big.", 100, true},
		{"udp", "big.", 1232, false},
		{"tcp", "big.", 0, false},
		{"udp", "small.", 1232, true},
		{"tcp", "small.", 1232, false},
	} {
		m, err := ask(t, srv, test.network, test.name, "A", test.edns)
		if err != nil || m.Truncated != test.truncated || m.Truncated == (len(m.Answer) > 0) {
			t.Errorf("%+v: %v, %v", test, m, err)
		}
	}
}

func TestAuthentic(t *testing.T) {
	srv := start(t, zone)
	ad := func(name string, edit func(*dns.Msg)) bool {
		m := new(dns.Msg).SetQuestion(name, dns.TypeA)
		edit(m)
		reply, err := dns.ExchangeContext(t.Context(), m, srv.Addr())
		if err != nil {
			t.Fatal(err)
		}
		return reply.AuthenticatedData
	}
	asked := func(m *dns.Msg) { m.AuthenticatedData = true }
	if ad("mx1.example.", asked) {
		t.Error("AD bit without SetAuthentic")
	}
	srv.SetAuthentic(true)
	if !ad("mx1.example.", asked) || !ad("missing.example.", asked) || !ad("mx1.example.", func(m *dns.Msg) { m.SetEdns0(1232, true) }) {
		t.Error("no AD bit for one who asks for it")
	}
	if ad("mx1.example.", func(*dns.Msg) {}) {
		t.Error("AD bit for one who does not ask: RFC 6840, section 5.7")
	}
}

func TestSynthesize(t *testing.T) {
	srv := start(t, zone)
	srv.Synthesize(func(name string, qtype uint16) []dns.RR {
		if !strings.HasSuffix(name, ".made-up.") || qtype != dns.TypeA {
			return nil
		}
		return []dns.RR{&dns.A{Hdr: dns.RR_Header{Name: name, Rrtype: dns.TypeA, Class: dns.ClassINET, Ttl: 60}, A: net.IPv4(192, 0, 2, 33)}}
	})
	for name, want := range map[string]string{
		"any.made-up.":    "NOERROR any.made-up. A 192.0.2.33",
		"mx1.example.":    "NOERROR mx1.example. A 192.0.2.1",
		"other.example.":  "NXDOMAIN / example. SOA",
		"alias.example.":  "NOERROR alias.example. CNAME mx1.example.; mx1.example. A 192.0.2.1",
		"any.any.unknown": "NXDOMAIN / . SOA",
	} {
		if m, err := ask(t, srv, "udp", dns.Fqdn(name), "A", 0); err != nil || line(m) != want {
			t.Errorf("%s: %v, %v; want %s", name, m, err, want)
		}
	}
}

// Late answers come late, and not at all once the server is closed; Close waits
// for open connections to end.
func TestDelayAndClose(t *testing.T) {
	srv, err := dnstest.NewServer(zone)
	if err != nil {
		t.Fatal(err)
	}
	srv.Behave("mx1.example", "A", dnstest.Behavior{Delay: 50 * time.Millisecond})
	begin := time.Now()
	if _, err := ask(t, srv, "udp", "mx1.example.", "A", 0); err != nil || time.Since(begin) < 50*time.Millisecond {
		t.Errorf("answer after %v, %v; want 50 ms", time.Since(begin), err)
	}
	conn, err := net.Dial("tcp", srv.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if err := srv.Close(); err != nil {
		t.Error(err)
	}
	if _, err := conn.Read(make([]byte, 1)); err == nil {
		t.Error("a connection outlives the server")
	}
}

// Packets that are no questions are survived.
func TestGarbage(t *testing.T) {
	srv := start(t, zone)
	for _, network := range []string{"udp", "tcp"} {
		conn, err := net.Dial(network, srv.Addr())
		if err != nil {
			t.Fatal(err)
		}
		for _, packet := range []string{"", "\x00", strings.Repeat("\xff", 300), "\x00\x0c" + strings.Repeat("\x00", 12), "\x00\x00\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\xc0\x0c\x00\x01\x00\x01"} {
			conn.Write([]byte(packet))
		}
		conn.Close()
	}
	if m, err := ask(t, srv, "udp", "mx1.example.", "A", 0); err != nil || len(m.Answer) != 1 {
		t.Errorf("after garbage: %v, %v", m, err)
	}
}

func TestManyAtOnce(t *testing.T) {
	srv := start(t, zone)
	before := srv.Queries()
	var group sync.WaitGroup
	for i := range 50 {
		group.Go(func() {
			name := fmt.Sprintf("n%d.wild.example.", i)
			if m, err := ask(t, srv, []string{"udp", "tcp"}[i%2], name, "A", 0); err != nil || m.Question[0].Name != name || len(m.Answer) != 1 {
				t.Errorf("%s: %v, %v", name, m, err)
			}
		})
	}
	group.Wait()
	if n := srv.Queries() - before; n < 50 {
		t.Errorf("%d queries counted, want at least 50", n)
	}
}

// The standard library's resolver can use the server, too.
func ExampleServer() {
	srv, err := dnstest.NewServer("example. MX 10 mx1.example.\nexample. MX 20 mx2.example.")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Close()
	r := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, srv.Addr())
	}}
	records, err := r.LookupMX(context.Background(), "example.")
	slices.SortFunc(records, func(a, b *net.MX) int { return int(a.Pref) - int(b.Pref) })
	for _, mx := range records {
		fmt.Println(mx.Pref, mx.Host)
	}
	fmt.Println(err, srv.Count("example", "MX"))
	// Output:
	// 10 mx1.example.
	// 20 mx2.example.
	// <nil> 1
}
