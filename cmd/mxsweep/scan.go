package main

import (
	"bufio"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"math/rand/v2"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/resolver"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// scan is the main job: targets in, records out.
func (a *app) scan(ctx context.Context, args []string) error {
	var o options
	flags := newFlags(&o)
	if err := flags.parse(&o, args); err != nil {
		return err
	}
	switch {
	case o.help:
		return a.usage(flags, strings.Join(o.positional, " "))
	case o.version:
		_, err := fmt.Fprintln(a.stdout, "mxsweep", buildVersion())
		return err
	case o.listColumns:
		return a.columns()
	}
	if o.resume != "" {
		var err error
		if o.earlier, err = a.inherit(&o, flags); err != nil {
			return err
		}
	}
	if err := a.configure(&o, flags); err != nil {
		return err
	}
	return a.scanTargets(ctx, &o, flags)
}

func (a *app) scanTargets(ctx context.Context, o *options, flags *flagSet) error {
	sources, err := a.sources(o)
	if err != nil {
		return err
	}
	s, closeResolver, err := a.newScanner(ctx, o)
	if err != nil {
		return err
	}
	defer closeResolver()

	// Once the first signal has come, a list that blocks must not be waited for.
	reading, stopReading := context.WithCancel(ctx)
	defer stopReading()
	defer context.AfterFunc(a.stopping, stopReading)()
	inputs := resolver.Inputs(reading, resolver.InputOptions{Direct: o.direct}, sources...)

	if o.dryRun {
		return a.dryRun(ctx, o, s, inputs)
	}
	a.fitConcurrency(s, flags.isSet("concurrency"))
	g, err := a.newJudge(&o.judging, s, o.silent)
	if err != nil {
		return err
	}
	if err := a.compareFiles(o); err != nil {
		return err
	}
	complete := false
	if o.resume != "" {
		complete, err = a.reopen(o, s, g)
	} else {
		g.Writer, err = a.openOutputs(o)
	}
	switch {
	case err != nil:
		return err
	case complete:
		return g.verdict(nil)
	case o.earlier != nil && o.ehloDomain == "": // servers may know us by the name already
		s.EHLODomain = o.earlier.EHLODomain
	default:
		checkSelf(reading, o, s)
	}
	return g.verdict(a.runScan(ctx, o, flags, s, inputs, g))
}

// runScan drives the scanner and keeps outputs, progress and summary together.
func (a *app) runScan(ctx context.Context, o *options, flags *flagSet, s *scanner.Scanner, inputs iter.Seq2[scanner.Input, error], results output.Writer) error {
	p := a.newProgress(o, s.Stats)
	s.Tick = func() {
		p.clear()
		_ = results.Flush() // its error is returned again by the next Write
		p.tick()
	}
	s.BadInput = func(e *scanner.InputError) error {
		p.clear()
		return a.badInput(o, e)
	}
	s.Warn = func(text string) {
		p.clear()
		a.logf("warning: %s", text)
	}

	run := s.NewRun(buildVersion(), givenOptions(o, flags))
	run.Digests = o.judging.digests
	var summary *scanner.Summary
	emit := func(r scanner.Result) error {
		p.clear()
		summary = r.Summary
		return results.Write(&r)
	}
	var err error
	if s.Resume == nil {
		err = emit(scanner.Result{Run: run})
	}
	if err == nil {
		err = s.Run(ctx, inputs, emit)
	}
	p.clear()
	if closing := results.Close(); err == nil {
		err = closing
	}
	if n := s.Resume.Unclaimed(); n > 0 && err == nil {
		a.logf("note: %d targets on record in %s were not named this time; their records stay", n, o.resume)
	}
	if summary != nil && !o.silent {
		_ = output.Summary(a.stderr, summary, a.color(o, a.stderr))
	}
	return err
}

// badInput reports a target that cannot be used. With -strict it is an error,
// which ends the run.
func (a *app) badInput(o *options, e *scanner.InputError) error {
	a.logf("bad target: %v", e)
	if o.strict {
		return errors.Join(errShown, e)
	}
	return nil
}

// sources are the places that targets come from, in the order in which they are
// read: arguments, -u, -l, a piped standard input.
func (a *app) sources(o *options) ([]resolver.Source, error) {
	named := slices.DeleteFunc(slices.Clone(o.positional), func(s string) bool { return s == "-" })
	dash := len(named) < len(o.positional) || slices.Contains(o.lists, "-")
	var sources []resolver.Source
	if all := append(named, o.targets...); len(all) > 0 {
		sources = append(sources, resolver.Arguments(all))
	}
	for _, path := range o.lists {
		if path == "-" {
			continue
		}
		if err := readable(path); err != nil {
			return nil, fmt.Errorf("-list: %w", err)
		}
		sources = append(sources, resolver.File(path))
	}
	if dash || !o.noStdin && isPiped(a.stdin) {
		sources = append(sources, resolver.Reader("stdin", a.stdin))
	}
	if len(sources) == 0 {
		return nil, usagef("no targets: name a domain, host, address or range, give a list with -l, or pipe one in")
	}
	return sources, nil
}

// readable returns an error for a list that cannot be read, so that it is known
// before the lists in front of it have been scanned. A pipe is left alone: to
// open it twice would break it.
func readable(path string) error {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return err
	case info.IsDir():
		return &fs.PathError{Op: "read", Path: path, Err: syscall.EISDIR}
	case !info.Mode().IsRegular():
		return nil
	}
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	return f.Close()
}

