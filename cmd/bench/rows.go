//go:build linux

package main

import (
	"bufio"
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
)

//go:embed yard/limit.c
var limitSource []byte

// A bench is one run of the table.
type bench struct {
	mxsweep string // paths
	limit   string // "" without a C compiler
	dir     string // for lists and outputs
	scale   int    // in percent
	server  *exec.Cmd
	stdin   *os.File // the server ends when this is closed
	stdout  *bufio.Reader
	figures []figure
}

// start builds the yardstick and starts the responder.
func (b *bench) start(ctx context.Context) error {
	source := filepath.Join(b.dir, "limit.c")
	if err := os.WriteFile(source, limitSource, 0o600); err != nil {
		return err
	}
	b.limit = filepath.Join(b.dir, "limit")
	if text, err := exec.CommandContext(ctx, "cc", "-O2", "-o", b.limit, source).CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "bench: no limit to compare with: %v %s\n", err, text)
		b.limit = ""
	}
	b.server = exec.CommandContext(ctx, "/proc/self/exe", "respond")
	b.server.Stderr = os.Stderr
	read, write, err := os.Pipe()
	if err != nil {
		return err
	}
	b.server.Stdin, b.stdin = read, write
	out, err := b.server.StdoutPipe()
	if err == nil {
		err = b.server.Start()
	}
	if err != nil {
		return err
	}
	read.Close()
	b.stdout = bufio.NewReader(out)
	if line, _ := b.stdout.ReadString('\n'); line != "ready\n" {
		return errors.New("the responder did not start")
	}
	return nil
}

// accepted returns how many connections the responder has had so far.
func (b *bench) accepted() (n int, err error) {
	if _, err = fmt.Fprintln(b.stdin); err == nil {
		_, err = fmt.Fscanln(b.stdout, &n)
	}
	return n, err
}

func (b *bench) stop() {
	b.stdin.Close()
	_ = b.server.Wait()
}

func (b *bench) scaled(n int) int { return max(1, n*b.scale/100) }

// A row is one line of the table: a kind of work, and the clients that do it.
type row struct {
	name    string
	title   string
	run     func(*bench, context.Context, *row) error
	targets int
	goals   []goal // of mxsweep
}

func rows() []row {
	return []row{
		// First, while the program is in the page cache: others write gigabytes.
		{"one", "one host, start to exit", (*bench).one, 1, []goal{wallMS(40)}},
		{"hosts", "answering hosts: greeting, EHLO, QUIT; 1,000 in flight", (*bench).hosts, 65536,
			[]goal{timesLimit(2), peakMB(40)}},
		{"designs", "the same dialogue by a Go program that does nothing else; 1,000 in flight", (*bench).designs, 65536, nil},
		{"range", "range, 1 % answering, 3 s connect timeout; 19,000 in flight", (*bench).sweep, 65536,
			[]goal{processorMicros(20), fullTurns(3000, 19000, 1.05), memoryEach(19000, 6)}},
		{"starttls", "STARTTLS and certificate (ECDSA P-256); 500 in flight", (*bench).startTLS, 8192,
			[]goal{timesLimit(1.25)}},
		{"dns", "domains to MX to A and AAAA; dry run", (*bench).dns, 200000,
			[]goal{timesLimit(35 / 18.5), processorMicros(35), perSecond(40000)}}, // 18.5 µs: the limit where the others were set
		{"shared", "domains on 200 MX hosts", (*bench).shared, 1000000, []goal{peakMB(300)}},
		{"dry", "endpoints of a /8 and three ports, refused at once by the dial function; one processor", (*bench).dry, 3 << 24,
			[]goal{processorMicros(2), peakMB(100)}},
	}
}

