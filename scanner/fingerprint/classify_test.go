package fingerprint

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
)

func builtIn(t testing.TB) *Set {
	t.Helper()
	set, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	return set
}

const postfixEHLO = "250-mail.example.com\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n" +
	"250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n"

// TestTraps has texts that have misled classifiers.
func TestTraps(t *testing.T) {
	set := builtIn(t)
	tests := []struct {
		name     string
		sig      Signals
		slug     string
		version  string
		update   string
		os       string
		provider string
	}{
		{name: "host named after another product", sig: Signals{Greeting: "220 exim.example.com ESMTP Postfix\r\n"}, slug: "postfix"},
		{name: "host that holds a version", sig: Signals{Greeting: "220 exim-4.96.example.com ESMTP Postfix\r\n"}, slug: "postfix"},
		{name: "distribution is no version", sig: Signals{Greeting: "220 mx.example.com ESMTP Postfix (Ubuntu)\r\n"}, slug: "postfix", os: "Ubuntu"},
		{name: "blank before the host", sig: Signals{Greeting: "220  mx.example.com ESMTP Postfix\r\n"}, slug: "postfix"},
		{name: "no host", sig: Signals{Greeting: "220 ESMTP Postfix\r\n"}, slug: "postfix"},
		{name: "lower case", sig: Signals{Greeting: "220 mx.example.com esmtp exim 4.96\r\n"}, slug: "exim", version: "4.96"},
		{name: "bare LF", sig: Signals{Greeting: "220 mx.example.com ESMTP Exim 4.96\n"}, slug: "exim", version: "4.96"},
		{name: "date is no version", sig: Signals{Greeting: "220 mx.example.com ESMTP Exim Tue, 06 Feb 2024 10:00:00 +0100\r\n"}, slug: "exim"},
		{name: "build number is no version", sig: Signals{Greeting: "220 mx.example.com ESMTP Exim 125302\r\n"}, slug: "exim"},
		{name: "underscore version", sig: Signals{Greeting: "220 mx.example.com ESMTP Exim 4.90_1 Tue, 06 Feb 2018 10:00:00 +0000\r\n"}, slug: "exim", version: "4.90_1"},
		{name: "package revision apart", sig: Signals{Greeting: "220 mx.example.com ESMTP Exim 4.96-15+deb12u4 Tue, 06 Feb 2024 10:00:00 +0000\r\n"},
			slug: "exim", version: "4.96", update: "15+deb12u4"},
		{name: "three versions", sig: Signals{Greeting: "220 mx.example.com ESMTP Sendmail 8.15.2/8.15.2/Debian-22; Tue, 6 Feb 2024 10:00:00 GMT\r\n"},
			slug: "sendmail", version: "8.15.2", update: "22", os: "Debian"},
		{name: "client address is no version", sig: Signals{Greeting: "220 mx.example.com ESMTP Sendmail ready at 192.0.2.25\r\n"}, slug: "sendmail"},
		{name: "localized date", sig: Signals{Greeting: "220 mx.example.com Microsoft ESMTP MAIL Service ready at Di, 6 Feb 2024 10:00:00 +0100\r\n"},
			slug: "exchange", os: "Windows"},
		{name: "MX named after a provider", sig: Signals{MX: "outlook.example.com", Greeting: "220 outlook.example.com ESMTP Postfix\r\n"}, slug: "postfix"},
		{name: "provider is no product", sig: Signals{MX: "mx0a-001.pphosted.com.", Greeting: "220 mx.example.com ESMTP Postfix\r\n"},
			slug: "postfix", provider: "Proofpoint"},
		{name: "provider by an alternative name", sig: Signals{Greeting: "220 mx.example.com ESMTP Postfix\r\n",
			CertCN: "mx.example.com", CertNames: []string{"mx.example.com", "*.pphosted.com"}}, slug: "postfix", provider: "Proofpoint"},
		{name: "name longer than any host's", sig: Signals{CertCN: strings.Repeat("a.", 200) + "google.com"}},
		{name: "domain in front of a provider's", sig: Signals{MX: "notgoogle.com", PTR: "google.com.example.net"}},
		{name: "FTP", sig: Signals{Greeting: "220 (vsFTPd 3.0.3)\r\n", EHLO: "530 Please login with USER and PASS.\r\n"}, slug: "ftp"},
		{name: "inspection", sig: Signals{Greeting: "220 ***2***0***\r\n"}, slug: "cisco-asa"},
		{name: "nothing", sig: Signals{}},
		{name: "code alone", sig: Signals{Greeting: "220\r\n"}},
		{name: "name we sent", sig: Signals{NameSent: "exchange.outlook.com", Greeting: "220 mx.example.com ESMTP\r\n",
			EHLO: "250-exchange.outlook.com Hello [192.0.2.1]\r\n250 HELP\r\n"}},
		{name: "masked Postfix", sig: Signals{Greeting: "220 mx.example.com ESMTP\r\n", EHLO: postfixEHLO, Quit: "221 2.0.0 Bye\r\n"}, slug: "postfix"},
		{name: "keywords only after TLS", sig: Signals{EHLO: "502 no\r\n", EHLOTLS: strings.ReplaceAll(postfixEHLO, "250-STARTTLS\r\n", "")}, slug: "postfix"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			sw, provider := set.Classify(&tt.sig)
			got := []string{sw.Slug, sw.Version, sw.Update, sw.OS, provider}
			if want := []string{tt.slug, tt.version, tt.update, tt.os, tt.provider}; !slices.Equal(got, want) {
				t.Errorf("got %q, want %q; candidates %v", got, want, sw.Candidates)
			}
			if (sw.Slug == "") != (sw.Product == "") || (sw.Slug == "") != (len(sw.Evidence) == 0) {
				t.Errorf("slug, product and evidence disagree: %+v", sw)
			}
		})
	}
}

