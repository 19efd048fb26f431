package advisory

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// seenAt is a good server at another place, with a certificate and key.
func seenAt(host, endpoint, cert, key string, edits ...func(*Facts)) *Facts {
	f := good()
	at := netip.MustParseAddrPort(endpoint)
	f.Host, f.Addr, f.Port = host, at.Addr(), at.Port()
	f.TLS.Certificate.SHA256, f.TLS.Certificate.SPKISHA256 = cert, key
	for _, edit := range edits {
		edit(f)
	}
	return f
}

// A fleetCase is a set of services that has a finding, and one that comes close.
type fleetCase struct {
	id       string
	severity Severity
	evidence string
	has      []*Facts
	hasNot   []*Facts
}

func fleetCases() []fleetCase {
	exim := func(version string) func(*Facts) {
		return func(f *Facts) { f.Software = Software{Product: "Exim", Slug: "exim", Version: version} }
	}
	return []fleetCase{
		{"key-shared", Low, "key 0123456789abcdef... is used at 3 addresses",
			[]*Facts{
				seenAt("a.example", "192.0.2.1:25", "c1", "0123456789abcdef0"),
				seenAt("b.example", "192.0.2.2:25", "c2", "0123456789abcdef0"),
				seenAt("c.example", "192.0.2.3:25", "c3", "0123456789abcdef0"),
			},
			[]*Facts{ // one host with IPv4 and IPv6, three ports, two names
				seenAt("a.example", "192.0.2.1:25", "c1", "k"), seenAt("a.example", "192.0.2.1:465", "c1", "k"),
				seenAt("b.example", "192.0.2.1:587", "c1", "k"), seenAt("a.example", "[2001:db8::1]:25", "c1", "k"),
			}},
		{"certificate-differs", Info, `"a.example": c1 at 192.0.2.1:25, c2 at 192.0.2.1:465`,
			[]*Facts{seenAt("A.example.", "192.0.2.1:25", "c1", "k1"), seenAt("a.example", "192.0.2.1:465", "c2", "k1")},
			[]*Facts{seenAt("a.example", "192.0.2.1:25", "c1", "k1"), seenAt("b.example", "192.0.2.1:465", "c2", "k1"), seenAt("a.example", "192.0.2.2:25", "c1", "k1")}},
		{"software-differs", Info, `"a.example": Postfix 3.11.7 at 192.0.2.1:25, Exim 4.99 at 192.0.2.2:25`,
			[]*Facts{seenAt("a.example", "192.0.2.1:25", "", ""), seenAt("a.example", "192.0.2.2:25", "", "", exim("4.99"))},
			[]*Facts{seenAt("a.example", "192.0.2.1:25", "", "", exim("4.99")), seenAt("a.example", "192.0.2.2:25", "", "", exim(""))}},
		{"software-differs", Info, `192.0.2.1: Exim 4.98 at 192.0.2.1:25, Exim 4.99 at 192.0.2.1:587`,
			[]*Facts{seenAt("", "192.0.2.1:25", "", "", exim("4.98")), seenAt("", "192.0.2.1:587", "", "", exim("4.99"))},
			[]*Facts{seenAt("", "192.0.2.1:25", "", "", exim("4.98")), seenAt("", "192.0.2.2:25", "", "", exim("4.99")),
				seenAt("", "192.0.2.1:587", "", "", func(f *Facts) { f.Software = Software{} })}},
	}
}

func compare(services []*Facts) *Fleet {
	f := &Fleet{}
	for _, v := range services {
		f.Add(v)
	}
	return f
}