// all measures the wanted rows, nil being all of them. One that fails takes
// nothing away from the others.
func (b *bench) all(ctx context.Context, wanted []string) (failed error) {
	for _, r := range rows() {
		if wanted != nil && !slices.Contains(wanted, r.name) {
			continue
		}
		fmt.Fprintf(os.Stderr, "bench: %s\n", r.title)
		if r.targets > 1 {
			r.targets = b.scaled(r.targets)
		}
		if err := r.run(b, ctx, &r); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s: %w", r.name, err))
		}
	}
	return failed
}

// ours runs mxsweep as it is by default but without limit of the rate, and
// without PTR lookups where there is no DNS.
func (b *bench) ours(ctx context.Context, r *row, who string, args ...string) error {
	out := filepath.Join(b.dir, "out.ndjson")
	base := []string{"-no-stdin", "-silent", "-force", "-o", out, "-rl", "0", "-dns-rate-limit", "0", "-r", "127.0.0.1", "-allow-private"}
	return b.measure(ctx, r, who, b.mxsweep, append(base, args...)...)
}

// limited runs the C client, if there is one.
func (b *bench) limited(ctx context.Context, r *row, first string, port, inFlight, timeoutMS int) error {
	if b.limit == "" {
		return nil
	}
	return b.measure(ctx, r, "limit", b.limit, first, strconv.Itoa(r.targets), strconv.Itoa(port), strconv.Itoa(inFlight), strconv.Itoa(timeoutMS))
}

// peer runs another scanner if it is on PATH.
func (b *bench) peer(ctx context.Context, r *row, name string, args ...string) error {
	if _, err := exec.LookPath(name); err != nil {
		return nil
	}
	return b.measure(ctx, r, name, name, args...)
}

func (b *bench) hosts(ctx context.Context, r *row) error {
	list, err := b.addresses("127.1", r.targets)
	span := fmt.Sprintf("127.1.0.0-%s", address("127.1", r.targets-1))
	return errors.Join(err,
		b.limited(ctx, r, "127.1.0.0", plainPort, 1000, 10000),
		b.ours(ctx, r, "mxsweep", "-p", "25", "-c", "1000", "-ptr=false", span),
		b.limited(ctx, r, "127.1.0.0", plainPort, 1000, 10000),
		b.ours(ctx, r, "mxsweep, PTR", "-p", "25", "-c", "1000", span),
		b.peer(ctx, r, "zgrab2", "smtp", "-p", "25", "-f", list, "-o", os.DevNull, "-s", "1000", "--send-ehlo", "--ehlo-domain", "probe.example.net", "--send-quit"),
		b.peer(ctx, &row{name: r.name, title: r.title, targets: 1024}, "nmap", "-n", "-Pn", "-sV", "--version-light", "-p", "25", "-oX", os.DevNull, "127.1.0.0/22"))
}

func (b *bench) designs(ctx context.Context, r *row) error {
	err := b.limited(ctx, r, "127.1.0.0", plainPort, 1000, 10000)
	for _, name := range []string{"net", "goroutines", "loop"} {
		err = errors.Join(err, b.measure(ctx, r, name, "/proc/self/exe", "design", name, "127.1.0.0", strconv.Itoa(r.targets), "1000"))
	}
	return err
}

func (b *bench) sweep(ctx context.Context, r *row) error {
	list, err := b.addresses("198.18", r.targets)
	return errors.Join(err,
		b.limited(ctx, r, "198.18.0.0", plainPort, 19000, 3000),
		b.ours(ctx, r, "mxsweep", "-p", "25", "-c", "19000", "-ptr=false", "-connect-timeout", "3s", fmt.Sprintf("198.18.0.0-%s", address("198.18", r.targets-1))),
		b.peer(ctx, r, "zgrab2", "smtp", "-p", "25", "-f", list, "-o", os.DevNull, "-s", "19000", "-t", "3"))
}

