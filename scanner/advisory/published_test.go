package advisory

import (
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"testing"
)

func spf(texts ...string) func(*DomainFacts) {
	return func(f *DomainFacts) { f.SPF = published("example.org", texts...) }
}

func dmarc(texts ...string) func(*DomainFacts) {
	return func(f *DomainFacts) { f.DMARC = published("_dmarc.example.org", texts...) }
}

func mtaSTS(texts ...string) func(*DomainFacts) {
	return func(f *DomainFacts) { f.MTASTS = published("_mta-sts.example.org", texts...) }
}

func tlsRPT(texts ...string) func(*DomainFacts) {
	return func(f *DomainFacts) { f.TLSRPT = published("_smtp._tls.example.org", texts...) }
}

func policyText(lines ...string) func(*DomainFacts) {
	return func(f *DomainFacts) { f.Policy = &STSPolicy{Text: strings.Join(lines, "\n")} }
}

// hosts gives each MX host its TLSA records; nil: they were not seen.
func hosts(records ...*Records) func(*DomainFacts) {
	return func(f *DomainFacts) {
		for i := range records {
			f.MX[i].TLSA = records[i]
		}
	}
}

func publishedCases() []findingCase[DomainFacts] {
	ee, none := published("x", "3 1 1 "+strings.Repeat("5a", 32)), published("x")
	both := func(a, b func(*DomainFacts)) func(*DomainFacts) { return func(f *DomainFacts) { a(f); b(f) } }
	const ok = "version: STSv1"
	return []findingCase[DomainFacts]{
		{"spf-missing", Low, `"example.org"`, spf(), func(f *DomainFacts) { f.SPF = nil }},
		{"spf-missing", Low, "", spf(), func(f *DomainFacts) { spf()(f); f.Status = "nxdomain" }},
		{"spf-invalid", Medium, "2 records", spf("v=spf1 -all", "v=spf1 mx -all"), spf("v=spf1 -all")},
		{"spf-invalid", Medium, "not version 1", spf("v=spf10 -all"), spf("V=SPF1 -all")},
		{"spf-invalid", Medium, "unknown term ipv4:192.0.2.1", spf("v=spf1 ipv4:192.0.2.1 -all"), spf("v=spf1 ip4:192.0.2.1 -all unknown:behind")},
		{"spf-invalid", Medium, "without a domain: include", spf("v=spf1 include -all"), spf("v=spf1 include:a.example exists:%{i}.example -all")},
		{"spf-invalid", Medium, "without a network: ip4:2001:db8::1", spf("v=spf1 ip4:2001:db8::1 -all"), spf("v=spf1 +ip6:2001:db8::1 ~all exp=why.example")},
		{"spf-invalid", Medium, "11 terms", spf("v=spf1" + strings.Repeat(" include:a.example", 11) + " -all"), spf("v=spf1 a" + strings.Repeat(" include:a.example", 9) + " -all mx")},
		{"spf-permissive", Medium, "passes every sender", spf("v=spf1 all"), spf("v=spf1 ~all")},
		{"spf-permissive", Medium, "", spf("v=spf1 mx +ALL"), spf("v=spf1 redirect=_spf.example.net")},
		{"spf-permissive", Low, "neutral", spf("v=spf1 ?all"), nil},
		{"spf-permissive", Low, "neutral", spf("v=spf1 mx"), nil},
		{"dmarc-missing", Low, "_dmarc.example.org", dmarc(), func(f *DomainFacts) { f.DMARC = nil }},
		{"dmarc-invalid", Medium, "2 records", dmarc("v=DMARC1; p=none", "v=DMARC1; p=reject"), nil},
		{"dmarc-invalid", Medium, "v=DMARC1", dmarc("v=dmarc1; p=reject"), dmarc("v = DMARC1 ;p = reject")},
		{"dmarc-invalid", Medium, `policy ""`, dmarc("v=DMARC1; rua=mailto:d@example.org"), dmarc("v=DMARC1; p=Quarantine;")},
		{"dmarc-not-enforced", Low, "policy none", dmarc("v=DMARC1; p=none"), dmarc("v=DMARC1; p=reject; sp=none; pct=100")},
		{"dmarc-not-enforced", Low, "20 percent", dmarc("v=DMARC1; p=reject; pct=20"), nil},
		{"dmarc-not-enforced", Low, "policy none", func(f *DomainFacts) { f.Domain = "sub.example.org"; dmarc("v=DMARC1; p=reject; sp=none")(f) },
			func(f *DomainFacts) { f.Domain = "sub.example.org"; dmarc("v=DMARC1; p=none; sp=reject")(f) }},
		{"transport-policy-missing", Info, "_mta-sts.example.org", both(mtaSTS(), hosts(none, none)), both(mtaSTS(), hosts(none, ee))},
		{"transport-policy-missing", Info, "", both(mtaSTS(), hosts(none, none)), both(mtaSTS(), hosts(none, nil))},
		{"mta-sts-invalid", Low, "2 records", mtaSTS("v=STSv1; id=1", "v=STSv1; id=2"), mtaSTS("v=STSv1; id=1")},
		{"mta-sts-invalid", Low, "v=STSv1", mtaSTS("v=STSv2; id=1"), nil},
		{"mta-sts-invalid", Low, "letters and digits", mtaSTS("v=STSv1; id=2026-11-24"), mtaSTS("v=STSv1;id=" + strings.Repeat("a", 32))},
		{"mta-sts-invalid", Low, "letters and digits", mtaSTS("v=STSv1;"), nil},
		{"mta-sts-policy-invalid", Medium, "certificate", func(f *DomainFacts) { f.Policy = &STSPolicy{Error: "tls: failed to verify certificate"} }, func(f *DomainFacts) { f.Policy = nil }},
		{"mta-sts-policy-invalid", Medium, "version", policyText("mode: enforce", "mx: a", "max_age: 1"), nil},
		{"mta-sts-policy-invalid", Medium, `mode "Enforce"`, policyText(ok, "mode: Enforce", "mx: a", "max_age: 1"), policyText(ok, "mode: none", "max_age: 0")},
		{"mta-sts-policy-invalid", Medium, "max_age", policyText(ok, "mode: none", "max_age: 31557601"), policyText(ok, "mode: none", "max_age: 31557600")},
		{"mta-sts-policy-invalid", Medium, "no mx", policyText(ok, "mode: testing", "max_age: 1"), nil},
		{"mta-sts-policy-invalid", Medium, "colon", policyText("<html>"), nil},
		{"mta-sts-not-enforced", Info, "testing", policyText(ok, "mode: testing", "mx: *.example.org", "max_age: 1"), nil},
		{"mta-sts-mx-not-covered", Medium, `"mx2.example.org"`, policyText(ok, "mode: enforce", "mx: mx.example.org", "max_age: 1"), policyText(ok, "mode: none", "mx: other.example", "max_age: 1")},
		{"mta-sts-mx-not-covered", Low, "", policyText(ok, "mode: testing", "mx: *.mx.example.org", "max_age: 1"), policyText(ok, "mode: testing", "mx: *.example.org.", "max_age: 1")},
		{"tls-rpt-missing", Info, "_smtp._tls.example.org", tlsRPT(), both(tlsRPT(), mtaSTS())},
		{"tls-rpt-missing", Info, "", both(both(tlsRPT(), mtaSTS()), hosts(ee, ee)), func(f *DomainFacts) { f.TLSRPT = nil }},
		{"tls-rpt-invalid", Low, "2 records", tlsRPT("v=TLSRPTv1; rua=mailto:a@b", "v=TLSRPTv1; rua=mailto:c@d"), nil},
		{"tls-rpt-invalid", Low, "v=TLSRPTv1", tlsRPT("v=TLSRPT1; rua=mailto:a@b"), nil},
		{"tls-rpt-invalid", Low, "rua", tlsRPT("v=TLSRPTv1; rua=a@b"), tlsRPT("v=TLSRPTv1; rua=https://report.example/")},
		{"dane-incomplete", Low, `none for ["mx2.example.org"]`, hosts(ee, none), hosts(ee, nil)},
		{"dane-not-authenticated", Info, "AD bit", hosts(&Records{Authentic: no, Texts: ee.Texts}), hosts(ee, ee)},
		{"dane-unusable", Low, "1 1 1", hosts(published("x", "1 1 1 "+strings.Repeat("5a", 32), "3 1 1 5a")), hosts(published("x", "1 1 1 "+strings.Repeat("5a", 32), "2 0 2 "+strings.Repeat("5A", 64)))},
	}
}

