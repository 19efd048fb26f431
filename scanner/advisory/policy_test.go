package advisory

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

func parsePolicy(t testing.TB, text string) *Policy {
	t.Helper()
	p, err := loadEmbedded(t).ParsePolicy("policy.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return p
}

const ignoreSelfSigned = "ignore:\n  - {id: certificate-self-signed, host: '*.example.org', reason: a lab, until: 2026-11-24}\n"

func selfSigned(f *Facts) {
	f.TLS.ChainValid, f.TLS.ChainLength, f.TLS.Certificate.SelfSigned = no, 1, true
}

type policyCase struct {
	id       string
	severity Severity
	evidence string
	policy   string
	has      func(*Facts)
	hasNot   func(*Facts)
}

func policyCases() []policyCase {
	host := func(name, addr string) func(*Facts) {
		return func(f *Facts) { f.Host, f.Addr, f.PTR = name, netip.MustParseAddr(addr), nil }
	}
	nothing := func(*Facts) {}
	const hosts = "hosts: [mx.example.org, '*.acme.example', 192.0.2.0/24, 198.51.100.7]\n"
	return []policyCase{
		{"policy-host-unexpected", Medium, "203.0.113.9 (mx.other.example)", hosts, host("mx.other.example", "203.0.113.9"), nothing},
		{"policy-host-unexpected", Medium, "acme.example", hosts, host("acme.example", "203.0.113.9"), host("a.b.ACME.example.", "203.0.113.9")},
		{"policy-host-unexpected", Medium, "no name", hosts, host("", "198.51.100.8"), host("", "198.51.100.7")},
		{"policy-host-unexpected", Medium, "", hosts, host("", "192.0.3.1"), host("", "192.0.2.255")},
		{"policy-host-unexpected", Medium, "", hosts,
			func(f *Facts) { f.Host, f.PTRValid = "", no }, // the name is claimed, not proved
			func(f *Facts) { f.Host = "" }},
		{"policy-host-unexpected", Medium, "", hosts, host("mx.other.example", "203.0.113.9"),
			func(f *Facts) { host("mx.other.example", "203.0.113.9")(f); f.Greeting, f.TLS = nil, nil }}, // nothing answers there
		{"policy-product-not-allowed", Medium, "(exim)", "products: [{product: postfix}]", software("exim", "4.99"), func(f *Facts) { f.Software = Software{} }},
		{"policy-version-too-old", Medium, "3.11.7; the policy asks for 3.12", "products: [{product: postfix, minimum: '3.12'}]", nothing,
			func(f *Facts) { f.Software.Version = "" }},
		{"policy-version-too-old", Medium, "4.99", "products: [{product: exim, minimum: '4.100'}]", software("exim", "4.99"), software("exim", "4.100")},
		{"policy-version-too-old", Medium, "1.2", "products: [{product: nobodys, minimum: '1.10'}]", software("nobodys", "1.2"), software("nobodys", "fish")},
		{"policy-tls-version", Medium, "TLS 1.2", "tls: '1.3'", func(f *Facts) { f.TLS.Version = "TLS 1.2" }, func(f *Facts) { f.TLS.Version = "" }},
		{"policy-starttls-required", High, "port 25", "starttls: required", withoutSTARTTLS, func(f *Facts) { withoutSTARTTLS(f); f.Before = nil }},
		{"policy-starttls-required", High, "454", "starttls: required", func(f *Facts) { f.STARTTLS = "454 no\r\n" }, func(f *Facts) { withoutSTARTTLS(f); f.ImplicitTLS = yes }},
		{"policy-ignore-expired", Low, "until 2026-11-24: a lab", ignoreSelfSigned,
			func(f *Facts) { selfSigned(f); f.Time = f.Time.AddDate(0, 0, 1) }, selfSigned},
	}
}

func testPolicyFindings(t *testing.T, covered map[string]bool) {
	s := loadEmbedded(t)
	for _, tt := range policyCases() {
		t.Run(tt.id, func(t *testing.T) {
			covered[tt.id] = true
			p := parsePolicy(t, tt.policy)
			has, hasNot := good(), good()
			tt.has(has)
			tt.hasNot(hasNot)
			checkFinding(t, tt.id, tt.severity, tt.evidence, p.Service(has, s.Service(has)), p.Service(hasNot, s.Service(hasNot)))
		})
	}
}

func finding(list []Finding, id string) *Finding {
	if i := slices.IndexFunc(list, func(f Finding) bool { return f.ID == id }); i >= 0 {
		return &list[i]
	}
	return nil
}

// What is ignored stays in the record, says why, and counts as information.
func TestPolicyIgnores(t *testing.T) {
	s := loadEmbedded(t)
	p := parsePolicy(t, ignoreSelfSigned)
	f := good()
	selfSigned(f)
	before := finding(s.Service(f), "certificate-self-signed")
	after := finding(p.Service(f, s.Service(f)), "certificate-self-signed")
	if before == nil || after == nil || before.Ignored != "" || before.Severity == Info {
		t.Fatalf("before %+v, after %+v", before, after)
	}
	if after.Severity != Info || after.Ignored != "until 2026-11-24: a lab" {
		t.Errorf("ignored: %+v", after)
	}
	f.Host, f.PTR = "mx.example.com", nil
	if other := finding(p.Service(f, s.Service(f)), "certificate-self-signed"); other.Ignored != "" {
		t.Errorf("ignored on another host: %+v", other)
	}
	var none *Policy
	if got := none.Service(f, s.Service(f)); len(got) != len(s.Service(f)) {
		t.Errorf("no policy: %+v", got)
	}
}

func TestPolicyIgnoresOfDomainAndFleet(t *testing.T) {
	s := loadEmbedded(t)
	p := parsePolicy(t, `ignore:
  - {id: mx-single, host: example.org, reason: small, until: 2027-01-01}
  - {id: key-shared, reason: a farm, until: 2027-01-01}
`)
	d := goodDomain()
	d.MX = d.MX[:1]
	if f := finding(p.Domain(d, probeTime, s.Domain(d)), "mx-single"); f.Ignored == "" {
		t.Errorf("domain: %+v", f)
	}
	fleet := compare(fleetCases()[0].has)
	if f := finding(p.Fleet(probeTime, s.Fleet(fleet)), "key-shared"); f.Ignored == "" || f.Severity != Info {
		t.Errorf("fleet: %+v", f)
	}
	late := p.Fleet(probeTime.AddDate(1, 0, 0), s.Fleet(fleet))
	if finding(late, "policy-ignore-expired") == nil || finding(late, "key-shared").Ignored != "" {
		t.Errorf("a year later: %+v", late)
	}
}

// Whatever cannot be understood is refused with file and line, and all of it at
// once.
func TestPolicyRefuses(t *testing.T) {
	s := loadEmbedded(t)
	for _, tt := range []struct {
		text string
		want []string
	}{
		{"host: [a.example]", []string{"policy.yaml:1: ", "host"}},
		{"hosts: a.example", []string{"policy.yaml:1: "}},
		{"\nhosts:\n  - a.example\n  - 192.0.2.0/33\n  - 'm*.example'\n", []string{"policy.yaml:4: ", "policy.yaml:5: ", "m*.example"}},
		{"hosts: ['*.']", []string{"policy.yaml:1: "}},
		{"hosts: [[a.example]]", []string{"policy.yaml:1: "}},
		{"products:\n  - {minimum: '3.7'}", []string{"policy.yaml:2: ", "has no product"}},
		{"products:\n  - {}", []string{"policy.yaml: an entry of products has no product"}},
		{"ignore:\n  - {}", []string{"policy.yaml: an entry of ignore has no id"}},
		{"products:\n  - {product: postfix, minimum: new}", []string{"policy.yaml:2: ", "cannot compare"}},
		{"products:\n  - {product: postfix, min: '3.7'}", []string{"policy.yaml:2: ", "min"}},
		{"\ntls: 1.4", []string{"policy.yaml:2: ", "1.4"}},
		{"\n\nstarttls: yes", []string{"policy.yaml:3: ", "yes"}},
		{"ignore:\n  - {id: nosuch, reason: x, until: 2027-01-01}", []string{"policy.yaml:2: ", `no finding "nosuch"`}},
		{"ignore:\n  - {id: mx-single, until: 2027-01-01}", []string{"policy.yaml:2: ", "reason"}},
		{"ignore:\n  - {id: mx-single, reason: x}", []string{"policy.yaml:2: ", "until"}},
		{"ignore:\n  - {id: mx-single, reason: x, until: soon}", []string{"policy.yaml:2: ", "soon"}},
		{"ignore:\n  - {id: mx-single, reason: x, until: 2027-01-01, host: 'a b'}", []string{"policy.yaml:2: ", "a b"}},
		{"hosts: [", []string{"policy.yaml:"}},
		{"tls: '1.2'\n---\ntls: '1.3'\n", []string{"policy.yaml"}},
	} {
		_, err := s.ParsePolicy("policy.yaml", []byte(tt.text))
		if err == nil {
			t.Errorf("%q: no error", tt.text)
			continue
		}
		for _, want := range tt.want {
			if !strings.Contains(err.Error(), want) {
				t.Errorf("%q: error %q without %q", tt.text, err, want)
			}
		}
	}
}

// FuzzPolicy throws any text at the reader, and at the judge what it accepts.
func FuzzPolicy(f *testing.F) {
	s := loadEmbedded(f)
	for _, tt := range policyCases() {
		f.Add(tt.policy)
	}
	f.Fuzz(func(t *testing.T, text string) {
		p, err := s.ParsePolicy("p", []byte(text))
		if err != nil {
			return
		}
		v := good()
		selfSigned(v)
		for _, found := range p.Service(v, s.Service(v)) {
			if s.entries[found.ID].ID == "" || len(found.Evidence) > maxEvidence || len(found.Ignored) > maxEvidence {
				t.Fatalf("%+v", found)
			}
		}
	})
}