// TestBehaviorBeatsClaim: the server is what it does; what it says stays
// visible.
func TestBehaviorBeatsClaim(t *testing.T) {
	sw, _ := builtIn(t).Classify(&Signals{
		Greeting: "220 mx.example.com Microsoft ESMTP MAIL Service ready at Tue, 6 Feb 2024 10:00:00 +0100\r\n",
		EHLO:     postfixEHLO,
		Unknown:  "502 5.5.2 Error: command not recognized\r\n",
	})
	if sw.Slug != "postfix" || sw.Confidence < 0.8 {
		t.Errorf("got %q (%.2f), want postfix", sw.Slug, sw.Confidence)
	}
	if len(sw.Candidates) == 0 || !slices.ContainsFunc(sw.Candidates, func(c Candidate) bool { return c.Slug == "exchange" }) {
		t.Errorf("the claim is lost: %+v", sw.Candidates)
	}
}

// TestFamily: where members cannot be told apart, the family is named and they
// are listed.
func TestFamily(t *testing.T) {
	sw, _ := builtIn(t).Classify(&Signals{Greeting: "220 mx Microsoft ESMTP MAIL Service, Version: 6.0.3790.3959 ready at  Sun, 2 Dec 2009 21:56:01 +0000\r\n"})
	if sw.Slug != "microsoft-smtp" || sw.CPE != "" {
		t.Errorf("got %q with CPE %q, want the family and no CPE", sw.Slug, sw.CPE)
	}
	var slugs []string
	for _, c := range sw.Candidates {
		slugs = append(slugs, c.Slug)
	}
	if !slices.Equal(slugs, []string{"exchange", "iis-smtp"}) {
		t.Errorf("candidates %v", slugs)
	}
}

