package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/projectdiscovery/goflags"

	"github.com/mxsweep/mxsweep/scanner"
)

// options are the flags of a scan, as given.
type options struct {
	targets, lists                     list
	noStdin, direct, strict, dryRun    bool
	ports                              string
	excludeHosts, excludeFiles         list
	allowPrivate, lightTLS             bool
	resolvers                          list
	ipVersion                          string
	dnsRate                            int
	dnsTimeout                         time.Duration
	ptr, mxOnly, fetchSTS              bool
	ehloDomain, probe, caFile          string
	tlsVersions                        bool
	checks                             list
	concurrency, rate                  int
	hostLimit, providerLimit, retries  int
	delay                              time.Duration
	discovery                          string
	seed                               uint64
	sourceIP                           string
	connectTimeout, greetingTimeout    time.Duration
	timeout, targetTimeout             time.Duration
	judging                            judging
	outputs                            list
	resume, shard                      string
	force, json, csv, all, listColumns bool
	fields                             string
	noColor, silent, stats             bool
	statsInterval                      time.Duration
	config                             string
	help, version                      bool

	earlier    *scanner.Run // of -resume; nil: the run begins now
	text       bool         // no flag: lines for people even where nobody's terminal is
	positional []string
}

// A list is a flag that may be given several times, or once with commas.
type list []string

// String returns the values joined by commas.
func (l *list) String() string { return strings.Join(*l, ",") }

// Set adds values.
func (l *list) Set(s string) error {
	for part := range strings.SplitSeq(s, ",") {
		if part = strings.TrimSpace(part); part != "" {
			*l = append(*l, part)
		}
	}
	return nil
}

// A paths list is a flag that may be given several times; commas belong to file
// names.
type paths list

// String returns the values joined by commas.
func (p *paths) String() string { return strings.Join(*p, ",") }

// Set adds one path.
func (p *paths) Set(s string) error {
	if s == "" {
		return fmt.Errorf("expected a file name")
	}
	*p = append(*p, s)
	return nil
}

// A flagGroup is a screen of the help text.
type flagGroup struct {
	title string
	names []string // long names, in order
}

// A flagSet is goflags' flag set with the groups our help is drawn from.
// goflags' own Parse writes a configuration file unasked and prints to stdout,
// so only its registration is used here and the arguments are parsed by the
// standard flag set below it.
type flagSet struct {
	*goflags.FlagSet
	groups    []flagGroup
	short     map[string]string // long name to short name
	canonical map[string]string // short name or alias to long name
}

// add registers one flag through goflags and remembers it in the last group.
func (fs *flagSet) add(value any, long, short, usage string) {
	switch v := value.(type) {
	case *bool:
		fs.BoolVarP(v, long, short, *v, usage)
	case *string:
		fs.StringVarP(v, long, short, *v, usage)
	case *int:
		fs.IntVarP(v, long, short, *v, usage)
	case *time.Duration:
		fs.DurationVarP(v, long, short, *v, usage)
	case *uint64:
		fs.CommandLine.Uint64Var(v, long, *v, usage)
	case flag.Value:
		fs.VarP(v, long, short, usage)
	}
	fs.short[long] = short
	fs.canonical[short] = long
	last := &fs.groups[len(fs.groups)-1]
	last.names = append(last.names, long)
}

// group begins a group; the flags added next belong to it.
func (fs *flagSet) group(title string) {
	fs.groups = append(fs.groups, flagGroup{title: title})
}

// alias gives a flag a second, undocumented name known from a kindred tool.
func (fs *flagSet) alias(long string, names ...string) {
	for _, name := range names {
		fs.CommandLine.Var(fs.CommandLine.Lookup(long).Value, name, "same as -"+long)
		fs.canonical[name] = long
	}
}

// newFlagSet returns an empty set that reports errors instead of exiting.
func newFlagSet(name string) *flagSet {
	fs := &flagSet{FlagSet: goflags.NewFlagSet(), short: map[string]string{}, canonical: map[string]string{}}
	fs.CommandLine.Init(name, flag.ContinueOnError)
	fs.CommandLine.SetOutput(io.Discard)
	fs.CommandLine.Usage = func() {}
	return fs
}

