package main

import (
	"bytes"
	"encoding/csv"
	"os"
	"strings"
	"testing"
)

// The demonstration leaves what it says, and shows what there is to see.
func TestDemo(t *testing.T) {
	if fleet, err := startFleet(); err != nil {
		t.Skipf("the fleet needs all of 127.0.0.0/8 on loopback: %v", err)
	} else {
		fleet.close()
	}
	t.Chdir(t.TempDir())
	var out, errs bytes.Buffer
	if code := testApp(strings.NewReader(""), &out, &errs).run(t.Context(), []string{"demo"}); code != exitDone {
		t.Fatalf("exit code %d: %s", code, errs.String())
	}
	for _, want := range []string{"not a target", "Exim", "done in", "demo/fleet.ndjson", "demo/fleet.csv"} {
		if !strings.Contains(errs.String(), want) {
			t.Errorf("%q is missing in %s", want, errs.String())
		}
	}
	for _, want := range []string{"mx1.acme.example", "Exim 4.96", "certificate-expired", "nxdomain"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in the lines %s", want, out.String())
		}
	}
	f, err := os.Open("demo/fleet.csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil || len(rows) < 30 {
		t.Errorf("%d rows in the CSV: %v", len(rows), err)
	}
}