func TestAnswerIsComplete(t *testing.T) {
	sw, _ := builtIn(t).Classify(&Signals{Greeting: "220 mx.example.com ESMTP Exim 4.96-15+deb12u4 Tue, 06 Feb 2024 10:00:00 +0000\r\n"})
	want := Software{
		Vendor: "Exim", Product: "Exim", Slug: "exim", Version: "4.96", Update: "15+deb12u4",
		CPE: "cpe:2.3:a:exim:exim:4.96:*:*:*:*:*:*:*", Confidence: 0.95,
	}
	if sw.Vendor != want.Vendor || sw.Product != want.Product || sw.CPE != want.CPE || sw.Confidence != want.Confidence {
		t.Errorf("got %+v", sw)
	}
	e := sw.Evidence[0]
	if e.Signal != "greeting" || e.Rule != "exim/greeting" || e.Matched != "220 mx.example.com ESMTP Exim 4.96-15+deb12u4 " {
		t.Errorf("evidence %+v", e)
	}
}

func TestFormatCPE(t *testing.T) {
	for _, tt := range []struct{ prefix, version, want string }{
		{"", "1.0", ""},
		{"cpe:2.3:a:v:p", "", "cpe:2.3:a:v:p:*:*:*:*:*:*:*:*"},
		{"cpe:2.3:a:v:p", "8.5.3FP1", "cpe:2.3:a:v:p:8.5.3fp1:*:*:*:*:*:*:*"},
		{"cpe:2.3:a:v:p", "9.2 patch+3", `cpe:2.3:a:v:p:9.2\ patch\+3:*:*:*:*:*:*:*`},
	} {
		if got := formatCPE(tt.prefix, tt.version); got != tt.want {
			t.Errorf("formatCPE(%q, %q) = %q, want %q", tt.prefix, tt.version, got, tt.want)
		}
	}
}

func TestExplain(t *testing.T) {
	e := builtIn(t).Explain(&Signals{Greeting: "220 mx.example.com ESMTP Exim 4.96 ready\r\n", Unknown: "500 unrecognized command!\r\n"})
	if len(e.Spoke) != 1 || e.Spoke[0].Rule != "exim/greeting" || e.Spoke[0].Weight != 0.95 || e.Spoke[0].Kind != "claim" {
		t.Errorf("spoke: %+v", e.Spoke)
	}
	if !slices.ContainsFunc(e.Almost, func(v Vote) bool { return v.Rule == "exim/unknown-command" }) {
		t.Errorf("the rule that almost matched is missing: %+v", e.Almost)
	}
	if e.Software.Slug != "exim" {
		t.Errorf("software %+v", e.Software)
	}
}

func TestWants(t *testing.T) {
	set := builtIn(t)
	for _, tt := range []struct {
		name string
		sig  Signals
		want []string
	}{
		{"all is known", Signals{Greeting: "220 mx.example.com ESMTP Exim 4.96\r\n"}, nil},
		{"nothing is known", Signals{Greeting: "220 mx.example.com ESMTP\r\n"}, questions()},
		{"HELP was asked", Signals{Help: "502 no\r\n"}, questions()[1:]},
		{"HELP tells the version", Signals{Greeting: "220 mx.example.com ESMTP Sendmail; Tue, 6 Feb 2024 10:00:00 +0100\r\n",
			Quit: "221 2.0.0 mx.example.com closing connection\r\n"}, []string{"help"}},
	} {
		if got, _ := set.Wants(&tt.sig); !slices.Equal(got, tt.want) {
			t.Errorf("%s: got %q, want %q", tt.name, got, tt.want)
		}
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	set := builtIn(t)
	records := corpus(t)
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			for _, r := range records {
				set.Classify(r)
			}
		})
	}
	group.Wait()
}

