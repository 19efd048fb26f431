package advisory

import (
	"slices"
	"strings"
	"testing"
)

// matched returns the advisories of both findings about them.
func matched(findings []Finding) (all []Match) {
	for _, f := range findings {
		all = append(all, f.Advisories...)
	}
	return all
}

func match(findings []Finding, cve string) (Match, bool) {
	all := matched(findings)
	i := slices.IndexFunc(all, func(m Match) bool { return m.CVE == cve })
	if i < 0 {
		return Match{}, false
	}
	return all[i], true
}

// Conditions are weighed against what was seen, and only against that.
func TestNeeds(t *testing.T) {
	s := loadEmbedded(t)
	caps := func(mechanisms ...string) *Capabilities {
		return &Capabilities{Keywords: []string{"SIZE", "AUTH"}, Auth: mechanisms}
	}
	for _, tt := range []struct {
		name string
		cve  string // needs: 2023-42115 AUTH EXTERNAL, 2017-16943 CHUNKING
		edit func(*Facts)
		want bool
	}{
		{"EHLO not seen", "CVE-2023-42115", func(f *Facts) { f.Before, f.After = nil, nil }, true},
		{"no such mechanism", "CVE-2023-42115", func(f *Facts) { f.Before, f.After = caps("PLAIN"), nil }, false},
		{"mechanism", "CVE-2023-42115", func(f *Facts) { f.Before, f.After = caps("PLAIN", "EXTERNAL"), nil }, true},
		{"mechanism inside TLS", "CVE-2023-42115", func(f *Facts) { f.After = caps("EXTERNAL") }, true},
		{"not inside TLS either", "CVE-2023-42115", func(f *Facts) { f.After = caps("PLAIN") }, false},
		{"inside TLS not seen", "CVE-2023-42115", func(f *Facts) { f.After = nil }, true},
		{"turned away", "CVE-2023-42115", func(f *Facts) { f.Before, f.After, f.Greeting.Code = caps("PLAIN"), nil, 554 }, true},
		{"keyword", "CVE-2017-16943", func(f *Facts) { f.Before = &Capabilities{Keywords: []string{"CHUNKING"}} }, true},
		{"no such keyword", "CVE-2017-16943", func(f *Facts) { f.Before, f.After = caps(), nil }, false},
	} {
		f := good()
		f.Software = Software{Product: "Exim", Slug: "exim", Version: "4.88"}
		if tt.cve == "CVE-2023-42115" {
			f.Software.Version = "4.96"
		}
		tt.edit(f)
		if _, got := match(s.Service(f), tt.cve); got != tt.want {
			t.Errorf("%s: %s listed is %t", tt.name, tt.cve, got)
		}
	}
}

// On a port with TLS from the first byte nobody offers STARTTLS, and what needs
// TLS can be reached.
func TestNeedsTLS(t *testing.T) {
	n := need{keyword: "STARTTLS"}
	f := good()
	if n.missing(f) {
		t.Error("missing where it is offered")
	}
	withoutSTARTTLS(f)
	if !n.missing(f) {
		t.Error("not missing where it is not offered")
	}
	f.ImplicitTLS = yes
	if n.missing(f) {
		t.Error("missing on a TLS port")
	}
}

func TestMatch(t *testing.T) {
	s := loadEmbedded(t)
	find := func(os, update, slug, version, cve string) (Match, bool) {
		f := good()
		f.Before = nil
		f.Software = Software{Product: slug, Slug: slug, Version: version, OS: os, Update: update}
		return match(s.Service(f), cve)
	}
	for _, tt := range []struct {
		os, update, slug, version, cve string
		want                           bool
		fixed, fixedPackage            string
	}{
		{"", "", "exim", "4.95", "CVE-2023-42115", true, "4.96.1", ""},
		{"Ubuntu", "", "exim", "4.95", "CVE-2023-42115", true, "4.96.1", "Ubuntu 22.04: 4.95-4ubuntu2.3"},
		{"Debian", "", "exim", "4.95", "CVE-2023-42115", true, "4.96.1", ""},
		{"", "", "exim", "4.96.1", "CVE-2023-42115", false, "", ""},
		{"", "", "sendmail", "8.15.2", "CVE-2023-51765", true, "after 8.17.2", ""},
		{"Debian", "14~deb10u1", "sendmail", "8.15.2", "CVE-2023-51765", true, "after 8.17.2", "Debian 10: 8.15.2-14~deb10u2"},
		{"Debian", "14~deb10u2", "sendmail", "8.15.2", "CVE-2023-51765", false, "", ""},
		{"Debian", "22", "sendmail", "8.15.2", "CVE-2023-51765", true, "after 8.17.2", "Debian 10: 8.15.2-14~deb10u2"},
		{"", "", "exim", "4.84", "CVE-2016-1531", false, "", ""},        // needs a local account
		{"", "", "mailenable", "10.2", "CVE-2026-32850", false, "", ""}, // webmail
		{"", "", "exchange", "15.02.0986.014", "CVE-2022-41082", true, "15.2.986.36", ""},
	} {
		m, got := find(tt.os, tt.update, tt.slug, tt.version, tt.cve)
		if got != tt.want || m.Fixed != tt.fixed || m.FixedPackage != tt.fixedPackage {
			t.Errorf("%s %s %s %s, %s: listed %t, fixed %q, package %q", tt.slug, tt.version, tt.os, tt.update, tt.cve, got, m.Fixed, m.FixedPackage)
		}
	}
}