func tlsaRecord(texts ...string) func(*Facts) {
	return func(f *Facts) { f.TLSA = published("_25._tcp.mx.example.org", texts...) }
}

func tlsaCases() []findingCase[Facts] {
	digest := func(b string) string { return strings.Repeat(b, 32) }
	misnamed := func(record string) func(*Facts) {
		return func(f *Facts) { tlsaRecord(record)(f); f.TLS.NameValid = no }
	}
	sum := sha256.Sum256([]byte("the key itself"))
	whole := "3 1 0 " + hex.EncodeToString([]byte("the key itself"))
	keyed := func(spki string) func(*Facts) {
		return func(f *Facts) { tlsaRecord(whole)(f); f.TLS.Certificate.SPKISHA256 = spki }
	}
	return []findingCase[Facts]{
		{"tlsa-mismatch", Medium, digest("c0"), tlsaRecord("3 1 1 " + digest("00")), tlsaRecord("3 1 1 "+digest("00"), "3 0 1 "+digest("C0"))},
		{"tlsa-mismatch", Medium, "", tlsaRecord("3 1 1 " + digest("6b")), tlsaRecord("2 1 1 " + digest("6b"))},
		{"tlsa-mismatch", Medium, "", tlsaRecord("2 0 1 " + digest("6b")), tlsaRecord("2 0 1 " + digest("ca"))},
		{"tlsa-mismatch", Medium, "", misnamed("2 1 1 " + digest("6b")), misnamed("3 1 1 " + digest("5a"))},
		{"tlsa-mismatch", Medium, "", keyed(digest("5a")), keyed(hex.EncodeToString(sum[:]))},
		{"tlsa-mismatch", Medium, "", tlsaRecord("3 1 1 " + digest("00")), tlsaRecord("3 1 2 " + strings.Repeat("00", 64))}, // not on record
		{"tlsa-mismatch", Medium, "", tlsaRecord("3 1 1 " + digest("00")), tlsaRecord("1 1 1 " + digest("00"))},             // no sender uses it
		{"tlsa-mismatch", Medium, "no STARTTLS", withoutSTARTTLS, func(f *Facts) { withoutSTARTTLS(f); f.TLSA = nil }},
		{"tlsa-mismatch", Info, "", func(f *Facts) { tlsaRecord("3 1 1 " + digest("00"))(f); f.TLSA.Authentic = no }, func(f *Facts) { tlsaRecord("3 1 1 " + digest("00"))(f); f.Port = 587 }},
	}
}

// FuzzPublished feeds what anybody may publish into every rule.
func FuzzPublished(f *testing.F) {
	s := loadEmbedded(f)
	f.Add("v=spf1 include:x ip4:1.2.3.4/33 -all", "v=DMARC1; p=;;=", "version: STSv1\nmode: enforce\nmx: *.\nmax_age: 1", "3 1 1 zz")
	f.Add("", ";", ":", "2 1 0 ")
	f.Fuzz(func(t *testing.T, spf, tags, policy, tlsa string) {
		d := goodDomain()
		d.SPF, d.DMARC, d.MTASTS, d.TLSRPT = published("x", spf), published("x", tags), published("x", tags), published("x", tags)
		d.Policy = &STSPolicy{Text: policy}
		d.MX[0].TLSA = published("x", tlsa)
		service := good()
		service.TLSA = published("x", tlsa)
		for _, finding := range append(s.Domain(d), s.Service(service)...) {
			if len(finding.Evidence) > maxEvidence || s.entries[finding.ID].ID == "" || finding.Severity.Rank() == 0 {
				t.Fatalf("%+v", finding)
			}
		}
	})
}
