package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
)

// shardFile writes the output of one shard: a run and its summary, each with an
// id of its own.
func shardFile(t *testing.T, path string, seed uint64, options string) string {
	t.Helper()
	given := map[string]string{}
	for option := range strings.FieldsSeq(options) {
		name, value, _ := strings.Cut(option, "=")
		given[name] = value
	}
	text := output.AppendResult(nil, &scanner.Result{Run: &scanner.Run{Schema: scanner.SchemaVersion, ID: path, Seed: seed, Options: given}})
	text = output.AppendResult(text, &scanner.Result{Summary: &scanner.Summary{Inputs: 1}})
	if err := os.WriteFile(path, text, 0o666); err != nil {
		t.Fatal(err)
	}
	return path
}

// What is missing of the shards of a run is told, and the summary does not pass
// for one of the whole.
func TestMergeMissingShards(t *testing.T) {
	for _, tt := range []struct {
		name, given string // shards; one that is no shard is "-"
		want        string // on standard error; "": nothing is missing
	}{
		{"two of five", "1/5 2/5 4/5", "warning: 2 of 5 shards are missing (3/5, 5/5), and so the summary says interrupted"},
		{"in any order", "3/3 1/3", "1 of 3 shards are missing (2/3)"},
		{"none", "2/3 1/3 3/3", ""},
		{"one is the whole", "1/1", ""},
		{"beside another run", "1/2 -", "1 of 2 shards are missing (2/2)"},
		{"no shards", "- -", ""},
		{"many", "7/1000", "999 of 1000 shards are missing (1/1000, 2/1000, 3/1000, 4/1000, 5/1000, 6/1000, 8/1000, 9/1000, 10/1000, 11/1000, " +
			"12/1000, 13/1000, 14/1000, 15/1000, 16/1000, 17/1000, 18/1000, 19/1000, 20/1000, 21/1000, and 979 more)"},
	} {
		dir := t.TempDir()
		merged := filepath.Join(dir, "merged.ndjson")
		args := []string{"merge", "-o", merged}
		for i, shard := range strings.Fields(tt.given) {
			options := "list=" + filepath.Join(dir, fmt.Sprint(i), "targets.txt") // each machine has it elsewhere
			if shard != "-" {
				options += " shard=" + shard
			}
			args = append(args, shardFile(t, filepath.Join(dir, fmt.Sprintf("%d.ndjson", i)), 7, options))
		}
		var errs strings.Builder
		if code := testApp(nil, io.Discard, &errs).run(t.Context(), args); code != exitDone {
			t.Fatalf("%s: exit code %d: %s", tt.name, code, errs.String())
		}
		if got := errs.String(); !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: %s", tt.name, got)
		}
		if got, want := strings.Contains(read(t, merged), `"interrupted":true`), tt.want != ""; got != want {
			t.Errorf("%s: the summary says interrupted: %v, want %v", tt.name, got, want)
		}
	}
}

// Shards that are not of one run, or of which one is there twice, would give
// records twice or leave some out: nothing is written.
func TestMergeRefusesShards(t *testing.T) {
	for _, tt := range []struct {
		name    string
		seed    uint64
		options string
		want    string
	}{
		{"twice", 7, "shard=1/3 list=a.txt", "are both shard 1/3"},
		{"another count", 7, "shard=2/4 list=a.txt", "it is one of 4, not of 3"},
		{"another seed", 8, "shard=2/3 list=a.txt", "-seed is 8, not 7"},
		{"another list", 7, "shard=2/3 list=/home/b.txt", `-list is "b.txt", not "a.txt"`},
		{"other targets", 7, "shard=2/3 list=a.txt target=example.com", `-target is "example.com", not ""`},
		{"other ports", 7, "shard=2/3 list=a.txt port=25", `-port is "25", not ""`},
		{"hosts, not domains", 7, "shard=2/3 list=a.txt direct=true", `-direct is "true", not ""`},
		{"no shard at all", 7, "shard=4/3 list=a.txt", `"4/3" is not a shard`},
	} {
		dir := t.TempDir()
		one := shardFile(t, filepath.Join(dir, "1.ndjson"), 7, "shard=1/3 list=/srv/a.txt rate-limit=50")
		two := shardFile(t, filepath.Join(dir, "2.ndjson"), tt.seed, tt.options)
		merged := filepath.Join(dir, "merged.ndjson")
		var errs strings.Builder
		if code := testApp(nil, io.Discard, &errs).run(t.Context(), []string{"merge", "-o", merged, one, two}); code != exitFailure || !strings.Contains(errs.String(), tt.want) {
			t.Errorf("%s: exit code %d: %s", tt.name, code, errs.String())
		}
		if _, err := os.Stat(merged); err == nil {
			t.Errorf("%s: something was written", tt.name)
		}
	}
}

// Outputs that were joined with cat are shards all the same.
func TestMergeConcatenatedShards(t *testing.T) {
	dir := t.TempDir()
	at := func(name string) string { return filepath.Join(dir, name) }
	one, two := shardFile(t, at("1.ndjson"), 7, "shard=1/3"), shardFile(t, at("2.ndjson"), 7, "shard=2/3")
	third, wrong := shardFile(t, at("3.ndjson"), 7, "shard=3/3"), shardFile(t, at("4.ndjson"), 9, "shard=3/3")
	for _, tt := range []struct {
		second, third, want string
		code                int
	}{
		{two, third, "", exitDone},
		{two, two, "outputs of the same run", exitFailure},
		{wrong, two, "-seed is 9, not 7", exitFailure},
		{two, wrong, "-seed is 9, not 7", exitFailure},
	} {
		if err := os.WriteFile(at("joined.ndjson"), []byte(read(t, one)+read(t, tt.second)), 0o666); err != nil {
			t.Fatal(err)
		}
		var errs strings.Builder
		code := testApp(nil, io.Discard, &errs).run(t.Context(), []string{"merge", "-json", at("joined.ndjson"), tt.third})
		if got := errs.String(); code != tt.code || !strings.Contains(got, tt.want) || tt.want == "" && got != "" {
			t.Errorf("%s: exit code %d: %s", tt.third, code, got)
		}
	}
}
