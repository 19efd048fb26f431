package main

import (
	"bufio"
	"bytes"
	"io"
	"testing"

	"github.com/mxsweep/mxsweep/output"
)

// FuzzClassifyInput reads what other programs have stored.
func FuzzClassifyInput(f *testing.F) {
	set, _, err := loadData("")
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("220-mx.example.com ESMTP\r\n220 Exim 4.96\r\n{\"banner\":\"220 x ESMTP Postfix\"}\n"), false)
	f.Add([]byte("\ufeff{\"type\":\"run\"}\n{\"data\":{\"smtp\":{\"result\":{\"banner\":\"220 x\"}}}}\nnothing\n{"), true)
	f.Fuzz(func(t *testing.T, text []byte, explain bool) {
		var out bytes.Buffer
		w := bufio.NewWriter(&out)
		c := &classifier{app: testApp(nil, io.Discard, io.Discard), set: set, explain: explain, w: w}
		if err := c.read("x", bytes.NewReader(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Flush(); err != nil || explain {
			return
		}
		for line := range bytes.Lines(out.Bytes()) {
			if _, err := output.ParseObject(bytes.TrimSpace(line)); err != nil {
				t.Fatalf("%q became %q: %v", text, line, err)
			}
		}
	})
}

// FuzzGreetingDate looks for the clock of a server in what it says.
func FuzzGreetingDate(f *testing.F) {
	f.Add("mx.example.com ESMTP Exim 4.96 Tue, 24 Nov 2026 10:00:00 +0000")
	f.Add("Mon, Mon, 1 Jan 0000 00:00 +9999 (")
	f.Fuzz(func(t *testing.T, line string) {
		if date, ok := greetingDate(line); !ok && !date.IsZero() {
			t.Errorf("%q: %v", line, date)
		}
	})
}