// newFlags returns the flags of a scan bound to o, with their defaults set.
func newFlags(o *options) *flagSet {
	fs := newFlagSet("mxsweep")
	o.ports, o.ipVersion, o.probe, o.discovery = "25,465,587", "4,6", "polite", "connect"
	o.concurrency, o.rate, o.hostLimit, o.providerLimit, o.retries, o.dnsRate = 500, 200, 3, 10, 1, 1000
	o.connectTimeout, o.greetingTimeout = 5*time.Second, 30*time.Second
	o.timeout, o.targetTimeout, o.dnsTimeout = 10*time.Second, time.Minute, 6*time.Second
	o.ptr, o.statsInterval = true, 5*time.Second

	fs.group("targets")
	fs.add(&o.targets, "target", "u", "domain, host, address, CIDR or range (repeatable, commas allowed)")
	fs.add((*paths)(&o.lists), "list", "l", "file of targets, one per line, or output of naabu, masscan, zmap, nmap or dnsx; - is standard input (repeatable)")
	fs.add(&o.ports, "port", "p", "ports; a mode may follow: 2525:starttls, 4465:tls")
	fs.add(&o.direct, "direct", "", "names are hosts: no MX lookup")
	fs.add(&o.strict, "strict", "", "stop at the first bad line instead of reporting it and going on")
	fs.add(&o.noStdin, "no-stdin", "", "do not read targets from a piped standard input")
	fs.add(&o.excludeHosts, "exclude-hosts", "eh", "never contact these addresses, prefixes or domains (repeatable)")
	fs.add((*paths)(&o.excludeFiles), "exclude-file", "ef", "file of exclusions, one per line (repeatable)")
	fs.add(&o.allowPrivate, "allow-private", "", "contact private and special addresses that DNS leads to")
	fs.add(&o.dryRun, "dry-run", "", "print the endpoints that would be contacted, contact none (DNS apart)")

	fs.group("dns")
	fs.add(&o.resolvers, "resolvers", "r", "name servers, host or host:port (default: the system's)")
	fs.add(&o.ipVersion, "ip-version", "iv", "address families to look names up for: 4, 6 or 4,6")
	fs.add(&o.dnsRate, "dns-rate-limit", "", "DNS queries a second, 0 = no limit")
	fs.add(&o.dnsTimeout, "dns-timeout", "", "wait for a DNS answer, all attempts and servers together")
	fs.add(&o.ptr, "ptr", "", "look up the PTR of contacted addresses, and the name in the greeting (-ptr=false: do not)")
	fs.add(&o.mxOnly, "mx-only", "", "of domains, no SPF, DMARC, MTA-STS, TLS-RPT and TLSA records")
	fs.add(&o.fetchSTS, "mta-sts-fetch", "", "fetch the MTA-STS policies of domains over HTTPS")

	fs.group("conversation")
	fs.add(&o.ehloDomain, "ehlo-domain", "", "name to greet with (default: confirmed PTR of the own address, else address literal)")
	fs.add(&o.probe, "probe", "", "identifying commands when unsure: passive (none), polite (HELP, one unknown verb), full")
	fs.add(&o.tlsVersions, "tls-versions", "", "ask which of TLS 1.0 to 1.3 are accepted, with a connection for each")
	fs.add(&o.checks, "check", "", "active checks, with the operator's permission only, a connection each: relay (MAIL, RCPT to example.com, RSET, six times, never DATA), starttls-injection (NOOP sent before TLS), vrfy (VRFY postmaster), ntlm (AUTH NTLM, canceled)")
	fs.add(&o.caFile, "ca-file", "", "PEM file of trusted roots (default: the system's)")
	fs.add(&o.lightTLS, "tls-light", "", "no post-quantum key exchange: a third less work for each handshake")
	fs.add(&o.connectTimeout, "connect-timeout", "", "wait for a TCP connection")
	fs.add(&o.greetingTimeout, "greeting-timeout", "", "wait for the complete greeting; greet delays of 20 s are normal")
	fs.add(&o.timeout, "timeout", "", "wait for one reply, or for the TLS handshake")
	fs.add(&o.targetTimeout, "target-timeout", "", "wait for one endpoint in all")

	fs.group("pace")
	fs.add(&o.concurrency, "concurrency", "c", "endpoints talked to at once")
	fs.add(&o.rate, "rate-limit", "rl", "connections begun a second, 0 = no limit")
	fs.add(&o.hostLimit, "host-limit", "", "connections at once to one address")
	fs.add(&o.providerLimit, "provider-limit", "", "connections at once to the hosts of one provider (registrable domain of the MX), 0 = no limit")
	fs.add(&o.delay, "delay", "", "between two connections to one address; then it has one at a time")
	fs.add(&o.retries, "retries", "", "further attempts after a transient failure, at the end of the run")
	fs.add(&o.discovery, "discovery", "", "how to find out what answers in a range: connect, or syn (a raw SYN first; Linux, CAP_NET_RAW)")
	fs.add(&o.seed, "seed", "", "order in which ranges are visited (default: random, shown in the run record)")
	fs.add(&o.shard, "shard", "", "the part of the targets to scan, as 2/5; takes the same -seed for all parts")
	fs.add(&o.sourceIP, "source-ip", "", "local address to connect from")

	fs.group("assessment")
	o.judging.register(fs)

	fs.group("output")
	fs.add((*paths)(&o.outputs), "output", "o", "file to write: .ndjson .jsonl .csv .txt, .gz may follow; .db is added to (repeatable)")
	fs.add(&o.resume, "resume", "", "go on with the run that wrote this .ndjson or .ndjson.gz file, with its options")
	fs.add(&o.force, "force", "", "overwrite existing output files; with -resume: also with other options")
	fs.add(&o.json, "json", "j", "write NDJSON to standard output (default unless it is a terminal)")
	fs.add(&o.csv, "csv", "", "write CSV to standard output")
	fs.add(&o.fields, "fields", "", "CSV columns to write, in this order")
	fs.add(&o.listColumns, "list-output-fields", "lof", "list the CSV columns and exit")
	fs.add(&o.all, "all", "", "also write the addresses of a range where nothing answered")
	fs.add(&o.noColor, "no-color", "nc", "no colors (also: NO_COLOR in the environment)")
	fs.add(&o.silent, "silent", "", "no progress, no summary; errors only")
	fs.add(&o.stats, "stats", "", "plain progress lines instead of the bar")
	fs.add(&o.statsInterval, "stats-interval", "si", "time between two of them")

	fs.group("about")
	fs.add(&o.config, "config", "", "YAML file of flags (default: mxsweep/config.yaml in $XDG_CONFIG_HOME or ~/.config, if it exists)")
	fs.add(&o.help, "help", "h", "this help; a group's name after it shows that group alone")
	fs.add(&o.version, "version", "", "print the version and exit")

	fs.alias("list", "input-file")
	fs.alias("target", "d", "domain")
	fs.alias("rate-limit", "rate")
	fs.alias("exclude-file", "blocklist-file")
	return fs
}

