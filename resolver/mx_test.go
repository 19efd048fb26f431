package resolver

import (
	"fmt"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/resolver/dnstest"
	"github.com/mxsweep/mxsweep/scanner"
)

// mxZone has one domain for each way in which MX records are right or wrong.
const mxZone = `
$ORIGIN test.
mx1        A 192.0.2.1
mx1        A 192.0.2.2
mx1        AAAA 2001:db8::1
mx2        A 192.0.2.3
mx6        AAAA 2001:db8::6
nothing    TXT "no address"
mapped     AAAA ::ffff:192.0.2.9
same       A 192.0.2.4
same       A 192.0.2.4
alias      CNAME mx1
alias2     CNAME alias
dangling   CNAME missing
loop1      CNAME loop2
loop2      CNAME loop1
self       CNAME self
_under     A 192.0.2.5
esc\000\032name A 192.0.2.6
*.wild     A 192.0.2.7

good       MX 20 mx2
good       MX 10 mx1
equal      MX 10 mx2
equal      MX 10 mx1
twice      MX 10 mx2
twice      MX 20 mx2
upper      MX 10 MX2.Test.
v6only     MX 10 mx6
mapping    MX 10 mapped
doubled    MX 10 same
wildcard   MX 10 any.wild
null       MX 0 .
null2      MX 10 .
nullplus   MX 0 .
nullplus   MX 10 mx2
nullbad    MX 0 .
nullbad    MX 10 missing
implicit   A 192.0.2.8
implicit   AAAA 2001:db8::8
empty      TXT "neither MX nor address"
viaalias   MX 10 alias
viaalias2  MX 10 alias2
viadangle  MX 10 dangling
vialoop    MX 10 loop1
literal    MX 10 192.0.2.1.
literal6   MX 10 2001:db8::1.
bracket    MX 10 [192.0.2.1].
number     MX 10 mx.300.
escaped    MX 10 esc\000\032name
under      MX 10 _under
tomissing  MX 10 missing
tonothing  MX 10 nothing
mixed      MX 10 missing
mixed      MX 20 literal.192.
mixed      MX 30 mx2
allbad     MX 10 missing
allbad     MX 20 nothing
mxservfail MX 10 broken
partly     MX 10 broken
partly     MX 20 mx2
half       MX 10 halfbroken
halfbroken A 192.0.2.10
vaguest    MX 10 missing
vaguest    MX 20 refused
aliased    CNAME good
aliased2   CNAME aliased
aliasimpl  CNAME implicit
aliasgone  CNAME missing
aliasnull  CNAME null
localhost  MX 10 localhost.
`

// summary writes a Resolution as one line: its status, marks, aliases, then for
// each MX "preference name >aliases status addresses".
func summary(r scanner.Resolution) string {
	var b strings.Builder
	fmt.Fprint(&b, r.Status)
	if r.NullMX {
		b.WriteString(" +null")
	}
	if r.ImplicitMX {
		b.WriteString(" +implicit")
	}
	for _, name := range r.CNAME {
		b.WriteString(" >" + name)
	}
	for _, mx := range r.MX {
		fmt.Fprintf(&b, " | %d %s", mx.Preference, mx.Name)
		for _, name := range mx.CNAME {
			b.WriteString(" >" + name)
		}
		if mx.Status != scanner.StatusSuccess {
			fmt.Fprintf(&b, " %s", mx.Status)
		}
		for _, addr := range mx.Addresses {
			fmt.Fprintf(&b, " %s", addr)
		}
		if mx.Implicit != r.ImplicitMX {
			b.WriteString(" IMPLICIT DIFFERS")
		}
	}
	return b.String()
}

// serve starts a name server and a DNS that asks it, both closed with the test.
func serve(t testing.TB, zone string) (*dnstest.Server, *DNS) {
	t.Helper()
	srv, err := dnstest.NewServer(zone)
	if err != nil {
		t.Fatal(err)
	}
	d := &DNS{Servers: []string{srv.Addr()}, Rate: -1}
	t.Cleanup(func() { d.Close(); srv.Close() })
	return srv, d
}

