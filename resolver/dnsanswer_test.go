package resolver

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/mxsweep/mxsweep/scanner"
)

// message makes a response to "q. TYPE" from record texts; SOA records go to the
// authority section.
func message(t testing.TB, qtype uint16, rcode int, texts ...string) *dns.Msg {
	t.Helper()
	m := new(dns.Msg).SetQuestion("q.", qtype)
	m.Response, m.Rcode = true, rcode
	for _, text := range texts {
		rr, err := dns.NewRR(text)
		if err != nil {
			t.Fatal(err)
		}
		if rr.Header().Rrtype == dns.TypeSOA {
			m.Ns = append(m.Ns, rr)
		} else {
			m.Answer = append(m.Answer, rr)
		}
	}
	return m
}

func TestReadAnswer(t *testing.T) {
	const soa = ". SOA ns. root. 1 1 1 1 60"
	for _, test := range []struct {
		name  string
		m     *dns.Msg
		want  scanner.Status
		more  bool
		facts string // "aliases addresses mx"
	}{
		{"addresses", message(t, dns.TypeA, 0, "q. A 192.0.2.2", "q. A 192.0.2.1"), scanner.StatusSuccess, false, "[] [192.0.2.1 192.0.2.2] []"},
		{"owner in capitals", message(t, dns.TypeA, 0, "Q. A 192.0.2.1"), scanner.StatusSuccess, false, "[] [192.0.2.1] []"},
		{"records of another name", message(t, dns.TypeA, 0, "other. A 192.0.2.1", soa), scanner.StatusNoAddress, false, "[] [] []"},
		{"records of another type", message(t, dns.TypeA, 0, "q. AAAA ::1", soa), scanner.StatusNoAddress, false, "[] [] []"},
		{"records of another class", message(t, dns.TypeA, 0, "q. CH A 192.0.2.1", soa), scanner.StatusNoAddress, false, "[] [] []"},
		{"the alias's own address", message(t, dns.TypeA, 0, "q. CNAME c.", "c. A 192.0.2.1", "q. A 192.0.2.2"), scanner.StatusSuccess, false, "[c.] [192.0.2.1] []"},
		{"aliases in any order", message(t, dns.TypeMX, 0, "d. MX 1 mx.", "c. CNAME d.", "q. CNAME C."), scanner.StatusSuccess, false, "[c. d.] [] [{1 mx.}]"},
		{"alias to nothing", message(t, dns.TypeA, 0, "q. CNAME c.", soa), scanner.StatusNoAddress, false, "[c.] [] []"},
		{"alias not followed", message(t, dns.TypeA, 0, "q. CNAME c."), scanner.StatusNoAddress, true, "[c.] [] []"},
		{"alias to no name", message(t, dns.TypeA, dns.RcodeNameError, "q. CNAME c."), scanner.StatusNXDomain, false, "[c.] [] []"},
		{"loop", message(t, dns.TypeA, 0, "q. CNAME c.", "c. CNAME q.", "q. A 192.0.2.1"), scanner.StatusDNSLoop, false, "[c. q.] [] []"},
		{"chain too long", message(t, dns.TypeA, 0, longChain(17)...), scanner.StatusDNSLoop, false, "[c1. c2. c3. c4. c5. c6. c7. c8. c9. c10. c11. c12. c13. c14. c15. c16. c17.] [] []"},
		{"NXDOMAIN", message(t, dns.TypeA, dns.RcodeNameError), scanner.StatusNXDomain, false, "[] [] []"},
		{"REFUSED", message(t, dns.TypeA, dns.RcodeRefused, "q. A 192.0.2.1"), scanner.StatusDNSRefused, false, "[] [] []"},
		{"a code of the future", message(t, dns.TypeA, 15, "q. A 192.0.2.1"), scanner.StatusServFail, false, "[] [] []"},
		{"MX order", message(t, dns.TypeMX, 0, "q. MX 10 b.", "q. MX 10 a.", "q. MX 5 c.", "q. MX 65535 ."), scanner.StatusSuccess, false, "[] [] [{5 c.} {10 a.} {10 b.} {65535 .}]"},
	} {
		t.Run(test.name, func(t *testing.T) {
			a := readAnswer(test.m, dnsQuestion{"q.", test.m.Question[0].Qtype}, "a:53")
			expect(t, "status", a.status, test.want)
			expect(t, "more", a.more, test.more)
			expect(t, "facts", fmt.Sprint(a.aliases, a.addresses, a.mx), test.facts)
		})
	}
}

// longChain is n aliases and an address at their end.
func longChain(n int) []string {
	texts := []string{"q. CNAME c1.", fmt.Sprintf("c%d. A 192.0.2.1", n)}
	for i := 1; i < n; i++ {
		texts = append(texts, fmt.Sprintf("c%d. CNAME c%d.", i, i+1))
	}
	return texts
}

// A server may say why it failed: RFC 8914.
func TestExtendedError(t *testing.T) {
	m := message(t, dns.TypeA, dns.RcodeServerFailure)
	m.SetEdns0(1232, false)
	m.IsEdns0().Option = []dns.EDNS0{&dns.EDNS0_EDE{InfoCode: dns.ExtendedErrorCodeDNSBogus, ExtraText: "\x1b[31mhostile"}}
	expect(t, "error", readAnswer(m, dnsQuestion{"q.", dns.TypeA}, "a:53").err, "SERVFAIL from a:53 (DNSSEC Bogus)")
}