// Two findings at most, the worst advisory first, each named in the references.
func TestMatchedFindings(t *testing.T) {
	s := loadEmbedded(t)
	f := good()
	f.Before = nil
	f.Software = Software{Product: "Exim", Slug: "exim", Version: "4.87"}
	var ids []string
	for _, finding := range s.Service(f) {
		if len(finding.Advisories) == 0 {
			continue
		}
		ids = append(ids, finding.ID)
		for i, m := range finding.Advisories {
			if finding.References[i] != m.CVE || m.KEV != (finding.ID == "known-exploited") {
				t.Errorf("%s: advisory %d is %+v, reference %s", finding.ID, i, m, finding.References[i])
			}
		}
		if !strings.Contains(finding.Evidence, "may be affected") || !strings.Contains(finding.Evidence, finding.Advisories[0].CVE) {
			t.Errorf("%s: evidence %q", finding.ID, finding.Evidence)
		}
	}
	if !slices.Equal(ids, []string{"known-exploited", "known-vulnerabilities"}) {
		t.Errorf("findings %q", ids)
	}
}

func TestDescribeBuild(t *testing.T) {
	s := loadEmbedded(t)
	f := good()
	f.Software = Software{Slug: "exchange", Version: "15.02.0986.014"}
	found := s.Service(f)
	if !strings.Contains(found[0].Evidence, "15.02.0986.014 (Exchange Server 2019 CU11 Nov21SU)") {
		t.Errorf("evidence %q", found[0].Evidence)
	}
}

func TestWeight(t *testing.T) {
	for _, tt := range []struct {
		a    fileAdvisory
		want Severity
	}{
		{fileAdvisory{Severity: Critical}, Critical},
		{fileAdvisory{}, Medium},
		{fileAdvisory{Severity: Critical, Conditions: "odd"}, High},
		{fileAdvisory{Severity: Critical, Conditions: "default", Usual: true}, Critical},
		{fileAdvisory{Conditions: "odd"}, Low},
		{fileAdvisory{Severity: Low, Conditions: "odd"}, Info},
		{fileAdvisory{Severity: Medium, Conditions: "odd", KEV: true}, High},
		{fileAdvisory{Severity: Critical, KEV: true}, Critical},
	} {
		if got := tt.a.weight(); got != tt.want {
			t.Errorf("%+v weighs %s; want %s", tt.a, got, tt.want)
		}
	}
}

func TestRevisionAtLeast(t *testing.T) {
	for _, tt := range []struct {
		shown, fixed string
		want         bool
	}{
		{"14~deb10u2", "14~deb10u2", true},
		{"14~deb10u3", "14~deb10u2", true},
		{"14~deb10u10", "14~deb10u2", true},
		{"14~deb10u1", "14~deb10u2", false},
		{"Debian-14~deb10u2", "14~deb10u2", true},
		{"13ubuntu1.10", "13ubuntu1.8", true},
		{"13ubuntu1.8", "13ubuntu1.10", false},
		{"13ubuntu2", "13ubuntu1.8", false}, // of another release: cannot be told
		{"22", "14~deb10u2", false},
		{"14~deb10u2x", "14~deb10u2", false},
		{"14~deb10u", "14~deb10u2", false},
		{"", "14~deb10u2", false},
	} {
		if got := revisionAtLeast(tt.shown, tt.fixed); got != tt.want {
			t.Errorf("%q has %q: %t", tt.shown, tt.fixed, got)
		}
	}
}

func TestCompareCVE(t *testing.T) {
	want := []string{"CVE-1999-0204", "CVE-2023-9999", "CVE-2023-10000", "CVE-2023-42115", "CVE-2026-2"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, compareCVE)
	if !slices.Equal(got, want) {
		t.Errorf("order %q", got)
	}
}

func TestClip(t *testing.T) {
	for _, tt := range []struct{ in, want string }{
		{"short", "short"},
		{"abcdefgh", "abcdefgh"},
		{"abcdefghi", "abcde..."},
		{"abcdüfghi", "abcd..."},
		{"a\xff\x1b", "a\uFFFD\uFFFD"},
	} {
		if got := clip(tt.in, 8); got != tt.want {
			t.Errorf("clip(%q) = %q", tt.in, got)
		}
	}
}

func BenchmarkService(b *testing.B) {
	s := loadEmbedded(b)
	for name, sw := range map[string]Software{
		"unknown":           {},
		"postfix current":   {Product: "Postfix", Slug: "postfix", Version: "3.11.7"},
		"exim 31 matches":   {Product: "Exim", Slug: "exim", Version: "4.92"},
		"exim on Ubuntu":    {Product: "Exim", Slug: "exim", Version: "4.95", OS: "Ubuntu"},
		"exchange 70 match": {Product: "Exchange", Slug: "exchange", Version: "15.2.986.14"},
	} {
		b.Run(name, func(b *testing.B) {
			f := good()
			f.Software = sw
			b.ReportAllocs()
			for b.Loop() {
				s.Service(f)
			}
		})
	}
}

func BenchmarkDefault(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Default(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkReadAll(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := readAll(); err != nil {
			b.Fatal(err)
		}
	}
}
