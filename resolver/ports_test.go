package resolver

import (
	"reflect"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/scanner"
)

func TestParsePorts(t *testing.T) {
	if got, err := ParsePorts("25,465,587"); err != nil || !reflect.DeepEqual(got, scanner.DefaultPorts()) {
		t.Errorf("the default of the flag: got %v, %v", got, err)
	}
	for text, want := range map[string]string{
		"25":                         "25",
		" 587 , 25 ":                 "587 25",
		"2525:starttls,4465:TLS":     "2525 4465:tls",
		"465:starttls,25:tls":        "465:starttls 25:tls",
		"25,25,25:starttls,465:tls":  "25 465",
		"65535,1":                    "65535 1",
		"465,465:tls,25:starttls,25": "465 25",
	} {
		ports, err := ParsePorts(text)
		var got []string
		for _, p := range ports {
			got = append(got, p.String())
		}
		if err != nil || strings.Join(got, " ") != want {
			t.Errorf("%q: got %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestParsePortsRefuses(t *testing.T) {
	for text, reason := range map[string]string{
		"":                 "missing",
		"25,,587":          "missing",
		"25,":              "missing",
		":tls":             "missing",
		"0":                "1 to 65535",
		"65536":            "1 to 65535",
		"+25":              "1 to 65535",
		"-25":              "1 to 65535",
		"25-30":            "1 to 65535",
		"smtp":             "1 to 65535",
		"25:":              "starttls or tls",
		"25:ssl":           "starttls or tls",
		"25:tls:tls":       "starttls or tls",
		"25,25:tls":        "both",
		"465,465:starttls": "both",
	} {
		ports, err := ParsePorts(text)
		if err == nil || ports != nil || !strings.Contains(err.Error(), reason) {
			t.Errorf("%q: got %v, %v, want an error with %q", text, ports, err, reason)
		}
	}
}

func FuzzParsePorts(f *testing.F) {
	f.Add("25,465,587")
	f.Add("2525:starttls, 4465:tls")
	f.Fuzz(func(t *testing.T, text string) {
		ports, err := ParsePorts(text)
		if err != nil {
			return
		}
		var words []string
		for _, p := range ports {
			words = append(words, p.String())
		}
		again, err := ParsePorts(strings.Join(words, ","))
		if err != nil || len(ports) == 0 || !reflect.DeepEqual(again, ports) {
			t.Fatalf("%q: %v, then %v, %v", text, ports, again, err)
		}
	})
}
