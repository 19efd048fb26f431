package resolver

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/miekg/dns"
)

// ParseServer reads the address of a name server: an IP address, a host name, or
// one of these with a port ("192.0.2.53:5353", "[2001:db8::53]:53"). The port is
// 53 where none is given. It returns the form a dialer takes.
func ParseServer(text string) (string, error) {
	bare := text
	if strings.HasPrefix(text, "[") && strings.HasSuffix(text, "]") {
		bare = text[1 : len(text)-1]
	}
	if addr, err := netip.ParseAddr(bare); err == nil {
		return net.JoinHostPort(addr.String(), "53"), nil
	}
	host, port, err := net.SplitHostPort(text)
	if err != nil {
		host, port = text, "53"
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
		return "", fmt.Errorf("name server %q: expected a port from 1 to 65535 behind the last colon", text)
	}
	if addr, err := netip.ParseAddr(host); err == nil {
		return net.JoinHostPort(addr.String(), port), nil
	}
	if notHostName(withoutDot(host)) != "" {
		return "", fmt.Errorf("name server %q: expected an address or a host name, with or without :port", text)
	}
	return net.JoinHostPort(host, port), nil
}

// serversOf reads the servers of a DNS, or those of the system's file where it
// names none. The options of that file are for host names typed by people and do
// not apply.
func serversOf(texts []string, file string) ([]string, error) {
	if texts == nil {
		config, err := dns.ClientConfigFromFile(file)
		if err != nil {
			return nil, fmt.Errorf("no name server named, and the system's cannot be read: %w", err)
		}
		texts = config.Servers
	}
	if len(texts) == 0 {
		return nil, errors.New("no name server: neither named nor in " + file)
	}
	servers := make([]string, len(texts))
	for i, text := range texts {
		var err error
		if servers[i], err = ParseServer(text); err != nil {
			return nil, err
		}
	}
	return servers, nil
}
