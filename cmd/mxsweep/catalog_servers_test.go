package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// The day on which the servers below are met. Data that is younger would find
// other releases current.
const surveyDay = "2026-11-24"

// A serverSpecimen is a server as it answers, the names that lead to it, and
// how its findings differ from those of a good Postfix.
type serverSpecimen struct {
	name   string
	script smtptest.Script
	want   string

	port   scanner.Port // 0: 25
	addr   string       // "": 198.41.0.25
	ptr    []string     // nil: the host name
	facing []string     // addresses of the PTR names; nil: the address itself
	tlsa   []string
	policy string
	asks   bool             // with the active checks
	dial   scanner.DialFunc // nil: the script in memory
}

const (
	specimenHost = "mx.example.org"
	strangerHost = "gw.example.net" // has an address, and nothing leads to it
)

func (s *serverSpecimen) address() netip.Addr {
	if s.addr == "" {
		return netip.MustParseAddr("198.41.0.25")
	}
	return netip.MustParseAddr(s.addr)
}

// LookupMX implements scanner.Resolver, as do the other two.
func (s *serverSpecimen) LookupMX(ctx context.Context, domain string) scanner.Resolution {
	return s.LookupHost(ctx, specimenHost)
}

func (s *serverSpecimen) LookupHost(_ context.Context, host string) scanner.Resolution {
	mx := scanner.MX{Name: host, Preference: 10, Status: scanner.StatusSuccess, Addresses: []netip.Addr{s.address()}}
	if s.tlsa != nil {
		mx.TLSA = &scanner.RRset{Name: "_25._tcp." + host, Status: scanner.StatusSuccess, AuthenticData: new(true), Records: s.tlsa}
	}
	switch {
	case host == specimenHost:
	case s.facing != nil && slices.Contains(s.ptr, host):
		mx.Addresses = nil
		for _, a := range s.facing {
			mx.Addresses = append(mx.Addresses, netip.MustParseAddr(a))
		}
	case !slices.Contains(s.ptr, host) && host != strangerHost:
		return scanner.Resolution{Status: scanner.StatusNXDomain, Error: "no such host"}
	}
	return scanner.Resolution{Status: scanner.StatusSuccess, MX: []scanner.MX{mx}}
}

func (s *serverSpecimen) LookupPTR(context.Context, netip.Addr) ([]string, scanner.Status) {
	switch {
	case s.ptr == nil:
		return []string{specimenHost}, scanner.StatusSuccess
	case len(s.ptr) == 0:
		return nil, scanner.StatusNXDomain
	}
	return s.ptr, scanner.StatusSuccess
}

