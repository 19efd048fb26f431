package resolver

import (
	"errors"
	"math/rand/v2"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

func TestParseNames(t *testing.T) {
	long63 := strings.Repeat("a", 63)
	name253 := strings.Join([]string{long63, long63, long63, strings.Repeat("b", 61)}, ".")
	for text, want := range map[string]string{
		"example.com":                        "example.com",
		"  example.com\t":                    "example.com",
		"EXAMPLE.Com.":                       "example.com",
		"localhost":                          "localhost",
		"ai":                                 "ai",
		"1and1.example":                      "1and1.example",
		"1and1":                              "1and1",
		"10-20.example":                      "10-20.example",
		"192.0.2.1.example":                  "192.0.2.1.example",
		"r3---sn.example":                    "r3---sn.example",
		"xn--bcher-kva.example":              "xn--bcher-kva.example",
		"XN--BCHER-KVA.example":              "xn--bcher-kva.example",
		"bücher.example":                     "xn--bcher-kva.example",
		"BÜCHER.example":                     "xn--bcher-kva.example",
		"bu\u0308cher.example":               "xn--bcher-kva.example", // not NFC
		"faß.example":                        "xn--fa-hia.example",    // IDNA 2008, not "fass"
		"例え。テスト":                             "xn--r8jz45g.xn--zckzah",
		"\ufeffexample.com":                  "example.com", // of a list joined with cat
		"ｅｘａｍｐｌｅ．com":                        "example.com",
		long63 + ".example":                  long63 + ".example",
		name253:                              name253,
		name253 + ".":                        name253,
		"user@example.com":                   "example.com",
		"@example.com":                       "example.com",
		"user+tag@BÜCHER.example":            "xn--bcher-kva.example",
		`"quoted @ , local"@example.com`:     "example.com",
		"mailto:user@example.com?subject=hi": "example.com",
		"MAILTO:user@example.com":            "example.com",
	} {
		in, err := Parse(text, "test:1", InputOptions{})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		wanted := scanner.Input{Text: strings.TrimSpace(text), Source: "test:1", Kind: scanner.KindDomain, Name: want}
		if !reflect.DeepEqual(in, wanted) {
			t.Errorf("%q: got %+v, want %+v", text, in, wanted)
		}
		if in, _ := Parse(text, "", InputOptions{Direct: true}); in.Kind != scanner.KindHost || in.Name != want {
			t.Errorf("%q direct: got %+v", text, in)
		}
	}
}

func TestParseHosts(t *testing.T) {
	for text, want := range map[string]struct {
		name string
		port scanner.Port
	}{
		"mx.example.com:2525":         {"mx.example.com", scanner.Port{Number: 2525, Mode: smtp.ModeSTARTTLS}},
		"mx.example.com.:465":         {"mx.example.com", scanner.Port{Number: 465, Mode: smtp.ModeTLS}},
		"mx.example.com:4465:tls":     {"mx.example.com", scanner.Port{Number: 4465, Mode: smtp.ModeTLS}},
		"mx.example.com:465:STARTTLS": {"mx.example.com", scanner.Port{Number: 465, Mode: smtp.ModeSTARTTLS}},
		"bücher.example:25":           {"xn--bcher-kva.example", scanner.Port{Number: 25}},
		"localhost:65535":             {"localhost", scanner.Port{Number: 65535}},
		"smtp://mx.example.com":       {"mx.example.com", scanner.Port{Number: 25}},
		"SMTP://mx.example.com:587/":  {"mx.example.com", scanner.Port{Number: 587}},
		"smtp://mx.example.com:465":   {"mx.example.com", scanner.Port{Number: 465, Mode: smtp.ModeSTARTTLS}},
		"smtps://mx.example.com":      {"mx.example.com", scanner.Port{Number: 465, Mode: smtp.ModeTLS}},
		"smtps://mx.example.com:2465": {"mx.example.com", scanner.Port{Number: 2465, Mode: smtp.ModeTLS}},
	} {
		in, err := Parse(text, "", InputOptions{})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		wanted := scanner.Input{Text: text, Kind: scanner.KindHost, Name: want.name, Ports: []scanner.Port{want.port}}
		if !reflect.DeepEqual(in, wanted) {
			t.Errorf("%q: got %+v, want %+v", text, in, wanted)
		}
	}
}

func TestParseAddresses(t *testing.T) {
	for text, want := range map[string]string{ // first, last, port if any
		"192.0.2.1":                           "192.0.2.1 192.0.2.1",
		"192.0.2.1:2525":                      "192.0.2.1 192.0.2.1 2525",
		"192.0.2.1:4465:tls":                  "192.0.2.1 192.0.2.1 4465:tls",
		"[192.0.2.1]":                         "192.0.2.1 192.0.2.1",
		"2001:db8::1":                         "2001:db8::1 2001:db8::1",
		"2001:DB8:0:0:0:0:0:1":                "2001:db8::1 2001:db8::1",
		"2001:db8::1:25":                      "2001:db8::1:25 2001:db8::1:25",
		"::":                                  ":: ::",
		"[2001:db8::1]":                       "2001:db8::1 2001:db8::1",
		"[2001:db8::1]:465":                   "2001:db8::1 2001:db8::1 465",
		"[2001:db8::1]:465:starttls":          "2001:db8::1 2001:db8::1 465:starttls",
		"[IPv6:2001:db8::1]":                  "2001:db8::1 2001:db8::1",
		"::ffff:192.0.2.1":                    "192.0.2.1 192.0.2.1",
		"[::ffff:c000:201]:25":                "192.0.2.1 192.0.2.1 25",
		"192.0.2.0/24":                        "192.0.2.0 192.0.2.255",
		"192.0.2.7/24":                        "192.0.2.0 192.0.2.255",
		"192.0.2.7/32":                        "192.0.2.7 192.0.2.7",
		"192.0.2.7/31":                        "192.0.2.6 192.0.2.7",
		"0.0.0.0/0":                           "0.0.0.0 255.255.255.255",
		"192.0.2.0/24:2525":                   "192.0.2.0 192.0.2.255 2525",
		"2001:db8::/104":                      "2001:db8:: 2001:db8::ff:ffff",
		"2001:db8::ff/120:25":                 "2001:db8:: 2001:db8::ff 25",
		"[2001:db8::/120]:25":                 "2001:db8:: 2001:db8::ff 25",
		"::ffff:192.0.2.0/120":                "192.0.2.0 192.0.2.255",
		"192.0.2.10-20":                       "192.0.2.10 192.0.2.20",
		"192.0.2.10-10":                       "192.0.2.10 192.0.2.10",
		"192.0.2.10 - 192.0.2.20":             "192.0.2.10 192.0.2.20",
		"192.0.2.10-192.0.3.4":                "192.0.2.10 192.0.3.4",
		"192.0.2.10-20:25":                    "192.0.2.10 192.0.2.20 25",
		"2001:db8::1-2001:db8::ff":            "2001:db8::1 2001:db8::ff",
		"[2001:db8::1-2001:db8::ff]:25":       "2001:db8::1 2001:db8::ff 25",
		"2001:db8::ffff:ffff-2001:db8::1:0:9": "2001:db8::ffff:ffff 2001:db8::1:0:9",
		"user@[192.0.2.1]":                    "192.0.2.1 192.0.2.1",
		"user@[IPv6:2001:db8::1]":             "2001:db8::1 2001:db8::1",
		"mailto:user@[192.0.2.1]":             "192.0.2.1 192.0.2.1",
		"smtp://[2001:db8::1]:587/":           "2001:db8::1 2001:db8::1 587",
	} {
		in, err := Parse(text, "", InputOptions{Direct: true})
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		got := in.First.String() + " " + in.Last.String()
		for _, p := range in.Ports {
			got += " " + p.String()
		}
		if in.Kind != scanner.KindRange || in.Name != "" || in.Text != text || got != want {
			t.Errorf("%q: got %q, %+v, want %q", text, got, in, want)
		}
	}
}

// TestParseRefuses also pins a piece of each reason: a user must learn what is
// wrong from the message alone.
func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ text, reason string }{
		{"", "expected a domain"},
		{"  ", "expected a domain"},
		{".", "expected a domain"},
		{"example..com", "label is empty"},
		{".example.com", "label is empty"},
		{"example.com..", "label is empty"},
		{strings.Repeat("a", 64) + ".example", "63 bytes"},
		{strings.Repeat("a.", 126) + "aa", "253 bytes"},
		{strings.Repeat("x", 5000), "4096 bytes"},
		{strings.Repeat(" ", 5000), "4096 bytes"},
		{"-a.example", "hyphen"},
		{"a-.example", "hyphen"},
		{"_dmarc.example.com", "underscore"},
		{"mail_server.example:25", "underscore"},
		{"example.com mx.example.com", "one target per line"},
		{"example.com,example.org", "one target per line"},
		{"example.com\x00", "cannot be in a name"},
		{"exam\rple.com", "cannot be in a name"},
		{"*.example.com", "cannot be in a name"},
		{"b\xfccher.example", "not UTF-8"},
		{"\u0378.example", "not an internationalized name"},
		{"1.2.3", "neither an IPv4 address nor a name"},
		{"300.1.1.1", "neither an IPv4 address nor a name"},
		{"25", "neither an IPv4 address nor a name"},
		{"example.1", "begins with a digit"},
		{"192.0.2.10-2o", "begins with a digit"},
		{"192.0.2.1-192.0.2.20x", "begins with a digit"},
		{"user@25", "begins with a digit"},
		{"１９２.0.2.1", "begins with a digit"},
		{"010.1.1.1", "leading zeros"},
		{"192.0.2.01/24", "leading zeros"},
		{"192.0.2.1-192.0.2.010", "leading zeros"},
		{"fe80::1%eth0", "zone"},
		{"[fe80::1%25eth0]:25", "zone"},
		{"fe80::%1/120", "zone"},
		{"2001:db8:::1", "not an IPv6 address"},
		{"1:2:3:4:5:6:7:8:9", "not an IPv6 address"},
		{"[2001:db8::1", "brackets"},
		{"[2001:db8::1]25", "brackets"},
		{"[2001:db8::1]:", "brackets"},
		{"[example.com]:25", "only an address belongs in brackets"},
		{"192.0.2.0/33", "cannot have /33"},
		{"192.0.2.0/-1", "length of the prefix"},
		{"192.0.2.0/", "length of the prefix"},
		{"192.0.2.0/255.255.255.0", "length of the prefix"},
		{"192.0.2.0/24/25", "length of the prefix"},
		{"::ffff:192.0.2.0/95", "cannot have /95"},
		{"example.com/24", "not after a name"},
		{"example.com/", "not after a name"},
		{"1.2.3/24", "before the slash"},
		{"192.0.2.0/24-192.0.3.0", "length of the prefix"},
		{"192.0.2.20-10", "ends before it begins"},
		{"192.0.3.1-192.0.2.1", "ends before it begins"},
		{"192.0.2.10-300", "after the hyphen"},
		{"192.0.2.300-400", "neither an IPv4 address nor a name"},
		{"192.0.2.1-2001:db8::1", "not both IPv4 or both IPv6"},
		{"2001:db8::/64", "2^24"},
		{"2001:db8::/103", "2^24"},
		{"::/0", "2^24"},
		{"2001:db8::-2001:db8::100:0", "2^24"},
		{"2001:db8::ffff:ffff:ffff:ffff-2001:db8:0:2::", "2^24"},
		{"example.com:", "missing"},
		{"example.com:0", "1 to 65535"},
		{"example.com:65536", "1 to 65535"},
		{"example.com:smtp", "1 to 65535"},
		{"example.com:25:ssl", "starttls or tls"},
		{":25", "neither an IPv4 address nor a name"},
		{"https://example.com/", "https:// URL"},
		{"://example.com", "URL"},
		{"smtp://", "neither"},
		{"smtp://192.0.2.0/24", "without user and path"},
		{"smtp://user:secret@example.com", "without user and path"},
		{"smtp://example.com:25:tls", "1 to 65535"},
		{"a@b@example.com", "e-mail address"},
		{"Jane Doe <jane@example.com>", "e-mail address"},
		{"mailto:example.com", "e-mail address"},
		{"user@", "empty"},
		{"user@example.com:25", "cannot be in a name"},
		{"user@192.0.2.1", "brackets"},
		{"user@[example.com]", "neither"},
		{"user@[192.0.2.0/24]", "neither"},
	} {
		in, err := Parse(c.text, "list:7", InputOptions{})
		var bad *scanner.InputError
		if !errors.As(err, &bad) {
			t.Errorf("%.80q: got %+v, %v, want an InputError", c.text, in, err)
			continue
		}
		if bad.Source != "list:7" || !strings.HasPrefix(c.text, bad.Text) || len(bad.Text) > 200 || !strings.Contains(bad.Reason, c.reason) {
			t.Errorf("%.80q: got %v, want a reason with %q", c.text, err, c.reason)
		}
		if !reflect.DeepEqual(in, scanner.Input{}) {
			t.Errorf("%.80q: an input beside the error: %+v", c.text, in)
		}
	}
}