// TestBounds: however much a server sends, little of it is read.
func TestBounds(t *testing.T) {
	set := builtIn(t)
	for name, sig := range map[string]*Signals{
		"one line":    {Greeting: "220 " + strings.Repeat("x", 1<<20) + " ESMTP Postfix"},
		"many lines":  {Greeting: strings.Repeat("220-x\r\n", 1<<16) + "220 x ESMTP Postfix"},
		"many names":  {CertNames: slices.Repeat([]string{"a.example.com"}, 1<<16)},
		"no line end": {EHLO: strings.Repeat("250-PIPELINING ", 1<<16)},
	} {
		c := set.scratch.New().(*scratch)
		c.read(sig)
		if limit := 2*maxText + 20*maxLines; len(c.raw) > limit || len(c.lines) > 2*maxLines {
			t.Errorf("%s: %d bytes in %d lines are read", name, len(c.raw), len(c.lines))
		}
		if sw, _ := set.Classify(sig); sw.Slug != "" {
			t.Errorf("%s: text beyond the bounds counts: %+v", name, sw)
		}
	}
	c := set.scratch.New().(*scratch)
	c.read(hostile(set))
	set.match(c, -1, false)
	if c.tries > maxTries {
		t.Errorf("%d expressions were tried", c.tries)
	}
}

// TestFewExpressionsAreRun: the index and the fixed ends of patterns leave few
// expressions to run on a record. A pattern that is run on most of them is
// without a telling literal; give it one.
func TestFewExpressionsAreRun(t *testing.T) {
	set := builtIn(t)
	records, inVain, tries := corpus(t), make(map[string]int), 0
	for _, sig := range records {
		c := set.scratch.New().(*scratch)
		c.read(sig)
		set.match(c, -1, false)
		tries += c.tries
		for _, l := range c.lines {
			set.index.scan(l.signal, c.raw, c.low, l.start, l.end, func(i int) {
				if r := &set.rules[i]; r.endsFit(c, l) && !r.expr().Match(c.raw[l.start:l.end]) {
					inVain[r.name]++
				}
			})
		}
	}
	for name, n := range inVain {
		if n > len(records)/2 {
			t.Errorf("%s is run in vain on %d of %d records", name, n, len(records))
		}
	}
	if mean := float64(tries) / float64(len(records)); mean > 12 {
		t.Errorf("%.1f expressions are run on a record on average", mean)
	}
}

// FuzzClassify: no text makes it fail, say something without evidence, or quote
// more than it may.
func FuzzClassify(f *testing.F) {
	set := builtIn(f)
	for _, sig := range corpus(f) {
		f.Add(sig.Greeting, sig.EHLO, sig.Quit, sig.MX)
	}
	f.Fuzz(func(t *testing.T, greeting, ehlo, reply, name string) {
		sig := &Signals{
			Greeting: greeting, EHLO: ehlo, EHLOTLS: ehlo, HELO: reply, STARTTLS: reply, Help: reply, Unknown: reply, Noop: reply,
			Rset: reply, Vrfy: reply, Quit: reply, NameSent: name, MX: name, PTR: name, CertSubject: reply, CertIssuer: reply, CertNames: []string{name},
		}
		sw, _ := set.Classify(sig)
		if (sw.Slug == "") != (len(sw.Evidence) == 0) || sw.Confidence < 0 || sw.Confidence > 1 {
			t.Fatalf("%+v", sw)
		}
		for _, e := range sw.Evidence {
			if len(e.Matched) > maxMatched {
				t.Fatalf("%d bytes quoted", len(e.Matched))
			}
		}
		set.Explain(sig)
		set.Wants(sig)
	})
}

