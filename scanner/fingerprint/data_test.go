package fingerprint

import (
	"flag"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/scanner/version"
)

var (
	update = flag.Bool("update", false, "rewrite compiled.tsv from data/*.yaml")
	only   = flag.String("only", "", "report on these files only: slugs with commas between")
)

// wanted reports whether the faults of a file are to be reported.
func wanted(slug string) bool {
	return *only == "" || slices.Contains(strings.Split(*only, ","), slug)
}

// skipOnly skips a test of the whole set, of which -only wants a part.
func skipOnly(t *testing.T) {
	t.Helper()
	if *only != "" {
		t.Skip("-only is given")
	}
}

// loadData reads the data directory from disk, so that a contributor needs not
// generate anything to test a file. Files with faults are left out, so that the
// others can still be tested; TestFilesAreSound reports them.
func loadData(t *testing.T) ([]*file, *Set) {
	t.Helper()
	sound, _ := readFiles(os.DirFS("data"))
	set, err := (&Set{}).with(sound, os.DirFS("data"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(sound, func(f *file) bool { return !wanted(f.slug) }), set
}

// TestFilesAreSound: strict decoding, legal values, anchored patterns.
func TestFilesAreSound(t *testing.T) {
	dir := os.DirFS("data")
	names, err := fs.Glob(dir, "*.yaml")
	if err != nil || len(names) == 0 {
		t.Fatal("no data files", err)
	}
	for _, slug := range strings.Split(*only, ",") {
		if slug != "" && !slices.Contains(names, slug+".yaml") {
			t.Errorf("-only %s: there is no file data/%s.yaml", slug, slug)
		}
	}
	for _, name := range names {
		if _, err := readFile(dir, name); err != nil && wanted(strings.TrimSuffix(name, ".yaml")) {
			t.Errorf("data/%s", strings.ReplaceAll(err.Error(), "\n", "\ndata/"))
		}
	}
}

// A yield is what the set must make of an example.
type yield struct{ slug, version, update, os string }

func yieldOf(sw Software) yield { return yield{sw.Slug, sw.Version, sw.Update, sw.OS} }

func (y yield) String() string {
	return fmt.Sprintf("product %q version %q update %q os %q", y.slug, y.version, y.update, y.os)
}

// A sample is an example or transcript, ready to be classified.
type sample struct {
	at     string // file:line
	rule   int    // its rule, -1 for a transcript
	sig    Signals
	want   yield
	unsure bool // alone it must not name the product
}

// ruleIDs maps the names of rules to their indices.
func ruleIDs(set *Set) map[string]int {
	ids := make(map[string]int)
	for i, r := range set.rules {
		ids[r.name] = i
	}
	return ids
}

// samples gathers every example and transcript of the data.
func samples(files []*file, set *Set) []sample {
	ids := ruleIDs(set)
	var all []sample
	for _, f := range files {
		for i, r := range f.Rules {
			id := ids[f.slug+"/"+r.ID]
			for j, e := range r.Examples {
				s := sample{
					at: fmt.Sprintf("data/%s:%d", f.name, f.at.examples[i][j]), rule: id,
					want: yield{f.slug, e.Version, e.Update, e.OS}, unsure: set.rules[id].weight < threshold,
				}
				setSignal(&s.sig, r.Signal, e.Text)
				all = append(all, s)
			}
		}
		for i, tr := range f.Transcripts {
			s := sample{
				at: fmt.Sprintf("data/%s:%d", f.name, f.at.transcripts[i]), rule: -1,
				want: yield{f.slug, tr.Version, tr.Update, tr.OS}, unsure: tr.Unsure,
			}
			s.sig.NameSent = tr.Sent
			for name, text := range tr.Signals {
				setSignal(&s.sig, name, text)
			}
			all = append(all, s)
		}
	}
	return all
}

// setSignal puts the text of an example where a probe would.
func setSignal(sig *Signals, name, text string) {
	text = strings.TrimSuffix(text, "\n")
	reply := strings.ReplaceAll(text, "\n", "\r\n") + "\r\n"
	switch name {
	case "greeting":
		sig.Greeting = reply
	case "ehlo", "keywords":
		sig.EHLO = reply
	case "helo":
		sig.HELO = reply
	case "starttls":
		sig.STARTTLS = reply
	case "help":
		sig.Help = reply
	case "unknown-command":
		sig.Unknown = reply
	case "noop":
		sig.Noop = reply
	case "rset":
		sig.Rset = reply
	case "vrfy":
		sig.Vrfy = reply
	case "quit":
		sig.Quit = reply
	case "tls-subject":
		sig.CertSubject = text
	case "tls-issuer":
		sig.CertIssuer = text
	case "tls-name":
		sig.CertCN = text
	case "mx":
		sig.MX = text
	case "ptr":
		sig.PTR = text
	default:
		panic("setSignal lacks " + name)
	}
}

// fault says what is wrong with a sample, "" for nothing.
func (s *sample) fault(set *Set, skip int) string {
	sw, _ := set.classify(&s.sig, skip)
	spoke := func(v Vote) bool { return v.Rule == set.rules[s.rule].name }
	if s.unsure {
		if sw.Slug == s.want.slug {
			return fmt.Sprintf("is expected to be too little evidence, but yields %v (%.2f)", yieldOf(sw), sw.Confidence)
		}
		if !slices.ContainsFunc(sw.Candidates, func(c Candidate) bool { return c.Slug == s.want.slug }) {
			return fmt.Sprintf("does not make %s a candidate", s.want.slug)
		}
		return ""
	}
	if got := yieldOf(sw); got != s.want {
		return fmt.Sprintf("yields %v (%.2f)\n\texpected %v\n\tcandidates %+v", got, sw.Confidence, s.want, sw.Candidates)
	}
	if s.rule >= 0 && skip < 0 && !slices.ContainsFunc(set.Explain(&s.sig).Spoke, spoke) {
		return "is not matched by the rule it belongs to"
	}
	return ""
}

// TestExamples: every example and every transcript yields what it says through
// the whole set.
func TestExamples(t *testing.T) {
	files, set := loadData(t)
	for _, s := range samples(files, set) {
		if fault := s.fault(set, -1); fault != "" {
			t.Errorf("%s: %s", s.at, fault)
		}
	}
}

// TestExactlyOneClaim: no rule of an unrelated product that could name it alone
// speaks on an example.
func TestExactlyOneClaim(t *testing.T) {
	files, set := loadData(t)
	for _, s := range samples(files, set) {
		if s.rule < 0 {
			continue
		}
		own := set.rules[s.rule].product
		for _, v := range set.Explain(&s.sig).Spoke {
			slug, _, _ := strings.Cut(v.Rule, "/")
			other := set.find(slug)
			if v.Weight >= threshold && !set.within(own, other) && !set.within(other, own) {
				t.Errorf("%s: is also claimed by %s (weight %.0f), of another family", s.at, v.Rule, 100*v.Weight)
			}
		}
	}
}

// TestNever: no rule matches the lines that it says it must not match.
func TestNever(t *testing.T) {
	files, set := loadData(t)
	for _, f := range files {
		for i, r := range f.Rules {
			for _, never := range r.Never {
				var sig Signals
				setSignal(&sig, r.Signal, never)
				for _, v := range set.Explain(&sig).Spoke {
					if v.Rule == f.slug+"/"+r.ID {
						t.Errorf("data/%s:%d: %s matches its never line %q", f.name, f.at.rules[i], v.Rule, never)
					}
				}
			}
		}
	}
}

// TestGroups: every named group is needed by an example, and no version that
// the examples show is beyond the product's version scheme.
func TestGroups(t *testing.T) {
	files, _ := loadData(t)
	for _, f := range files {
		for i := range f.Rules {
			checkGroupUse(t, f, i)
		}
	}
}

func checkGroupUse(t *testing.T, f *file, i int) {
	r := &f.Rules[i]
	at := fmt.Sprintf("data/%s:%d", f.name, f.at.rules[i])
	p, err := parsePattern(r)
	if err != nil {
		t.Fatalf("%s: %v", at, err)
	}
	for _, g := range p.groups {
		if !slices.ContainsFunc(r.Examples, func(e example) bool {
			return map[string]string{"version": e.Version, "update": e.Update, "os": e.OS}[g] != ""
		}) {
			t.Errorf("%s: no example shows group %q", at, g)
		}
	}
	for _, e := range r.Examples {
		if e.Version == "" || f.Versions == "" {
			continue
		}
		if _, err := version.Parse(f.Versions, e.Version); err != nil {
			t.Errorf("%s: version %q is not of scheme %q: %v", at, e.Version, f.Versions, err)
		}
	}
}

// TestEveryRuleIsNeeded is a mutation test of the data: without any one rule,
// one of its examples or a transcript must come out differently.
func TestEveryRuleIsNeeded(t *testing.T) {
	files, set := loadData(t)
	ids, needed := ruleIDs(set), make([]bool, len(set.rules))
	for _, s := range samples(files, set) {
		whole, _ := set.classify(&s.sig, -1)
		for _, v := range set.Explain(&s.sig).Spoke {
			i := ids[v.Rule]
			if needed[i] {
				continue
			}
			without, _ := set.classify(&s.sig, i)
			needed[i] = yieldOf(without) != yieldOf(whole) ||
				s.unsure && s.rule == i && s.fault(set, i) != ""
		}
	}
	for i, ok := range needed {
		if !ok && wanted(set.products[set.rules[i].product].Slug) {
			t.Errorf("data/%s.yaml: without rule %q no example or transcript changes; drop it, or add one that needs it",
				set.products[set.rules[i].product].Slug, set.rules[i].ID)
		}
	}
}

// TestHostNamesAreNoClaims: the names of products inside host names, and whole
// greetings turned into host names, say nothing about the software.
func TestHostNamesAreNoClaims(t *testing.T) {
	files, set := loadData(t)
	words := regexp.MustCompile(`[^A-Za-z0-9.]+`)
	for _, f := range files {
		hosts := []string{f.slug + ".example.com", "mx1." + f.slug + ".com", f.slug}
		for _, r := range f.Rules {
			if r.Signal == "greeting" {
				hosts = append(hosts, strings.Trim(words.ReplaceAllString(r.Examples[0].Text, "-"), "-")+".example.com")
			}
		}
		for _, h := range hosts {
			if lookup(set.hosts, h) != "" {
				continue // the maker's own domain is a fact, not a slogan
			}
			for _, shape := range []string{"220 %s ESMTP\r\n", "220 %s ESMTP ready\r\n", "220 %s\r\n", "220-%s ESMTP\r\n220 ready\r\n"} {
				line := fmt.Sprintf(shape, h)
				if sw, _ := set.Classify(&Signals{Greeting: line}); sw.Slug == f.slug {
					t.Errorf("data/%s: the host name alone of %q names the product, by %s", f.name, line, sw.Evidence[0].Rule)
				}
			}
		}
	}
}

// TestProviderHosts: the examples of a provider lead to it, its never names do
// not.
func TestProviderHosts(t *testing.T) {
	files, set := loadData(t)
	for _, f := range files {
		if f.Provider == nil {
			continue
		}
		for _, host := range f.Provider.Examples {
			_, byMX := set.Classify(&Signals{MX: host})
			_, byPTR := set.Classify(&Signals{PTR: host})
			if byMX != f.Provider.Name && byPTR != f.Provider.Name {
				t.Errorf("data/%s: provider example %q leads to %q and %q, not to %q", f.name, host, byMX, byPTR, f.Provider.Name)
			}
		}
		for _, host := range f.Provider.Never {
			_, byMX := set.Classify(&Signals{MX: host})
			_, byPTR := set.Classify(&Signals{PTR: host})
			if byMX == f.Provider.Name || byPTR == f.Provider.Name {
				t.Errorf("data/%s: provider never name %q leads to it", f.name, host)
			}
		}
	}
}

// TestOrderDoesNotMatter: the same answers whatever the order in which rules
// are tried.
func TestOrderDoesNotMatter(t *testing.T) {
	files, set := loadData(t)
	for seed := range uint64(5) {
		other := *set
		other.rules = slices.Clone(set.rules)
		rand.New(rand.NewPCG(seed, 1)).Shuffle(len(other.rules), func(i, j int) {
			other.rules[i], other.rules[j] = other.rules[j], other.rules[i]
		})
		other.index = newIndex(other.rules)
		for _, s := range samples(files, set) {
			want, _ := set.Classify(&s.sig)
			if got, _ := other.Classify(&s.sig); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s: seed %d: order of rules matters:\n%+v\n%+v", s.at, seed, got, want)
			}
		}
	}
}

// TestCompiledIsCurrent: compiled.tsv holds what data/*.yaml says.
func TestCompiledIsCurrent(t *testing.T) {
	skipOnly(t)
	_, set := loadData(t)
	want, err := encodeCompact(set.compact)
	if err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile("compiled.tsv", []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile("compiled.tsv")
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Error("compiled.tsv is older than data/*.yaml; run: go generate ./scanner/fingerprint")
	}
}
