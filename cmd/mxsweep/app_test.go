package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
)

func TestExitCode(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want int
	}{
		{nil, exitDone},
		{fmt.Errorf("write results: %w", syscall.EPIPE), exitDone},
		{usagef("no targets"), exitUsage},
		{errors.New("disk full"), exitFailure},
		{errors.Join(errShown, errors.New("bad line")), exitFailure},
		{fmt.Errorf("run: %w", scanner.ErrStopped), exitInterrupted},
		{context.Canceled, exitInterrupted},
	} {
		if got := exitCode(tt.err); got != tt.want {
			t.Errorf("%v: exit code %d, want %d", tt.err, got, tt.want)
		}
	}
}

func parse(args ...string) (*options, *flagSet, error) {
	var o options
	fs := newFlags(&o)
	return &o, fs, fs.parse(&o, args)
}

func TestFlagsStandAnywhere(t *testing.T) {
	o, fs, err := parse("a.example", "-rl", "7", "b.example", "-input-file", "x,y.txt", "-l", "z.txt", "-d", "c.example, d.example", "--", "-odd")
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(o.positional, " "); got != "a.example b.example -odd" {
		t.Errorf("positional %q", got)
	}
	if o.rate != 7 || strings.Join(o.lists, " ") != "x,y.txt z.txt" || strings.Join(o.targets, " ") != "c.example d.example" {
		t.Errorf("rate %d, lists %q, targets %q", o.rate, o.lists, o.targets)
	}
	changed := fs.changed()
	if len(changed) != 3 || changed["rate-limit"] != "7" || changed["list"] == "" || changed["target"] == "" {
		t.Errorf("the run record would say %v", changed)
	}
}

// Every default that -h shows is the one a scan uses, and every flag belongs to
// a group that fits a screen.
func TestEveryFlagIsInTheHelp(t *testing.T) {
	_, fs, err := parse()
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, g := range fs.groups {
		if len(g.names) > 22 {
			t.Errorf("group %s has %d flags: more than a screen", g.title, len(g.names))
		}
		fs.writeGroup(&b, g)
	}
	for name, long := range fs.canonical {
		if f := fs.CommandLine.Lookup(long); f == nil || name != "" && fs.CommandLine.Lookup(name) == nil {
			t.Errorf("-%s or -%s is no flag", name, long)
		} else if !strings.Contains(b.String(), "-"+long+" ") {
			t.Errorf("-%s is not in the help", long)
		}
	}
}

func TestRefusals(t *testing.T) {
	for _, tt := range []struct {
		args string
		want string
	}{
		{"-ip-version 5 x.example", "-ip-version"},
		{"-source-ip here x.example", "-source-ip"},
		{"-source-ip 192.0.2.77 127.0.0.1", "no address to connect from"},
		{"-ehlo-domain a\x00b 127.0.0.1", "-ehlo-domain"},
		{"-o report.doc 127.0.0.1", "report.doc"},
		{"-r not/a/server x.example", "-resolvers"},
		{"-probe loud x.example", "-probe"},
		{"-discovery ping x.example", "-discovery"},
		{"-json -csv x.example", "-json and -csv"},
		{"-timeout 0s x.example", "-timeout"},
		{"-fields nosuch x.example", "-fields"},
		{"-rl -1 x.example", "-rate-limit"},
		{"-ca-file app.go x.example", "no PEM certificate"},
		{"-eh 1.2.3 x.example", "1.2.3"},
		{"demo now", "demo takes no arguments"},
		{"demo -x", "no flag -x"},
		{"help me", "help takes no arguments"},
		{"schema 1", "schema takes no arguments"},
		{"findings certificate-old", "there is no finding"},
		{"fingerprints -j nosuch", "nosuch"},
		{"classify -explian", "-explian"},
	} {
		var out, errs bytes.Buffer
		code := testApp(strings.NewReader(""), &out, &errs).run(t.Context(), strings.Fields(tt.args))
		if code == exitDone || out.Len() > 0 || !strings.Contains(errs.String(), tt.want) {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q", tt.args, code, out.String(), errs.String())
		}
	}
}

// The manual lists the statuses there are, and every command.
func TestManualIsComplete(t *testing.T) {
	_, after, _ := strings.Cut(string(output.Schema()), `"`+string(scanner.StatusSuccess)+`"`) // the enumeration of the statuses
	statuses, _, ok := strings.Cut(after, "]")
	if words := strings.Fields(strings.NewReplacer(",", " ", `"`, " ").Replace(statuses)); !ok || len(words) < 20 {
		t.Fatalf("found only the statuses %q in the schema", words)
	} else {
		for _, status := range words {
			if !strings.Contains(manual, status) {
				t.Errorf("the manual does not explain status %s", status)
			}
		}
	}
	for name := range (&app{}).commands() {
		if name != "help" && !strings.Contains(manual, "mxsweep "+name) {
			t.Errorf("the manual does not list command %s", name)
		}
	}
}
