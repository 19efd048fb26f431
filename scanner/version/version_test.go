package version

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// Each list is in order, oldest first; versions in one string separated by "="
// are the same release.
func TestOrder(t *testing.T) {
	for _, tt := range []struct {
		scheme string
		order  []string
	}{
		{"dotted", []string{"2.0.0b1", "2.0=2.0.0=v2.0=2.0.0+build.5", "2.2.36.4", "2.3.4.1", "2.3.10.1"}},
		{"dotted", []string{"3.0-alpha1", "3.0-M2", "3.0-beta4", "3.0-rc1", "3.0-rc10", "3.0"}},
		{"postfix", []string{"2.11-20130405", "2.11-RC1", "2.11.0", "2.11.11", "3.9", "3.10", "3.11-20260101=3.11-20260101-nonprod", "3.11.7"}},
		{"exim", []string{"3.36", "4.80.1", "4.84", "4.84_2=4.84.2", "4.89=4.89-122312", "4.89_1", "4.89_1b", "4.90_RC3", "4.90=4.90 #2=4.90-58-g4e9ed49f8=4.90+fixes", "4.93.0.4", "4.99", "4.100.1"}},
		{"sendmail", []string{"5.79", "8.6.9", "8.9.3", "8.11.6", "8.11.6p2", "8.12.0.Beta7", "8.12.0.Beta10", "8.12.0", "8.13.8+Sun=8.13.8", "8.15.2/8.15.2/Debian-22=8.15.2", "8.17.1.9", "8.17.2"}},
		{"patchlevel", []string{"6.6.2", "6.6.2p1", "6.6.4=6.6.4p0", "6.8.0p1", "6.8.0p10"}},
		{"patchlevel", []string{"8.8.15=8.8.15p0", "8.8.15p7=8.8.15_P7", "8.8.15p46", "9.2.7 beta 1", "9.2.7", "9.2.7 patch 3=9.2.7p3"}},
		{"exchange", []string{"5.5.2653", "6.5.7654.4", "14.3.513.0", "15.1.2507.61", "15.2.986.5=15.02.0986.005", "15.2.986.14=15.02.0986.014=15.2 (Build 986.14)", "15.2.2562.46"}},
		{"letter", []string{"6.8.5", "24.5.1rc1", "24.5.1", "24.5.1a", "24.5.1c=24.5.1C", "24.5.2", "25.0.1"}},
		{"dashed", []string{"10.6.2", "10.6.3", "10.6.3-266", "10.6.3-267", "10.6.4", "16.0.4-016=16.0.4-16"}},
		{"dashed", []string{"5.6.7", "5.6.7-B2425", "5.6.8-B2494"}},
		{"decimal", []string{"1.04", "1.5=1.50", "1.54", "1.6", "1.986", "2.0", "3.13", "4.01", "4.01b", "4.51", "10.0", "10.20", "10.3", "10.55"}},
		{"imail", []string{"6.06", "8.01", "8.05", "8.11", "8.20=8.2", "8.22", "2006", "2006.1", "2006.2", "2006.21", "2006.3", "10.0", "11.03", "11.5", "12.5", "12.5.5", "12.5.8"}},
		{"groupwise", []string{"7.0", "7.03=7.0.3", "7.03HP=7.03HP1", "7.03HP3", "8.0", "8.0HP2", "8.01", "8.02=8.0.2", "8.02HP", "8.0.3", "14.2.2", "18.4.1"}},
		{"domino", []string{"6.5.6", "7.0.2", "7.0.2FP1=7.0.2.1", "8.5.1FP2", "8.5.3FP6=8.5.3.6=8.5.3 FP6", "8.5.3FP6 HF12=8.5.3FP6HF12", "9.0", "9.0.1FP8IF2", "12.0.2FP3"}},
		{"communigate", []string{"4.2.10", "4.3b1", "4.3c1", "4.3c3", "4.3", "4.3.1", "5.0.7", "6.2.1"}},
		{"surgemail", []string{"3.8", "3.8k", "3.8k4=38k4", "3.8k4-1", "3.9a", "7.4q-1"}},
	} {
		t.Run(tt.scheme, func(t *testing.T) { checkOrder(t, tt.scheme, tt.order) })
	}
}

