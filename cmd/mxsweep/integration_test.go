package main

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/fingerprint"
)

// The integration test scans the real servers that .ci/lab/up starts: mail
// servers and name servers from Debian's packages, in a network namespace that
// nothing can leave. What they are told is in .ci/lab/servers and .ci/lab/zones.

const (
	labRange     = "127.10.25.0/24"
	labRecursive = "127.10.53.2" // Unbound
	labAuthority = "127.10.53.1" // NSD
)

// A labServer is what one endpoint of the laboratory is known to be.
type labServer struct {
	status  string // "success" if empty
	slug    string
	version string
	update  string
	os      string
	tls     string // "starttls", "implicit", "none", "fails" or, when none is known, ""
}

// labServers are the endpoints where something listens. Versions come from the
// installed packages.
func labServers(versions map[string]string) map[string]labServer {
	debian := func(name string) (version, update string) {
		version, update, _ = strings.Cut(versions[name], "-")
		return version, update
	}
	exim, _ := debian("exim4-daemon-light")
	sendmail, sendmailUpdate := debian("sendmail-bin")
	aiosmtpd, _ := debian("python3-aiosmtpd")
	servers := map[string]labServer{
		"127.10.25.10:25":  {slug: "postfix", os: "Debian", tls: "starttls"},
		"127.10.25.10:465": {slug: "postfix", os: "Debian", tls: "implicit"},
		"127.10.25.10:587": {slug: "postfix", os: "Debian", tls: "starttls"},
		"127.10.25.11:25":  {slug: "postfix", tls: "starttls"}, // hides its name
		"127.10.25.12:25":  {slug: "postfix", os: "Debian", tls: "starttls"},
		"127.10.25.13:25":  {slug: "postfix", status: "rejected"},
		"127.10.25.20:25":  {slug: "exim", version: exim, tls: "starttls"},
		"127.10.25.20:465": {slug: "exim", version: exim, tls: "implicit"},
		"127.10.25.20:587": {slug: "exim", version: exim, tls: "starttls"},
		"127.10.25.21:25":  {slug: "exim", tls: "none"}, // hides its name
		"127.10.25.30:25":  {slug: "opensmtpd", tls: "starttls"},
		"127.10.25.30:465": {slug: "opensmtpd", tls: "implicit"},
		"127.10.25.40:25":  {slug: "sendmail", version: sendmail, update: sendmailUpdate, os: "Debian", tls: "starttls"},
		"127.10.25.41:25":  {slug: "sendmail", version: sendmail, tls: "starttls"}, // hides its name; HELP does not
		"127.10.25.50:25":  {slug: "courier", tls: "starttls"},
		"127.10.25.60:25":  {slug: "chasquid", tls: "starttls"},
		"127.10.25.60:465": {slug: "chasquid", tls: "implicit"},
		"127.10.25.60:587": {slug: "chasquid", tls: "starttls"},
		"127.10.25.70:465": {slug: "dovecot", os: "Debian", tls: "implicit"},
		"127.10.25.70:587": {slug: "dovecot", os: "Debian", tls: "starttls"},
		"127.10.25.80:25":  {slug: "aiosmtpd", version: aiosmtpd, tls: "none"},
	}
	if strings.HasPrefix(versions["opensmtpd"], "6.8.0p2-4") { // Debian 12: every handshake fails
		servers["127.10.25.30:25"] = labServer{slug: "opensmtpd", status: "tls-failed", tls: "fails"}
		servers["127.10.25.30:465"] = labServer{status: "tls-failed", tls: "fails"}
	}
	return servers
}

// A labDomain is what the zone says of a domain. A host is written
// "name", "name@address" or, without address, "name=status".
type labDomain struct {
	status   string // "success" if empty
	hosts    []string
	null     bool
	implicit bool
}

