package output

import (
	"encoding/csv"
	"fmt"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

func TestCSVGolden(t *testing.T) {
	golden(t, "sample.csv", []byte(written(t, CSV, Options{}, sample()...)))
	golden(t, "sample-fields.csv", []byte(written(t, CSV, Options{Fields: []string{"port", "ip", "product"}}, sample()...)))
}

// rows parses CSV as strictly as encoding/csv can: same number of cells in
// every row.
func rows(t testing.TB, text string) [][]string {
	t.Helper()
	got, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return got
}

// cell returns the cell of one service in the named column, as a spreadsheet
// reads it.
func cell(t testing.TB, column string, s *scanner.Service) string {
	t.Helper()
	return rows(t, written(t, CSV, Options{Fields: []string{"port", column}}, scanner.Result{Service: s}))[1][1]
}

func TestCSVHeaderAlways(t *testing.T) {
	want := strings.Join(columnNames(), ",") + "\r\n"
	if got := written(t, CSV, Options{}); got != want {
		t.Errorf("got %q", got)
	}
}

func TestCSVHasOneRowPerService(t *testing.T) {
	results := sample()
	services := slices.DeleteFunc(slices.Clone(results), func(r scanner.Result) bool { return r.Service == nil })
	text := written(t, CSV, Options{}, results...)
	if got := len(rows(t, text)); got != len(services)+1 {
		t.Errorf("%d rows, want %d", got, len(services)+1)
	}
	if lines := strings.Count(text, "\n"); lines != len(services)+1 || strings.Count(text, "\r\n") != lines {
		t.Errorf("%d physical lines, want %d", lines, len(services)+1)
	}
}

func TestCSVFormulaGuard(t *testing.T) {
	for in, want := range map[string]string{
		"=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(1)": "'@SUM(1)",
		"\t=1": `\t=1`, "\r=1": `\r=1`, "\n=1": `\n=1`,
		"＝1": "'＝1", "＋1": "'＋1", "－1": "'－1", "＠1": "'＠1",
		" =1": "' =1", "a=1": "a=1", "": "", `"=1"`: `"=1"`, "'=1": "'=1",
		"\u200b=1": `\u200b=1`, "\u00a0=1": `\u00a0=1`, "\xff=1": `\xff=1`,
		"a,b": "a,b", "a\nb": `a\nb`, "220 a\r\n": "220 a", `CORP\mx`: `CORP\\mx`, " a ": " a ", "\x1b[2J": `\x1b[2J`,
	} {
		if got := cell(t, "banner", &scanner.Service{Port: 25, Banner: smtp.Raw(in)}); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func TestCSVHostileRow(t *testing.T) {
	for i, got := range rows(t, written(t, CSV, Options{}, hostile()))[1] {
		if err := unsafeCell(got); err != nil {
			t.Errorf("column %s: %v", Columns()[i].Name, err)
		}
	}
}

func unsafeCell(s string) error {
	for _, r := range s {
		if !visible(r) || unicode.IsControl(r) {
			return fmt.Errorf("%U in %q", r, s)
		}
	}
	if isFormula(s) || len(s) > 32767 {
		return fmt.Errorf("harmful cell %.50q", s)
	}
	return nil
}

func TestCSVThreeValues(t *testing.T) {
	plainText := &smtp.Capabilities{STARTTLS: true, Auth: []string{"PLAIN", "LOGIN"}}
	handshake := func(valid *bool) *smtp.TLS { return &smtp.TLS{ChainValid: valid, Certificate: &smtp.Certificate{}} }
	tests := []struct {
		column, want string
		service      scanner.Service
	}{
		{"starttls", "", scanner.Service{}},
		{"starttls", "no", scanner.Service{Capabilities: &smtp.Capabilities{}}},
		{"starttls", "yes", scanner.Service{Capabilities: plainText}},
		{"starttls", "", scanner.Service{Capabilities: plainText, ImplicitTLS: new(true)}},
		{"auth_before_tls", "", scanner.Service{}},
		{"auth_before_tls", "none", scanner.Service{Capabilities: &smtp.Capabilities{}, ImplicitTLS: new(false)}},
		{"auth_before_tls", "PLAIN LOGIN", scanner.Service{Capabilities: plainText}},
		{"auth_before_tls", "", scanner.Service{Capabilities: plainText, ImplicitTLS: new(true)}},
		{"auth_after_tls", "", scanner.Service{Capabilities: plainText}},
		{"auth_after_tls", "PLAIN LOGIN", scanner.Service{Capabilities: plainText, ImplicitTLS: new(true)}},
		{"auth_after_tls", "none", scanner.Service{Capabilities: plainText, CapabilitiesTLS: &smtp.Capabilities{}}},
		{"ptr", "", scanner.Service{}},
		{"ptr", "none", scanner.Service{PTR: []string{}}},
		{"ptr", "a.example b.example", scanner.Service{PTR: []string{"a.example", "b.example"}}},
		{"ptr_valid", "no", scanner.Service{PTRValid: new(false)}},
		{"chain_valid", "", scanner.Service{}},
		{"chain_valid", "", scanner.Service{TLS: handshake(nil)}},
		{"chain_valid", "no", scanner.Service{TLS: handshake(new(false))}},
		{"chain_valid", "yes", scanner.Service{TLS: handshake(new(true))}},
		{"cert_self_signed", "", scanner.Service{TLS: &smtp.TLS{}}},
		{"cert_self_signed", "no", scanner.Service{TLS: handshake(nil)}},
		{"mx_implicit", "", scanner.Service{}},
		{"mx_implicit", "no", scanner.Service{MX: &scanner.ServiceMX{}}},
		{"mx_preference", "0", scanner.Service{MX: &scanner.ServiceMX{}}},
		{"confidence", "", scanner.Service{}},
		{"severity", "", scanner.Service{}},
		{"severity", "high", scanner.Service{Findings: []advisory.Finding{{Severity: advisory.Info}, {Severity: advisory.High}, {Severity: advisory.Low}}}},
		{"findings", "a b", scanner.Service{Findings: []advisory.Finding{{ID: "a"}, {ID: "b"}}}},
		{"cves", "CVE-1 CVE-2", scanner.Service{Findings: []advisory.Finding{{Advisories: []advisory.Match{{CVE: "CVE-1"}}}, {Advisories: []advisory.Match{{CVE: "CVE-1"}, {CVE: "CVE-2"}}}}}},
		{"ip", "", scanner.Service{}},
		{"cert_key", "Ed25519", scanner.Service{TLS: &smtp.TLS{Certificate: &smtp.Certificate{KeyType: "Ed25519"}}}},
	}
	for _, test := range tests {
		test.service.Port = 25
		if got := cell(t, test.column, &test.service); got != test.want {
			t.Errorf("%s: got %q, want %q", test.column, got, test.want)
		}
	}
}

func TestCSVLongCell(t *testing.T) {
	for _, long := range []string{strings.Repeat("a", 40000), strings.Repeat("é", 40000), strings.Repeat("\xff", 40000), "=" + strings.Repeat(`"`, 40000)} {
		got := cell(t, "banner", &scanner.Service{Port: 25, Banner: smtp.Raw(long)})
		if len(got) > 32767 || !strings.HasSuffix(got, "…") || !utf8.ValidString(got) {
			t.Errorf("%d bytes, end %q", len(got), got[len(got)-10:])
		}
	}
}

func TestSelectColumns(t *testing.T) {
	tests := []struct{ fields, exclude, want, fails string }{
		{"ip,port", "", "ip,port", ""},
		{"port,ip,port", "", "port,ip", ""},
		{"ip,port,banner", "banner", "ip,port", ""},
		{"ip,prot", "", "", `unknown field "prot", did you mean "port"?`},
		{"ip", "bannner", "", `unknown field "bannner", did you mean "banner"?`},
		{"IP", "", "", `did you mean "ip"`},
		{"ip", "ip", "", "no field is left"},
	}
	for _, test := range tests {
		got, err := SelectColumns(words(test.fields), words(test.exclude))
		if strings.Join(got, ",") != test.want || (err == nil) != (test.fails == "") || err != nil && !strings.Contains(err.Error(), test.fails) {
			t.Errorf("%s less %s: %v, %v", test.fields, test.exclude, got, err)
		}
	}
	if all, err := SelectColumns(nil, []string{"banner"}); err != nil || len(all) != len(Columns())-1 {
		t.Errorf("%v, %v", all, err)
	}
	if _, err := New(nil, CSV, Options{Fields: []string{"x"}}); err == nil {
		t.Error("New takes a column that there is not")
	}
}

func words(s string) []string {
	return slices.DeleteFunc(strings.Split(s, ","), func(w string) bool { return w == "" })
}

func TestColumnsAreDocumented(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range Columns() {
		if c.Name == "" || c.Description == "" || seen[c.Name] || strings.Trim(c.Name, "abcdefghijklmnopqrstuvwxyz_") != "" {
			t.Errorf("column %q: %q", c.Name, c.Description)
		}
		seen[c.Name] = true
	}
}

// FuzzCell checks that any text stays one harmless cell of one line.
func FuzzCell(f *testing.F) {
	f.Add(hostileBanner)
	f.Add(` "=1`)
	f.Add("＝")
	f.Fuzz(func(t *testing.T, s string) {
		text := "a," + string(appendCell(nil, s)) + ",b\r\n"
		got := rows(t, text)
		if len(got) != 1 || len(got[0]) != 3 || strings.Count(text, "\n") != 1 {
			t.Fatalf("%q became %q", s, text)
		}
		if err := unsafeCell(got[0][1]); err != nil {
			t.Fatal(err)
		}
	})
}

func BenchmarkCSV(b *testing.B) { benchmarkWriter(b, CSV) }