func testFleetFindings(t *testing.T, covered map[string]bool) {
	s := loadEmbedded(t)
	for _, tt := range fleetCases() {
		t.Run(tt.id, func(t *testing.T) {
			covered[tt.id] = true
			checkFinding(t, tt.id, tt.severity, tt.evidence, s.Fleet(compare(tt.has)), s.Fleet(compare(tt.hasNot)))
		})
	}
	t.Run("fleet-incomplete", func(t *testing.T) {
		covered["fleet-incomplete"] = true
		var full, fits Fleet
		for i := range maxFleetSubjects + 2 {
			f := seenAt(fmt.Sprintf("h%d.example", i), "192.0.2.1:25", fmt.Sprint(i), fmt.Sprint(i))
			full.Add(f)
			if i < maxFleetSubjects {
				fits.Add(f)
			}
		}
		checkFinding(t, "fleet-incomplete", Info, "not compared: 2, findings not listed: 0", s.Fleet(&full), s.Fleet(&fits))
	})
}

// A run may have more findings than its summary can hold.
func TestFleetListIsBounded(t *testing.T) {
	s := loadEmbedded(t)
	var f Fleet
	for i := range maxFleetFindings + 7 {
		host := fmt.Sprintf("h%04d.example", i)
		f.Add(seenAt(host, "192.0.2.1:25", "c1", ""))
		f.Add(seenAt(host, "192.0.2.1:465", "c2", ""))
	}
	found := s.Fleet(&f)
	i := slices.IndexFunc(found, func(f Finding) bool { return f.ID == "fleet-incomplete" })
	if len(found) != maxFleetFindings+1 || i < 0 || !strings.Contains(found[i].Evidence, "not listed: 7") {
		t.Errorf("%d findings, the note is number %d: %+v", len(found), i, found[max(i, 0)])
	}
}

// Addresses at which the same was seen first are one in memory, until another
// thing is seen at one of them: that is then said of this one only.
func TestFleetAddressesAlike(t *testing.T) {
	s := loadEmbedded(t)
	exim := func(version string) func(*Facts) {
		return func(f *Facts) { f.Software = Software{Product: "Exim", Slug: "exim", Version: version} }
	}
	f := compare([]*Facts{
		seenAt("", "192.0.2.1:25", "", "", exim("4.98")), seenAt("", "192.0.2.2:25", "", "", exim("4.98")),
		seenAt("", "[2001:db8::1]:25", "", "", exim("4.98")), seenAt("", "192.0.2.3:587", "", "", exim("4.98")),
		seenAt("", "192.0.2.2:587", "", "", exim("4.99")), seenAt("", "[2001:db8::1]:465", "", "", exim("4.97")),
		seenAt("", "192.0.2.2:465", "", "", exim("4.96")), seenAt("", "192.0.2.3:25", "", "", exim("4.98")),
	})
	var evidence []string
	for _, found := range s.Fleet(f) {
		evidence = append(evidence, found.ID+": "+found.Evidence)
	}
	want := []string{
		"software-differs: 192.0.2.2: Exim 4.98 at 192.0.2.2:25, Exim 4.99 at 192.0.2.2:587",
		"software-differs: 2001:db8::1: Exim 4.98 at [2001:db8::1]:25, Exim 4.97 at [2001:db8::1]:465",
	}
	if !slices.Equal(evidence, want) || len(f.alike) != 2 {
		t.Errorf("%d kinds of addresses, findings %q, want %q", len(f.alike), evidence, want)
	}
}

// Unknown is never no, here neither.
func TestFleetNothing(t *testing.T) {
	s := loadEmbedded(t)
	if found := s.Fleet(&Fleet{}); found == nil || len(found) != 0 {
		t.Errorf("no services: %+v", found)
	}
	if found := s.Fleet(compare([]*Facts{{}, {Host: "a.example"}})); len(found) != 0 {
		t.Errorf("services of which nothing is known: %+v", found)
	}
	nowhere := []*Facts{{Software: Software{Product: "Exim"}}, {Software: Software{Product: "Postfix"}}}
	if found := s.Fleet(compare(nowhere)); len(found) != 0 {
		t.Errorf("services without an address: %+v", found)
	}
}

func BenchmarkFleet(b *testing.B) {
	f, v := &Fleet{}, seenAt("a.example", "192.0.2.1:25", "c1", "k1")
	b.ReportAllocs()
	for b.Loop() {
		f.Add(v)
	}
}
