package fingerprint

import (
	"os"
	"regexp"
	"regexp/syntax"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

const soundFile = `product: Example
vendor: Example
cpe: cpe:2.3:a:example:example
class: mta
versions: dotted
source: made for this test
rules:
  - id: greeting
    signal: greeting
    weight: 95
    pattern: '^{220}ESMTP Example(?: (?P<version>\d+\.\d+))?$'
    examples:
      - text: 220 mx.example.com ESMTP Example 1.2
        version: "1.2"
`

func TestLoad(t *testing.T) {
	set, err := Load(fstest.MapFS{"example.yaml": {Data: []byte(soundFile)}, "notes.txt": {Data: []byte("ignored")}})
	if err != nil {
		t.Fatal(err)
	}
	sw, _ := set.Classify(&Signals{Greeting: "220 mx.example.com ESMTP Example 1.2\r\n"})
	if sw.Slug != "example" || sw.Version != "1.2" {
		t.Errorf("got %+v", sw)
	}
}

// TestLoadFaults: each fault is named with file, line and reason.
func TestLoadFaults(t *testing.T) {
	tests := []struct{ old, new, want string }{
		{"weight: 95", "wieght: 95", "example.yaml:10: field wieght not found"},
		{"weight: 95", "weight: 95\n    weight: 90", "example.yaml:11: mapping key"},
		{"weight: 95", "weight: 99", "example.yaml:8: weight 99: expected 5 to 98"},
		{"weight: 95", "weight: heavy", "example.yaml:10: "},
		{"signal: greeting", "signal: banner", `example.yaml:8: signal "banner": expected one of greeting, `},
		{"signal: greeting", "signal: greeting\n    kind: guess", `example.yaml:8: kind "guess"`},
		{"class: mta", "class: server", `example.yaml:1: class "server": expected one of mta, `},
		{"versions: dotted", "versions: roman", `example.yaml:1: versions "roman"`},
		{"product: Example", "", "example.yaml:1: product is missing"},
		{"cpe:2.3:a:example:example", "cpe:/a:example:example", "example.yaml:1: cpe "},
		{"class: mta", "class: mta\nasks: [version]", `example.yaml:1: asks "version"`},
		{"class: mta", "class: mta\nfamily: nobody", `example.yaml:1: family "nobody": no such file`},
		{"class: mta", "class: mta\nfamily: example", `example.yaml:1: family "example": `},
		{"class: mta", "class: mta\ncandidates: [nobody]", `example.yaml:1: candidate "nobody": no such file`},
		{"class: mta", "class: mta\nprovider: {name: X, mx: [com]}", `example.yaml:1: provider host "com"`},
		{"class: mta", "class: mta\nprovider: {mx: [x.com], examples: [x.com]}", `example.yaml:1: provider has no name`},
		{"'^{220}", "'{220}", `example.yaml:8: pattern: expected "^"`},
		{"'^{220}ESMTP", "'^.*|^", "example.yaml:8: pattern: matches an empty line"},
		{"'^{220}ESMTP", "'^220 x|ESMTP", `example.yaml:8: pattern: "^" must hold for every alternative`},
		{"(?: (?P", "( (?P", "example.yaml:8: pattern: has an unnamed group"},
		{"?P<version>", "?P<vers>", `example.yaml:8: pattern: group "vers"`},
		{`\d+\.\d+`, `\d+(?=x)`, "example.yaml:8: pattern: "},
		{"id: greeting", "id: Greeting_1", `example.yaml:8: rule id "Greeting_1"`},
		{"source: made for this test\n", "", "example.yaml:7: rule has no source, nor has the file"},
		{"rules:", "transcripts:\n  - signals: {hello: x}\nrules:", `example.yaml:8: unknown signal "hello"`},
		{"    examples:\n      - text: 220 mx.example.com ESMTP Example 1.2\n        version: \"1.2\"\n", "", "example.yaml:8: rule has no examples"},
		{"rules:", "rules: [", "example.yaml:"},
	}
	for _, tt := range tests {
		if !strings.Contains(soundFile, tt.old) {
			t.Fatalf("%q is not in the file", tt.old)
		}
		data := strings.Replace(soundFile, tt.old, tt.new, 1)
		set, err := Load(fstest.MapFS{"example.yaml": {Data: []byte(data)}})
		if err == nil || set != nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: got %v, want %q", tt.new, err, tt.want)
		}
	}
}