func labDomains() map[string]labDomain {
	postfix, exim := "mx.postfix.test@127.10.25.10", "mx.exim.test@127.10.25.20"
	return map[string]labDomain{
		"postfix.test":       {hosts: []string{postfix}},
		"exim.test":          {hosts: []string{exim}},
		"opensmtpd.test":     {hosts: []string{"mx.opensmtpd.test@127.10.25.30"}},
		"sendmail.test":      {hosts: []string{"mx.sendmail.test@127.10.25.40"}},
		"postscreen.test":    {hosts: []string{"mx.postscreen.test@127.10.25.12"}},
		"masked.test":        {hosts: []string{"mx1.masked.test@127.10.25.11", "mx2.masked.test@127.10.25.21", "mx3.masked.test@127.10.25.41"}},
		"twoaddresses.test":  {hosts: []string{"mx.twoaddresses.test@127.10.25.10", "mx.twoaddresses.test@127.10.25.20"}},
		"implicit.test":      {hosts: []string{"implicit.test@127.10.25.20"}, implicit: true},
		"nullmx.test":        {status: "null-mx", hosts: []string{"nullmx.test=null-mx"}, null: true},
		"nullandother.test":  {hosts: []string{exim}, null: true},
		"alias.test":         {hosts: []string{"cname.alias.test@127.10.25.10"}},
		"aliased.test":       {hosts: []string{postfix}},
		"dangling.test":      {status: "nxdomain", hosts: []string{"gone.dangling.test=nxdomain"}},
		"halfdangling.test":  {hosts: []string{"gone.halfdangling.test=nxdomain", postfix}},
		"literal.test":       {status: "bad-name", hosts: []string{"192.0.2.1=bad-name"}},
		"txtonly.test":       {status: "no-address", hosts: []string{"txtonly.test=no-address"}, implicit: true},
		"broken.test":        {status: "servfail", hosts: []string{"broken.test=servfail"}},
		"loop.test":          {status: "servfail", hosts: []string{"loop.test=servfail"}}, // so says Unbound
		"nosuch.test":        {status: "nxdomain", hosts: []string{"nosuch.test=nxdomain"}},
		"excluded.test":      {hosts: []string{"mx.excluded.test@127.10.25.200"}},
		"xn--bcher-kva.test": {hosts: []string{postfix}},
	}
}

// labStdin is the part of the targets that comes as a list.
const labStdin = `# what the zone has in store

nullmx.test
nullandother.test
alias.test
aliased.test
dangling.test
halfdangling.test
literal.test
txtonly.test
broken.test
loop.test
nosuch.test
excluded.test
bücher.test
this is no target!
postmaster@implicit.test
`

type lab struct {
	dir, bin string
	versions map[string]string // of packages
}

// newLab finds the laboratory and builds the program.
func newLab(t *testing.T) *lab {
	t.Helper()
	dir := os.Getenv("MXSWEEP_LAB")
	if dir == "" {
		t.Skip("MXSWEEP_LAB is not set: it names what .ci/lab/up started, which needs root")
	}
	l := &lab{dir: dir, bin: os.Getenv("MXSWEEP_BIN"), versions: map[string]string{}}
	installed, err := os.ReadFile(filepath.Join(dir, "versions"))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(installed)) {
		name, version, _ := strings.Cut(strings.TrimSpace(line), " ")
		l.versions[name] = version
	}
	if l.bin == "" {
		l.bin = filepath.Join(t.TempDir(), "mxsweep")
		if out, err := exec.Command("go", "build", "-o", l.bin, ".").CombinedOutput(); err != nil {
			t.Fatalf("go build: %v\n%s", err, out)
		}
	}
	return l
}

