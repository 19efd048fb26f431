package scanner

import (
	"encoding/base64"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp"
)

func TestHostname(t *testing.T) {
	for text, want := range map[string]string{
		"mx.example.com ESMTP Postfix":  "mx.example.com",
		" mx.example.com ESMTP":         "mx.example.com",
		"MX1.Example.COM":               "MX1.Example.COM",
		"mx.example.com. hello":         "mx.example.com.",
		"my_host.example.com x":         "my_host.example.com",
		"localhost ESMTP":               "localhost",
		"[192.0.2.1] ready":             "[192.0.2.1]",
		"[IPv6:2001:db8::1] ready":      "[IPv6:2001:db8::1]",
		"[]":                            "",
		"[no good!]":                    "",
		"ESMTP ready":                   "",
		"Welcome":                       "",
		"***2***0***":                   "",
		"a..b":                          "",
		"-a.example":                    "",
		"mx.example.com\tESMTP":         "",
		"":                              "",
		strings.Repeat("a.", 130) + "b": "",
		"bücher.example":                "",
	} {
		if got := hostname(text); got != want {
			t.Errorf("hostname(%q) = %q, want %q", text, got, want)
		}
	}
}

// Whatever a server greets with, the parsed form is bounded by it.
func FuzzGreeting(f *testing.F) {
	f.Add(220, "mx.example.com ESMTP Postfix")
	f.Add(220, "[IPv6:2001:db8::1] esmtp")
	f.Add(554, "5.7.1 go away\x00")
	f.Fuzz(func(t *testing.T, code int, text string) {
		r := &smtp.Reply{Code: code, Lines: strings.Split(text, "\n"), Raw: smtp.Raw(text)}
		g := newGreeting(&smtp.Transcript{Greeting: r})
		if !strings.Contains(text, g.Hostname) || len(g.Hostname) > max(len(text), 254) || strings.ContainsAny(g.Hostname, " \t\r\n\x00\"<>") {
			t.Errorf("hostname %q of %q", g.Hostname, text)
		}
		if g.ESMTP && !strings.Contains(strings.ToUpper(text), "ESMTP") {
			t.Errorf("ESMTP in %q", text)
		}
	})
}

// The record holds every reply of the transcript, and only what was seen.
func TestFill(t *testing.T) {
	reply := func(code int, text string) *smtp.Reply {
		return &smtp.Reply{Code: code, Lines: []string{text}, Raw: smtp.Raw(text + "\r\n")}
	}
	tr := &smtp.Transcript{
		NameSent: "me.example", Greeting: reply(220, "mx.example.com esmtp Foo"), GreetingDelay: 1500 * time.Microsecond,
		EHLO: reply(250, "mx.example.com hello"), HELO: reply(250, "helo"), STARTTLS: reply(220, "go"), EHLOTLS: reply(250, "in.example.com"),
		Help: reply(214, "help"), Unknown: reply(502, "what"), Noop: reply(250, "noop"), Rset: reply(250, "rset"), Vrfy: reply(252, "vrfy"), Quit: reply(221, "bye"),
		Capabilities: &smtp.Capabilities{STARTTLS: true}, CapabilitiesTLS: &smtp.Capabilities{}, TLS: &smtp.TLS{Error: "bad"}, Injected: "250 evil",
		Phase: smtp.PhaseQUIT, TLSErr: &smtp.Error{Phase: smtp.PhaseTLS, Kind: smtp.KindTLS, Err: errors.New("bad")},
	}
	s := newService(Endpoint{Addr: netip.MustParseAddr("198.41.0.1"), Port: Port{Number: 25}, Name: "mx.example.com"})
	status, phase, text := transcriptStatus(tr)
	s.fill(&outcome{at: time.Unix(0, 0), status: status, phase: phase, text: text, transcript: tr, connect: 2 * time.Millisecond})

	// Set elsewhere: by the job, the reverse lookup and the assessment.
	elsewhere := map[string]bool{"Input": true, "Domain": true, "MX": true, "PTR": true, "PTRValid": true, "Software": true, "Provider": true, "Findings": true, "TLSVersions": true, "Checks": true, "Reused": true, "Attempts": true}
	v := reflect.ValueOf(*s)
	for i := range v.NumField() {
		if name := v.Type().Field(i).Name; v.Field(i).IsZero() != elsewhere[name] {
			t.Errorf("%s is %v", name, v.Field(i))
		}
	}
	if g := s.Greeting; g.Hostname != "mx.example.com" || !g.ESMTP || g.DelayMS != 1.5 {
		t.Errorf("greeting %+v", g)
	}
	if s.EHLO.NameSent != "me.example" || s.EHLOTLS.Hostname != "in.example.com" || s.Help != "help\r\n" || s.Status != StatusTLSFailed || s.Error != "tls: bad" {
		t.Errorf("record %+v", s)
	}
	if *s.ImplicitTLS || *s.Timings.Connect != 2 || *s.Timings.Total != 2 {
		t.Errorf("implicit TLS %v, timings %v %v", *s.ImplicitTLS, *s.Timings.Connect, *s.Timings.Total)
	}

	// Nothing seen: nothing claimed.
	s = newService(Endpoint{})
	s.fill(&outcome{status: StatusGreetingTimeout, transcript: &smtp.Transcript{}})
	if s.Greeting != nil || s.EHLO != nil || s.ImplicitTLS != nil || s.Capabilities != nil || s.TLS != nil {
		t.Errorf("a silent server: %+v", s)
	}
}

