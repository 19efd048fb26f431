package output

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ncruces/go-sqlite3"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// database writes records to a database and closes it.
func database(t *testing.T, path string, records ...scanner.Result) {
	t.Helper()
	w, err := Create(path, false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i := range records {
		if err := w.Write(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), w.Close()); err != nil {
		t.Fatal(err)
	}
}

// query returns the rows of a statement with their columns joined by |, from a
// connection of its own.
func query(t *testing.T, path, sql string) (rows []string) {
	t.Helper()
	db, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	s, _, err := db.Prepare(sql)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for s.Step() {
		cells := make([]string, s.ColumnCount())
		for i := range cells {
			cells[i] = s.ColumnText(i)
			if s.ColumnType(i) == sqlite3.NULL {
				cells[i] = "NULL"
			}
		}
		rows = append(rows, strings.Join(cells, "|"))
	}
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	return rows
}

// aRun is the records of a small run in which a server has a version.
func aRun(id, version string) []scanner.Result {
	v := typical()
	v.Software.Version = version
	v.Findings = []advisory.Finding{{ID: "outdated", Severity: advisory.High, Title: "old", Evidence: "it says " + version, Advisories: []advisory.Match{{CVE: "CVE-2026-1"}}}}
	return []scanner.Result{
		{Run: &scanner.Run{Type: "run", Schema: 1, ID: id, Timestamp: noon, Version: "v1"}},
		{Service: v},
		{Domain: &scanner.Domain{Type: "domain", Timestamp: noon, Domain: "example.com", Status: scanner.StatusSuccess, NullMX: new(false),
			MX: []scanner.MX{{Name: "mx1.example.com", Preference: 10}}, Findings: []advisory.Finding{{ID: "spf-missing", Severity: advisory.Low}}}},
		{Progress: &scanner.Progress{Type: "progress"}},
		{Summary: &scanner.Summary{Type: "summary", Services: 1, Endpoints: 3, Covered: 2, Findings: []advisory.Finding{{ID: "shared-key", Severity: advisory.Info}}}},
	}
}

func TestSQLite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	database(t, path, aRun("a", "3.5")...)
	database(t, path, aRun("b", "3.6")...)
	database(t, path, aRun("b", "3.7")...) // again, as -resume does: it is there once
	for sql, want := range map[string][]string{
		"SELECT id, timestamp, mxsweep, schema, interrupted, services, covered, endpoints FROM runs ORDER BY id": {
			"a|2026-11-24T12:00:00Z|v1|1|no|1|2|3", "b|2026-11-24T12:00:00Z|v1|1|no|1|2|3"},
		"SELECT run, host, ip, port, typeof(port), status, version, os, confidence < 2, mx_preference + 1 FROM services ORDER BY id": {
			"a|mx1.example.com|192.0.2.10|25|integer|success|3.5|" + nullText(typical().Software.OS) + "|1|11",
			"b|mx1.example.com|192.0.2.10|25|integer|success|3.7|" + nullText(typical().Software.OS) + "|1|11"},
		"SELECT json_extract(record, '$.software.version'), json_extract(record, '$.type') FROM services ORDER BY id":         {"3.5|service", "3.7|service"},
		"SELECT run, domain, status, mx, null_mx, implicit_mx, findings, severity FROM domains ORDER BY run":                  {"a|example.com|success|10 mx1.example.com|no|NULL|spf-missing|low", "b|example.com|success|10 mx1.example.com|no|NULL|spf-missing|low"},
		"SELECT s.version, f.id, f.severity, f.title, f.evidence, f.cves FROM findings f JOIN services s ON f.service = s.id": {"3.5|outdated|high|old|it says 3.5|CVE-2026-1", "3.7|outdated|high|old|it says 3.7|CVE-2026-1"},
		"SELECT domain, id FROM findings WHERE service IS NULL AND run = 'b' ORDER BY id":                                     {"NULL|shared-key", "example.com|spf-missing"},
		"PRAGMA integrity_check": {"ok"},
	} {
		if got := query(t, path, sql); !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", sql, got, want)
		}
	}
}

func nullText(s string) string {
	if s == "" {
		return "NULL"
	}
	return s
}

