package output

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

func compareRecords(t testing.TB, before, after []scanner.Result) *Diff {
	t.Helper()
	d, err := Compare("old.ndjson", strings.NewReader(ndjson(before...)), "new.ndjson", strings.NewReader(ndjson(after...)))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// told writes the changes in short: "gone mx1.example.com 192.0.2.10:25".
func told(d *Diff) []string {
	list := []string{}
	for i := range d.Changes {
		c := &d.Changes[i]
		text := string(c.Kind) + " " + c.place()
		if c.Reason != "" {
			text += ": " + c.Reason
		}
		for j := range c.Fields {
			if c.Kind == ChangeChanged {
				text += "; " + c.Fields[j].Field + " " + c.Fields[j].sides()
			}
		}
		list = append(list, text)
	}
	return list
}

// What is wrong with a server that is new, or is reached again, counts; what
// was wrong with one that is gone is not mended.
func TestFindingsOfNew(t *testing.T) {
	other := service(func(s *scanner.Service) { s.Port = 587 })
	finding := service(func(s *scanner.Service) {
		s.Findings = []advisory.Finding{{ID: "end-of-life", Severity: "high"}}
	})
	findings := func(d *Diff) (added, removed []string) {
		for _, c := range d.Changes {
			for _, f := range c.Fields {
				if f.Field == "findings" {
					added, removed = append(added, f.Added...), append(removed, f.Removed...)
				}
			}
		}
		return added, removed
	}
	refused := service(unreached(scanner.StatusRefused))
	silent := service(unreached(scanner.StatusConnectTimeout))
	for _, before := range [][]scanner.Result{{other}, {other, refused}, {other, silent}} {
		added, removed := findings(compareRecords(t, before, []scanner.Result{other, finding}))
		if !slices.Equal(added, []string{"high end-of-life"}) || removed != nil {
			t.Errorf("%d before: new %q, gone %q", len(before), added, removed)
		}
		added, removed = findings(compareRecords(t, []scanner.Result{other, finding}, before))
		if added != nil || removed != nil {
			t.Errorf("%d after: new %q, gone %q", len(before), added, removed)
		}
	}
}

// service returns a typical service with a change.
func service(change func(*scanner.Service)) scanner.Result {
	s := typical()
	change(s)
	return scanner.Result{Service: s}
}

func domain(status scanner.Status, mx ...scanner.MX) scanner.Result {
	return scanner.Result{Domain: &scanner.Domain{Timestamp: noon, Domain: "example.com", Status: status, MX: mx}}
}

func mx(name string, status scanner.Status, addrs ...string) scanner.MX {
	m := scanner.MX{Name: name, Preference: 10, Status: status}
	for _, a := range addrs {
		m.Addresses = append(m.Addresses, netip.MustParseAddr(a))
	}
	return m
}

// unreached makes a service one that did not answer.
func unreached(status scanner.Status) func(*scanner.Service) {
	return func(s *scanner.Service) {
		*s = scanner.Service{Domain: s.Domain, Host: s.Host, IP: s.IP, Port: s.Port, Timestamp: s.Timestamp, Status: status, Phase: smtp.PhaseConnect}
	}
}

func same(*scanner.Service) {}

// Whether a server is gone, or was only not reached, hangs on what the new scan
// saw of it.
func TestGoneOrNotReached(t *testing.T) {
	const here = "mx1.example.com 192.0.2.10:25"
	present := domain(scanner.StatusSuccess, mx("mx1.example.com", scanner.StatusSuccess, "192.0.2.10"))
	elsewhere := service(func(s *scanner.Service) {
		s.Domain, s.Host, s.IP = "", "other.example", netip.MustParseAddr("192.0.2.99")
	})
	tests := []struct {
		name string
		now  []scanner.Result
		want string
	}{
		{"answers", []scanner.Result{service(same), present}, ""},
		{"refused", []scanner.Result{service(unreached(scanner.StatusRefused)), present}, "gone " + here + ": the connection is refused now"},
		{"timeout", []scanner.Result{service(unreached(scanner.StatusConnectTimeout)), present}, "not-reached " + here + ": connection-timeout"},
		{"reset", []scanner.Result{service(unreached(scanner.StatusReset)), present}, "not-reached " + here + ": connection-reset"},
		{"canceled", []scanner.Result{service(unreached(scanner.StatusCancelled)), present}, "not-reached " + here + ": cancelled"},
		{"port not asked", []scanner.Result{present}, "not-reached " + here + ": port 25: no record of it"},
		{"address changed", []scanner.Result{domain(scanner.StatusSuccess, mx("mx1.example.com", scanner.StatusSuccess, "192.0.2.11"))}, "gone " + here + ": the address is none of mx1.example.com"},
		{"MX changed", []scanner.Result{domain(scanner.StatusSuccess, mx("mx2.example.com", scanner.StatusSuccess, "192.0.2.11"))}, "gone " + here + ": mx1.example.com is no mail exchanger of example.com"},
		{"MX name fails", []scanner.Result{domain(scanner.StatusSuccess, mx("mx1.example.com", scanner.StatusServFail), mx("mx2.example.com", scanner.StatusSuccess, "192.0.2.11"))}, "not-reached " + here + ": servfail"},
		{"MX name gone", []scanner.Result{domain(scanner.StatusNXDomain, mx("mx1.example.com", scanner.StatusNXDomain))}, "gone " + here + ": nxdomain"},
		{"null MX", []scanner.Result{domain(scanner.StatusNullMX)}, "gone " + here + ": null-mx"},
		{"domain fails", []scanner.Result{domain(scanner.StatusServFail)}, "not-reached " + here + ": servfail"},
		{"domain not asked", []scanner.Result{elsewhere}, "not-reached " + here + ": no record of it"},
	}
	for _, test := range tests {
		d := compareRecords(t, []scanner.Result{service(same), present}, test.now)
		got := told(d)
		got = slices.DeleteFunc(got, func(s string) bool { return !strings.Contains(s, here) })
		if strings.Join(got, "\n") != test.want {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// The same, of hosts that were named and of addresses in ranges.
func TestGoneWithoutDomain(t *testing.T) {
	host := func(s *scanner.Service) { s.Domain, s.MX, s.Input = "", nil, s.Host }
	bare := func(s *scanner.Service) { s.Domain, s.MX, s.Host, s.Input = "", nil, "", "192.0.2.0/24" }
	other := func(change func(*scanner.Service), with func(*scanner.Service)) scanner.Result {
		return service(func(s *scanner.Service) { change(s); with(s) })
	}
	name := func(status scanner.Status) scanner.Result {
		return scanner.Result{Service: &scanner.Service{Host: "mx1.example.com", Status: status, Timestamp: noon}}
	}
	tests := []struct {
		before, now scanner.Result
		want        string
	}{
		{other(host, same), name(scanner.StatusNXDomain), "gone mx1.example.com 192.0.2.10:25: nxdomain"},
		{other(host, same), name(scanner.StatusDNSTimeout), "not-reached mx1.example.com 192.0.2.10:25: dns-timeout"},
		{other(host, same), other(host, func(s *scanner.Service) { s.IP = netip.MustParseAddr("192.0.2.11") }),
			"new mx1.example.com 192.0.2.11:25, gone mx1.example.com 192.0.2.10:25: the address is none of mx1.example.com"},
		{other(host, same), other(host, func(s *scanner.Service) { s.Port = 587 }),
			"new mx1.example.com 192.0.2.10:587: the time before: port 587: no record of it, not-reached mx1.example.com 192.0.2.10:25: port 25: no record of it"},
		{other(bare, same), other(bare, func(s *scanner.Service) { s.IP = netip.MustParseAddr("192.0.2.12") }),
			"new 192.0.2.12:25: the time before: silent or not asked for, no record of it, not-reached 192.0.2.10:25: silent or not asked for, no record of it"},
		{other(host, unreached(scanner.StatusRefused)), other(host, same), "new mx1.example.com 192.0.2.10:25: the connection was refused"},
		{other(host, unreached(scanner.StatusUnreachable)), other(host, same), "reached-again mx1.example.com 192.0.2.10:25: the time before: unreachable"},
		{name(scanner.StatusServFail), other(host, same), "reached-again mx1.example.com 192.0.2.10:25: the time before: servfail"},
		{name(scanner.StatusNXDomain), other(host, same), "new mx1.example.com 192.0.2.10:25"},
	}
	for i, test := range tests {
		before, now := []scanner.Result{test.before}, []scanner.Result{test.now}
		// A record of something else, so that no side is empty.
		filler := domain(scanner.StatusSuccess)
		d := compareRecords(t, append(before, filler), append(now, filler))
		got := strings.Join(told(d), ", ")
		if !sameWords(got, test.want) {
			t.Errorf("%d: %q, want %q", i, got, test.want)
		}
	}
}

// sameWords compares two lists in whatever order.
func sameWords(a, b string) bool {
	x, y := strings.Split(a, ", "), strings.Split(b, ", ")
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}

func TestChangedFacts(t *testing.T) {
	tests := []struct {
		name   string
		change func(*scanner.Service)
		want   string
	}{
		{"nothing", same, ""},
		{"what differs with every connection", func(s *scanner.Service) { s.Banner += "x"; s.Greeting.DelayMS = 9; s.Timestamp = noon.Add(time.Hour) }, ""},
		{"version", func(s *scanner.Service) { s.Software.Version = "3.9" }, "version not shown → 3.9"},
		{"certificate", func(s *scanner.Service) { s.TLS.Certificate.SHA256 = "ff"; s.TLS.ChainValid = new(false) }, "certificate "},
		{"no TLS seen this time", func(s *scanner.Service) { s.TLS, s.CapabilitiesTLS = nil, nil }, ""},
		{"capabilities", func(s *scanner.Service) { s.Capabilities.Keywords = []string{"SIZE", "XCLIENT"} }, "+ XCLIENT"},
		{"TLS versions", func(s *scanner.Service) { s.TLSVersions = &scanner.TLSVersions{Accepted: []string{"TLS 1.3"}} }, "tls_versions − TLS 1.0"},
		{"AUTH", func(s *scanner.Service) { s.CapabilitiesTLS.Auth = nil }, "auth_after_tls − LOGIN, − PLAIN"},
		{"new finding", func(s *scanner.Service) {
			s.Findings = append(s.Findings, advisory.Finding{ID: "certificate-expired", Severity: advisory.Medium})
		}, "findings + medium certificate-expired"},
		{"status", func(s *scanner.Service) { s.Status = scanner.StatusReplyTimeout }, "status success → reply-timeout"},
	}
	for _, test := range tests {
		base := func(s *scanner.Service) {
			s.TLSVersions = &scanner.TLSVersions{Accepted: []string{"TLS 1.0", "TLS 1.3"}}
		}
		d := compareRecords(t, []scanner.Result{service(base)}, []scanner.Result{service(func(s *scanner.Service) { base(s); test.change(s) })})
		got := strings.Join(told(d), "\n")
		if test.want == "" != (got == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
		if test.want == "" && (d.Same != 1 || d.Differs()) {
			t.Errorf("%s: %d the same, differs %v", test.name, d.Same, d.Differs())
		}
	}
}

// A finding is not mended because the conversation broke off before it could be
// seen again.
func TestNotLookedForIsNotMended(t *testing.T) {
	found := func(s *scanner.Service) {
		s.Findings = []advisory.Finding{{ID: "certificate-expired", Severity: advisory.Medium, Advisories: []advisory.Match{{CVE: "CVE-2020-1"}}}}
	}
	for _, status := range []scanner.Status{scanner.StatusSuccess, scanner.StatusTLSTimeout} {
		d := compareRecords(t, []scanner.Result{service(found)}, []scanner.Result{service(func(s *scanner.Service) { s.Findings, s.Status = nil, status })})
		mended := strings.Contains(strings.Join(told(d), ""), "− medium certificate-expired") && strings.Contains(strings.Join(told(d), ""), "− CVE-2020-1")
		if mended != (status == scanner.StatusSuccess) {
			t.Errorf("%s: mended %v: %q", status, mended, told(d))
		}
	}
}

func TestDomainChanges(t *testing.T) {
	one := domain(scanner.StatusSuccess, mx("mx1.example.com", scanner.StatusSuccess, "192.0.2.10"))
	for _, test := range []struct {
		name        string
		before, now scanner.Result
		want        string
	}{
		{"MX", one, domain(scanner.StatusSuccess, mx("mx2.example.com", scanner.StatusSuccess, "192.0.2.10")), "changed domain example.com; mx + 10 mx2.example.com, + mx2.example.com 192.0.2.10, − 10 mx1.example.com, − mx1.example.com 192.0.2.10"},
		{"null MX", one, domain(scanner.StatusNullMX), "status success → null-mx"},
		{"gone", one, domain(scanner.StatusNXDomain), "gone domain example.com: nxdomain"},
		{"fails", one, domain(scanner.StatusServFail), "not-reached domain example.com: servfail"},
		{"failed", domain(scanner.StatusDNSTimeout), one, "reached-again domain example.com: the time before: dns-timeout"},
		{"back", domain(scanner.StatusNXDomain), one, "new domain example.com: the time before: nxdomain"},
		{"failed twice", domain(scanner.StatusServFail), domain(scanner.StatusDNSTimeout), ""},
		{"addresses not looked up", one, domain(scanner.StatusSuccess, mx("mx1.example.com", scanner.StatusServFail)), ""},
	} {
		if got := strings.Join(told(compareRecords(t, []scanner.Result{test.before}, []scanner.Result{test.now})), "\n"); test.want == "" != (got == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
	other := one
	other.Domain = &scanner.Domain{Domain: "example.net", Status: scanner.StatusSuccess}
	if got := told(compareRecords(t, []scanner.Result{one}, []scanner.Result{other})); !sameWords(strings.Join(got, ", "), "new domain example.net: the time before: no record of it, not-reached domain example.com: no record of it") {
		t.Errorf("%q", got)
	}
}

// What a domain publishes is compared where both scans got an answer.
func TestPublishedRecordsDiffer(t *testing.T) {
	set := func(status scanner.Status, records ...string) *scanner.RRset {
		return &scanner.RRset{Status: status, Records: records}
	}
	with := func(spf, tlsa *scanner.RRset) scanner.Result {
		m := mx("mx1.example.com", scanner.StatusSuccess, "192.0.2.10")
		m.TLSA = tlsa
		r := domain(scanner.StatusSuccess, m)
		r.Domain.SPF = spf
		return r
	}
	strict, open := set(scanner.StatusSuccess, "v=spf1 -all"), set(scanner.StatusSuccess, "v=spf1 +all")
	none, failed := set(scanner.StatusSuccess), set(scanner.StatusServFail)
	for _, tt := range []struct {
		before, now scanner.Result
		want        string
	}{
		{with(strict, none), with(open, none), "changed domain example.com; spf + v=spf1 +all, − v=spf1 -all"},
		{with(strict, none), with(none, none), "changed domain example.com; spf − v=spf1 -all"},
		{with(none, set(scanner.StatusSuccess, "3 1 1 ab")), with(none, none), "changed domain example.com; tlsa − 3 1 1 ab"},
		{with(strict, none), with(failed, failed), ""},
		{with(nil, nil), with(strict, none), ""},
		{with(strict, none), with(nil, nil), ""},
	} {
		if got := strings.Join(told(compareRecords(t, []scanner.Result{tt.before}, []scanner.Result{tt.now})), "\n"); got != tt.want {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

func TestCompareNeedsRecords(t *testing.T) {
	if _, err := Compare("a", strings.NewReader(""), "b", strings.NewReader(ndjson(service(same)))); err == nil {
		t.Error("an empty file was compared")
	}
}

func TestKnowledgeIsNoted(t *testing.T) {
	run := func(date string) scanner.Result {
		return scanner.Result{Run: &scanner.Run{Schema: 1, Data: scanner.DataVersions{AdvisoriesDate: date}}}
	}
	for _, date := range []string{"2026-01-01", "2026-02-01"} {
		d := compareRecords(t, []scanner.Result{run("2026-01-01"), service(same)}, []scanner.Result{run(date), service(same)})
		if noted := len(d.Notes) == 1; noted != (date != "2026-01-01") {
			t.Errorf("%s: notes %q", date, d.Notes)
		}
	}
}

// All forms of a difference with hostile facts in it.
func TestDiffForms(t *testing.T) {
	d := compareRecords(t, []scanner.Result{service(same)}, []scanner.Result{service(func(s *scanner.Service) {
		s.Software.Version, s.Provider = attack, "=cmd()"
		s.Capabilities.Keywords = append(s.Capabilities.Keywords, attack)
	})})
	form := func(f DiffFormat) string {
		var b strings.Builder
		if err := d.Write(&b, f, false); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	for _, f := range []DiffFormat{DiffText, DiffCSV, DiffHTML, DiffNDJSON} {
		text := form(f)
		for _, danger := range []string{"\x1b", "\x00", "\u202e", "\xff"} {
			if strings.Contains(text, danger) || !strings.Contains(text, "not shown") {
				t.Errorf("%s: %q is in it, or what it says is not: %s", f, danger, text)
			}
		}
	}
	if page := form(DiffHTML); strings.Count(page, "<script") != 1 || strings.Contains(page, "<img") || strings.Contains(page, "<svg") {
		t.Errorf("markup of a server is in the page:\n%s", page)
	}
	rows, err := csv.NewReader(strings.NewReader(form(DiffCSV))).ReadAll()
	if err != nil || len(rows) != 3 {
		t.Errorf("%d rows, error %v", len(rows), err)
	}
	lines := strings.Split(strings.TrimSpace(form(DiffNDJSON)), "\n")
	var head diffHead
	var change Change
	if err := json.Unmarshal([]byte(lines[0]), &head); err != nil || head.Counts[ChangeChanged] != 1 || len(lines) != 2 {
		t.Errorf("%d lines, head %+v, error %v", len(lines), head, err)
	}
	if err := json.Unmarshal([]byte(lines[1]), &change); err != nil || change.Fields[0].New != strings.ToValidUTF8(attack, "\ufffd") {
		t.Errorf("the version is not whole: %+v, error %v", change, err)
	}
}

func TestDiffFormatOf(t *testing.T) {
	for path, want := range map[string]DiffFormat{"a.txt": DiffText, "a.NDJSON": DiffNDJSON, "a.jsonl": DiffNDJSON, "a.csv": DiffCSV, "a.html": DiffHTML, "a.xml": ""} {
		if got, err := DiffFormatOf(path); got != want || (err == nil) != (want != "") {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
}

// FuzzCompare compares arbitrary records with themselves: nothing differs, and
// every form can be written of them against others.
func FuzzCompare(f *testing.F) {
	f.Add(`{"type":"service","ip":"192.0.2.1","port":25,"banner":"220 x","software":{"version":"1"}}`, `{"type":"service","ip":"192.0.2.1","port":25,"banner":"220 y"}`)
	f.Add(`{"type":"domain","domain":"a","status":"success","mx":[{"name":"b"}]}`, `{"type":"service","ip":"::1","host":"b","domain":"a","status":"success","banner":"x"}`)
	f.Fuzz(func(t *testing.T, a, b string) {
		if d, err := Compare("a", strings.NewReader(a), "b", strings.NewReader(a)); err == nil && d.Differs() {
			t.Fatalf("differs from itself: %q", told(d))
		}
		d, err := Compare("a", strings.NewReader(a), "b", strings.NewReader(b))
		if err != nil {
			return
		}
		for _, format := range []DiffFormat{DiffText, DiffNDJSON, DiffCSV, DiffHTML} {
			if err := d.Write(new(strings.Builder), format, true); err != nil {
				t.Fatal(err)
			}
		}
		if total := len(d.Changes); total != d.Count(ChangeNew)+d.Count(ChangeGone)+d.Count(ChangeChanged)+d.Count(ChangeMissed)+d.Count(ChangeReached) {
			t.Fatal(fmt.Sprint(total, " changes of unknown kinds"))
		}
	})
}

// A finding about a domain is mended only where it was looked for again.
func TestDiffOfDomainsNotAskedAgain(t *testing.T) {
	found := func(change func(*scanner.Domain)) string {
		d := &scanner.Domain{Timestamp: noon, Domain: "example.com", Status: scanner.StatusSuccess, MX: []scanner.MX{{Name: "mx.example.com", Status: scanner.StatusSuccess}},
			SPF:          &scanner.RRset{Name: "example.com", Status: scanner.StatusSuccess, Records: []string{"v=spf1 -all"}},
			DMARC:        &scanner.RRset{Name: "_dmarc.example.com", Status: scanner.StatusSuccess},
			MTASTSPolicy: &scanner.STSPolicy{Text: "version: STSv1"}}
		if change == nil {
			d.Findings = []advisory.Finding{{ID: "dmarc-missing", Severity: advisory.Low}}
		} else {
			change(d)
		}
		return ndjson(scanner.Result{Domain: d})
	}
	for name, tt := range map[string]struct {
		change func(*scanner.Domain)
		mended bool
	}{
		"asked again":              {func(*scanner.Domain) {}, true},
		"no answer":                {func(d *scanner.Domain) { d.DMARC.Status = scanner.StatusDNSTimeout }, false},
		"only MX":                  {func(d *scanner.Domain) { d.SPF, d.DMARC = nil, nil }, false},
		"no answer of a host":      {func(d *scanner.Domain) { d.MX[0].Status = scanner.StatusServFail }, false},
		"policy not fetched":       {func(d *scanner.Domain) { d.MTASTSPolicy = nil }, false},
		"policy cannot be fetched": {func(d *scanner.Domain) { d.MTASTSPolicy.Error = "timeout" }, false},
	} {
		diff, err := Compare("a", strings.NewReader(found(nil)), "b", strings.NewReader(found(tt.change)))
		if err != nil {
			t.Fatal(err)
		}
		mended := false
		for _, c := range diff.Changes {
			for _, f := range c.Fields {
				mended = mended || f.Field == fieldFindings && len(f.Removed) > 0
			}
		}
		if mended != tt.mended {
			t.Errorf("%s: mended %v: %+v", name, mended, diff.Changes)
		}
	}
}

// So it is of services: a check that was not made again mends nothing.
func TestDiffOfServicesNotAskedAgain(t *testing.T) {
	found := func(change func(*scanner.Service)) string {
		s := typical()
		s.Findings = nil
		s.Checks = []smtp.Checked{{Check: smtp.CheckRelay}}
		s.TLSVersions, s.PTR = &scanner.TLSVersions{Accepted: []string{"TLS 1.0"}}, []string{}
		if change == nil {
			s.Findings = []advisory.Finding{{ID: "open-relay", Severity: advisory.High}}
		} else {
			change(s)
		}
		return ndjson(scanner.Result{Service: s})
	}
	for name, tt := range map[string]struct {
		change func(*scanner.Service)
		mended bool
	}{
		"asked again":       {func(*scanner.Service) {}, true},
		"more is asked":     {func(s *scanner.Service) { s.Checks = append(s.Checks, smtp.Checked{Check: smtp.CheckNTLM}) }, true},
		"not checked":       {func(s *scanner.Service) { s.Checks = nil }, false},
		"the check failed":  {func(s *scanner.Service) { s.Checks[0].Error = "timeout" }, false},
		"no versions asked": {func(s *scanner.Service) { s.TLSVersions = nil }, false},
		"no PTR asked":      {func(s *scanner.Service) { s.PTR = nil }, false},
	} {
		diff, err := Compare("a", strings.NewReader(found(nil)), "b", strings.NewReader(found(tt.change)))
		if err != nil {
			t.Fatal(err)
		}
		if mended := len(diff.Changes) > 0; mended != tt.mended {
			t.Errorf("%s: mended %v: %+v", name, mended, diff.Changes)
		}
	}
}