func TestLoadWholeFileFaults(t *testing.T) {
	for name, want := range map[string]string{
		"empty.yaml":    "empty.yaml:1: empty file",
		"Bad_Name.yaml": `Bad_Name.yaml:1: file name "Bad_Name.yaml"`,
	} {
		data := soundFile
		if name == "empty.yaml" {
			data = "\n"
		}
		if _, err := Load(fstest.MapFS{name: {Data: []byte(data)}}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	circle := fstest.MapFS{}
	for a, b := range map[string]string{"a": "b", "b": "a"} {
		circle[a+".yaml"] = &fstest.MapFile{Data: []byte(strings.Replace(soundFile, "class:", "family: "+b+"\nclass:", 1))}
	}
	if _, err := Load(circle); err == nil || !strings.Contains(err.Error(), "circle") {
		t.Errorf("a circle of families: %v", err)
	}
	two := fstest.MapFS{}
	for _, name := range []string{"a", "b"} {
		two[name+".yaml"] = &fstest.MapFile{Data: []byte("class: provider\nsource: x\nprovider: {name: " + name + ", mx: [example.com], examples: [mx.example.com]}\n")}
	}
	if _, err := Load(two); err == nil || !strings.Contains(err.Error(), `b.yaml:1: provider host "example.com" is also that of a`) {
		t.Errorf("a host of two providers: %v", err)
	}
}

// TestWith: a file adds to a set or replaces the one of its name, and the old
// set stays as it was.
func TestWith(t *testing.T) {
	skipOnly(t)
	old := builtIn(t)
	changed := strings.NewReplacer("product: Example", "product: My Exim", "ESMTP Example", "ESMTP Mine").Replace(soundFile)
	set, err := old.With(fstest.MapFS{"example.yaml": {Data: []byte(soundFile)}, "exim.yaml": {Data: []byte(changed)}})
	if err != nil {
		t.Fatal(err)
	}
	for greeting, want := range map[string]string{
		"220 mx ESMTP Example 1.2\r\n": "Example",
		"220 mx ESMTP Mine 1.2\r\n":    "My Exim",
		"220 mx ESMTP Exim 4.96\r\n":   "",
		"220 mx ESMTP Postfix\r\n":     "Postfix",
	} {
		if sw, _ := set.Classify(&Signals{Greeting: greeting}); sw.Product != want {
			t.Errorf("%q: got %q, want %q", greeting, sw.Product, want)
		}
	}
	if sw, _ := old.Classify(&Signals{Greeting: "220 mx ESMTP Exim 4.96\r\n"}); sw.Product != "Exim" {
		t.Error("the old set has changed")
	}
	products, err := set.Products()
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(products, func(p Product) bool { return p.Slug == "exim" })
	if products[i].Product != "My Exim" || len(products[i].Rules) != 1 || products[i].Rules[0].Source != "made for this test" {
		t.Errorf("described as %+v", products[i])
	}
}

// TestProducts: the listing agrees with the rules that are in use.
func TestProducts(t *testing.T) {
	skipOnly(t)
	set := builtIn(t)
	products, err := set.Products()
	if err != nil {
		t.Fatal(err)
	}
	rules := 0
	for _, p := range products {
		rules += len(p.Rules)
		for _, r := range p.Rules {
			if r.Source == "" || len(r.Examples) == 0 {
				t.Errorf("%s/%s: no source or no examples", p.Slug, r.ID)
			}
		}
	}
	if rules != set.Rules() || len(products) != len(set.products) {
		t.Errorf("%d rules in %d products are listed; %d in %d are in use", rules, len(products), set.Rules(), len(set.products))
	}
}

func TestCompactForm(t *testing.T) {
	set := builtIn(t)
	text, err := encodeCompact(set.compact)
	if err != nil {
		t.Fatal(err)
	}
	if text != compiled {
		t.Error("decoding and encoding is no identity")
	}
	for _, bad := range []string{"x\n", "\tid\n", strings.Replace(compiled, "greeting", "banner", 3), strings.Replace(compiled, "claim", "guess", 1)} {
		if _, err := decodeCompact(bad); err == nil {
			t.Errorf("%.40q is accepted", bad)
		}
	}
	if _, err := encodeCompact([]compact{{Slug: "a\tb"}}); err == nil {
		t.Error("a tab in a field is accepted")
	}
}

func TestLiterals(t *testing.T) {
	for pattern, want := range map[string][]string{
		`^220 [^ ]+ ESMTP Postfix$`:              {" ESMTP Postfix"},
		`^220[ -]Foo`:                            {"220 Foo", "220-Foo"},
		`^220 (?:alpha|beta) x?`:                 {"220 alpha ", "220 alpha x", "220 beta ", "220 beta x"},
		`^220 (?:alpha|[a-z]+) gamma`:            {" gamma"},
		`^250[ -](?:SIZE|[0-9]+)$`:               nil,
		`^(?:Version: \d+)+ of (?:the )?server`:  {"Version: "},
		`^\d+ (?i:Ready)`:                        {" READY"},
		`^2.0 ab`:                                {"0 ab"},
		`^(?:x|y|z)(?:x|y|z)(?:x|y|z) end of it`: {"x end of it", "y end of it", "z end of it"},
	} {
		tree, err := syntax.Parse(pattern, syntax.Perl)
		if err != nil {
			t.Fatal(err)
		}
		got := literals(tree.Simplify())
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", pattern, got, want)
		}
	}
}

// TestLiteralsAreRequired: each example that a rule's expression matches
// contains one of its literals, or the index would miss it.
func TestLiteralsAreRequired(t *testing.T) {
	files, err := readFiles(os.DirFS("data"))
	if err != nil {
		t.Skip("the data has faults; TestFilesAreSound tells them")
	}
	for _, f := range files {
		for i := range f.Rules {
			r := &f.Rules[i]
			p, err := parsePattern(r)
			if err != nil {
				t.Fatal(err)
			}
			expr := regexp.MustCompile(p.expr)
			for _, e := range r.Examples {
				for line := range strings.Lines(e.Text) {
					line = strings.TrimRight(line, " \n")
					text := line
					if p.fold {
						text = lower(text)
					}
					if expr.MatchString(line) && len(p.literals) > 0 &&
						!slices.ContainsFunc(p.literals, func(l string) bool { return strings.Contains(text, l) }) {
						t.Errorf("%s/%s: %q has none of %q", f.slug, r.ID, line, p.literals)
					}
				}
			}
		}
	}
}

// TestIndexFindsAll compares the index with a search for every literal.
func TestIndexFindsAll(t *testing.T) {
	set := builtIn(t)
	for _, sig := range corpus(t) {
		c := set.scratch.New().(*scratch)
		c.read(sig)
		for _, l := range c.lines {
			var got, want []int
			set.index.scan(l.signal, c.raw, c.low, l.start, l.end, func(rule int) { got = append(got, rule) })
			for i, r := range set.rules {
				text := c.raw
				if r.Fold {
					text = c.low
				}
				has := func(s string) bool { return strings.Contains(string(text[l.start:l.end]), s) }
				if r.Signal == l.signal && (len(r.Literals) == 0 || slices.ContainsFunc(r.Literals, has)) {
					want = append(want, i)
				}
			}
			slices.Sort(got)
			if got = slices.Compact(got); !slices.Equal(got, want) {
				t.Fatalf("%q: found %v, want %v", c.raw[l.start:l.end], got, want)
			}
		}
	}
}

func TestReading(t *testing.T) {
	set := builtIn(t)
	c := set.scratch.New().(*scratch)
	c.read(&Signals{
		Greeting: "220-a  \r\n220 b", NameSent: "probe.example.net", MX: "MX.Example.com.",
		EHLO: "250-mx Hello probe.example.net [192.0.2.1]\r\n250-size 100\r\n250-AUTH=LOGIN\r\n250-AUTH PLAIN\r\n250 x.probe.example.net\r\n",
	})
	var got []string
	for _, l := range c.lines {
		got = append(got, l.signal.String()+": "+string(c.raw[l.start:l.end]))
	}
	want := []string{
		"greeting: 220-a", "greeting: 220 b",
		"ehlo: 250-mx Hello client [192.0.2.1]", "ehlo: 250-size 100", "ehlo: 250-AUTH=LOGIN", "ehlo: 250-AUTH PLAIN", "ehlo: 250 x.probe.example.net",
		"keywords: SIZE AUTH= AUTH X.PROBE.EXAMPLE.NET", "mx: MX.Example.com",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// TestVocabulary: names and values map onto each other, and every signal can be
// set by a test.
func TestVocabulary(t *testing.T) {
	if len(signalNames()) != int(signals) {
		t.Fatalf("%d names for %d signals", len(signalNames()), signals)
	}
	for s := range signals {
		if got, ok := parseSignal(s.String()); !ok || got != s {
			t.Errorf("%s is read as %s", s, got)
		}
		var sig Signals
		setSignal(&sig, s.String(), "250-x\n250 KEYWORD")
		c := builtIn(t).scratch.New().(*scratch)
		c.read(&sig)
		if !slices.ContainsFunc(c.lines, func(l line) bool { return l.signal == s }) {
			t.Errorf("%s is not read", s)
		}
	}
	for k := range kinds {
		if got, ok := parseKind(k.String()); !ok || got != k {
			t.Errorf("%s is read as %s", k, got)
		}
	}
	for _, host := range []string{"", "com", "a..b", "A.b", "*.b.c", "a.*", "a.*.c", "a b.c"} {
		if isHostSuffix(host) {
			t.Errorf("%q is accepted as a host suffix", host)
		}
	}
	if !isHostSuffix("inbound-smtp.*.amazonaws.com") || !isHostSuffix("mx.microsoft") {
		t.Error("a good host suffix is refused")
	}
}

func TestLookup(t *testing.T) {
	table := map[string]string{"example.com": "A", "mail.example.com": "B", "in.*.example.net": "C"}
	for host, want := range map[string]string{
		"example.com": "A", "MX.Example.COM.": "A", "x.mail.example.com": "B", "notexample.com": "", "com": "", "": "", ".": "",
		"in.eu.example.net": "C", "out.eu.example.net": "", "x.in.eu.example.net": "C", "*.example.com": "A",
	} {
		if got := lookup(table, host); got != want {
			t.Errorf("%q: got %q, want %q", host, got, want)
		}
	}
}

// FuzzLoad: whatever a file holds, it is loaded or refused with its name and a
// line.
func FuzzLoad(f *testing.F) {
	f.Add([]byte(soundFile))
	f.Add([]byte("rules: [{pattern: '^(?:a|b){2,3}'}]"))
	f.Add([]byte("provider: {mx: [a.b]}\nclass: provider\n"))
	line := regexp.MustCompile(`^x\.yaml:\d+: `)
	f.Fuzz(func(t *testing.T, data []byte) {
		set, err := Load(fstest.MapFS{"x.yaml": {Data: data}})
		if (set == nil) == (err == nil) {
			t.Fatalf("set %v, error %v", set, err)
		}
		if err != nil && !line.MatchString(err.Error()) {
			t.Fatalf("no file and line: %v", err)
		}
		if set != nil {
			set.Classify(&Signals{Greeting: string(data), EHLO: string(data)})
		}
	})
}

// TestWithRefusesOtherFiles: a directory without a file, or with one that would
// be passed over in silence, is an error.
func TestWithRefusesOtherFiles(t *testing.T) {
	for want, fsys := range map[string]fstest.MapFS{
		"there is no file <product>.yaml":       {},
		"foo.yml:1: the name must end in .yaml": {"foo.yml": {}},
	} {
		if _, err := (&Set{}).With(fsys); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want %q", err, want)
		}
	}
}
