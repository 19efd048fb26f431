package main

import (
	"bufio"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/ncruces/go-sqlite3"
	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"mxsweep": main})
}

// TestScripts runs one archive per user story against the demonstration's
// fleet. In the scripts $DNS is its name server, $FLEET the flags that every
// scan of it needs, and $CA the file of its root.
func TestScripts(t *testing.T) {
	fleet, err := startFleet()
	if err != nil {
		t.Skipf("the fleet needs all of 127.0.0.0/8 on loopback: %v", err)
	}
	defer fleet.close()
	ca := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(ca, fleet.caPEM, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Run("scripts", func(t *testing.T) { // returns when all parallel scripts have ended
		testscript.Run(t, testscript.Params{
			Dir:                 "testdata/script",
			RequireExplicitExec: true,
			Setup: func(e *testscript.Env) error {
				e.Setenv("DNS", fleet.dns.Addr())
				e.Setenv("CA", ca)
				e.Setenv("NO_COLOR", "1")
				return nil
			},
			Cmds: map[string]func(*testscript.TestScript, bool, []string){
				"csvrows": csvRows,
				"records": countRecords,
				"dbrow":   databaseRow,
				"hides":   reportHides,
			},
		})
	})
}

// csvRows checks that a file is CSV with n rows under its header, all of the
// same number of columns: csvrows FILE N.
func csvRows(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll() // refuses rows of differing length
	ts.Check(err)
	if got := strconv.Itoa(len(rows) - 1); got != args[1] {
		ts.Fatalf("%s has %s rows, want %s", args[0], got, args[1])
	}
}

// databaseRow checks the first row that a statement yields, its columns joined
// by |: dbrow FILE SQL ROW.
func databaseRow(ts *testscript.TestScript, neg bool, args []string) {
	db, err := sqlite3.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer db.Close()
	s, _, err := db.Prepare(args[1])
	ts.Check(err)
	defer s.Close()
	var cells []string
	if s.Step() {
		for i := range s.ColumnCount() {
			cells = append(cells, s.ColumnText(i))
		}
	}
	ts.Check(s.Err())
	if got := strings.Join(cells, "|"); got != args[2] {
		ts.Fatalf("%s: %s is %s, want %s", args[0], args[1], got, args[2])
	}
}

// countRecords checks that every line of a file is a JSON object and that n of
// them have the given values: records FILE N path=value... where value is
// compared with the printed one and null is "null".
func countRecords(ts *testscript.TestScript, neg bool, args []string) {
	f, err := os.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	defer f.Close()
	n := 0
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxLine)
	for lines.Scan() {
		var record map[string]any
		ts.Check(json.Unmarshal(lines.Bytes(), &record))
		if matches(record, args[2:]) {
			n++
		}
	}
	ts.Check(lines.Err())
	if got := strconv.Itoa(n); got != args[1] {
		ts.Fatalf("%s has %s records with %v, want %s", args[0], got, args[2:], args[1])
	}
}

func matches(record map[string]any, wants []string) bool {
	for _, want := range wants {
		path, value, _ := strings.Cut(want, "=")
		var at any = record
		for key := range strings.SplitSeq(path, ".") {
			object, _ := at.(map[string]any)
			at = object[key]
		}
		text := fmt.Sprint(at)
		if at == nil {
			text = "null"
		}
		if text != value {
			return false
		}
	}
	return true
}
