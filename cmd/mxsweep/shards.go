package main

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/mxsweep/mxsweep/scanner"
)

// shards are those of one run that are to be merged. The zero value is ready.
type shards struct {
	first *scanner.Run // nil: there is none so far
	count int          // of all, in that run
	files map[int]string
}

// add takes in the run of a file. One that is no shard does not matter; one of
// another run or a second one of the same index is an error: targets would be
// missing, or there twice.
func (s *shards) add(path string, run *scanner.Run) error {
	text := run.Options["shard"]
	if text == "" {
		return nil
	}
	shard, err := scanner.ParseShard(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	if s.first == nil {
		s.first, s.count, s.files = run, shard.Count, map[int]string{}
	}
	other, twice := s.files[shard.Index]
	switch differ := s.differ(shard, run); {
	case differ != "":
		return fmt.Errorf("%s is no shard of the same run as the one before: %s", path, differ)
	case twice:
		return fmt.Errorf("%s and %s are both shard %s", other, path, text)
	}
	s.files[shard.Index] = path
	return nil
}

// differ says what makes a shard one of another run than the first, "" if
// nothing does. Lists are told apart by name only: each machine may have them
// in a place of its own.
func (s *shards) differ(shard scanner.Shard, run *scanner.Run) string {
	switch {
	case shard.Count != s.count:
		return fmt.Sprintf("it is one of %d, not of %d", shard.Count, s.count)
	case run.Seed != s.first.Seed:
		return fmt.Sprintf("-seed is %d, not %d", run.Seed, s.first.Seed)
	}
	for _, option := range []string{"target", "list", "port", "direct"} {
		got, want := run.Options[option], s.first.Options[option]
		if option == "list" {
			got, want = baseNames(got), baseNames(want)
		}
		if got != want {
			return fmt.Sprintf("-%s is %q, not %q", option, got, want)
		}
	}
	return ""
}

// baseNames leaves out the folders of paths that are joined by commas.
func baseNames(paths string) string {
	names := strings.Split(paths, ",")
	for i, path := range names {
		if path != "" {
			names[i] = filepath.Base(path)
		}
	}
	return strings.Join(names, ",")
}

// maxMissing bounds the shards that are named.
const maxMissing = 20

// missing says which shards are not there, "" if all are.
func (s *shards) missing() string {
	n := s.count - len(s.files)
	if n == 0 {
		return ""
	}
	var names []string
	for i := 1; i <= s.count && len(names) < maxMissing; i++ {
		if s.files[i] == "" {
			names = append(names, fmt.Sprintf("%d/%d", i, s.count))
		}
	}
	if more := n - len(names); more > 0 {
		names = append(names, fmt.Sprintf("and %d more", more))
	}
	return fmt.Sprintf("%d of %d shards are missing (%s)", n, s.count, strings.Join(names, ", "))
}
