package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/resolver/dnstest"
	"github.com/mxsweep/mxsweep/scanner"
)

// hostileZone is what its owner may publish to hurt who looks: thousands of
// records, aliases in a circle, addresses of the one who asks, names that are
// none.
func hostileZone() string {
	var zone strings.Builder
	zone.WriteString("$TTL 300\n$ORIGIN evil.example.\n")
	for i := range 1000 {
		fmt.Fprintf(&zone, "many MX %d m%d.many\nm%d.many A 10.1.%d.%d\n", i, i, i, i/250, i%250)
	}
	zone.WriteString("crowd MX 1 one.crowd\n")
	for i := range 2000 {
		fmt.Fprintf(&zone, "one.crowd A 10.2.%d.%d\n", i/250, i%250)
	}
	zone.WriteString(`
loop    CNAME loop2
loop2   CNAME loop
toloop  MX 1 loop
self    MX 1 self
local   MX 1 mx.local
mx.local A 127.0.0.1
mx.local A 0.0.0.0
mx.local A 169.254.169.254
mx.local AAAA ::1
mx.local AAAA ::ffff:127.0.0.1
barred  MX 1 mx.barred
mx.barred A 198.51.100.7
alias   MX 1 hidden.alias
hidden.alias CNAME mx.barred
escape  MX 1 \027[31mred\000.\"=cmd|x
spf     MX 1 mx.local
spf     TXT "v=spf1 \027[2J\000 =1+1 <script>alert(1)</script> \255"
`)
	return zone.String()
}

// Whatever the DNS says of a domain, that domain has its record, soon; nothing
// that must not be contacted is; and what the names hold hurts no reader.
func TestHostileNames(t *testing.T) {
	dns, err := dnstest.NewServer(hostileZone())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = dns.Close() })
	want := map[string]struct {
		status   scanner.Status // of each row
		rows     int
		complain string // in the error of the domain
	}{
		"many":   {scanner.StatusPrivate, 100, "1000 MX records, the first 100"},
		"crowd":  {scanner.StatusPrivate, 64, ""},
		"loop":   {scanner.StatusServFail, 1, ""}, // as a resolver says it
		"toloop": {scanner.StatusServFail, 1, ""},
		"self":   {scanner.StatusNoAddress, 1, ""},
		"local":  {scanner.StatusPrivate, 4, ""},
		"barred": {scanner.StatusExcluded, 1, ""},
		"alias":  {scanner.StatusExcluded, 1, ""},
		"escape": {scanner.StatusBadName, 1, ""},
		"spf":    {scanner.StatusPrivate, 4, ""},
	}
	var targets []string
	for name := range want {
		targets = append(targets, name+".evil.example")
	}
	services, domains := scanNames(t, dns.Addr(), "10s", targets)
	for name, w := range want {
		d, rows := domains[name+".evil.example"], services[name+".evil.example"]
		if d == nil || d.Services != len(rows) || len(rows) != w.rows || !strings.Contains(d.Error, w.complain) {
			t.Errorf("%s: %d rows, want %d; domain %+v", name, len(rows), w.rows, d)
		}
		for _, v := range rows {
			if v.Status != w.status {
				t.Errorf("%s: status %s (%s), want %s", name, v.Status, v.Error, w.status)
			}
		}
	}
}

// A name server that lies about lengths and counts, points in circles, or stops
// in the middle of an answer, is taken for one that gives none.
func TestLyingNameServer(t *testing.T) {
	var targets []string
	for name := range lies {
		targets = append(targets, name+".evil.example")
	}
	services, domains := scanNames(t, startLiar(t), "500ms", targets)
	for _, name := range targets {
		d := domains[name]
		want := []scanner.Status{scanner.StatusServFail, scanner.StatusDNSTimeout}
		if strings.HasPrefix(name, "count.") { // what is there can be read: an MX without an address
			want = []scanner.Status{scanner.StatusNoAddress}
		}
		if d == nil || !slices.Contains(want, d.Status) || len(services[name]) != 1 {
			t.Errorf("%s: %d rows, domain %+v", name, len(services[name]), d)
		}
	}
}

