package resolver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/resolver/dnstest"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

const publishedZone = `
$ORIGIN example.
mx            A 192.0.2.1
full          MX 10 mx
full          TXT "unrelated=1"
full          TXT "v=spf1 mx " "-all"
_dmarc.full   TXT "v=DMARC1; p=reject"
_mta-sts.full TXT "v=STSv1; id=1"
_smtp._tls.full TXT "v=TLSRPTv1; rua=mailto:a@full.example"
_25._tcp.mx   TLSA 3 1 1 5A5A
_25._tcp.mx   TLSA 2 0 1 6B6B
none          MX 10 mx
wrong         MX 10 mx
wrong         TXT "V = SPF3 all"
wrong         TXT "v=spf1 \"quoted\" \255"
_dmarc.wrong  TXT "v=spf1 -all"
_dmarc.wrong  TXT "v=dmarc2"
null          MX 0 .
null          TXT "v=spf1 -all"
implicit      A 192.0.2.2
sub.full      MX 10 mx
literal       MX 10 192.0.2.1.
aliased       MX 10 mx
_mta-sts.aliased CNAME _mta-sts.full
`

// published writes an RRset as "name status [records]".
func line(set *scanner.RRset) string {
	if set == nil {
		return "-"
	}
	ad := ""
	if set.AuthenticData != nil && *set.AuthenticData {
		ad = " +ad"
	}
	return fmt.Sprintf("%s %s%s %q", set.Name, set.Status, ad, set.Records)
}

