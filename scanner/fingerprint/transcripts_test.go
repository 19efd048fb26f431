package fingerprint

import (
	"bufio"
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"
)

// A recording is one conversation with a real server, in the shape of
// testdata/transcripts/*.ndjson.
type recording struct {
	Config   string `json:"config"`
	Source   string `json:"source"`
	Masked   bool   `json:"masked"` // the greeting names nothing
	NameSent string `json:"name_sent"`
	Expect   struct{ Slug, Version, Update, OS string }
	Banner   string `json:"banner"`
	EHLO     string `json:"ehlo"`
	HELO     string `json:"helo"`
	Help     string `json:"help"`
	Unknown  string `json:"unknown_command"`
	Noop     string `json:"noop"`
	Rset     string `json:"rset"`
	Vrfy     string `json:"vrfy"`
	Quit     string `json:"quit"`
	STARTTLS string `json:"starttls"`
	EHLOTLS  string `json:"ehlo_tls"`
}

// passive are the signals that no identifying command is needed for.
func (r *recording) passive() *Signals {
	return &Signals{
		NameSent: r.NameSent, Greeting: r.Banner, EHLO: r.EHLO, HELO: r.helo(),
		STARTTLS: r.STARTTLS, EHLOTLS: r.EHLOTLS, Quit: r.Quit,
	}
}

// helo is the reply to HELO where a probe sends it anyway: EHLO was refused.
func (r *recording) helo() string {
	if strings.HasPrefix(r.EHLO, "250") {
		return ""
	}
	return r.HELO
}

// polite adds HELP and an unknown command.
func (r *recording) polite() *Signals {
	sig := r.passive()
	sig.Help, sig.Unknown = r.Help, r.Unknown
	return sig
}

// full adds the other identifying commands.
func (r *recording) full() *Signals {
	sig := r.polite()
	sig.HELO, sig.Noop, sig.Rset, sig.Vrfy = r.HELO, r.Noop, r.Rset, r.Vrfy
	return sig
}

// conductOnly is full without the greeting, as if the administrator had hidden
// the name.
func (r *recording) conductOnly() *Signals {
	sig := r.full()
	sig.Greeting = "220 mx.example.com ESMTP\r\n"
	return sig
}

func readRecordings(t *testing.T) []recording {
	t.Helper()
	names, err := filepath.Glob("testdata/transcripts/*.ndjson")
	if err != nil || len(names) == 0 {
		t.Fatal("no transcripts", err)
	}
	var all []recording
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		lines := bufio.NewScanner(strings.NewReader(string(data)))
		lines.Buffer(nil, 1<<20)
		for n := 1; lines.Scan(); n++ {
			var r recording
			if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
				t.Fatalf("%s:%d: %v", name, n, err)
			}
			r.Source = fmt.Sprintf("%s:%d: %s (%s)", name, n, r.Config, r.Source)
			all = append(all, r)
		}
	}
	return all
}

// A tally counts how recordings came out.
type tally struct{ all, right, unknown, versions, versionsRight int }

func (n *tally) String() string {
	s := fmt.Sprintf("%d/%d", n.right, n.all)
	if n.unknown > 0 {
		s += fmt.Sprintf(" (%d unknown)", n.unknown)
	}
	if n.versions > 0 {
		s += fmt.Sprintf(", version %d/%d", n.versionsRight, n.versions)
	}
	return s
}

// isOf reports whether got is what was expected: the product itself or, where
// only a family was, one of its members.
func (s *Set) isOf(got, want string) bool {
	return got == want || got != "" && want != "" && s.within(s.find(got), s.find(want))
}

// TestRecordedServers classifies recorded conversations with real servers of
// several versions and configurations. No name and no version may be wrong;
// with every identifying command each server is named, and a version that it
// shows is read. With fewer questions unknown is an answer, too; run with -v
// for the table.
func TestRecordedServers(t *testing.T) {
	_, set := loadData(t)
	views := []struct {
		name string
		sig  func(*recording) *Signals
		all  bool // every recording must be named
	}{
		{"passive", (*recording).passive, false},
		{"polite", (*recording).polite, true},
		{"full", (*recording).full, true},
		{"greeting masked", (*recording).conductOnly, true},
	}
	tallies := make(map[string][]tally)
	for _, r := range readRecordings(t) {
		row := cmp.Or(r.Expect.Slug, "nothing to tell") + map[bool]string{true: ", masked"}[r.Masked]
		if tallies[row] == nil {
			tallies[row] = make([]tally, len(views))
		}
		for i, v := range views {
			sw, _ := set.Classify(v.sig(&r))
			n := &tallies[row][i]
			n.all++
			switch {
			case set.isOf(sw.Slug, r.Expect.Slug):
				n.right++
			case sw.Slug == "" && !v.all:
				n.unknown++
			case sw.Slug == "":
				n.unknown++
				t.Errorf("%s\n\t%s: unknown, candidates %+v", r.Source, v.name, sw.Candidates)
			default:
				t.Errorf("%s\n\t%s: %s (%.2f) is wrong, evidence %+v", r.Source, v.name, sw.Slug, sw.Confidence, sw.Evidence)
			}
			if r.Expect.Version == "" {
				if sw.Version != "" {
					t.Errorf("%s\n\t%s: version %q was not shown", r.Source, v.name, sw.Version)
				}
				continue
			}
			n.versions++
			if sw.Version == r.Expect.Version {
				n.versionsRight++
			} else if sw.Version != "" || v.name == "full" {
				t.Errorf("%s\n\t%s: version %q, want %q", r.Source, v.name, sw.Version, r.Expect.Version)
			}
		}
	}
	var rows []string
	for row := range tallies {
		rows = append(rows, row)
	}
	slices.SortFunc(rows, cmp.Compare)
	var table strings.Builder
	w := tabwriter.NewWriter(&table, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "product right")
	for _, v := range views {
		fmt.Fprintf(w, "\t%s", v.name)
	}
	for _, row := range rows {
		fmt.Fprintf(w, "\n%s", row)
		for i := range views {
			fmt.Fprintf(w, "\t%s", &tallies[row][i])
		}
	}
	w.Flush()
	t.Log("\n" + table.String())
}