func checkOrder(t *testing.T, scheme string, order []string) {
	type ranked struct {
		rank int
		v    Version
	}
	var all []ranked
	for rank, same := range order {
		for _, text := range strings.Split(same, "=") {
			v, err := Parse(scheme, text)
			if err != nil {
				t.Fatal(err)
			}
			if v.String() != text || v.Scheme() != scheme {
				t.Errorf("Parse(%q) is %q of scheme %q", text, v, v.Scheme())
			}
			all = append(all, ranked{rank, v})
		}
	}
	for _, a := range all {
		for _, b := range all {
			want := 0
			if a.rank < b.rank {
				want = -1
			} else if a.rank > b.rank {
				want = 1
			}
			got, err := Compare(a.v, b.v)
			if err != nil || got != want || Less(a.v, b.v) != (want < 0) {
				t.Errorf("Compare(%s, %s) = %d, %v, Less %t; want %d", a.v, b.v, got, err, Less(a.v, b.v), want)
			}
		}
	}
}

// What does not have the form of its scheme cannot be compared.
func TestCannotCompare(t *testing.T) {
	for scheme, texts := range map[string][]string{
		"dotted":      {"", "3", "unknown", "3.", ".3", "1..2", "1.2.3.4.5.6", "1.9999999999", "1.2 final", "1.2b", "1.2m", "2.4-rc1x", "\x00", "1.2\x00", "-1.2", strings.Repeat("1.", 40) + "1"},
		"postfix":     {"Postfix", "3.9-2026010", "3.9-202601011", "3"},
		"exim":        {"125302", "4", "4.9x2", "4.89_1bc", "4.90-", "4.90-58-", "4.90-58-gxyz"},
		"sendmail":    {"AIX4.3/8.9.3p2/8.9.3", "Switch-3.3.2", "8", "8.12.0.Betaa"},
		"patchlevel":  {"6.6.2p1p2", "8.8.15_GA_4177", "6"},
		"exchange":    {"15.2", "15", "2019", "15.2.986.14 SP1", "15.2 (Build x)"},
		"letter":      {"24.5.1cc", "24.5.1c2", "24"},
		"dashed":      {"10.6.3-", "10.6.3-267-1", "10.6.3_267"},
		"decimal":     {"1", "1.", "1.23456", "1.5.", "1.5ab", "v1.5"},
		"imail":       {"8", "2006.", "2006.1b"},
		"groupwise":   {"8", "2014 R2 SP1", "8.02HPx"},
		"domino":      {"8", "8.5.3FP", "8.5.3.1FP2", "8.5.3FP6XX1"},
		"communigate": {"4", "4.3c", "4.3c3x", "4.3d1"},
		"surgemail":   {"3", "3.8.1", "388k", "3.8k4-", "3.8kk"},
	} {
		for _, text := range texts {
			if v, err := Parse(scheme, text); err == nil {
				t.Errorf("%s: Parse(%q) gives %q; want an error", scheme, text, v)
			}
		}
	}
}

func TestUnknownScheme(t *testing.T) {
	if _, err := Parse("semver", "1.2.3"); !errors.Is(err, ErrUnknownScheme) {
		t.Errorf("Parse: %v", err)
	}
	if _, err := ParseLine("semver", "1.2"); !errors.Is(err, ErrUnknownScheme) {
		t.Errorf("ParseLine: %v", err)
	}
	exim, _ := Parse("exim", "4.92")
	postfix, _ := Parse("postfix", "4.92")
	for _, pair := range [][2]Version{{exim, postfix}, {exim, {}}, {{}, exim}, {{}, {}}} {
		if _, err := Compare(pair[0], pair[1]); err == nil || Less(pair[0], pair[1]) {
			t.Errorf("Compare(%v, %v): %v", pair[0], pair[1], err)
		}
	}
}