// parse reads the command line into o. Flags may stand before, between and
// behind targets; "--" ends them.
func (fs *flagSet) parse(o *options, args []string) error {
	for len(args) > 0 {
		if err := fs.CommandLine.Parse(args); err != nil {
			return usageError{plainFlagError(err)}
		}
		rest := fs.CommandLine.Args()
		if consumed := len(args) - len(rest); consumed > 0 && args[consumed-1] == "--" {
			o.positional = append(o.positional, rest...)
			return nil
		}
		if len(rest) == 0 {
			return nil
		}
		o.positional = append(o.positional, rest[0])
		args = rest[1:]
	}
	return nil
}

// plainFlagError rewords the standard library's errors.
func plainFlagError(err error) error {
	text := err.Error()
	if name, ok := strings.CutPrefix(text, "flag provided but not defined: "); ok {
		return fmt.Errorf("there is no flag %s", name)
	}
	return err
}

// changed returns the flags that were given, long names to values, for the run
// record.
func (fs *flagSet) changed() map[string]string {
	set := map[string]string{}
	fs.CommandLine.Visit(func(f *flag.Flag) {
		name := f.Name
		if long, ok := fs.canonical[name]; ok {
			name = long
		}
		set[name] = f.Value.String()
	})
	return set
}

// isSet reports whether a flag was given, by whatever name.
func (fs *flagSet) isSet(long string) bool {
	_, ok := fs.changed()[long]
	return ok
}