func TestClipKeepsRunesWhole(t *testing.T) {
	for n := 195; n < 205; n++ {
		got := clip(strings.Repeat("x", n) + strings.Repeat("€", 5))
		if len(got) > 200 || len(got) < 197 || !utf8.ValidString(got) {
			t.Errorf("%d: %d bytes, %q", n, len(got), got)
		}
	}
	if got := clip(strings.Repeat("\x80", 300)); len(got) < 190 || len(got) > 200 {
		t.Errorf("no UTF-8: %d bytes", len(got))
	}
}

// TestParseRangeRoundTrip checks prefixes and ranges against the arithmetic of
// net/netip.
func TestParseRangeRoundTrip(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 2000 {
		a, b := randomAddr(r, 32), randomAddr(r, 32)
		if r.IntN(2) == 0 {
			a, b = randomAddr(r, 128), randomAddr(r, 128)
		}
		if b.Less(a) {
			a, b = b, a
		}
		in, err := parseTarget(a.String() + "-" + b.String())
		if err != nil || in.First != a || in.Last != b {
			t.Fatalf("%s-%s: got %+v, %v", a, b, in, err)
		}
		prefix, _ := a.Prefix(r.IntN(a.BitLen() + 1))
		in, err = parseTarget(prefix.String())
		if err != nil || in.First != prefix.Addr() || !prefix.Contains(in.Last) || prefix.Contains(in.Last.Next()) {
			t.Fatalf("%s: got %+v, %v", prefix, in, err)
		}
	}
}

