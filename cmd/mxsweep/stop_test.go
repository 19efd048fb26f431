package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/csv"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp/smtptest"
)

// interrupted runs a scan of a server, named on a standard input that never
// ends, and calls stop once the server has been connected to.
func interrupted(t *testing.T, script smtptest.Script, stop func(first, second context.CancelFunc)) (records []scanner.Result, rows int) {
	t.Helper()
	server := smtptest.NewServer(t, script)
	stdin, list := io.Pipe()
	defer list.Close()
	go io.WriteString(list, server.Addr+"\n")

	dir := t.TempDir()
	ndjson, table := filepath.Join(dir, "out.ndjson"), filepath.Join(dir, "out.csv.gz")
	ctx, second := context.WithCancel(t.Context())
	defer second()
	var errs bytes.Buffer
	a := testApp(stdin, io.Discard, &errs)
	var first context.CancelFunc
	a.stopping, first = context.WithCancel(ctx)
	defer first()
	code := make(chan int)
	go func() {
		code <- a.run(ctx, []string{"-ehlo-domain", "auditor.example", "-ptr=false", "-r", "127.0.0.1:9", "-o", ndjson, "-o", table})
	}()
	for server.Connections() == 0 {
		<-time.After(time.Millisecond)
	}
	stop(first, second)
	if got := <-code; got != exitInterrupted {
		t.Errorf("exit code %d, want %d: %s", got, exitInterrupted, errs.String())
	}
	if !strings.Contains(errs.String(), "interrupted") {
		t.Errorf("the summary does not say that it was interrupted: %s", errs.String())
	}
	return readNDJSON(t, ndjson), readGzipCSV(t, table)
}

func readNDJSON(t *testing.T, path string) (records []scanner.Result) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for r, err := range output.NewReader(f).Results() {
		if err != nil {
			t.Fatal(err)
		}
		records = append(records, r)
	}
	if n := len(records); n < 2 || records[0].Run == nil || records[n-1].Summary == nil || !records[n-1].Summary.Interrupted {
		t.Fatalf("the file does not begin with a run and end with the summary of an interrupted one: %+v", records)
	}
	return records
}

func readGzipCSV(t *testing.T, path string) (rows int) {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	all, err := csv.NewReader(z).ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return len(all) - 1
}

// After the first signal the conversation under way is held to its end, and a
// list that blocks is not waited for.
func TestFirstSignal(t *testing.T) {
	slow := smtptest.Script{Greeting: smtptest.Step{Delay: 300 * time.Millisecond, Send: "220 mx.example.com ESMTP\r\n"}}
	records, rows := interrupted(t, slow, func(first, _ context.CancelFunc) { first() })
	if rows != 1 || len(records) != 3 || records[1].Service == nil || records[1].Service.Status != scanner.StatusSuccess {
		t.Errorf("%d rows, records %+v", rows, records)
	}
}

// After the second everything ends at once, and what was cut short is no
// finding.
func TestSecondSignal(t *testing.T) {
	silent := smtptest.Script{Greeting: smtptest.Step{Then: smtptest.Silence}}
	records, rows := interrupted(t, silent, func(first, second context.CancelFunc) { first(); second() })
	if rows != 0 || len(records) != 2 || records[1].Summary.ByStatus[scanner.StatusCancelled] != 1 {
		t.Errorf("%d rows, records %+v", rows, records)
	}
}