// isPiped reports whether a stream is a pipe, socket or file: something that
// was put there to be read. A terminal or the null device is not.
func isPiped(r io.Reader) bool {
	f, ok := r.(*os.File)
	if !ok {
		return r != nil
	}
	info, err := f.Stat()
	return err == nil && (info.Mode().IsRegular() || info.Mode()&(fs.ModeNamedPipe|fs.ModeSocket) != 0)
}

// newScanner turns the options into a Scanner with its resolver.
func (a *app) newScanner(ctx context.Context, o *options) (*scanner.Scanner, func() error, error) {
	ports, err := resolver.ParsePorts(o.ports)
	if err != nil {
		return nil, nil, usagef("-port: %w", err)
	}
	level, err := scanner.ParseProbeLevel(o.probe)
	if err != nil {
		return nil, nil, usagef("-probe: %w", err)
	}
	discovery, err := scanner.ParseDiscovery(o.discovery)
	if err != nil {
		return nil, nil, usagef("-discovery: %w", err)
	}
	exclude, err := exclusions(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	roots, err := trustedRoots(o)
	if err != nil {
		return nil, nil, err
	}
	checks, err := activeChecks(o.checks)
	if err != nil {
		return nil, nil, err
	}
	s := &scanner.Scanner{
		Checks: checks, TLSVersions: o.tlsVersions,
		NoPTR: !o.ptr, Ports: ports, Probe: level, Concurrency: o.concurrency,
		Rate: unlimited(float64(o.rate)), HostLimit: o.hostLimit, ProviderLimit: o.providerLimit, Delay: o.delay, Retries: o.retries, Discovery: discovery, Seed: o.seed, All: o.all,
		ConnectTimeout: o.connectTimeout, GreetingTimeout: o.greetingTimeout,
		Timeout: o.timeout, TargetTimeout: o.targetTimeout,
		Exclude: exclude.Covers, AllowPrivate: o.allowPrivate, Roots: roots, LightTLS: o.lightTLS,
		Stop: a.stopping.Done(), Stats: new(scanner.Stats),
	}
	if o.providerLimit == 0 {
		s.ProviderLimit = -1
	}
	if o.retries <= 0 {
		s.Retries = -1
	}
	switch {
	case o.earlier != nil:
		s.Seed = o.earlier.Seed
	case s.Seed == 0:
		s.Seed = rand.Uint64()
	}
	if o.shard != "" {
		if s.Shard, err = scanner.ParseShard(o.shard); err != nil {
			return nil, nil, usagef("-shard: %w", err)
		}
		if o.seed == 0 && o.earlier == nil {
			return nil, nil, usagef("-shard needs -seed, the same number for all shards: else ranges would be divided in different ways")
		}
	}
	if o.sourceIP != "" {
		if s.SourceIP, err = ownSource(o.sourceIP); err != nil {
			return nil, nil, err
		}
	}
	if err := smtp.CheckName(o.ehloDomain); err != nil {
		return nil, nil, usagef("-ehlo-domain: %w", err)
	}
	if err := checkPositive(o); err != nil {
		return nil, nil, err
	}
	dns, err := newResolver(o)
	if err != nil {
		return nil, nil, err
	}
	s.Resolver, dns.Roots = dns, roots
	if o.fetchSTS {
		s.FetchSTS = dns.FetchSTS
	}
	return s, dns.Close, nil
}

// activeChecks reads the names of checks, each of which is made once.
func activeChecks(names list) (checks []smtp.Check, err error) {
	for _, name := range names {
		check, err := smtp.ParseCheck(name)
		if err != nil {
			return nil, usagef("-check: %w", err)
		}
		if !slices.Contains(checks, check) {
			checks = append(checks, check)
		}
	}
	return checks, nil
}

// ownSource reads the address to connect from, which must be one of this
// machine: else every connection would fail, one by one. Binding a UDP socket
// tells, and sends nothing.
func ownSource(text string) (netip.Addr, error) {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return addr, usagef("-source-ip: %q is no IP address", text)
	}
	conn, err := net.ListenUDP("udp", net.UDPAddrFromAddrPort(netip.AddrPortFrom(addr, 0)))
	if err != nil {
		return addr, fmt.Errorf("-source-ip: %s is no address to connect from on this machine: %w", addr, err)
	}
	return addr, conn.Close()
}

