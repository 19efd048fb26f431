package resolver

import (
	"context"
	"crypto/x509"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/miekg/dns"

	"github.com/mxsweep/mxsweep/scanner"
)

// A DNS looks up mail hosts, addresses and PTR names at recursive name servers.
// It is the scanner.Resolver of the command.
//
// The zero value works, with the documented defaults. The fields must not be
// changed after the first lookup. All methods may be called from any number of
// goroutines, which share the sockets, the rate and the cache. A DNS that has
// been used holds two sockets for each name server until it is closed.
//
// Names are taken as they are: no search list is applied, and a hosts file is
// not read, for it says nothing about where mail goes.
type DNS struct {
	Servers   []string      // name servers, as ParseServer takes them; nil: those of /etc/resolv.conf
	Timeout   time.Duration // until a question without an answer has failed, all attempts together; 0: 6 s
	Attempts  int           // packets sent at most for one question, each to another server if there is one; 0: 4
	Rate      float64       // packets sent per second, over all servers; 0: 1000; negative: no limit
	NoIPv4    bool          // ask for no A records
	NoIPv6    bool          // ask for no AAAA records
	MXOnly    bool          // ask a domain only where its mail goes, and for none of its SPF, DMARC, MTA-STS, TLS-RPT and TLSA records
	CacheSize int           // answers kept, of usual size (a large one counts for several); 0: 65536; negative: none

	// Roots are those of the servers of MTA-STS policies; nil: the system's.
	Roots *x509.CertPool

	// dial replaces the operating system's network in tests.
	dial func(ctx context.Context, network, address string) (net.Conn, error)

	once   sync.Once
	client *dnsClient
	err    error // why there is no client
}

// start makes the client on first use.
func (d *DNS) start() (*dnsClient, error) {
	d.once.Do(func() {
		d.client, d.err = newDNSClient(d)
	})
	return d.client, d.err
}

// Close closes the sockets and waits for their readers to end. Lookups under
// way and later ones end with StatusLocal.
func (d *DNS) Close() error {
	if client, err := d.start(); err == nil {
		client.close()
	}
	return nil
}

// LookupHost finds the addresses of one host. Unless the name is no host name,
// the Resolution has one MX, with the status of the whole.
func (d *DNS) LookupHost(ctx context.Context, host string) scanner.Resolution {
	client, err := d.start()
	if err != nil {
		return scanner.Resolution{Status: scanner.StatusLocal, Error: err.Error()}
	}
	mx := []scanner.MX{{Name: host}}
	d.addresses(mx, client.lookup(ctx, d.questions(mx)...))
	r := scanner.Resolution{Status: mx[0].Status, Error: mx[0].Error, AuthenticData: mx[0].AuthenticData}
	if r.Status != scanner.StatusBadName {
		r.MX = mx
	}
	return r
}

// LookupPTR finds the PTR names of an address (RFC 1035, section 3.5), sorted,
// at most 16, without their trailing dot. Aliases are followed: that is how parts
// of a network are delegated (RFC 2317). It returns nil and StatusNXDomain where
// there are none.
//
// Whoever holds the address may put any name there. A name is confirmed when
// LookupHost of it leads back to the address. Unlike those of other lookups, the
// answer is not kept: to remember the names of addresses is left to the caller.
func (d *DNS) LookupPTR(ctx context.Context, addr netip.Addr) ([]string, scanner.Status) {
	client, err := d.start()
	if err != nil {
		return nil, scanner.StatusLocal
	}
	arpa, err := dns.ReverseAddr(addr.Unmap().WithZone("").String())
	if err != nil {
		return nil, scanner.StatusBadName
	}
	a := client.lookup(ctx, dnsQuestion{arpa, dns.TypePTR})[0]
	if a.status == scanner.StatusNoAddress {
		return nil, scanner.StatusNXDomain
	}
	return slices.Clone(a.names), a.status
}
