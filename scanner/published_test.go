package scanner

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/mxsweep/mxsweep/scanner/advisory"
)

func hasFinding(findings []advisory.Finding, id string) bool {
	return slices.ContainsFunc(findings, func(f advisory.Finding) bool { return f.ID == id })
}

// What the DNS says of a domain is in its record, and what it promises of an MX
// host is compared with what the host shows, in the rows of that host alone.
func TestPublishedFacts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := func(records ...string) *RRset {
			yes := true
			return &RRset{Status: StatusSuccess, AuthenticData: &yes, Records: records}
		}
		promising := exchanger("mx.example", 10, "198.41.0.1")
		promising.TLSA = set("3 1 1 " + strings.Repeat("00", 32))
		r := mail(promising, exchanger("mx2.example", 20, "198.41.0.2"))
		r.SPF, r.DMARC, r.MTASTS, r.TLSRPT = set("v=spf1 +all"), set(), set("v=STSv1; id=1"), nil
		dns := &fakeDNS{mx: map[string]Resolution{"a.example": r}}
		network := &fakeNet{behave: func(netip.AddrPort, int) string { return serve }}
		s := &Scanner{Resolver: dns, Dial: network.dial, Ports: smtp25(), Rate: -1}
		got := scan(t, s, domain("a.example"))
		d := got.domains[0]
		if d.SPF == nil || d.SPF.Records[0] != "v=spf1 +all" || d.DMARC == nil || d.MTASTS == nil || d.TLSRPT != nil || d.MTASTSPolicy != nil {
			t.Errorf("domain %+v", d)
		}
		if !hasFinding(d.Findings, "spf-permissive") || !hasFinding(d.Findings, "dmarc-missing") || hasFinding(d.Findings, "tls-rpt-missing") {
			t.Errorf("findings %+v", d.Findings)
		}
		for _, v := range got.services {
			if promised := v.Host == "mx.example"; hasFinding(v.Findings, "tlsa-mismatch") != promised || (v.MX.TLSA != nil) != promised {
				t.Errorf("%s: TLSA %+v, findings %+v", v.Host, v.MX.TLSA, v.Findings)
			}
		}
	})
}

// The name in a greeting is looked up unless it led here.
func TestGreetingName(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		network := &fakeNet{behave: func(netip.AddrPort, int) string { return serve }} // as mx.example.com
		for _, tt := range []struct {
			host    string
			knows   map[string][]string
			fail    Status
			noPTR   bool
			want    any
			lookups int
		}{
			{host: "mx.example.com", knows: map[string][]string{"mx.example.com": {"198.41.0.1"}}, want: true, lookups: 1},
			{host: "other.example", knows: map[string][]string{"other.example": {"198.41.0.1"}, "mx.example.com": {"198.41.0.9"}}, want: true, lookups: 1},
			{host: "other.example", knows: map[string][]string{"other.example": {"198.41.0.1"}}, want: false, lookups: 1},
			{host: "other.example", knows: map[string][]string{"other.example": {"198.41.0.1"}}, fail: StatusServFail, want: nil, lookups: 1},
			{host: "other.example", knows: map[string][]string{"other.example": {"198.41.0.1"}}, noPTR: true, want: nil, lookups: 0},
		} {
			dns := &fakeDNS{host: tt.knows, fail: func(name string, _ int) Status {
				if name == "mx.example.com" {
					return tt.fail
				}
				return ""
			}}
			s := &Scanner{Resolver: dns, Dial: network.dial, Ports: smtp25(), Rate: -1, NoPTR: tt.noPTR}
			r := scan(t, s, hostIn(tt.host))
			if got := deref(r.services[0].Greeting.Resolves); got != tt.want || dns.lookups["mx.example.com"] != tt.lookups {
				t.Errorf("%+v: resolves %v after %d lookups", tt, got, dns.lookups["mx.example.com"])
			}
		}
	})
}

// A policy is fetched only where the DNS says that there is one, and only from
// addresses that may be contacted.
func TestFetchSTSPolicy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		set := func(records ...string) *RRset { return &RRset{Status: StatusSuccess, Records: records} }
		with, without := mail(exchanger("mx.example", 10, "198.41.0.1")), mail(exchanger("mx.example", 10, "198.41.0.1"))
		with.MTASTS, without.MTASTS = set("v=STSv1; id=1"), set()
		dns := &fakeDNS{mx: map[string]Resolution{"with.example": with, "without.example": without, "shunned.example": with}}
		network := &fakeNet{behave: func(netip.AddrPort, int) string { return serve }}
		permitted := map[string]bool{}
		s := &Scanner{Resolver: dns, Dial: network.dial, Ports: smtp25(), Rate: -1,
			Exclude: func(addr netip.Addr, name string) bool {
				return name == "mta-sts.shunned.example" || addr == netip.MustParseAddr("198.41.0.66")
			},
			FetchSTS: func(_ context.Context, domain string, permit func(netip.Addr) error) *STSPolicy {
				for _, addr := range []string{"198.41.0.5", "127.0.0.1", "198.41.0.66"} {
					permitted[domain+" "+addr] = permit(netip.MustParseAddr(addr)) == nil
				}
				return &STSPolicy{Text: "version: STSv1\nmode: testing\nmx: mx.example\nmax_age: 1\n"}
			}}
		r := scan(t, s, domain("with.example"), domain("without.example"), domain("shunned.example"))
		if len(permitted) != 3 || !permitted["with.example 198.41.0.5"] || permitted["with.example 127.0.0.1"] || permitted["with.example 198.41.0.66"] {
			t.Errorf("permitted %v", permitted)
		}
		for _, d := range r.domains {
			if fetched := d.Domain == "with.example"; (d.MTASTSPolicy != nil) != fetched || hasFinding(d.Findings, "mta-sts-not-enforced") != fetched {
				t.Errorf("%s: policy %+v, findings %+v", d.Domain, d.MTASTSPolicy, d.Findings)
			}
		}
	})
}