// FuzzReadAnswer reads any packet a server can send as the answer to a question.
func FuzzReadAnswer(f *testing.F) {
	seed := func(qtype uint16, m *dns.Msg) {
		m.Compress = true
		packet, err := m.Pack()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(qtype, packet)
	}
	seed(dns.TypeA, message(f, dns.TypeA, 0, "q. CNAME c.", "c. A 192.0.2.1"))
	seed(dns.TypeMX, message(f, dns.TypeMX, 0, "q. MX 10 mx.q.", "q. MX 0 .", `q. MX 1 a\000\.b.q.`))
	seed(dns.TypePTR, message(f, dns.TypePTR, 0, "q. PTR p.q."))
	seed(dns.TypeAAAA, message(f, dns.TypeAAAA, 0, "q. AAAA ::ffff:192.0.2.1", "q. CNAME q."))
	seed(dns.TypeA, message(f, dns.TypeA, 3, ". SOA ns. root. 1 1 1 1 60"))
	seed(dns.TypeTXT, message(f, dns.TypeTXT, 0, `q. TXT "v=spf1 \255\000" "-all"`, `q. TXT "v=STSv1; id=1"`))
	seed(dns.TypeTLSA, message(f, dns.TypeTLSA, 0, "q. TLSA 3 1 1 5A5A", "q. TLSA 255 255 255 00"))
	loop := "\x00\x01\x81\x80\x00\x01\x00\x01\x00\x00\x00\x00\x01q\x00\x00\x01\x00\x01" // the name of the record points at itself
	f.Add(dns.TypeA, []byte(loop+"\xc0\x13\x00\x01\x00\x01\x00\x00\x00\x01\x00\x04\xc0\x00\x02\x01"))
	f.Fuzz(func(t *testing.T, qtype uint16, packet []byte) {
		q := dnsQuestion{"q.", qtype}
		call := &dnsCall{q: q}
		if err := call.pack(); err != nil {
			t.Fatal(err)
		}
		if !call.answeredBy(packet) {
			return
		}
		m := new(dns.Msg)
		err := unpackAnswer(m, packet, headerSize+len(call.question))
		var whole dns.Msg // the library's word on it
		if wholeErr := whole.Unpack(packet); (err == nil) != (wholeErr == nil) {
			t.Fatalf("without the question: %v; with it: %v", err, wholeErr)
		}
		if err != nil {
			return
		}
		a := readAnswer(m, q, "a:53")
		checkAnswer(t, a)
		if b := readAnswer(&whole, q, "a:53"); !reflect.DeepEqual(a, b) {
			t.Errorf("without the question: %+v\nwith it: %+v", a, b)
		}
		if a.authentic && packet[3]&flagAuthentic == 0 {
			t.Error("authentic data that no server claimed")
		}
	})
}

// checkAnswer checks what must hold for the answer to any packet.
func checkAnswer(t *testing.T, a *dnsAnswer) {
	records := len(a.mx) + len(a.addresses) + len(a.names)
	switch {
	case vagueness(a.status) < 0:
		t.Errorf("status %q", a.status)
	case (a.status == scanner.StatusSuccess) != (records > 0):
		t.Errorf("%s with %d records", a.status, records)
	case a.status != scanner.StatusSuccess && a.err == "":
		t.Errorf("%s without a reason", a.status)
	case len(a.mx) > maxMX || len(a.addresses) > maxAddresses || len(a.names) > maxPTR || len(a.aliases) > maxAliases+1:
		t.Errorf("too much: %d MX, %d addresses, %d names, %d aliases", len(a.mx), len(a.addresses), len(a.names), len(a.aliases))
	case a.ttl < time.Second || a.ttl > time.Hour:
		t.Errorf("kept for %v", a.ttl)
	}
	for _, name := range slices.Concat(a.names, a.aliases) {
		if strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("name %q is not in presentation form", name)
		}
	}
	for _, addr := range a.addresses {
		if addr.Is4In6() {
			t.Errorf("address %s hides an IPv4 address", addr)
		}
	}
}

// FuzzHostName checks that what passes as a host name can be asked for.
func FuzzHostName(f *testing.F) {
	for _, name := range []string{"mx.example", "a", "192.0.2.1", "[::1]", "a..b", `a\000b`, strings.Repeat("a.", 127)} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if notHostName(name) != "" {
			return
		}
		call := &dnsCall{q: newDNSQuestion(name, dns.TypeA)}
		if err := call.pack(); err != nil {
			t.Fatalf("%q passes as a host name, but: %v", name, err)
		}
		var m dns.Msg
		if err := m.Unpack(call.packet); err != nil {
			t.Fatalf("the query for %q cannot be read: %v", name, err)
		}
		if got := m.Question[0].Name; got != dns.CanonicalName(name) || m.IsEdns0().UDPSize() != 1232 || !m.RecursionDesired || !m.AuthenticatedData {
			t.Fatalf("the query for %q is %v", name, &m)
		}
	})
}
