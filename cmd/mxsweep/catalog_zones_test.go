package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/mxsweep/mxsweep/resolver"
	"github.com/mxsweep/mxsweep/resolver/dnstest"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// A zoneSpecimen is a domain: its part of a zone, in which "@" is the domain and
// names are below it, and all of its findings. The records that every domain
// needs are added, those in without apart.
type zoneSpecimen struct {
	name    string // of the domain, below example.
	zone    string
	without string // of spf, dmarc, sts, rpt, mx
	policy  string // what is served as the MTA-STS policy; "": nothing is
	want    string
	bare    bool // the resolver that is asked does not validate DNSSEC
}

const stsPolicy = "version: STSv1\nmode: enforce\nmx: *.example\nmx: *.mail.example\nmax_age: 604800\n"

// basics are the records of a domain that has no finding.
func (z *zoneSpecimen) basics() string {
	var b strings.Builder
	for _, part := range [][2]string{
		{"mx", "@ MX 10 mx1.mail.example.\n@ MX 20 mx2.mail.example.\n"},
		{"spf", "@ TXT \"v=spf1 mx -all\"\n"},
		{"dmarc", "_dmarc TXT \"v=DMARC1; p=reject\"\n"},
		{"sts", "_mta-sts TXT \"v=STSv1; id=1\"\n"},
		{"rpt", "_smtp._tls TXT \"v=TLSRPTv1; rua=mailto:tls@example.org\"\n"},
	} {
		if !slices.Contains(strings.Fields(z.without), part[0]) {
			b.WriteString(part[1])
		}
	}
	return fmt.Sprintf("$ORIGIN %s.example.\n%s%s", z.name, &b, z.zone)
}

// The hosts that mail goes to.
const zoneHosts = `
$TTL 300
$ORIGIN example.
mx1.mail A 198.41.0.1
mx2.mail A 198.41.0.2
inside.mail A 10.1.2.3
alias.mail CNAME mx1.mail
mx1.dane A 198.41.0.3
mx3.dane A 198.41.0.5
_25._tcp.mx3.dane TLSA 3 1 1 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a
_25._tcp.mx1.dane TLSA 3 1 1 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a
mx2.dane A 198.41.0.4
_25._tcp.mx2.dane TLSA 0 0 1 5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a
`

func zoneSpecimens() []zoneSpecimen {
	return []zoneSpecimen{
		{name: "good", policy: stsPolicy},
		{name: "nospf", without: "spf", want: "+spf-missing"},
		{name: "twospf", zone: `@ TXT "v=spf1 -all"`, want: "+spf-invalid"},
		{name: "openspf", without: "spf", zone: `@ TXT "v=spf1 mx ?all"`, want: "+spf-permissive"},
		{name: "nodmarc", without: "dmarc", want: "+dmarc-missing"},
		{name: "baddmarc", without: "dmarc", zone: `_dmarc TXT "v=DMARC1; p=monitor"`, want: "+dmarc-invalid"},
		{name: "dmarcnone", without: "dmarc", zone: `_dmarc TXT "v=DMARC1; p=none; rua=mailto:a@example.org"`, want: "+dmarc-not-enforced"},
		{name: "nopolicy", without: "sts rpt", want: "+transport-policy-missing"},
		{name: "badsts", without: "sts", zone: `_mta-sts TXT "v=STSv1; id=2026-11-24"`, want: "+mta-sts-invalid"},
		{name: "nofile", policy: "<html>", want: "+mta-sts-policy-invalid"},
		{name: "testing", policy: strings.Replace(stsPolicy, "enforce", "testing", 1), want: "+mta-sts-not-enforced"},
		{name: "leftout", policy: strings.Replace(stsPolicy, "*.mail.example", "mx1.mail.example", 1), want: "+mta-sts-mx-not-covered"},
		{name: "norpt", without: "rpt", want: "+tls-rpt-missing"},
		{name: "badrpt", without: "rpt", zone: `_smtp._tls TXT "v=TLSRPTv1; rua=a@example.org"`, want: "+tls-rpt-invalid"},
		{name: "signed", without: "mx sts", zone: "@ MX 10 mx1.dane.example.", want: "+mx-single"},
		{name: "halfsigned", without: "mx", zone: "@ MX 10 mx1.dane.example.\n@ MX 20 mx2.mail.example.", want: "+dane-incomplete"},
		{name: "usage0", without: "mx", zone: "@ MX 10 mx1.dane.example.\n@ MX 20 mx2.dane.example.", want: "+dane-unusable"},
		{name: "insecure", without: "mx", zone: "@ MX 10 mx1.dane.example.\n@ MX 20 mx3.dane.example.", bare: true, want: "+dane-not-authenticated"},
		{name: "secure", without: "mx sts", zone: "@ MX 10 mx1.dane.example.\n@ MX 20 mx3.dane.example."},
		{name: "alias", without: "mx spf dmarc sts rpt", zone: "@ CNAME good.example.", want: "+dmarc-missing +domain-alias +transport-policy-missing"},
		{name: "web", without: "mx", zone: "@ A 198.41.0.80", want: "+mx-implicit"},
		{name: "void", without: "mx", want: "+domain-without-server"},
		{name: "nullandother", zone: "@ MX 0 .", want: "+null-mx-with-others"},
		{name: "one", without: "mx", zone: "@ MX 10 mx1.mail.example.", want: "+mx-single"},
		{name: "level", without: "mx", zone: "@ MX 10 mx1.mail.example.\n@ MX 10 mx2.mail.example.", want: "+mx-equal-preferences"},
		{name: "toalias", without: "mx", zone: "@ MX 10 alias.mail.example.\n@ MX 20 mx2.mail.example.", want: "+mx-alias"},
		{name: "literal", without: "mx", zone: "@ MX 10 198.41.0.1.\n@ MX 20 mx2.mail.example.", want: "+mx-not-a-name"},
		{name: "dangling", without: "mx", zone: "@ MX 10 gone.mail.example.\n@ MX 20 mx2.mail.example.", want: "+mx-unresolvable"},
		{name: "inside", without: "mx", zone: "@ MX 10 inside.mail.example.\n@ MX 20 mx2.mail.example.", want: "+mx-private-address"},
	}
}