// Every fact of a record reaches the classification and the assessment.
func TestSignalsAndFacts(t *testing.T) {
	yes := true
	s := Service{
		TLSVersions: &TLSVersions{}, Checks: []smtp.Checked{
			{Check: smtp.CheckRelay, Exchanges: []smtp.Exchange{{}}}, {Check: smtp.CheckInjection, Exchanges: []smtp.Exchange{{}}},
			{Check: smtp.CheckNTLM, Exchanges: []smtp.Exchange{{Reply: smtp.Raw("334 " + base64.StdEncoding.EncodeToString(append([]byte("NTLMSSP\x00\x02\x00\x00\x00"), make([]byte, 60)...)))}}},
		},
		MX:   &ServiceMX{TLSA: &RRset{Status: StatusSuccess, Records: []string{}}},
		Host: "mx.example.com", IP: netip.MustParseAddr("198.41.0.1"), Port: 25, Timestamp: time.Unix(1, 0), Status: StatusSuccess, Error: "e",
		PTR: []string{"ptr.example"}, PTRValid: &yes, ImplicitTLS: &yes, Banner: "220 x", HELO: "h", Help: "help", UnknownCommand: "u", Noop: "n", Rset: "r", Vrfy: "v", Quit: "q",
		STARTTLS: "s", Injected: "i", Greeting: &Greeting{Code: 220}, EHLO: &EHLO{NameSent: "me", Raw: "250 a", Code: 250}, EHLOTLS: &EHLO{NameSent: "me", Raw: "250 b"},
		Capabilities: &smtp.Capabilities{Keywords: []string{"A"}}, CapabilitiesTLS: &smtp.Capabilities{Keywords: []string{"B"}},
		TLS: &smtp.TLS{Version: "TLS 1.3", Certificate: &smtp.Certificate{Subject: "CN=a", SubjectCN: "a", Issuer: "CN=b", SANs: []string{"a"}}},
	}
	s.Software.Product = "Postfix"
	s.Timings.EHLO = new(1.5)
	for _, v := range []reflect.Value{reflect.ValueOf(*s.Signals()), reflect.ValueOf(*s.facts())} {
		for i := range v.NumField() {
			if v.Field(i).IsZero() {
				t.Errorf("%v.%s is not set", v.Type(), v.Type().Field(i).Name)
			}
		}
	}
	empty := (&Service{}).facts()
	if empty.TLSA != nil || empty.TLS != nil || empty.EHLO != nil || empty.Before != nil || empty.Greeting != nil {
		t.Errorf("facts of nothing: %+v", empty)
	}
}

