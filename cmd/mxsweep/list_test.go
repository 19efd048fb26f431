package main

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// A list that cannot be read any more in the middle of a run ends the intake and
// nothing else: what it had named so far is on record, the summary says that the
// run was not whole, and the exit code tells.
func TestListBreaks(t *testing.T) {
	server := smtptest.NewServer(t, smtptest.Postfix("mx.example.com"))
	broken := errors.New("input/output error")
	stdin := io.MultiReader(strings.NewReader(server.Addr+"\n"+server.Addr+"\n127.0.0."), iotest.ErrReader(broken))
	var out, errs bytes.Buffer
	code := testApp(stdin, &out, &errs).run(t.Context(), []string{
		"-r", "127.0.0.1:9", "-ehlo-domain", "auditor.example", "-ptr=false", "-j"})
	if code != exitFailure || !strings.Contains(errs.String(), broken.Error()) {
		t.Errorf("exit code %d, want %d: %s", code, exitFailure, errs.String())
	}
	services, summaries := 0, 0
	for r, err := range output.NewReader(&out).Results() {
		switch {
		case err != nil:
			t.Fatal(err)
		case r.Service != nil:
			services++
		case r.Summary != nil:
			summaries++
			if !r.Summary.Interrupted {
				t.Error("the summary says that the run was whole")
			}
		}
	}
	if services != 2 || summaries != 1 {
		t.Errorf("%d services, %d summaries", services, summaries)
	}
}
