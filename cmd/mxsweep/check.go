package main

import (
	"context"
	"fmt"
	"io"
	"net/mail"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/resolver"
	"github.com/mxsweep/mxsweep/scanner"
)

// check finds out whether this machine is fit to scan from, and prints a table.
// It contacts nobody but name servers and the hosts it is given.
func (a *app) check(ctx context.Context, args []string) error {
	var o options
	newFlags(&o) // for the defaults
	var hosts list
	extra, err := a.parseFew("check", args, func(fs *flagSet) {
		fs.add(&hosts, "25", "", "host of yours to connect to on port 25 (repeatable)")
		fs.add(&o.resolvers, "resolvers", "r", "as for a scan, like all that follow")
		fs.add(&o.dnsTimeout, "dns-timeout", "", "")
		fs.add(&o.sourceIP, "source-ip", "", "")
		fs.add(&o.ehloDomain, "ehlo-domain", "", "")
		fs.add(&o.concurrency, "concurrency", "c", "")
		fs.add(&o.connectTimeout, "connect-timeout", "", "")
		fs.add(&o.greetingTimeout, "greeting-timeout", "", "")
	})
	if err != nil {
		return err
	}
	if len(extra) > 0 {
		return usagef("check takes no arguments; the host to connect to is given with -25")
	}
	s, closeResolver, err := a.newScanner(ctx, &o)
	if err != nil {
		return err
	}
	defer closeResolver()
	checkSelf(ctx, &o, s)
	t := &checkTable{w: a.stdout, now: time.Now()}
	t.self(&o, s)
	if len(hosts) == 0 {
		t.row(checkUnknown, "port 25", "not tried: name a host of yours with -25")
	} else if err := t.port25(ctx, s, hosts); err != nil {
		return err
	}
	switch {
	case t.err != nil:
		return t.err
	case t.bad:
		return errShown
	}
	return nil
}

// Verdicts of a check.
const (
	checkGood    = "ok"
	checkBad     = "bad"
	checkUnknown = "?"
)

// A checkTable prints what was found, a line for each thing.
type checkTable struct {
	w   io.Writer
	now time.Time
	bad bool
	err error // of w
}

func (t *checkTable) row(verdict, name, format string, args ...any) {
	t.bad = t.bad || verdict == checkBad
	if t.err == nil {
		_, t.err = fmt.Fprintf(t.w, "%-4s %-11s %s\n", verdict, name, output.Escape(fmt.Sprintf(format, args...)))
	}
}

// self prints what is known without contacting a mail server.
func (t *checkTable) self(o *options, s *scanner.Scanner) {
	c := s.Check
	if !c.Address.IsValid() {
		t.row(checkBad, "address", "there is no route to the outside")
	} else {
		t.address(c)
		t.resolver(c.Resolver)
	}
	switch {
	case s.EHLODomain == "":
		t.row(checkUnknown, "ehlo name", "none: servers are greeted with an address literal (-ehlo-domain sets a name)")
	case c.EHLOConfirmed == nil:
		t.row(checkUnknown, "ehlo name", "%s; it could not be looked up", s.EHLODomain)
	case !*c.EHLOConfirmed:
		t.row(checkBad, "ehlo name", "%s does not lead back to %s", s.EHLODomain, c.Address)
	default:
		t.row(checkGood, "ehlo name", "%s leads back to %s", s.EHLODomain, c.Address)
	}
	if fits, _ := scanner.FitFileLimit(o.concurrency); fits < o.concurrency {
		t.row(checkBad, "open files", "%d allow %d connections at once, not %d: raise the limit with ulimit -n", c.OpenFiles, fits, o.concurrency)
	} else {
		t.row(checkGood, "open files", "%d are enough for %d connections at once", c.OpenFiles, o.concurrency)
	}
	data := s.NewRun(buildVersion(), nil).Data
	clock := t.now.Format("2006-01-02 15:04:05 -0700")
	if built := max(data.FingerprintsDate, data.AdvisoriesDate); t.now.UTC().Format(time.DateOnly) < built {
		t.row(checkBad, "clock", "%s, before this program was made (%s): certificates are judged by it", clock, built)
	} else {
		t.row(checkGood, "clock", "%s", clock)
	}
}

// address prints the own address and its names. Behind a translator the world
// sees another address, of which nothing can be said from here.
func (t *checkTable) address(c *scanner.SelfCheck) {
	verdict, note := checkGood, ""
	if c.Address.IsPrivate() || c.Address.IsLoopback() || c.Address.IsLinkLocalUnicast() {
		verdict, note = checkUnknown, "; the world sees another one, as this is private"
	}
	t.row(verdict, "address", "%s%s", c.Address, note)
	switch {
	case len(c.PTR) > 0:
		t.row(checkGood, "ptr", "%s", strings.Join(c.PTR, ", "))
	case c.PTR == nil:
		t.row(checkUnknown, "ptr", "no answer")
	case verdict == checkGood:
		t.row(checkBad, "ptr", "none: many servers turn such clients away")
	default:
		t.row(checkUnknown, "ptr", "none")
	}
}

func (t *checkTable) resolver(status scanner.Status) {
	switch {
	case answered(status):
		t.row(checkGood, "resolver", "answers")
	case status == scanner.StatusServFail || status == scanner.StatusDNSRefused:
		t.row(checkUnknown, "resolver", "answers, but with an error: %s", status)
	default:
		t.row(checkBad, "resolver", "no answer: %s", status)
	}
}

// port25 connects to the hosts, each of which must greet.
func (t *checkTable) port25(ctx context.Context, s *scanner.Scanner, hosts []string) error {
	s.Ports, s.AllowPrivate, s.Probe = []scanner.Port{{Number: 25}}, true, scanner.ProbePassive
	s.BadInput = func(e *scanner.InputError) error { return usagef("-25: %w", e) }
	inputs := resolver.Inputs(ctx, resolver.InputOptions{Direct: true}, resolver.Arguments(hosts))
	return s.Run(ctx, inputs, func(r scanner.Result) error {
		if r.Service != nil {
			t.greeting(r.Service)
		}
		return nil
	})
}

func (t *checkTable) greeting(v *scanner.Service) {
	if v.Greeting == nil || len(v.Greeting.Lines) == 0 {
		t.row(checkBad, "port 25", "%s %s: %s (%s)", v.Input, v.IP, v.Status, v.Error)
		return
	}
	t.row(checkGood, "port 25", "%s %s: %d %s", v.Input, v.IP, v.Greeting.Code, v.Greeting.Lines[0])
	if theirs, ok := greetingDate(v.Greeting.Lines[0]); ok {
		apart := theirs.Sub(t.now).Round(time.Second)
		verdict := checkGood
		if apart.Abs() > 5*time.Minute {
			verdict = checkUnknown
		}
		t.row(verdict, "their clock", "%s off ours, says the greeting of %s", apart, v.Input)
	}
}

// greetingDate finds the date that many servers put into their greeting, in the
// form of mail (RFC 5322, section 3.3).
func greetingDate(line string) (time.Time, bool) {
	for _, day := range []string{"Mon, ", "Tue, ", "Wed, ", "Thu, ", "Fri, ", "Sat, ", "Sun, "} {
		_, text, ok := strings.Cut(line, day)
		if !ok {
			continue
		}
		words := strings.Fields(text)
		date, err := mail.ParseDate(strings.Join(words[:min(5, len(words))], " "))
		return date, err == nil
	}
	return time.Time{}, false
}