// service scans the specimen and returns its record.
func (s *serverSpecimen) service(t *testing.T, roots *x509.CertPool) *scanner.Service {
	t.Helper()
	port := s.port
	if port.Number == 0 {
		port.Number = 25
	}
	sc := &scanner.Scanner{
		Resolver: s, Ports: []scanner.Port{port}, Rate: -1, Roots: roots, EHLODomain: "probe.example.net", AllowPrivate: true,
		Dial: s.dial,
	}
	if s.dial == nil {
		sc.Dial = func(context.Context, netip.AddrPort) (net.Conn, error) {
			conn, _ := smtptest.Pipe(s.script)
			return conn, nil
		}
	}
	if s.asks {
		sc.TLSVersions, sc.Checks = true, []smtp.Check{smtp.CheckRelay, smtp.CheckVrfy, smtp.CheckNTLM}
	}
	if s.asks && s.dial != nil {
		sc.Checks = append(sc.Checks, smtp.CheckInjection)
	}
	if s.policy != "" {
		set, err := advisory.Default()
		if err == nil {
			sc.Policy, err = set.ParsePolicy("policy.yaml", []byte(s.policy))
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var service *scanner.Service
	in := scanner.Input{Text: "example.org", Kind: scanner.KindDomain, Name: "example.org"}
	err := sc.Run(t.Context(), func(yield func(scanner.Input, error) bool) { yield(in, nil) }, func(r scanner.Result) error {
		if r.Service != nil {
			service = r.Service
		}
		return nil
	})
	if err != nil || service == nil {
		t.Fatalf("%s: %v, record %v", s.name, err, service)
	}
	return service
}

// ofService tells the findings of one service from those of domains and runs.
func ofService(id string) bool {
	prefix, _, _ := strings.Cut(id, "-")
	switch prefix {
	case "key", "fleet", "policy":
		return false
	}
	return !ofZone(id) && id != "certificate-differs" && id != "software-differs"
}

// ofChecks tells those that take an active check.
func ofChecks(id string) bool {
	return slices.Contains([]string{"open-relay", "starttls-injection", "vrfy-answered", "ntlm-disclosure", "tls-old-accepted"}, id)
}

func ofPolicy(id string) bool { return strings.HasPrefix(id, "policy-") }

// surveyServers meets every server in fake time, since some are slow.
func surveyServers(t *testing.T, seen census) {
	day, err := time.Parse(time.DateOnly, surveyDay)
	if err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Until(day)) // in the bubble, which begins in 2000
	lab := newCertLab(t)
	good := serverSpecimen{name: "good Postfix", script: smtptest.Postfix(specimenHost).WithTLS(lab.good)}
	base := good.service(t, lab.roots)
	for _, f := range base.Findings {
		if f.Severity != advisory.Info {
			t.Errorf("a good Postfix: %s %s: %s", f.Severity, f.ID, f.Evidence)
		}
	}
	unasked := func(id string) bool { return ofService(id) && !ofChecks(id) }
	seen.note(good.name, unasked, ids(base.Findings))
	for _, s := range slices.Concat(lab.transport(t), lab.certificates(t), lab.conduct(t), lab.software(t), lab.checked(t), lab.names(t)) {
		got := ids(s.service(t, lab.roots).Findings)
		if d := differs(got, ids(base.Findings)); d != s.want {
			t.Errorf("%s:\n got %s\nwant %s", s.name, d, s.want)
		}
		judged := unasked
		if s.asks {
			judged = ofService
		}
		seen.note(s.name, judged, got)
	}
	lab.surveyPolicies(t, seen)
	lab.surveyFleet(t, seen, base)
}

// surveyPolicies judges good servers by the rules of an organization.
func (l *certLab) surveyPolicies(t *testing.T, seen census) {
	exim := smtptest.Exim(specimenHost).WithTLS(l.good)
	tls12 := smtptest.Postfix(specimenHost).WithTLS(l.config(l.ca, smtptest.Cert{}, func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 }))
	ignore := func(day string) string {
		return "ignore: [{id: starttls-not-offered, reason: ticket 4711, until: " + day + "}]"
	}
	for _, s := range []serverSpecimen{
		{name: "policy: all kept", script: l.postfix(nil), policy: "hosts: ['*.example.org']\nproducts: [{product: postfix, minimum: '3.7'}]\ntls: '1.3'\nstarttls: required"},
		{name: "policy: stranger", script: l.postfix(nil), policy: "hosts: [mx2.example.org]", want: "+policy-host-unexpected"},
		{name: "policy: Exim", script: exim, policy: "products: [{product: postfix}]", want: "+policy-product-not-allowed"},
		{name: "policy: Exim 4.96", script: exim, policy: "products: [{product: exim, minimum: '4.98'}]", want: "+policy-version-too-old"},
		{name: "policy: TLS 1.2", script: tls12, policy: "tls: '1.3'", want: "+policy-tls-version"},
		{name: "policy: no STARTTLS", script: smtptest.Postfix(specimenHost), policy: "starttls: required", want: "+policy-starttls-required"},
		{name: "policy: ignored", script: smtptest.Postfix(specimenHost), policy: ignore(surveyDay)},
		{name: "policy: ignored too long", script: smtptest.Postfix(specimenHost), policy: ignore("2026-11-23"), want: "+policy-ignore-expired"},
	} {
		all := ids(s.service(t, l.roots).Findings)
		got := slices.DeleteFunc(all, func(id string) bool { return !ofPolicy(id) })
		if d := differs(got, nil); d != s.want {
			t.Errorf("%s: got %s, want %s", s.name, d, s.want)
		}
		seen.note(s.name, ofPolicy, got)
	}
}