// Assess gives the same answer for a stored record.
func TestAssess(t *testing.T) {
	s := &Service{Banner: "220 mx.example.com ESMTP Postfix (Debian/GNU)\r\n", Findings: nil}
	for range 2 {
		new(Scanner).Assess(&Result{Service: s})
		if s.Software.Slug != "postfix" || s.Software.OS == "" {
			t.Fatalf("software %+v", s.Software)
		}
	}
	d := &Domain{Domain: "example.com", Status: StatusSuccess}
	new(Scanner).Assess(&Result{Domain: d})
	new(Scanner).Assess(&Result{Summary: &Summary{}})
}

func TestAsk(t *testing.T) {
	unknown := &smtp.Transcript{Greeting: &smtp.Reply{Code: 220, Raw: "220 mx.example.com ESMTP\r\n", Lines: []string{"mx.example.com ESMTP"}}}
	for level, most := range map[ProbeLevel]int{ProbePolite: 2, ProbeFull: 6} {
		s := &Scanner{Probe: level}
		errs := 0
		asked := s.ask(unknown)
		for _, c := range asked {
			if c == smtp.CmdHelp || c == smtp.CmdUnknown || c == smtp.CmdVrfy {
				errs++
			}
		}
		if len(asked) == 0 || len(asked) > most || errs > maxErrors {
			t.Errorf("level %d asks %q", level, asked)
		}
	}
	if (&Scanner{Probe: ProbePassive}).newProber((&Scanner{}).ask).Ask != nil {
		t.Error("a passive probe asks")
	}
	for _, text := range []string{"passive", "polite", "full", "loud"} {
		if level, err := ParseProbeLevel(text); (err != nil) != (text == "loud") || text == "full" && level != ProbeFull {
			t.Errorf("ParseProbeLevel(%q) = %v, %v", text, level, err)
		}
	}
}

// What is heard during a conversation is what its record offers afterwards, and
// the record is classified alike with and without the reading that Ask has left.
func TestHeard(t *testing.T) {
	reply := func(text string) *smtp.Reply { return smtp.ParseReply(smtp.Raw(text)) }
	tr := &smtp.Transcript{
		NameSent: "probe.example.net", Greeting: reply("220 mx.example.com ESMTP Postfix (Debian/GNU)\r\n"),
		EHLO: reply("250-mx.example.com\r\n250 STARTTLS\r\n"), HELO: reply("250 helo\r\n"), STARTTLS: reply("220 go\r\n"),
		EHLOTLS: reply("250 mx.example.com\r\n"), Help: reply("214 help\r\n"), Unknown: reply("500 unknown\r\n"), Noop: reply("250 noop\r\n"),
		Rset: reply("250 rset\r\n"), Vrfy: reply("252 vrfy\r\n"), Quit: reply("221 2.0.0 Bye\r\n"),
		TLS: &smtp.TLS{Certificate: &smtp.Certificate{Subject: "CN=a.example", SubjectCN: "a.example", Issuer: "CN=b", SANs: []string{"a.example"}}},
	}
	var v Service
	v.fillTranscript(tr)
	if got, want := heard(tr), v.signals(); !reflect.DeepEqual(got, want) {
		t.Errorf("heard\n%+v\nthe record offers\n%+v", got, want)
	}
	s := new(Scanner)
	quit := tr.Quit
	tr.Quit = nil
	s.ask(tr)
	tr.Quit = quit
	reading := (&outcome{transcript: tr}).reading()
	if reading == nil {
		t.Fatal("Ask has left no reading")
	}
	v.Host, v.PTR = "mx.example.com", []string{"mx.example.com"}
	again := v
	s.Assess(&Result{Service: &v})
	s.assess(&Result{Service: &again}, reading)
	if !reflect.DeepEqual(v, again) || v.Software.Slug != "postfix" {
		t.Errorf("with the reading\n%+v\nwithout\n%+v", again.Software, v.Software)
	}
}

func TestNewRun(t *testing.T) {
	s := &Scanner{Seed: 5, EHLODomain: "me.example"}
	a, b := s.NewRun("1.0", map[string]string{"p": "25"}), s.NewRun("1.0", nil)
	if a.ID == b.ID || len(a.ID) != 32 || a.Schema != SchemaVersion || a.Type != "run" || a.Seed != 5 || a.EHLODomain != "me.example" || a.Data.Fingerprints == 0 {
		t.Errorf("run %+v", a)
	}
}
