package fingerprint

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// everything is Classify with every rule tried.
func everything(s *Set, sig *Signals) Software {
	c := s.scratch.New().(*scratch)
	c.read(sig)
	s.match(c, -1, true)
	sw, _ := s.conclude(c, sig)
	return sw
}

// TestSparedRulesAddNothing: rules are spared where all that they could add is
// evidence, of a product and a signal of which there is some.
func TestSparedRulesAddNothing(t *testing.T) {
	skipOnly(t)
	set := builtIn(t)
	spared := 0
	for _, sig := range corpus(t) {
		got, _ := set.Classify(sig)
		want := everything(set, sig)
		for _, e := range want.Evidence {
			same := func(o Evidence) bool {
				return o.Signal == e.Signal && strings.Split(o.Rule, "/")[0] == strings.Split(e.Rule, "/")[0]
			}
			if !slices.Contains(got.Evidence, e) {
				spared++
				if !slices.ContainsFunc(got.Evidence, same) {
					t.Errorf("%+v: %+v is lost, left is %+v", sig, e, got.Evidence)
				}
			}
		}
		got.Evidence, want.Evidence = nil, nil
		if !reflect.DeepEqual(got, want) {
			t.Errorf("%+v\ngot  %+v\nwant %+v", sig, got, want)
		}
	}
	if spared == 0 {
		t.Error("no rule was spared")
	}
}

// TestRulesThatReadAreNotSpared: a rule that reads a version has its say beside
// a heavier one that does not, in whichever form its group is written.
func TestRulesThatReadAreNotSpared(t *testing.T) {
	for _, group := range []string{"(?P<version>", "(?<version>"} {
		file := strings.Replace(soundFile, "(?: (?P<version>\\d+\\.\\d+))?$", "", 1)
		file = strings.Replace(file, "        version: \"1.2\"\n", "", 1) + `  - id: version
    signal: greeting
    weight: 60
    pattern: '^{220}ESMTP Example ` + group + `\d+\.\d+)$'
    examples:
      - text: 220 mx.example.com ESMTP Example 1.2
        version: "1.2"
`
		set, err := Load(fstest.MapFS{"example.yaml": {Data: []byte(file)}})
		if err != nil {
			t.Fatal(err)
		}
		if sw, _ := set.Classify(&Signals{Greeting: "220 mx.example.com ESMTP Example 1.2\r\n"}); sw.Version != "1.2" {
			t.Errorf("%s: got %+v", group, sw)
		}
	}
}