// surveyFleet compares records of servers with each other. They are of the good
// one, met under other names and at other addresses.
func (l *certLab) surveyFleet(t *testing.T, seen census, good *scanner.Service) {
	at := func(host, endpoint string, v *scanner.Service) *scanner.Service {
		moved, to := *v, netip.MustParseAddrPort(endpoint)
		moved.Host, moved.IP, moved.Port = host, to.Addr(), to.Port()
		return &moved
	}
	other := &serverSpecimen{script: smtptest.Exim(specimenHost).WithTLS(l.config(l.ca, smtptest.Cert{}))}
	exim := other.service(t, l.roots)
	var many []*scanner.Service
	for i := range 1<<15 + 1 {
		many = append(many, at(fmt.Sprintf("h%d.example.org", i), "198.41.0.1:25", &scanner.Service{TLS: good.TLS})) // as little as will do
	}
	for _, f := range []struct {
		name     string
		services []*scanner.Service
		want     string
	}{
		{"fleet: a farm", []*scanner.Service{at("a.example.org", "198.41.0.1:25", good), at("a.example.org", "198.41.0.2:25", good), at("b.example.org", "198.41.0.3:25", exim)}, ""},
		{"fleet: one key", []*scanner.Service{at("a.example.org", "198.41.0.1:25", good), at("b.example.org", "198.41.0.2:25", good), at("c.example.org", "198.41.0.3:25", good)}, "+key-shared"},
		{"fleet: two ports", []*scanner.Service{at("a.example.org", "198.41.0.1:25", good), at("a.example.org", "198.41.0.1:587", exim)}, "+certificate-differs +software-differs"},
		{"fleet: 32769 names", many, "+fleet-incomplete"},
	} {
		review, err := new(scanner.Scanner).NewReview()
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range f.services {
			review.Assess(&scanner.Result{Service: v})
		}
		got := ids(review.Fleet(time.Now()))
		if d := differs(got, nil); d != f.want {
			t.Errorf("%s: got %s, want %s", f.name, d, f.want)
		}
		seen.note(f.name, func(id string) bool { return !ofService(id) && !ofPolicy(id) && !ofZone(id) }, got)
	}
}

// surveySockets meets servers over TCP, those of whom in memory both sides would
// wait for each other because they speak at once. They are judged by one id.
func surveySockets(t *testing.T, seen census) {
	lab := newCertLab(t)
	sound, faulty := smtptest.Script{TLS: lab.good}, smtptest.Script{TLS: lab.good, Injectable: true}
	implicit := smtptest.Postfix(specimenHost).WithTLS(lab.good)
	implicit.ImplicitTLS = true
	submissions := scanner.Port{Number: 465, Mode: smtp.ModeTLS}
	const injection, plain = "starttls-injection", "plain-text-on-tls-port"
	for _, s := range []struct {
		serverSpecimen
		id string
	}{
		{serverSpecimen{name: "keeps NOOP across STARTTLS", script: faulty, asks: true, want: "+" + injection}, injection},
		{serverSpecimen{name: "discards NOOP", script: sound, asks: true}, injection},
		{serverSpecimen{name: "465 in plain text", script: smtptest.Postfix(specimenHost), port: submissions, want: "+" + plain}, plain},
		{serverSpecimen{name: "465 with TLS", script: implicit, port: submissions}, plain},
	} {
		srv := smtptest.NewServer(t, s.script)
		s.dial = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", srv.Addr)
		}
		got := ids(s.service(t, lab.roots).Findings)
		got = slices.DeleteFunc(got, func(id string) bool { return id != s.id })
		if d := differs(got, nil); d != s.want {
			t.Errorf("%s: got %s, want %s", s.name, d, s.want)
		}
		seen.note(s.name, func(id string) bool { return id == s.id }, got)
	}
}
