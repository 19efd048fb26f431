package resolver

import (
	"testing"

	"github.com/miekg/dns"

	"github.com/mxsweep/mxsweep/scanner"
)

// BenchmarkPack measures making the packet of a question.
func BenchmarkPack(b *testing.B) {
	q := newDNSQuestion("mail7.example.com", dns.TypeMX)
	b.ReportAllocs()
	for b.Loop() {
		call := dnsCall{q: q}
		if err := call.pack(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkReadAnswer measures the way from a packet to what is kept of it: of a
// usual answer, of one without records, and of one with many.
func BenchmarkReadAnswer(b *testing.B) {
	const soa = "example.com. 300 IN SOA ns.example.com. hostmaster.example.com. 1 2 3 4 5"
	five := []string{"@ 300 IN MX 10 a.example.net.", "@ 300 IN MX 10 b.example.net.", "@ 300 IN MX 20 c.example.net.", "@ 300 IN MX 20 d.example.net.", "@ 300 IN MX 30 e.example.net."}
	for _, c := range []struct {
		name    string
		qtype   uint16
		records []string
		status  scanner.Status
	}{
		{"MX", dns.TypeMX, five[:1], scanner.StatusSuccess},
		{"MX-5", dns.TypeMX, five, scanner.StatusSuccess},
		{"A", dns.TypeA, []string{"@ 300 IN A 192.0.2.1"}, scanner.StatusSuccess},
		{"A-alias", dns.TypeA, []string{"@ 300 IN CNAME host.example.net.", "host.example.net. 300 IN A 192.0.2.1"}, scanner.StatusSuccess},
		{"AAAA-none", dns.TypeAAAA, []string{soa}, scanner.StatusNoAddress},
	} {
		b.Run(c.name, func(b *testing.B) {
			call := dnsCall{q: newDNSQuestion("mail7.example.com", c.qtype)}
			if err := call.pack(); err != nil {
				b.Fatal(err)
			}
			m := benchmarkReply(b, call.packet, c.records...)
			batch := &dnsBatch{}
			b.ReportAllocs()
			for b.Loop() {
				if a := batch.read(b.Context(), &call, &dnsServer{}, m); a.status != c.status {
					b.Fatal(a.status, a.err)
				}
			}
		})
	}
}

func benchmarkReply(b *testing.B, query []byte, records ...string) []byte {
	var q dns.Msg
	if err := q.Unpack(query); err != nil {
		b.Fatal(err)
	}
	m := answerTo(&q, records...)
	m.Compress = true
	packet, err := m.Pack()
	if err != nil {
		b.Fatal(err)
	}
	return packet
}