func TestPublished(t *testing.T) {
	_, d := serve(t, publishedZone)
	for domain, want := range map[string][]string{ // SPF, DMARC, MTA-STS, TLS-RPT, TLSA
		"full.example": {
			`full.example success ["v=spf1 mx -all"]`, `_dmarc.full.example success ["v=DMARC1; p=reject"]`,
			`_mta-sts.full.example success ["v=STSv1; id=1"]`, `_smtp._tls.full.example success ["v=TLSRPTv1; rua=mailto:a@full.example"]`,
			`_25._tcp.mx.example success ["2 0 1 6b6b" "3 1 1 5a5a"]`,
		},
		"none.example": {
			`none.example success []`, `_dmarc.none.example success []`, `_mta-sts.none.example success []`,
			`_smtp._tls.none.example success []`, `_25._tcp.mx.example success ["2 0 1 6b6b" "3 1 1 5a5a"]`,
		},
		"wrong.example": {
			`wrong.example success ["V = SPF3 all" "v=spf1 \\\"quoted\\\" \\255"]`, `_dmarc.wrong.example success ["v=dmarc2"]`,
			`_mta-sts.wrong.example success []`, `_smtp._tls.wrong.example success []`, `_25._tcp.mx.example success ["2 0 1 6b6b" "3 1 1 5a5a"]`,
		},
		"null.example": {`null.example success ["v=spf1 -all"]`, `_dmarc.null.example success []`, "-", "-"},
		"implicit.example": {
			`implicit.example success []`, `_dmarc.implicit.example success []`, `_mta-sts.implicit.example success []`,
			`_smtp._tls.implicit.example success []`, `_25._tcp.implicit.example success []`,
		},
		"sub.full.example": {
			`sub.full.example success []`, `_dmarc.full.example success ["v=DMARC1; p=reject"]`, `_mta-sts.sub.full.example success []`,
			`_smtp._tls.sub.full.example success []`, `_25._tcp.mx.example success ["2 0 1 6b6b" "3 1 1 5a5a"]`,
		},
		"literal.example": {
			`literal.example success []`, `_dmarc.literal.example success []`, `_mta-sts.literal.example success []`,
			`_smtp._tls.literal.example success []`, "-",
		},
		"aliased.example": {
			`aliased.example success []`, `_dmarc.aliased.example success []`, `_mta-sts.aliased.example success ["v=STSv1; id=1"]`,
			`_smtp._tls.aliased.example success []`, `_25._tcp.mx.example success ["2 0 1 6b6b" "3 1 1 5a5a"]`,
		},
		"missing.example": {"-", "-", "-", "-"},
	} {
		r := d.LookupMX(t.Context(), domain)
		got := []string{line(r.SPF), line(r.DMARC), line(r.MTASTS), line(r.TLSRPT)}
		for i := range r.MX {
			got = append(got, line(r.MX[i].TLSA))
		}
		expect(t, domain, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// A question that failed is not one that was answered with nothing.
func TestPublishedFailure(t *testing.T) {
	srv, d := serve(t, publishedZone)
	srv.Behave("_dmarc.full.example", "TXT", dnstest.Behavior{RCode: dnstest.ServFail})
	srv.SetAuthentic(true)
	r := d.LookupMX(t.Context(), "full.example")
	expect(t, "DMARC", line(r.DMARC), "_dmarc.full.example servfail []")
	expect(t, "error", r.DMARC.Error != "", true)
	expect(t, "TLSA", line(r.MX[0].TLSA), `_25._tcp.mx.example success +ad ["2 0 1 6b6b" "3 1 1 5a5a"]`)

	before := srv.Queries()
	only := &DNS{Servers: d.Servers, MXOnly: true}
	defer only.Close()
	r = only.LookupMX(t.Context(), "full.example")
	expect(t, "queries", srv.Queries()-before, 3) // MX, A, AAAA
	expect(t, "SPF", line(r.SPF), "-")
}

// No record is kept longer than what can be of use, and none is too many.
func TestPublishedLimits(t *testing.T) {
	srv, d := serve(t, `long.example MX 10 mx.example`)
	long := `"v=spf1 ` + strings.Repeat(`a:b.example " "`, 600) + `"`
	if err := srv.Add("long.example. TXT " + long); err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		if err := srv.Add(fmt.Sprintf("_dmarc.long.example. TXT \"v=DMARC1; n=%d\"", i)); err != nil {
			t.Fatal(err)
		}
	}
	r := d.LookupMX(t.Context(), "long.example")
	expect(t, "bytes", len(r.SPF.Records[0]), maxText)
	expect(t, "records", len(r.DMARC.Records), maxPTR)
}

func TestFetchSTS(t *testing.T) {
	const policy = "version: STSv1\nmode: none\nmax_age: 1\n"
	ca, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	cert, err := ca.Issue(smtptest.Cert{Names: []string{"mta-sts.good.example", "mta-sts.moved.example", "mta-sts.html.example", "mta-sts.endless.example"}})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case r.URL.Path != "/.well-known/mta-sts.txt":
			http.NotFound(w, r)
		case r.Host == "mta-sts.moved.example":
			http.Redirect(w, r, "https://mta-sts.good.example/.well-known/mta-sts.txt", http.StatusFound)
		case r.Host == "mta-sts.html.example":
			w.Header().Set("Content-Type", "text/html")
		case r.Host == "mta-sts.endless.example":
			w.Header().Set("Content-Type", "text/plain")
			for r.Context().Err() == nil {
				if _, err := w.Write(make([]byte, 1<<16)); err != nil {
					return
				}
			}
		default:
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
			fmt.Fprint(w, policy)
		}
	}))
	server.TLS = &tls.Config{Certificates: []tls.Certificate{cert}}
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes are meant to fail
	server.StartTLS()
	defer server.Close()
	var zone strings.Builder
	for _, name := range []string{"good", "moved", "html", "endless", "refused"} {
		fmt.Fprintf(&zone, "mta-sts.%s.example. A 192.0.2.1\n", name)
	}
	zone.WriteString("mta-sts.inside.example. A 192.0.2.66\n")
	srv, d := serve(t, zone.String())
	d.Roots = x509.NewCertPool()
	var reached []string
	d.dial = func(ctx context.Context, network, address string) (net.Conn, error) {
		if address != srv.Addr() {
			reached = append(reached, address)
			address = server.Listener.Addr().String()
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	permit := func(addr netip.Addr) error {
		if addr == netip.MustParseAddr("192.0.2.66") {
			return errors.New("not this one")
		}
		return nil
	}
	fetch := func(domain string) *scanner.STSPolicy { return d.FetchSTS(t.Context(), domain, permit) }

	p := fetch("good.example")
	expect(t, "unknown issuer", strings.Contains(p.Error, "certificate"), true)
	expect(t, "text", string(p.Text), "")

	d.Roots = ca.Pool()
	p = fetch("good.example")
	expect(t, "policy", string(p.Text)+p.Error, policy)
	expect(t, "URL", p.URL, "https://mta-sts.good.example/.well-known/mta-sts.txt")
	expect(t, "port", reached[0], "192.0.2.1:443")
	for domain, want := range map[string]string{
		"moved.example":   "302 Found",
		"html.example":    `media type "text/html"`,
		"endless.example": "longer than 65536 bytes",
		"refused.example": "certificate", // of other names
		"inside.example":  "not this one",
		"nobody.example":  "does not exist",
	} {
		p := fetch(domain)
		if !strings.Contains(p.Error, want) || p.Text != "" {
			t.Errorf("%s: error %q, text %q; want %q", domain, p.Error, p.Text, want)
		}
	}
	for _, address := range reached {
		expect(t, "reached", address, "192.0.2.1:443")
	}
}