// ofZone tells the findings of domains from all others.
func ofZone(id string) bool {
	prefix, _, _ := strings.Cut(id, "-")
	return slices.Contains([]string{"spf", "dmarc", "mta", "dane", "transport", "mx", "null", "domain"}, prefix) || strings.HasPrefix(id, "tls-rpt-")
}

// surveyZones asks a real name server about domains, by the program's resolver.
func surveyZones(t *testing.T, seen census) {
	specimens := zoneSpecimens()
	text, policies := strings.Builder{}, map[string]string{}
	text.WriteString(zoneHosts)
	for i := range specimens {
		text.WriteString(specimens[i].basics() + "\n")
		policies[specimens[i].name+".example"] = specimens[i].policy
	}
	srv, err := dnstest.NewServer(text.String())
	if err != nil {
		t.Fatal(err)
	}
	defer srv.Close()
	specimens = append(specimens, zoneSpecimen{name: "nobody", want: "+domain-missing"})
	for _, bare := range []bool{false, true} {
		srv.SetAuthentic(!bare)
		dns := &resolver.DNS{Servers: []string{srv.Addr()}, Rate: -1}
		found := domainFindings(t, dns, policies, specimens)
		dns.Close()
		for _, z := range specimens {
			if z.bare != bare {
				continue
			}
			got := found[z.name+".example"]
			if d := differs(got, nil); d != z.want {
				t.Errorf("zone %s: got %s, want %s", z.name, d, z.want)
			}
			seen.note("zone: "+z.name, ofZone, got)
		}
	}
}

// domainFindings scans the domains, at whose servers nothing answers.
func domainFindings(t *testing.T, dns *resolver.DNS, policies map[string]string, specimens []zoneSpecimen) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	sc := &scanner.Scanner{
		Resolver: dns, Ports: []scanner.Port{{Number: 25}}, Rate: -1, NoPTR: true, Retries: -1,
		Dial: func(context.Context, netip.AddrPort) (net.Conn, error) { return nil, syscall.ECONNREFUSED },
		FetchSTS: func(_ context.Context, domain string, _ func(netip.Addr) error) *scanner.STSPolicy {
			if policies[domain] == "" {
				return nil
			}
			return &scanner.STSPolicy{Text: smtp.Raw(policies[domain])}
		},
	}
	inputs := func(yield func(scanner.Input, error) bool) {
		for _, z := range specimens {
			name := z.name + ".example"
			if !yield(scanner.Input{Text: name, Kind: scanner.KindDomain, Name: name}, nil) {
				return
			}
		}
	}
	err := sc.Run(t.Context(), inputs, func(r scanner.Result) error {
		if d := r.Domain; d != nil {
			found[d.Domain] = ids(d.Findings)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}
