package main

import (
	"bytes"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// printed is what a command writes to standard output.
func printed(t *testing.T, args ...string) string {
	t.Helper()
	var out, errs bytes.Buffer
	if code := testApp(strings.NewReader(""), &out, &errs).run(t.Context(), args); code != exitDone {
		t.Fatalf("%v: exit code %d: %s", args, code, errs.String())
	}
	return out.String()
}

// Every command and every flag is in every script, and the shells that are here
// find no fault with it.
func TestCompletionScripts(t *testing.T) {
	a := testApp(nil, io.Discard, io.Discard)
	names, flags := a.describe()
	if len(flags["report"]) == 0 || len(flags["assess"]) == 0 || len(flags[""]) < 40 || len(flags["help"]) != 0 {
		t.Fatalf("described: %v", flags)
	}
	for shell, check := range map[string][]string{
		"bash": {"bash", "-n"}, "zsh": {"zsh", "-n"}, "fish": {"fish", "--no-execute"},
	} {
		script := printed(t, "completion", shell)
		for _, name := range names {
			if !strings.Contains(script, name) {
				t.Errorf("%s: no command %s", shell, name)
			}
			for _, f := range flags[name] {
				if !strings.Contains(script, "-"+f.name) && !strings.Contains(script, " "+f.name+" ") {
					t.Errorf("%s: no flag %s of %s", shell, f.name, name)
				}
			}
		}
		if _, err := exec.LookPath(check[0]); err != nil {
			t.Logf("%s is not installed", shell)
			continue
		}
		cmd := exec.Command(check[0], check[1:]...)
		cmd.Stdin = strings.NewReader(script)
		if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
			t.Errorf("%s: %v: %s", shell, err, out)
		}
	}
}

// What bash would offer.
func TestBashCompletes(t *testing.T) {
	if _, err := exec.LookPath("bash"); err != nil {
		t.Skip(err)
	}
	script := printed(t, "completion", "bash")
	for _, tt := range []struct{ line, want string }{
		{"mxsweep rep", "report"},
		{"mxsweep -greet", "-greeting-timeout"},
		{"mxsweep report -t", "-title -table"},
		{"mxsweep report -table f", "findings"},
		{"mxsweep -rl 5 -probe p", "passive polite"},
		{"mxsweep example.com -fail-on ", "info low medium high critical"},
		{"mxsweep report fleet", ""}, // files, which bash does by itself
		{"mxsweep report -greet", ""},
	} {
		cmd := exec.Command("bash", "-c", script+`
			read -r -a COMP_WORDS <<<"$1"; [[ $1 != *' ' ]] || COMP_WORDS+=('')
			COMP_CWORD=$((${#COMP_WORDS[@]}-1)); _mxsweep; echo "${COMPREPLY[*]}"`, "bash", tt.line)
		out, err := cmd.CombinedOutput()
		if got := strings.TrimSpace(string(out)); err != nil || got != tt.want {
			t.Errorf("%q is completed by %q, error %v; want %q", tt.line, got, err, tt.want)
		}
	}
}

// The words that completion offers are those that the flags take.
func TestFlagValues(t *testing.T) {
	accepts := map[string]func(string) bool{
		"probe":      func(s string) bool { _, err := scanner.ParseProbeLevel(s); return err == nil },
		"discovery":  func(s string) bool { _, err := scanner.ParseDiscovery(s); return err == nil },
		"ip-version": func(s string) bool { return s == "4" || s == "6" || s == "4,6" },
		"severity":   func(s string) bool { return advisory.Severity(s).Rank() > 0 || s == "info" },
		"fail-on":    func(s string) bool { return advisory.Severity(s).Rank() > 0 || s == "info" },
		"table":      func(s string) bool { _, err := output.NewReport(output.ReportOptions{Table: s}); return err == nil },
	}
	for name, values := range flagValues {
		for value := range strings.FieldsSeq(values) {
			if accepts[name] == nil || !accepts[name](value) || accepts[name]("nonsense") {
				t.Errorf("-%s %s", name, value)
			}
		}
	}
}

// The page has all of the manual and all flags, and nothing that groff takes for
// a request of ours.
func TestManPage(t *testing.T) {
	page := printed(t, "man")
	fs := newFlags(new(options))
	for _, g := range fs.groups {
		for _, long := range g.names {
			if !strings.Contains(page, roff("-"+long)+"\n") {
				t.Errorf("no flag %s", long)
			}
		}
	}
	requests := []string{".TH ", ".SH ", ".SS ", ".TP", ".B ", ".nf", ".fi"}
	for line := range strings.Lines(page) {
		if strings.HasPrefix(line, ".") && !slices.ContainsFunc(requests, func(r string) bool { return strings.HasPrefix(line, r) }) || strings.HasPrefix(line, "'") {
			t.Errorf("the line %q is a request", line)
		}
	}
	if got, want := roff(`.a-b\c`), `\&.a\-b\ec`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if _, err := exec.LookPath("groff"); err != nil {
		t.Skip(err)
	}
	cmd := exec.Command("groff", "-ww", "-man", "-Tutf8", "-K", "utf8")
	cmd.Stdin = strings.NewReader(page)
	var errs, out bytes.Buffer
	cmd.Stderr, cmd.Stdout = &errs, &out
	if err := cmd.Run(); err != nil || errs.Len() > 0 {
		t.Errorf("groff: %v: %s", err, errs.String())
	}
	if !strings.Contains(out.String(), "bücher.example") {
		t.Error("what is not ASCII is lost")
	}
}
