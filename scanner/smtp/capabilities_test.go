package smtp

import (
	"fmt"
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
)

func ehlo(keywords ...string) *Capabilities {
	raw := "250-mx.example.com\r\n"
	for _, k := range keywords {
		raw += "250-" + k + "\r\n"
	}
	return ParseCapabilities(ParseReply(Raw(raw + "250 LAST\r\n")))
}

func TestCapabilitiesFlags(t *testing.T) {
	for _, keyword := range []string{"STARTTLS", "PIPELINING", "CHUNKING", "BINARYMIME", "8BITMIME", "SMTPUTF8", "DSN",
		"ENHANCEDSTATUSCODES", "ETRN", "HELP", "VRFY", "EXPN", "REQUIRETLS", "DELIVERBY", "FUTURERELEASE", "MT-PRIORITY"} {
		for _, line := range []string{keyword, strings.ToLower(keyword), keyword + " an argument", keyword + " ", keyword + "\t"} {
			c := ehlo(line)
			set := 0
			for v := range fields(c) {
				if v.Kind() == reflect.Bool && v.Bool() {
					set++
				}
			}
			if flag := c.flag(keyword); flag == nil || !*flag || set != 1 {
				t.Errorf("%q sets %d flags: %+v", line, set, c)
			}
		}
	}
	if c := ehlo("XSTARTTLS", "STARTTLSX", "TLS", "\u017ftarttls"); c.STARTTLS {
		t.Error("a keyword that only resembles STARTTLS counts as one")
	}
}

func fields(c *Capabilities) func(func(reflect.Value) bool) {
	return func(yield func(reflect.Value) bool) {
		v := reflect.ValueOf(c).Elem()
		for i := range v.NumField() {
			if !yield(v.Field(i)) {
				return
			}
		}
	}
}

func TestCapabilitiesAuth(t *testing.T) {
	tests := []struct {
		lines  []string
		auth   []string
		legacy bool
	}{
		{nil, []string{}, false},
		{[]string{"AUTH PLAIN LOGIN"}, []string{"PLAIN", "LOGIN"}, false},
		{[]string{"auth plain  cram-md5 "}, []string{"PLAIN", "CRAM-MD5"}, false},
		{[]string{"AUTH=LOGIN PLAIN"}, []string{"LOGIN", "PLAIN"}, true},
		{[]string{"AUTH PLAIN LOGIN", "AUTH=PLAIN LOGIN"}, []string{"PLAIN", "LOGIN"}, true},
		{[]string{"AUTH=PLAIN", "AUTH SCRAM-SHA-256 PLAIN"}, []string{"PLAIN", "SCRAM-SHA-256"}, true},
		{[]string{"AUTH"}, []string{}, false},
		{[]string{"AUTH="}, []string{}, true},
	}
	for _, tt := range tests {
		c := ehlo(tt.lines...)
		if !slices.Equal(c.Auth, tt.auth) || c.Auth == nil || c.AuthLegacy != tt.legacy {
			t.Errorf("%q: %q, legacy %v", tt.lines, c.Auth, c.AuthLegacy)
		}
	}
}

func TestCapabilitiesSize(t *testing.T) {
	tests := map[string]int64{ // -1: unknown
		"SIZE":                       -1,
		"SIZE ":                      -1,
		"SIZE 0":                     0,
		"SIZE 10240000":              10240000,
		"SIZE=10240000":              10240000,
		"size 1 more":                1,
		"SIZE 99999999999999999999":  math.MaxInt64, // 20 digits are legal
		"SIZE 18446744073709551615":  math.MaxInt64,
		"SIZE 999999999999999999999": math.MaxInt64,
		"SIZE -1":                    -1,
		"SIZE +1":                    -1,
		"SIZE 0x10":                  -1,
		"SIZE ten":                   -1,
		"SIZE 10M":                   -1,
		"PIPELINING":                 -1,
	}
	for line, want := range tests {
		got := int64(-1)
		if c := ehlo(line); c.Size != nil {
			got = *c.Size
		}
		if got != want {
			t.Errorf("%q: %d, want %d", line, got, want)
		}
	}
}

func TestCapabilitiesKeywords(t *testing.T) {
	c := ehlo("pipelining", "X-EXPS GSSAPI NTLM", "x-exps=LOGIN", "XXXXXXXA", "LIMITS RCPTMAX=50 MAILMAX=10", "", " ")
	want := []string{"PIPELINING", "X-EXPS", "X-EXPS", "XXXXXXXA", "LIMITS", "LAST"}
	if !slices.Equal(c.Keywords, want) || c.Limits != "RCPTMAX=50 MAILMAX=10" {
		t.Errorf("%q, limits %q", c.Keywords, c.Limits)
	}
}

func TestCapabilitiesBounds(t *testing.T) {
	var lines []string
	for i := range 300 {
		lines = append(lines, fmt.Sprintf("K%d%s", i, strings.Repeat("X", 100)), fmt.Sprintf("AUTH M%d", i))
	}
	lines = append([]string{"LIMITS " + strings.Repeat("L", 1000)}, lines...)
	c := ehlo(lines...)
	if len(c.Keywords) != maxKeywords || len(c.Keywords[1]) != maxKeyword || len(c.Auth) > maxMechanisms || len(c.Limits) != maxLimitsBytes {
		t.Errorf("%d keywords of %d bytes, %d mechanisms, %d bytes of limits", len(c.Keywords), len(c.Keywords[1]), len(c.Auth), len(c.Limits))
	}
}

func TestCapabilitiesUnknown(t *testing.T) {
	for _, raw := range []Raw{"", "500 what?\r\n", "220-mx\r\n220 STARTTLS\r\n", "STARTTLS\r\n", "421 STARTTLS\r\n"} {
		if c := ParseCapabilities(ParseReply(raw)); c != nil {
			t.Errorf("%q says something about capabilities: %+v", raw, c)
		}
	}
	if c := ParseCapabilities(ParseReply("250 STARTTLS\r\n")); c == nil || c.STARTTLS || c.Keywords == nil {
		t.Errorf("the first line is the server's name, no keyword: %+v", c)
	}
}

func FuzzCapabilities(f *testing.F) {
	f.Add("250-mx.example.com\r\n250-SIZE 100\r\n250-AUTH=PLAIN LOGIN\r\n250 STARTTLS\r\n")
	f.Add("250-\n250-LIMITS A=1\n250 \xff=\x00\n")
	f.Fuzz(func(t *testing.T, raw string) {
		c := ParseCapabilities(ParseReply(Raw(raw)))
		if c == nil {
			return
		}
		if c.Keywords == nil || c.Auth == nil || len(c.Keywords) > maxKeywords || len(c.Auth) > maxMechanisms {
			t.Fatalf("%q: %+v", raw, c)
		}
		for _, k := range c.Keywords {
			if k == "" || len(k) > maxKeyword || strings.ContainsAny(k, " \t\n=") {
				t.Fatalf("%q: keyword %q", raw, k)
			}
		}
		if c.STARTTLS != slices.Contains(c.Keywords, "STARTTLS") || c.Size != nil && *c.Size < 0 {
			t.Fatalf("%q: %+v", raw, c)
		}
	})
}