func randomAddr(r *rand.Rand, bits int) netip.Addr {
	b := make([]byte, bits/8)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	if bits == 128 {
		b[0] = 0x20 // not IPv4 in IPv6
	}
	addr, _ := netip.AddrFromSlice(b)
	return addr
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{
		"example.com", "bücher.example:25", "192.0.2.0/24:2525", "[2001:db8::1]:465", "2001:db8::1-2001:db8::9",
		"192.0.2.10-20", "user@[IPv6:::1]", "smtps://h:1/", "mailto:a@b.c?d", "h:4465:tls", "::ffff:1.2.3.4/120", "010.1.1.1",
	} {
		f.Add(text, false)
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, direct bool) {
		in, err := Parse(text, "fuzz:1", InputOptions{Direct: direct})
		if err != nil {
			bad, ok := err.(*scanner.InputError)
			if !ok || bad.Reason == "" || len(bad.Text) > 200 || len(bad.Reason) > 1000 {
				t.Fatalf("%q: %#v", text, err)
			}
			return
		}
		checkInput(t, in, direct)
	})
}

// checkInput checks what every Input promises, and that its parts parse to
// themselves.
func checkInput(t *testing.T, in scanner.Input, direct bool) {
	t.Helper()
	if in.Text != strings.TrimSpace(in.Text) || in.Text == "" || len(in.Ports) > 1 || len(in.Ports) == 1 && in.Ports[0].Number == 0 {
		t.Fatalf("%+v", in)
	}
	if in.Kind == scanner.KindRange {
		switch {
		case in.Name != "" || !in.First.IsValid() || in.First.Is4() != in.Last.Is4(),
			in.First.Is4In6(), in.First.Zone() != "", in.Last.Zone() != "", in.Last.Less(in.First):
			t.Fatalf("%+v", in)
		}
		return
	}
	if in.First.IsValid() || in.Last.IsValid() || in.Kind == scanner.KindDomain && (direct || in.Ports != nil) {
		t.Fatalf("%+v", in)
	}
	again, err := Parse(in.Name, "", InputOptions{})
	if err != nil || again.Name != in.Name || again.Kind != scanner.KindDomain {
		t.Fatalf("%q: name %q parses to %+v, %v", in.Text, in.Name, again, err)
	}
}

// BenchmarkParse measures a target of each usual form.
func BenchmarkParse(b *testing.B) {
	for _, text := range []string{"mail.example.com", "someone@example.com", "192.0.2.1:25", "192.0.2.0/24", "2001:db8::1-2001:db8::ff"} {
		b.Run(text, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Parse(text, "list:1", InputOptions{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