// scanNames scans domains, none of which has an address that may be contacted,
// and returns their records.
func scanNames(t *testing.T, dns, timeout string, targets []string) (map[string][]*scanner.Service, map[string]*scanner.Domain) {
	t.Helper()
	dir := t.TempDir()
	path := func(suffix string) string { return filepath.Join(dir, "out"+suffix) }
	var errs bytes.Buffer
	began := time.Now()
	code := testApp(strings.NewReader(""), io.Discard, &errs).run(t.Context(), append([]string{
		"-r", dns, "-p", "2525", "-ehlo-domain", "auditor.example", "-ptr=false", "-dns-timeout", timeout, "-dns-rate-limit", "0", "-retries", "0", "-eh", "198.51.100.7",
		"-o", path(".ndjson"), "-o", path(".csv"), "-o", path(".txt"),
	}, targets...))
	if took := time.Since(began); code != exitDone || took > 20*time.Second {
		t.Fatalf("exit code %d after %v: %s", code, took, errs.String())
	}
	services, domains := map[string][]*scanner.Service{}, map[string]*scanner.Domain{}
	for r, err := range output.NewReader(open(t, path(".ndjson"))).Results() {
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Service != nil:
			services[r.Service.Domain] = append(services[r.Service.Domain], r.Service)
		case r.Domain != nil:
			domains[r.Domain.Domain] = r.Domain
		case r.Summary != nil && r.Summary.Contacted != 0:
			t.Errorf("%d endpoints were contacted", r.Summary.Contacted)
		}
	}
	for _, file := range []string{".csv", ".txt"} {
		text, err := io.ReadAll(open(t, path(file)))
		if err != nil {
			t.Fatal(err)
		}
		if i := bytes.IndexFunc(text, func(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\r' }); i >= 0 {
			t.Errorf("%s holds %q", file, text[i:min(i+20, len(text))])
		}
	}
	return services, domains
}

// lies are the answer sections of a liar, by the first label of the question,
// and how many records it claims. They stand behind a question of 12 bytes and
// the name, to which \xc0\x0c points.
var lies = map[string]struct {
	records uint16
	answer  string
}{
	"pointer":   {1, "\xc0\xff\x00\x0f\x00\x01\x00\x00\x00\x3c\x00\x04\x00\x0a\xc0\x0c"}, // beyond the end
	"circle":    {1, "SELF\x00\x0f\x00\x01\x00\x00\x00\x3c\x00\x04\x00\x0a\xc0\x0c"},     // a name that is itself
	"length":    {1, "\xc0\x0c\x00\x0f\x00\x01\x00\x00\x00\x3c\xff\xff\x00\x0a\xc0\x0c"}, // of the data
	"shorter":   {1, "\xc0\x0c\x00\x0f\x00\x01\x00\x00\x00\x3c\x00\x01\x00\x0a\xc0\x0c"},
	"label":     {1, "\xc0\x0c\x00\x0f\x00\x01\x00\x00\x00\x3c\x00\x06\x00\x0a\x3fabc"}, // of 63 bytes, three of which come
	"count":     {65535, "\xc0\x0c\x00\x0f\x00\x01\x00\x00\x00\x3c\x00\x04\x00\x0a\xc0\x0c"},
	"truncated": {0, ""}, // and over TCP a length that never comes
	"nothing":   {0, ""}, // not even a header
}

// startLiar starts the server of the lies.
func startLiar(t *testing.T) (addr string) {
	t.Helper()
	tcp, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	udp, err := net.ListenPacket("udp", tcp.Addr().String())
	if err != nil {
		t.Skip(err) // the port was taken in between
	}
	t.Cleanup(func() { tcp.Close(); udp.Close() })
	go func() {
		packet := make([]byte, 4096)
		for {
			n, from, err := udp.ReadFrom(packet)
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				_, _ = udp.WriteTo(lie(packet[:n]), from)
			}
		}
	}()
	go func() {
		for {
			conn, err := tcp.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "\xff\xff\x00\x01")
			t.Cleanup(func() { conn.Close() })
		}
	}()
	return tcp.Addr().String()
}

// lie answers one question.
func lie(query []byte) []byte {
	const header = 12
	end := header + bytes.IndexByte(query[header:], 0) + 5
	label := string(query[header+1 : header+1+int(query[header])])
	told := lies[label]
	switch label {
	case "nothing":
		return query[:2]
	case "circle":
		told.answer = strings.Replace(told.answer, "SELF", string([]byte{0xc0, byte(end)}), 1)
	}
	reply := bytes.Clone(query[:end])
	reply[2], reply[3] = 0x81, 0x80
	if label == "truncated" {
		reply[2] |= 0x02
	}
	binary.BigEndian.PutUint16(reply[6:], told.records)
	clear(reply[8:header])
	return append(reply, told.answer...)
}
