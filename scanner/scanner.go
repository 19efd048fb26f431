package scanner

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"time"

	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/fingerprint"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// ErrStopped is returned by a run that ended early because Scanner.Stop was
// closed.
var ErrStopped = errors.New("stopped before the end")

// A DialFunc opens a TCP connection to an endpoint's address and port. It must
// give up when ctx is done, which it is after the connect timeout, and once the
// function has returned.
type DialFunc func(ctx context.Context, to netip.AddrPort) (net.Conn, error)

// A ProbeLevel says which commands may be sent only to identify the software.
// None of them begins a mail, and none is sent while the greeting and EHLO say
// enough.
type ProbeLevel uint8

// The probe levels.
const (
	ProbePolite  ProbeLevel = iota // HELP and one verb that no server knows
	ProbePassive                   // none
	ProbeFull                      // also NOOP, RSET, VRFY, and HELO after EHLO
)

// ParseProbeLevel returns the level of that name: "passive", "polite" or "full".
func ParseProbeLevel(text string) (ProbeLevel, error) {
	switch text {
	case "passive":
		return ProbePassive, nil
	case "polite":
		return ProbePolite, nil
	case "full":
		return ProbeFull, nil
	}
	return 0, fmt.Errorf("%q is not a probe level: expected passive, polite or full", text)
}

// A Scanner holds the options of a run. The zero value scans with the
// documented defaults, but needs a Resolver for anything but addresses. It must
// not be changed while a run is under way; several runs may share it, apart
// from Stats and Stop.
//
// Resolver, Dial, FetchSTS and Exclude are called from many goroutines; BadInput, Warn,
// Tick and the callbacks given to Run and Plan only from the goroutine that called
// Run or Plan.
type Scanner struct {
	Resolver Resolver   // nil: names end as local-error
	Dial     DialFunc   // nil: the operating system's, from SourceIP
	SourceIP netip.Addr // local address of connections; the zero Addr leaves the choice to the system
	NoPTR    bool       // leave out the lookup of the PTR of contacted addresses, and of the name in the greeting

	Ports         []Port        // nil: 25, 465 and 587
	EHLODomain    string        // argument of EHLO; "": an address literal of the connection's own address
	Probe         ProbeLevel    // identifying commands; 0: polite
	Checks        []smtp.Check  // active checks of servers that answered, each with a connection of its own; nil: none
	TLSVersions   bool          // ask which versions of TLS are accepted, with a connection for each
	Concurrency   int           // probes under way at once; 0: 500
	Rate          float64       // connections begun per second; 0: 200; negative: no limit
	HostLimit     int           // connections at once to one address; 0: 3
	ProviderLimit int           // connections at once to the hosts below one registrable domain; 0: 10; negative: no limit
	Delay         time.Duration // from the end of a connection to an address to the begin of the next one; above 0, HostLimit is 1
	Retries       int           // further attempts on a transient failure, at the end of the run; 0: 1; negative: none
	Discovery     Discovery     // of the addresses of ranges; 0: by connecting. By SYN takes Linux and CAP_NET_RAW; where it cannot be, Warn is told and they are connected to
	Seed          uint64        // of the order in which a range is visited
	Shard         Shard         // the part of the targets to scan; the zero Shard is all of them
	Resume        *Ledger       // what an earlier part of this run has written; nil: nothing
	All           bool          // also write the range addresses where nothing answered

	ConnectTimeout  time.Duration // 0: 5 s
	GreetingTimeout time.Duration // 0: 30 s; greet delays of 15 to 20 s are normal
	Timeout         time.Duration // one reply or the TLS handshake; 0: 10 s
	TargetTimeout   time.Duration // one probe in all; 0: 60 s

	// FetchSTS fetches the MTA-STS policy of a domain whose DNS says that
	// there is one, and connects only to addresses that permit returns nil
	// for; nil: no policy is fetched.
	FetchSTS func(ctx context.Context, domain string, permit func(netip.Addr) error) *STSPolicy

	Exclude      func(addr netip.Addr, name string) bool // addr invalid: a name alone is asked about; nil: nothing is excluded
	AllowPrivate bool                                    // contact private and special addresses that DNS leads to
	Roots        *x509.CertPool                          // nil: the system's
	LightTLS     bool                                    // no post-quantum key exchange, see smtp.Prober

	Fingerprints *fingerprint.Set // nil: the embedded set
	Check        *SelfCheck       // of our own side, for the run record; nil: none was made
	Advisories   *advisory.Set    // nil: the embedded set
	Policy       *advisory.Policy // rules of one's own; nil: none

	// BadInput is told of every InputError of the sequence; returning an
	// error stops the run with it. nil: count and go on.
	BadInput func(*InputError) error
	// Warn is told of faults of our own side, such as too few file
	// descriptors, once for each kind. nil: they show in the records only.
	Warn func(text string)
	// Tick, if not nil, is called a few times a second between records, for a
	// progress bar or to flush an output.
	Tick func()
	// Stop ends the intake when it is closed: no new connection is begun,
	// those under way finish, and Run returns ErrStopped. The sequence of
	// inputs must end then, too: Run waits for it.
	Stop <-chan struct{}
	// Stats, if not nil, is kept up to date during a run.
	Stats *Stats
}

// filled returns a copy of s in which every zero option has its default.
func (s *Scanner) filled() Scanner {
	f := *s
	if f.Ports == nil {
		f.Ports = DefaultPorts()
	}
	if f.Stats == nil {
		f.Stats = new(Stats)
	}
	setDefault(&f.Concurrency, 500)
	setDefault(&f.Rate, 200)
	setDefault(&f.HostLimit, 3)
	setDefault(&f.ProviderLimit, 10)
	setDefault(&f.Retries, 1)
	setDefault(&f.ConnectTimeout, 5*time.Second)
	setDefault(&f.GreetingTimeout, 30*time.Second)
	setDefault(&f.Timeout, 10*time.Second)
	setDefault(&f.TargetTimeout, 60*time.Second)
	f.Concurrency = max(f.Concurrency, 1)
	f.HostLimit = max(f.HostLimit, 1)
	if f.ProviderLimit < 0 {
		f.ProviderLimit = unlimited
	}
	if f.Delay > 0 {
		f.HostLimit = 1
	}
	return f
}

func setDefault[T comparable](option *T, value T) {
	var zero T
	if *option == zero {
		*option = value
	}
}
