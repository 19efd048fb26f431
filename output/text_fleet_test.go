package output

import (
	"testing"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/advisory"
)

// What comes of comparing the services stands at the end, mere information
// left out, and escaped as everything that a server may have a word in.
func TestTextFleet(t *testing.T) {
	r := scanner.Result{Summary: &scanner.Summary{Findings: []advisory.Finding{
		{ID: "key-shared", Severity: advisory.Low, Evidence: "the key ab... is used at 3 addresses"},
		{ID: "policy-ignore-expired", Severity: advisory.Low, Evidence: "a farm\x1b[2J"},
		{ID: "software-differs", Severity: advisory.Info, Evidence: "not shown"},
	}}}
	want := "fleet                 low key-shared: the key ab... is used at 3 addresses\n" +
		"fleet                 low policy-ignore-expired: a farm\\x1b[2J\n"
	if got := written(t, Text, Options{}, r); got != want {
		t.Errorf("%q", got)
	}
}