// unlimited maps the flags' 0 for "no limit" to the libraries' negative value.
func unlimited(rate float64) float64 {
	if rate == 0 {
		return -1
	}
	return rate
}

func checkPositive(o *options) error {
	for name, value := range map[string]int64{ // an int of 32 bits holds two seconds
		"concurrency": int64(o.concurrency), "host-limit": int64(o.hostLimit),
		"rate-limit": int64(o.rate) + 1, "dns-rate-limit": int64(o.dnsRate) + 1, "retries": int64(o.retries) + 1,
		"provider-limit": int64(o.providerLimit) + 1, "delay": int64(o.delay) + 1,
		"connect-timeout": int64(o.connectTimeout), "greeting-timeout": int64(o.greetingTimeout),
		"timeout": int64(o.timeout), "target-timeout": int64(o.targetTimeout), "stats-interval": int64(o.statsInterval),
		"dns-timeout": int64(o.dnsTimeout),
	} {
		if value <= 0 {
			return usagef("-%s is out of range: see \"mxsweep -h\"", name)
		}
	}
	return nil
}

func newResolver(o *options) (*resolver.DNS, error) {
	for _, server := range o.resolvers {
		if _, err := resolver.ParseServer(server); err != nil {
			return nil, usagef("-resolvers: %w", err)
		}
	}
	dns := &resolver.DNS{Servers: o.resolvers, Rate: unlimited(float64(o.dnsRate)), Timeout: o.dnsTimeout, MXOnly: o.mxOnly || o.dryRun}
	switch strings.ReplaceAll(o.ipVersion, " ", "") {
	case "4":
		dns.NoIPv6 = true
	case "6":
		dns.NoIPv4 = true
	case "4,6", "6,4":
	default:
		return nil, usagef("-ip-version: %q is neither 4, 6 nor 4,6", o.ipVersion)
	}
	return dns, nil
}

// exclusions reads what must never be contacted. A line of it that cannot be
// understood ends the run before it begins: going on could do harm.
func exclusions(ctx context.Context, o *options) (*resolver.Exclusions, error) {
	sources := []resolver.Source{resolver.Arguments(o.excludeHosts)}
	for _, path := range o.excludeFiles {
		sources = append(sources, resolver.File(path))
	}
	e, err := resolver.ReadExclusions(ctx, sources...)
	if err != nil {
		return nil, fmt.Errorf("exclusions: %w", err)
	}
	return e, nil
}

func trustedRoots(o *options) (*x509.CertPool, error) {
	if o.caFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(o.caFile)
	if err != nil {
		return nil, fmt.Errorf("-ca-file: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("-ca-file: %s holds no PEM certificate", o.caFile)
	}
	o.judging.digests.add("ca-file", pem)
	return pool, nil
}

// fitConcurrency raises the limit of open files, and lowers the concurrency to
// what it allows, saying so.
func (a *app) fitConcurrency(s *scanner.Scanner, asked bool) {
	fits, limit := scanner.FitFileLimit(s.Concurrency)
	if fits >= s.Concurrency {
		return
	}
	note := "warning"
	if !asked {
		note = "note"
	}
	a.logf("%s: the limit of %d open files allows %d connections at once, not %d: going on with %d (raise it with ulimit -n)",
		note, limit, fits, s.Concurrency, fits)
	s.Concurrency = fits
}

// dryRun prints the endpoints that a scan would contact, and says of which
// targets it would contact none.
func (a *app) dryRun(ctx context.Context, o *options, s *scanner.Scanner, inputs iter.Seq2[scanner.Input, error]) error {
	s.BadInput = func(e *scanner.InputError) error { return a.badInput(o, e) }
	if !o.silent {
		s.Warn = func(text string) { a.logf("not contacted: %s", output.Escape(text)) }
	}
	w := bufio.NewWriter(a.stdout)
	err := s.Plan(ctx, inputs, func(in scanner.Input, e scanner.Endpoint) error {
		_, err := fmt.Fprintf(w, "%s\t%s\t%s\n", netip.AddrPortFrom(e.Addr, e.Port.Number), e.Port.Mode, output.Escape(in.Text))
		return err
	})
	return errors.Join(err, w.Flush())
}