// TestCommonWordsNameNothing: what any small program may say, alone or beside
// a plain greeting, is no product's.
func TestCommonWordsNameNothing(t *testing.T) {
	set := builtIn(t)
	var all []Signals
	for _, text := range []string{
		"220 mail.example.com ESMTP", "220 ESMTP ready", "220 Welcome to our mail server", "220 localhost SMTP", "220 mail.example.com ESMTP Ubuntu",
		"220 mail.example.com ESMTP amavis", "220 mail.example.com ESMTP SMTP Server 1.0", "220 mail.example.com ESMTP 2024.02.06 ready",
		"220 mail.example.com ESMTP Momentum Ltd", "220 mail.example.com ESMTP Sendmail-compatible relay",
		"421 Service not available, closing transmission channel", "554 No SMTP service here", "554 5.7.1 Access denied",
	} {
		all = append(all, Signals{Greeting: text})
	}
	const plain = "220 mail.example.com ESMTP\r\n"
	for _, text := range []string{
		"Bye", "Bye.", "bye", "Goodbye", "goodbye", "OK", "Closing connection", "Service closing transmission channel",
		"mail.example.com Service closing transmission channel", "2.0.0 Goodbye", "2.0.0 Bye", "2.0.0 Bye.",
	} {
		all = append(all, Signals{Greeting: plain, Quit: "221 " + text + "\r\n"})
	}
	for _, text := range []string{
		"500 Unknown command", "500 Syntax error", "500 Syntax Error", "502 Command not implemented", "500 Command not implemented",
		"500 5.5.1 Unknown command", "500 Error: unknown command", "503 Bad sequence of commands", "500 Invalid command",
	} {
		all = append(all, Signals{Greeting: plain, Unknown: text + "\r\n"})
	}
	for _, text := range []string{"OK", "Hello", "Hello.", "mail.example.com", "mail.example.com Hello"} {
		all = append(all, Signals{Greeting: plain, EHLO: "250 " + text + "\r\n"}, Signals{Greeting: plain, HELO: "250 " + text + "\r\n"},
			Signals{Greeting: plain, Noop: "250 " + text + "\r\n"}, Signals{Greeting: plain, Rset: "250 " + text + "\r\n"},
			Signals{Greeting: plain, Vrfy: "252 2.0.0 " + text + "\r\n"})
	}
	for _, sig := range all {
		if sw, _ := set.Classify(&sig); sw.Slug != "" {
			t.Errorf("%+v names %s (%.2f)", sig, sw.Slug, sw.Confidence)
		}
	}
}

// TestReadingGoesOn: a classification that goes on from what was heard before
// ends as one that reads everything at once, whatever came in between.
func TestReadingGoesOn(t *testing.T) {
	set := builtIn(t)
	rng := rand.New(rand.NewPCG(5, 6))
	records := corpus(t)
	var all Signals
	for _, sig := range records[:100] {
		all.Greeting += sig.Greeting
	}
	if _, r := set.Wants(&all); r != nil {
		t.Errorf("%d hits are kept", len(r.hits))
	}
	for range 4000 {
		whole := *records[rng.IntN(len(records))]
		other := records[rng.IntN(len(records))]
		heard := whole
		for i, text := range heard.texts() {
			switch rng.IntN(8) {
			case 0:
				*text = ""
			case 1:
				*whole.texts()[i] = *other.texts()[i]
			}
		}
		if rng.IntN(4) == 0 {
			heard.CertNames = nil
		}
		if rng.IntN(16) == 0 {
			heard.NameSent = ""
		}
		_, r := set.Wants(&heard)
		if r == nil {
			t.Fatalf("an ordinary conversation is not kept: %+v", heard)
		}
		got, gotProvider := r.Classify(&whole)
		want, wantProvider := set.Classify(&whole)
		if !reflect.DeepEqual(got, want) || gotProvider != wantProvider {
			t.Fatalf("after\n%+v\ncame\n%+v\ngot  %+v, %s\nwant %+v, %s", heard, whole, got, gotProvider, want, wantProvider)
		}
	}
}

// TestReadingSpares: what was heard before is not read again.
func TestReadingSpares(t *testing.T) {
	sig := conversation()
	heard := *sig
	heard.Quit, heard.PTR, heard.MX = "", "", ""
	_, r := builtIn(t).Wants(&heard)
	rest, ok := r.since(sig)
	if want := (Signals{Quit: sig.Quit, PTR: sig.PTR, MX: sig.MX, NameSent: sig.NameSent}); !ok || !reflect.DeepEqual(rest, want) {
		t.Errorf("left to read: %+v, %v", rest, ok)
	}
	heard.Greeting = "220 other\r\n"
	if _, r := builtIn(t).Wants(&heard); r.hits == nil {
		t.Error("no hits are kept")
	} else if _, ok := r.since(sig); ok {
		t.Error("a greeting that has changed goes unnoticed")
	}
}
