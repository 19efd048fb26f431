package resolver

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/netip"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

const (
	stsTimeout = 20 * time.Second // RFC 8461, section 3.3, suggests a minute, for senders that have nobody waiting
	maxSTSSize = 64 << 10         // section 3.3
)

// FetchSTS fetches the MTA-STS policy of a domain over HTTPS, as RFC 8461,
// section 3.3, has it: from a server that proves its name, and without following
// a redirection. It connects only to addresses that permit returns nil for,
// directly and never through a proxy, and gives up after 20 s.
func (d *DNS) FetchSTS(ctx context.Context, domain string, permit func(netip.Addr) error) *scanner.STSPolicy {
	ctx, cancel := context.WithTimeout(ctx, stsTimeout)
	defer cancel()
	p := &scanner.STSPolicy{URL: "https://mta-sts." + domain + "/.well-known/mta-sts.txt"}
	text, err := d.get(ctx, p.URL, permit)
	if err != nil {
		p.Error = err.Error()
	}
	p.Text = smtp.Raw(text)
	return p
}

func (d *DNS) get(ctx context.Context, url string, permit func(netip.Addr) error) (string, error) {
	client := http.Client{
		Transport: &http.Transport{
			DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
				return d.connect(ctx, network, address, permit)
			},
			TLSClientConfig:        &tls.Config{RootCAs: d.Roots},
			DisableKeepAlives:      true,
			MaxResponseHeaderBytes: maxSTSSize,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("User-Agent", "mxsweep")
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	kind, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	switch {
	case response.StatusCode != http.StatusOK:
		return "", fmt.Errorf("%s answered %q", url, response.Status)
	case kind != "text/plain":
		return "", fmt.Errorf("%s has media type %q, not text/plain", url, kind)
	}
	body, err := io.ReadAll(io.LimitReader(response.Body, maxSTSSize+1))
	switch {
	case err != nil:
		return "", fmt.Errorf("%s: %w", url, err)
	case len(body) > maxSTSSize:
		return "", fmt.Errorf("%s is longer than %d bytes", url, maxSTSSize)
	}
	return string(body), nil
}

// connect opens a connection to the first address of a host that can be
// reached.
func (d *DNS) connect(ctx context.Context, network, address string, permit func(netip.Addr) error) (net.Conn, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	r := d.LookupHost(ctx, host)
	if r.Status != scanner.StatusSuccess {
		return nil, errors.New(r.Error)
	}
	dial := d.dial
	if dial == nil {
		dial = new(net.Dialer).DialContext
	}
	var problems []error
	for _, addr := range r.MX[0].Addresses[:min(len(r.MX[0].Addresses), 4)] {
		if err := permit(addr); err != nil {
			problems = append(problems, fmt.Errorf("%s: %w", addr, err))
			continue
		}
		conn, err := dial(ctx, network, net.JoinHostPort(addr.String(), port))
		if err == nil {
			return conn, nil
		}
		problems = append(problems, err)
	}
	return nil, errors.Join(problems...)
}