func TestLookupMX(t *testing.T) {
	srv, d := serve(t, mxZone)
	srv.Behave("servfail.test", "", dnstest.Behavior{RCode: dnstest.ServFail})
	srv.Behave("refused.test", "", dnstest.Behavior{RCode: dnstest.Refused})
	srv.Behave("notimp.test", "", dnstest.Behavior{RCode: dnstest.NotImp})
	srv.Behave("implicitfail.test", "MX", dnstest.Behavior{RCode: dnstest.ServFail})
	srv.Add("implicitfail.test. A 192.0.2.11")
	srv.Behave("broken.test", "", dnstest.Behavior{RCode: dnstest.ServFail})
	srv.Behave("halfbroken.test", "AAAA", dnstest.Behavior{RCode: dnstest.ServFail})

	test := func(domain, want string) {
		t.Helper()
		if got := summary(d.LookupMX(t.Context(), domain)); got != want {
			t.Errorf("%s:\n got %s\nwant %s", domain, got, want)
		}
	}
	const mx1, mx2 = "mx1.test 192.0.2.1 192.0.2.2 2001:db8::1", "mx2.test 192.0.2.3"

	// RFC 5321, section 5.1: preference, then every address.
	test("good.test", "success | 10 "+mx1+" | 20 "+mx2)
	test("equal.test", "success | 10 "+mx1+" | 10 "+mx2)
	test("twice.test", "success | 10 "+mx2)
	test("upper.test", "success | 10 "+mx2)
	test("v6only.test", "success | 10 mx6.test 2001:db8::6")
	test("mapping.test", "success | 10 mapped.test 192.0.2.9")
	test("doubled.test", "success | 10 same.test 192.0.2.4")
	test("wildcard.test", "success | 10 any.wild.test 192.0.2.7")
	test("under.test", "success | 10 _under.test 192.0.2.5")

	// RFC 7505.
	test("null.test", "null-mx +null")
	test("null2.test", "null-mx +null")
	test("nullplus.test", "success +null | 10 "+mx2)
	test("nullbad.test", "nxdomain +null | 10 missing.test nxdomain")

	// The implicit MX, and what must not become one.
	test("implicit.test", "success +implicit | 0 implicit.test 192.0.2.8 2001:db8::8")
	test("empty.test", "no-address +implicit | 0 empty.test no-address")
	test("wild.test", "no-address +implicit | 0 wild.test no-address") // an empty non-terminal, RFC 8020
	test("missing.test", "nxdomain")
	test("servfail.test", "servfail")
	test("refused.test", "dns-refused")
	test("notimp.test", "servfail")
	test("implicitfail.test", "servfail")

	// Aliases of the MX (RFC 2181, section 10.3) and of the domain.
	test("viaalias.test", "success | 10 alias.test >mx1.test 192.0.2.1 192.0.2.2 2001:db8::1")
	test("viaalias2.test", "success | 10 alias2.test >alias.test >mx1.test 192.0.2.1 192.0.2.2 2001:db8::1")
	test("viadangle.test", "nxdomain | 10 dangling.test >missing.test nxdomain")
	test("vialoop.test", "servfail | 10 loop1.test servfail") // as a resolver reports a loop
	test("aliased.test", "success >good.test | 10 "+mx1+" | 20 "+mx2)
	test("aliased2.test", "success >aliased.test >good.test | 10 "+mx1+" | 20 "+mx2)
	test("aliasimpl.test", "success +implicit >implicit.test | 0 implicit.test 192.0.2.8 2001:db8::8")
	test("aliasgone.test", "nxdomain >missing.test")
	test("aliasnull.test", "null-mx +null >null.test")

	// MX that are no host names.
	test("literal.test", "bad-name | 10 192.0.2.1 bad-name")
	test("literal6.test", "bad-name | 10 2001:db8::1 bad-name")
	test("bracket.test", "bad-name | 10 [192.0.2.1] bad-name")
	test("number.test", "bad-name | 10 mx.300 bad-name")
	test("escaped.test", `bad-name | 10 esc\000\ name.test bad-name`)

	// MX that lead nowhere; what is not known comes before what is not there.
	test("tomissing.test", "nxdomain | 10 missing.test nxdomain")
	test("tonothing.test", "no-address | 10 nothing.test no-address")
	test("localhost.test", "nxdomain | 10 localhost nxdomain")
	test("mixed.test", "success | 10 missing.test nxdomain | 20 literal.192 bad-name | 30 "+mx2)
	test("allbad.test", "no-address | 10 missing.test nxdomain | 20 nothing.test no-address")
	test("mxservfail.test", "servfail | 10 broken.test servfail")
	test("partly.test", "success | 10 broken.test servfail | 20 "+mx2)
	test("half.test", "success | 10 halfbroken.test 192.0.2.10")
	test("vaguest.test", "dns-refused | 10 missing.test nxdomain | 20 refused.test dns-refused")

	// Domains that are none.
	test("", "bad-name")
	test("192.0.2.1", "bad-name")
	test("a..test", "bad-name")
	test("with space.test", "bad-name")
	test(strings.Repeat("a", 64)+".test", "bad-name")
	test(strings.Repeat("a.", 127)+"test", "bad-name")
}