func TestSchemes(t *testing.T) {
	schemes := Schemes()
	if !slices.IsSorted(schemes) || len(slices.Compact(slices.Clone(schemes))) != len(schemes) {
		t.Errorf("not sorted, or a name twice: %q", schemes)
	}
	for _, s := range schemes {
		if parser(s) == nil {
			t.Errorf("scheme %q has no parser", s)
		}
	}
}

func TestLine(t *testing.T) {
	for _, tt := range []struct {
		scheme, line, version string
		want                  bool
	}{
		{"exim", "4.9", "4.9.1", true},
		{"exim", "4.9", "4.99", false},
		{"exim", "4.99", "4.99_5", true},
		{"exim", "4.100", "4.100.1", true},
		{"exim", "4.10", "4.100.1", false},
		{"exchange", "15.2.2562", "15.02.2562.046", true},
		{"exchange", "15.2.2562", "15.2.1544.36", false},
		{"exchange", "14", "14.3.513.0", true},
		{"postfix", "3.7", "3.7-20220101", true},
		{"patchlevel", "7.8", "7.8.0p1", true},
	} {
		l, err := ParseLine(tt.scheme, tt.line)
		if err != nil {
			t.Fatal(err)
		}
		v, err := Parse(tt.scheme, tt.version)
		if err != nil {
			t.Fatal(err)
		}
		if l.Contains(v) != tt.want {
			t.Errorf("line %s contains %s: %t", tt.line, tt.version, !tt.want)
		}
		if want := strings.Count(tt.line, ".") + 1; l.Parts() != want {
			t.Errorf("line %s has %d parts", tt.line, l.Parts())
		}
	}
	for _, bad := range []string{"", "subscription", "4.", "4.9x", "1.2.3.4.5.6"} {
		if _, err := ParseLine("exim", bad); err == nil {
			t.Errorf("ParseLine(%q): no error", bad)
		}
	}
	other, _ := Parse("postfix", "4.99")
	l, _ := ParseLine("exim", "4.99")
	if l.Contains(other) || (Line{}).Contains(other) {
		t.Error("a line contains a version of another scheme")
	}
}

// FuzzOrder checks on any three texts that the order is total: a comparison and
// its reverse agree, equal keys are the same release, and it is transitive.
func FuzzOrder(f *testing.F) {
	for _, s := range Schemes() {
		f.Add(s, "4.89_1b", "4.90_RC3", "4.100.1")
		f.Add(s, "8.12.0.Beta7", "8.5.3FP6 HF1", "3.8k4-1")
		f.Add(s, "15.02.0986.014", "2006.21", "12.5.5")
	}
	f.Fuzz(func(t *testing.T, scheme, x, y, z string) {
		a, errA := Parse(scheme, x)
		b, errB := Parse(scheme, y)
		c, errC := Parse(scheme, z)
		if errA != nil || errB != nil || errC != nil {
			return
		}
		compare := func(v, w Version) int {
			order, err := Compare(v, w)
			if err != nil {
				t.Fatal(err)
			}
			return order
		}
		if compare(a, a) != 0 || compare(a, b) != -compare(b, a) {
			t.Fatalf("%q against %q: not antisymmetric", a, b)
		}
		if compare(a, b) <= 0 && compare(b, c) <= 0 && compare(a, c) > 0 {
			t.Fatalf("%q, %q, %q: not transitive", a, b, c)
		}
		again, err := Parse(scheme, a.String())
		if err != nil || compare(a, again) != 0 {
			t.Fatalf("%q does not read back: %v", a, err)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse("exim", "4.92.3"); err != nil {
			b.Fatal(err)
		}
	}
}