// scan runs the program in the namespace and returns its records.
func (l *lab) scan(t *testing.T, stdin string, args ...string) []scanner.Result {
	t.Helper()
	cmd := exec.Command("ip", append([]string{"netns", "exec", "mxsweep-lab", l.bin, "-j", "-silent", "-ehlo-domain", "probe.test"}, args...)...)
	var stdout, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &stdout, &stderr
	if err := cmd.Run(); err != nil {
		t.Fatalf("mxsweep %s: %v\n%s", args, err, stderr.String())
	}
	var records []scanner.Result
	for r, err := range output.NewReader(&stdout).Results() {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	if n := len(records); n < 2 || records[0].Run == nil || records[n-1].Summary == nil {
		t.Fatalf("%d records; want the run first and the summary last", n)
	}
	return records
}

// connections counts the connections that the services of Postfix logged. The
// last number in a service's name is its port.
func (l *lab) connections(t *testing.T) map[string]int {
	t.Helper()
	log, err := os.ReadFile(filepath.Join(l.dir, "log", "postfix.log"))
	if err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for _, m := range regexp.MustCompile(`postfix/(\d+)-(\d+)/(?:smtpd\[\d+\]: connect|postscreen\[\d+\]: CONNECT) from`).FindAllStringSubmatch(string(log), -1) {
		counts["127.10.25."+m[1]+":"+m[2]]++
	}
	return counts
}

func TestIntegration(t *testing.T) {
	l := newLab(t)
	before := l.connections(t)
	table := filepath.Join(t.TempDir(), "out.csv")
	records := l.scan(t, labStdin, "-r", labRecursive, "-allow-private", "-eh", "127.10.25.200",
		"-ca-file", filepath.Join(l.dir, "ca.pem"), "-o", table,
		"postfix.test", "exim.test", "opensmtpd.test", "sendmail.test", "masked.test", "postscreen.test", "twoaddresses.test", labRange)
	services, domains := map[string]*scanner.Service{}, map[string]*scanner.Domain{}
	for _, r := range records {
		if s := r.Service; s != nil {
			key := fmt.Sprintf("%s %s %s:%d", s.Input, s.Host, s.IP, s.Port)
			if services[key] != nil {
				t.Errorf("%s: two records", key)
			}
			services[key] = s
		}
		if d := r.Domain; d != nil {
			domains[d.Domain] = d
		}
	}
	summary := records[len(records)-1].Summary
	t.Run("domains", func(t *testing.T) { checkDomains(t, domains) })
	t.Run("rows", func(t *testing.T) { checkRows(t, l, services) })
	t.Run("servers", func(t *testing.T) { checkServers(t, l, services) })
	t.Run("once", func(t *testing.T) { checkOnce(t, l, services, summary, before) })
	t.Run("csv", func(t *testing.T) { checkCSV(t, table, len(services)) })
	if summary.BadInputs != 1 {
		t.Errorf("%d bad inputs, want 1", summary.BadInputs)
	}
}

func checkDomains(t *testing.T, got map[string]*scanner.Domain) {
	want := labDomains()
	for _, name := range slices.Sorted(maps.Keys(want)) {
		w, d := want[name], got[name]
		if d == nil {
			t.Errorf("%s: no record", name)
			continue
		}
		var hosts []string
		for _, mx := range d.MX {
			for _, a := range mx.Addresses {
				hosts = append(hosts, fmt.Sprintf("%s@%s", mx.Name, a))
			}
			if len(mx.Addresses) == 0 {
				hosts = append(hosts, fmt.Sprintf("%s=%s", mx.Name, mx.Status))
			}
		}
		if len(d.MX) == 0 { // the domain itself stands for what was not found
			hosts = []string{fmt.Sprintf("%s=%s", name, d.Status)}
		}
		if !slices.Equal(hosts, w.hosts) {
			t.Errorf("%s: mail hosts %v, want %v", name, hosts, w.hosts)
		}
		if s := or(w.status, "success"); string(d.Status) != s {
			t.Errorf("%s: %s, want %s", name, d.Status, s)
		}
		if isTrue(d.NullMX) != w.null || isTrue(d.ImplicitMX) != w.implicit {
			t.Errorf("%s: null %t, implicit %t", name, isTrue(d.NullMX), isTrue(d.ImplicitMX))
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d domain records, want %d", len(got), len(want))
	}
}

// checkRows compares the statuses of all rows with what the zone, the exclusion
// and the servers make of each input: none missing, none too many.
func checkRows(t *testing.T, l *lab, services map[string]*scanner.Service) {
	servers, want := labServers(l.versions), map[string]string{}
	inputs := map[string]string{"implicit.test": "postmaster@implicit.test", "xn--bcher-kva.test": "bücher.test"}
	for domain, d := range labDomains() {
		input := or(inputs[domain], domain)
		for _, h := range d.hosts {
			if host, status, ok := strings.Cut(h, "="); ok {
				want[fmt.Sprintf("%s %s invalid IP:0", input, host)] = status
				continue
			}
			host, addr, _ := strings.Cut(h, "@")
			for _, port := range []string{"25", "465", "587"} {
				key := fmt.Sprintf("%s %s %s:%s", input, host, addr, port)
				switch server, ok := servers[addr+":"+port]; {
				case addr == "127.10.25.200":
					want[key] = "excluded"
				case ok:
					want[key] = or(server.status, "success")
				default:
					want[key] = "connection-refused"
				}
			}
		}
	}
	for endpoint, server := range servers { // of the range, only what answers is written
		want[fmt.Sprintf("%s  %s", labRange, endpoint)] = or(server.status, "success")
	}
	got := map[string]string{}
	for key, s := range services {
		got[key] = string(s.Status)
	}
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if got[key] != want[key] {
			t.Errorf("%s: %q, want %q", key, got[key], want[key])
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if want[key] == "" {
			t.Errorf("%s: %s, want no such row", key, got[key])
		}
	}
}

// checkServers compares what was learned of each server with what it is.
func checkServers(t *testing.T, l *lab, services map[string]*scanner.Service) {
	servers := labServers(l.versions)
	certified := []string{"mx.postfix.test", "mx.exim.test", "mx1.masked.test"}
	for _, key := range slices.Sorted(maps.Keys(services)) {
		s := services[key]
		w, ok := servers[fmt.Sprintf("%s:%d", s.IP, s.Port)]
		if !ok {
			continue
		}
		got := fingerprint.Software{Slug: s.Software.Slug, Version: s.Software.Version, Update: s.Software.Update, OS: s.Software.OS}
		want := fingerprint.Software{Slug: w.slug, Version: w.version, Update: w.update, OS: w.os}
		if got.Slug != want.Slug || got.Version != want.Version || got.Update != want.Update || got.OS != want.OS {
			t.Errorf("%s: software %+v, want %+v", key, got, want)
		}
		if tls := tlsOf(s); tls != w.tls {
			t.Errorf("%s: TLS %q, want %q", key, tls, w.tls)
		}
		if w.tls != "starttls" && w.tls != "implicit" {
			continue
		}
		if s.TLS.Version != "TLS 1.3" || !isTrue(s.TLS.ChainValid) {
			t.Errorf("%s: %s, chain valid %t (%s)", key, s.TLS.Version, isTrue(s.TLS.ChainValid), s.TLS.ChainError)
		}
		if s.Host == "" && s.TLS.NameValid != nil || isTrue(s.TLS.NameValid) != slices.Contains(certified, s.Host) {
			t.Errorf("%s: the certificate's name was judged wrongly", key)
		}
	}
}

func tlsOf(s *scanner.Service) string {
	switch {
	case s.TLS != nil && s.TLS.Error != "":
		return "fails"
	case s.TLS != nil && isTrue(s.ImplicitTLS):
		return "implicit"
	case s.TLS != nil:
		return "starttls"
	case s.Capabilities != nil && !s.Capabilities.STARTTLS:
		return "none"
	}
	return ""
}

// checkOnce asks the records, the summary and the servers' own log whether each
// endpoint (address, port and name asked for) was contacted once.
func checkOnce(t *testing.T, l *lab, services map[string]*scanner.Service, summary *scanner.Summary, before map[string]int) {
	fresh, logged := map[string]int{}, map[string]int{}
	for _, s := range services {
		if s.Reused || s.Port == 0 || s.Status == scanner.StatusExcluded {
			continue
		}
		fresh[fmt.Sprintf("%s %s:%d", s.Host, s.IP, s.Port)]++
		logged[fmt.Sprintf("%s:%d", s.IP, s.Port)]++
	}
	for endpoint, n := range fresh {
		if n != 1 {
			t.Errorf("%s was contacted for %d records", endpoint, n)
		}
	}
	if summary.Connections != summary.Contacted || summary.Interrupted {
		t.Errorf("%d connections to %d endpoints", summary.Connections, summary.Contacted)
	}
	after := l.connections(t)
	if len(after) == 0 {
		t.Error("Postfix logged no connection at all")
	}
	for endpoint := range after {
		if n := after[endpoint] - before[endpoint]; n != logged[endpoint] {
			t.Errorf("%s counted %d connections; the records tell of %d", endpoint, n, logged[endpoint])
		}
	}
}

func checkCSV(t *testing.T, file string, services int) {
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll() // refuses rows of differing length
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != services+1 {
		t.Errorf("%d rows, want a header and %d services", len(rows), services)
	}
}

// Without -allow-private the DNS leads nowhere here: every address is in
// 127.0.0.0/8. They are reported, and Postfix notices nothing.
func TestIntegrationPrivate(t *testing.T) {
	l := newLab(t)
	before := l.connections(t)
	records := l.scan(t, "", "-r", labRecursive, "postfix.test", "twoaddresses.test")
	for _, r := range records {
		if r.Service != nil && r.Service.Status != scanner.StatusPrivate {
			t.Errorf("%s: %s", r.Service.IP, r.Service.Status)
		}
	}
	if s := records[len(records)-1].Summary; s.Contacted != 0 || s.Services != 9 {
		t.Errorf("%d contacted, %d services; want none and 9", s.Contacted, s.Services)
	}
	if after := l.connections(t); !maps.Equal(before, after) {
		t.Errorf("connections before %v, after %v", before, after)
	}
}

// An authoritative server answers too, and shows a loop that a recursive one
// hides behind SERVFAIL.
func TestIntegrationAuthority(t *testing.T) {
	l := newLab(t)
	got := map[string]string{}
	for _, r := range l.scan(t, "", "-r", labAuthority, "loop.test", "nosuch.test", "nullmx.test", "txtonly.test") {
		if r.Domain != nil {
			got[r.Domain.Domain] = string(r.Domain.Status)
		}
	}
	want := map[string]string{"loop.test": "dns-loop", "nosuch.test": "nxdomain", "nullmx.test": "null-mx", "txtonly.test": "no-address"}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func isTrue(b *bool) bool { return b != nil && *b }

func or(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}