func (b *bench) startTLS(ctx context.Context, r *row) error {
	span := fmt.Sprintf("127.2.0.0-%s", address("127.2", r.targets-1))
	list, err := b.addresses("127.2", r.targets)
	count := strconv.Itoa(r.targets)
	light := &row{name: r.name + "-light", title: r.title + "; X25519 alone", targets: r.targets}
	return errors.Join(err,
		b.measure(ctx, r, "limit", "/proc/self/exe", "bare", "127.2.0.0", count, "500", "hybrid"),
		b.ours(ctx, r, "mxsweep", "-p", "587", "-c", "500", "-ptr=false", span),
		b.peer(ctx, r, "zgrab2", "smtp", "-p", "587", "-f", list, "-o", os.DevNull, "-s", "500", "--send-ehlo", "--starttls"),
		b.measure(ctx, light, "limit", "/proc/self/exe", "bare", "127.2.0.0", count, "500", "x25519"),
		b.ours(ctx, light, "mxsweep", "-p", "587", "-c", "500", "-ptr=false", "-tls-light", span))
}

func (b *bench) dns(ctx context.Context, r *row) error {
	list, err := b.list("names", r.targets, func(i int) string { return fmt.Sprintf("d%d.bench", i) })
	return errors.Join(err,
		b.measure(ctx, r, "limit", "/proc/self/exe", "names", strconv.Itoa(r.targets), "100"),
		b.ours(ctx, r, "mxsweep", "-dry-run", "-p", "25", "-l", list),
		b.peer(ctx, r, "zdns", "MXLOOKUP", "--ipv4-lookup", "--ipv6-lookup", "--name-servers", "127.0.0.1", "-f", list, "-o", os.DevNull))
}

// sharedHosts is how many hosts the responder spreads shared domains over.
const sharedHosts = 200

// shared also fails if a host is contacted more than once.
func (b *bench) shared(ctx context.Context, r *row) error {
	list, err := b.list("names", r.targets, func(i int) string { return fmt.Sprintf("s%d.bench", i) })
	before, counted := b.accepted()
	if err := errors.Join(err, counted, b.ours(ctx, r, "mxsweep", "-p", "25", "-l", list)); err != nil {
		return err
	}
	after, err := b.accepted()
	if hosts := min(sharedHosts, r.targets); after-before != hosts && err == nil {
		err = fmt.Errorf("%d connections to %d hosts", after-before, hosts)
	}
	return err
}

func (b *bench) dry(ctx context.Context, r *row) error {
	addresses := max(1, r.targets/len(dryPorts))
	r.targets = addresses * len(dryPorts)
	tenth := max(1, addresses/10)
	all := &row{name: r.name + "-all-cores", title: "the same on all processors", targets: tenth * len(dryPorts)}
	return errors.Join(
		b.measure(ctx, r, "mxsweep", "/proc/self/exe", "dry", strconv.Itoa(addresses), "1"),
		b.measure(ctx, all, "mxsweep", "/proc/self/exe", "dry", strconv.Itoa(tenth), strconv.Itoa(runtime.NumCPU())))
}

func (b *bench) one(ctx context.Context, r *row) error {
	return errors.Join(
		b.ours(ctx, r, "mxsweep", "-p", "25", "-ptr=false", "127.1.0.1"),
		b.peer(ctx, r, "zgrab2", "smtp", "-p", "25", "-o", os.DevNull, "--send-ehlo"),
		b.peer(ctx, r, "nmap", "-n", "-Pn", "-sV", "--version-light", "-p", "25", "-oX", os.DevNull, "127.1.0.1"))
}

// address returns the i-th address below a prefix of two bytes.
func address(prefix string, i int) string { return fmt.Sprintf("%s.%d.%d", prefix, i>>8, i&255) }

func (b *bench) addresses(prefix string, n int) (path string, err error) {
	return b.list("addresses", n, func(i int) string { return address(prefix, i) })
}

func (b *bench) list(name string, n int, line func(int) string) (path string, err error) {
	var text strings.Builder
	for i := range n {
		text.WriteString(line(i))
		text.WriteByte('\n')
	}
	path = filepath.Join(b.dir, name)
	return path, os.WriteFile(path, []byte(text.String()), 0o600)
}
