package main

import (
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// Cut in any place, an output is completed by -resume to the records of an
// undisturbed run, plain and compressed, and its CSV and text with it.
func TestResumeCutFile(t *testing.T) {
	w := newWorld(t, 60, false)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if code, errs := w.run(t, "-retries", "0", "-fields", worldFields, "-o", at("whole.ndjson"), "-o", at("whole.csv"), "-o", at("whole.txt")); code != 0 {
		t.Fatal(errs)
	}
	want, rows, lines := identities(t, at("whole.ndjson")), linesOf(t, at("whole.csv")), linesOf(t, at("whole.txt"))
	if len(want) < 60 || len(lines) < 60 {
		t.Fatalf("only %d records, %d lines", len(want), len(lines))
	}
	for _, name := range []string{"cut.ndjson", "cut.ndjson.gz"} {
		path, table, text := at(name), at(name+".csv"), at(name+".txt")
		if code, errs := w.run(t, "-retries", "0", "-fields", worldFields, "-o", path, "-o", table, "-o", text); code != 0 {
			t.Fatal(errs)
		}
		whole, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for n := 0; n < len(whole); n += len(whole)/15 + 1 {
			for file, left := range map[string]string{path: string(whole[:n]), table: "not of the run\n", text: "not of the run\n"} {
				if err := os.WriteFile(file, []byte(left), 0o666); err != nil {
					t.Fatal(err)
				}
			}
			args := []string{"-resume", path, "-o", table, "-o", text} // all other options are those of the run
			if n < 2000 {
				args = append(args, "-retries", "0", "-fields", worldFields, "-force") // unless even they are lost
			}
			if code, errs := w.run(t, args...); code != 0 {
				t.Fatalf("exit code %d: %s", code, errs)
			}
			what := fmt.Sprintf("%s cut at %d of %d", name, n, len(whole))
			same(t, what, identities(t, path), want)
			same(t, what, linesOf(t, table), rows)
			same(t, what, linesOf(t, text), lines)
			if t.Failed() {
				t.FailNow()
			}
		}
		code, errs := w.run(t, "-resume", path)
		if code != 0 || !strings.Contains(errs, "nothing to resume") {
			t.Errorf("a complete file: exit code %d: %s", code, errs)
		}
	}
	if left, _ := filepath.Glob(at("*.resuming")); len(left) != 0 {
		t.Errorf("left over: %v", left)
	}
}

// What would falsify the records is refused by name, and nothing is touched.
func TestResumeRefusals(t *testing.T) {
	w := newWorld(t, 10, false)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if code, errs := w.run(t, "-retries", "0", "-o", at("run.ndjson")); code != 0 {
		t.Fatal(errs)
	}
	whole, err := os.ReadFile(at("run.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	cut := whole[:len(whole)/2]
	for name, text := range map[string]string{"cut.ndjson": string(cut), "other.csv": "mine\n", "foreign.ndjson": `{"type":"summary"}` + "\n"} {
		if err := os.WriteFile(at(name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	resume := []string{"-resume", at("cut.ndjson")}
	for _, tt := range []struct {
		args []string
		code int
		want string
	}{
		{append(resume, "-p", "25"), exitUsage, "cannot become \"25\""},
		{append(resume, "-seed", "5"), exitUsage, "-seed"},
		{append(resume, "-shard", "1/2"), exitUsage, "-shard"},
		{append(resume, "-p", "25", "-force"), exitUsage, "-port"},
		{append(resume, "-probe", "full"), exitUsage, "-probe was \"polite\" and is \"full\""},
		{append(resume, "-all"), exitUsage, "-all"},
		{append(resume, "another.example"), exitUsage, "-target"},
		{append(resume, "-dry-run"), exitUsage, "exclude each other"},
		{append(resume, "-o", at("other.csv")), exitFailure, "not of the run"},
		{[]string{"-resume", at("none.ndjson")}, exitFailure, "no such file"},
		{[]string{"-resume", at("other.csv")}, exitFailure, "not a record"},
		{[]string{"-resume", at("foreign.ndjson")}, exitFailure, "does not begin with a run record"},
	} {
		code, errs := w.run(t, tt.args...)
		if code != tt.code || !strings.Contains(errs, tt.want) {
			t.Errorf("%v: exit code %d, %q; want %d with %q", tt.args, code, errs, tt.code, tt.want)
		}
		if now, _ := os.ReadFile(at("cut.ndjson")); string(now) != string(cut) {
			t.Fatalf("%v: the file was changed", tt.args)
		}
	}
	if now, _ := os.ReadFile(at("other.csv")); string(now) != "mine\n" {
		t.Error("other.csv was changed")
	}
	// The pace may change, and exclusions add up.
	code, errs := w.run(t, append(resume, "-c", "3", "-timeout", "9s", "-eh", "127.26.0.0/16")...)
	if code != 0 {
		t.Errorf("exit code %d: %s", code, errs)
	}
	excluded := 0
	for key, n := range identities(t, at("cut.ndjson")) {
		if strings.HasPrefix(key, "service") && strings.HasSuffix(key, "excluded\n") {
			excluded += n
		}
	}
	if excluded == 0 {
		t.Error("what is excluded now has been contacted")
	}
}

// Exclusions of the first part hold for the second, unasked.
func TestResumeKeepsExclusions(t *testing.T) {
	w := newWorld(t, 10, false)
	path, never := filepath.Join(t.TempDir(), "run.ndjson"), filepath.Join(t.TempDir(), "never.txt")
	if err := os.WriteFile(never, []byte("127.26.0.5\n"), 0o666); err != nil {
		t.Fatal(err)
	}
	if code, errs := w.run(t, "-retries", "0", "-eh", "127.26.0.3", "-ef", never, "-o", path); code != 0 {
		t.Fatal(errs)
	}
	whole := identities(t, path)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head := text[:strings.IndexByte(string(text), '\n')+1]
	if err := os.WriteFile(path, head, 0o666); err != nil {
		t.Fatal(err)
	}
	if code, errs := w.run(t, "-resume", path, "-eh", "192.0.2.1"); code != 0 {
		t.Fatal(errs)
	}
	same(t, "with the exclusions of the run", identities(t, path), whole)
}

// Files that flags name may move, but not change: the findings of one run would
// be made by two policies. An output that says nothing of them is taken as it is.
func TestResumeChangedFiles(t *testing.T) {
	w := newWorld(t, 10, false)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	write := func(name, text string) {
		t.Helper()
		if err := errors.Join(os.MkdirAll(filepath.Dir(at(name)), 0o777), os.WriteFile(at(name), []byte(text), 0o666)); err != nil {
			t.Fatal(err)
		}
	}
	contents := map[string]string{
		"policy.yaml":                "starttls: required\n",
		"data/advisories/about.yaml": "date: 2026-11-20\n",
		"ca.pem":                     pemOf(t),
	}
	for name, text := range contents {
		write(name, text)
	}
	write("data/advisories/README", "not read\n")
	if code, errs := w.run(t, "-retries", "0", "-policy", at("policy.yaml"), "-data", at("data"), "-ca-file", at("ca.pem"), "-o", at("run.ndjson")); code != 0 {
		t.Fatal(errs)
	}
	whole := identities(t, at("run.ndjson"))
	text := read(t, at("run.ndjson"))
	head := text[:strings.IndexByte(text, '\n')+1]
	for name, flag := range map[string]string{"policy.yaml": "-policy", "data/advisories/about.yaml": "-data", "ca.pem": "-ca-file"} {
		write("run.ndjson", head)
		write(name, contents[name]+"# changed\n")
		code, errs := w.run(t, "-resume", at("run.ndjson"))
		if code != exitUsage || !strings.Contains(errs, "what "+flag+" names has been changed") || strings.Count(errs, "has been changed") != 1 {
			t.Errorf("%s: exit code %d: %s", name, code, errs)
		}
		if read(t, at("run.ndjson")) != head {
			t.Errorf("%s: the output was touched", name)
		}
		code, errs = w.run(t, "-resume", at("run.ndjson"), "-force")
		if code != 0 || !strings.Contains(errs, "warning: results are mixed: what "+flag) {
			t.Errorf("%s, forced: exit code %d: %s", name, code, errs)
		}
		write("run.ndjson", strings.Replace(head, `"digests":{`, `"digests_of_old":{`, 1))
		if code, errs := w.run(t, "-resume", at("run.ndjson")); code != 0 {
			t.Errorf("%s, not on record: exit code %d: %s", name, code, errs)
		}
		write(name, contents[name])
	}
	write("run.ndjson", head)
	write("data/advisories/README", "still not read\n")
	if code, errs := w.run(t, "-resume", at("run.ndjson")); code != 0 {
		t.Errorf("nothing has changed: exit code %d: %s", code, errs)
	}
	same(t, "with the same files", identities(t, at("run.ndjson")), whole)
}

// pemOf returns the certificate of a new authority.
func pemOf(t *testing.T) string {
	t.Helper()
	ca, err := smtptest.NewCA()
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: ca.Certificate.Raw}))
}

// The shards of a run, merged, are the run.
func TestShardAndMerge(t *testing.T) {
	w := newWorld(t, 60, false)
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	if code, errs := w.run(t, "-retries", "0", "-o", at("whole.ndjson")); code != 0 {
		t.Fatal(errs)
	}
	if code, errs := w.run(t, "-shard", "1/3"); code != exitUsage || !strings.Contains(errs, "-seed") {
		t.Errorf("without -seed: exit code %d: %s", code, errs)
	}
	merge := []string{"merge", "-o", at("merged.ndjson"), "-o", at("merged.csv")}
	for i := 1; i <= 3; i++ {
		part := at(fmt.Sprintf("%d.ndjson.gz", i))
		if code, errs := w.run(t, "-retries", "0", "-seed", "9", "-shard", fmt.Sprintf("%d/3", i), "-o", part); code != 0 {
			t.Fatal(errs)
		}
		merge = append(merge, part)
	}
	var errs strings.Builder
	if code := testApp(nil, &strings.Builder{}, &errs).run(t.Context(), merge); code != 0 {
		t.Fatal(errs.String())
	}
	got, want := identities(t, at("merged.ndjson")), identities(t, at("whole.ndjson"))
	for _, counts := range []map[string]int{got, want} { // endpoints that several shards lead to are contacted by each
		for key := range counts {
			if strings.HasPrefix(key, "summary") {
				delete(counts, key)
			}
		}
	}
	same(t, "merged", got, want)
	f, err := os.Open(at("merged.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r, err := range output.NewReader(f).Results() {
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Run != nil && (r.Run.Options["shard"] != "" || r.Run.Options["merge"] != "1.ndjson.gz,2.ndjson.gz,3.ndjson.gz"):
			t.Errorf("run record says %v", r.Run.Options)
		case r.Progress != nil:
			t.Error("a progress record of a part is left")
		case r.Summary != nil && (r.Summary.Interrupted || r.Summary.Services == 0 || int(r.Summary.Inputs) != len(strings.Fields(strings.ReplaceAll(read(t, w.list), "# the end", "")))):
			t.Errorf("summary %+v", r.Summary)
		}
	}
	for _, tt := range []struct {
		args []string
		want string
	}{
		{[]string{"merge", at("1.ndjson.gz"), at("1.ndjson.gz")}, "are both shard 1/3"},
		{[]string{"merge", at("whole.ndjson"), at("whole.ndjson")}, "outputs of the same run"},
		{[]string{"merge"}, "merge needs files"},
		{[]string{"merge", "-o", at("1.ndjson.gz"), at("1.ndjson.gz")}, "read and written"},
		{[]string{"merge", at("none.ndjson")}, "no such file"},
	} {
		var errs strings.Builder
		if code := testApp(nil, &strings.Builder{}, &errs).run(t.Context(), tt.args); code == 0 || !strings.Contains(errs.String(), tt.want) {
			t.Errorf("%v: exit code %d: %s", tt.args, code, errs.String())
		}
	}
	if code, errs := w.run(t, "-resume", at("merged.ndjson")); code != exitFailure || !strings.Contains(errs, "merged from several") {
		t.Errorf("resume of a merged file: exit code %d: %s", code, errs)
	}
}

func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