func TestLookupMXErrors(t *testing.T) {
	srv, d := serve(t, mxZone)
	srv.Behave("servfail.test", "", dnstest.Behavior{RCode: dnstest.ServFail})
	srv.Behave("halfbroken.test", "AAAA", dnstest.Behavior{RCode: dnstest.ServFail})
	for domain, want := range map[string]string{
		"good.test":      "",
		"null.test":      "",
		"missing.test":   "the name does not exist",
		"empty.test":     "empty.test: the name has no address",
		"servfail.test":  "SERVFAIL from " + srv.Addr(),
		"literal.test":   "192.0.2.1: an address where a host name is required (RFC 1035, section 3.3.9)",
		"allbad.test":    "missing.test: the name does not exist; nothing.test: the name has no address",
		"with space.com": "a host name has letters, digits, hyphens and dots only (RFC 1123, section 2.1)",
	} {
		if r := d.LookupMX(t.Context(), domain); r.Error != want {
			t.Errorf("%s: error %q, want %q", domain, r.Error, want)
		}
	}
	half := d.LookupMX(t.Context(), "half.test")
	if want := "SERVFAIL from " + srv.Addr(); half.MX[0].Error != want {
		t.Errorf("half.test: MX error %q, want %q", half.MX[0].Error, want)
	}
}

// Hostile answers are cut, and say so.
func TestLookupMXLimits(t *testing.T) {
	var zone strings.Builder
	for i := range 500 {
		fmt.Fprintf(&zone, "many.test. MX %d m%03d.many.test.\nm%03d.many.test. A 192.0.2.1\n", i, i, i)
		fmt.Fprintf(&zone, "big.test. A 10.0.%d.%d\n", i/250, i%250)
	}
	_, d := serve(t, zone.String()) // both answers come over TCP
	r := d.LookupMX(t.Context(), "many.test")
	if len(r.MX) != 100 || r.MX[99].Name != "m099.many.test" || r.Status != scanner.StatusSuccess {
		t.Errorf("many.test: status %s, %d MX, want the first 100", r.Status, len(r.MX))
	}
	if want := "the domain has 500 MX records, the first 100 are used"; r.Error != want {
		t.Errorf("many.test: error %q, want %q", r.Error, want)
	}
	h := d.LookupHost(t.Context(), "big.test")
	if len(h.MX) != 1 || len(h.MX[0].Addresses) != 64 || h.MX[0].Addresses[63].String() != "10.0.0.63" {
		t.Errorf("big.test: %s", summary(h))
	}
	if want := "500 addresses of one family, the first 64 are used"; h.Error != want {
		t.Errorf("big.test: error %q, want %q", h.Error, want)
	}
}

func TestNotHostName(t *testing.T) {
	for _, good := range []string{"mx.example", "a", "ai", "xn--bcher-kva.example", "1.2.3.example", "4u", "a-b.c", "_x.y", "MX.Example", strings.Repeat("a.", 126) + "a"} {
		if reason := notHostName(good); reason != "" {
			t.Errorf("%q: %s", good, reason)
		}
	}
	for _, bad := range []string{"", ".", ".a", "a..b", "a b", "a\\046b", "a\x00", "é.example", "1.2.3", "::1", "[::1]", "a/b", "a.1", "a\n", strings.Repeat("a.", 126) + "ab", strings.Repeat("a", 64)} {
		if notHostName(bad) == "" {
			t.Errorf("%q passes as a host name", bad)
		}
	}
}