// What a server says can neither break the database nor the terminal that shows
// it, and is whole in the record.
func TestSQLiteHostile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	banner := smtp.Raw("220 a\x00b\xff\x1b]0;x\a'); DROP TABLE services; --\u202e\r\n")
	records := aRun("a'\x00", "1")
	records[1].Service.Banner = banner
	database(t, path, records...)
	if got, want := query(t, path, "SELECT banner FROM services"), []string{Escape(strings.TrimRight(string(banner), "\r\n"))}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	line := query(t, path, "SELECT record FROM services")[0]
	for r, err := range NewReader(strings.NewReader(line + "\n")).Results() {
		if err != nil || r.Service.Banner != banner {
			t.Errorf("record: %q, %v", r.Service.Banner, err)
		}
	}
}

func TestSQLiteRefuses(t *testing.T) {
	dir := t.TempDir()
	for name, c := range map[string]struct{ sql, want string }{
		"foreign.db": {"CREATE TABLE cookies(x)", "another program"},
		"newer.db":   {"PRAGMA application_id=0x6d787377; PRAGMA user_version=2; CREATE TABLE runs(id)", "use a newer mxsweep"},
	} {
		path := filepath.Join(dir, name)
		db, err := sqlite3.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(db.Exec(c.sql), db.Close()); err != nil {
			t.Fatal(err)
		}
		before, _ := os.ReadFile(path)
		if _, err := Create(path, true, Options{}); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: got %v, want %q", name, err, c.want)
		}
		if after, _ := os.ReadFile(path); string(after) != string(before) {
			t.Errorf("%s has changed", name)
		}
	}
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Create(text, true, Options{}); err == nil {
		t.Error("a text is taken for a database")
	}
	w, err := Create(filepath.Join(dir, "new.db"), false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Write(&scanner.Result{Service: typical()}); !errors.Is(err, errNoRun) || !errors.Is(w.Flush(), errNoRun) {
		t.Errorf("a record without a run: %v", err)
	}
}

// Records without a run of their own are not taken for those of the run before.
func TestSQLiteKeepsRunsApart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	w, err := Create(path, false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	records := aRun("a", "3.5")
	for i := range records {
		if err := w.Write(&records[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Write(&records[1]); !errors.Is(err, errNoRun) {
		t.Errorf("a service after the summary: %v", err)
	}
	if err := w.Close(); !errors.Is(err, errNoRun) {
		t.Errorf("closed: %v", err)
	}
	w, err = Create(path, false, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	if err := w.Write(&scanner.Result{Run: &scanner.Run{}}); !errors.Is(err, errNoID) {
		t.Errorf("a run without an id: %v", err)
	}
}

// A database of an earlier version gets the columns that have come since.
func TestSQLiteAddsColumns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	database(t, path, aRun("a", "1")...)
	db, err := sqlite3.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(db.Exec("ALTER TABLE services DROP COLUMN cpe"), db.Close()); err != nil {
		t.Fatal(err)
	}
	database(t, path, aRun("b", "2")...)
	if got, want := query(t, path, "SELECT version, cpe IS NULL FROM services ORDER BY id"), []string{"1|1", "2|0"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// Others see what is a second old, and a process that dies loses no more.
func TestSQLiteCommits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fleet.db")
	now := noon
	w, err := Create(path, false, Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	records := aRun("a", "1")
	count := func() string { return query(t, path, "SELECT count(*) FROM services")[0] }
	for _, step := range []struct {
		do    func() error
		after time.Duration
		want  string
	}{
		{func() error { return w.Write(&records[0]) }, 0, "0"},
		{func() error { return w.Write(&records[1]) }, 0, "0"},
		{w.Flush, batchAge / 2, "0"},
		{w.Flush, batchAge / 2, "1"},
		{func() error { return w.Write(&records[1]) }, 0, "1"},
		{func() error { return w.Write(&records[1]) }, batchAge, "3"},
	} {
		now = now.Add(step.after)
		if err := step.do(); err != nil {
			t.Fatal(err)
		}
		if got := count(); got != step.want {
			t.Errorf("%s services, want %s", got, step.want)
		}
	}
}
