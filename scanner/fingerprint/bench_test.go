package fingerprint

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
)

// corpus is what a sweep meets: whole transcripts of the data, and its greetings
// each with the rest of a common conversation.
func corpus(b testing.TB) []*Signals {
	files, _ := readFiles(os.DirFS("data")) // TestFilesAreSound reports what is wrong
	var all []*Signals
	for _, f := range files {
		for _, r := range f.Rules {
			for _, e := range r.Examples {
				if r.Signal != "greeting" {
					continue
				}
				sig := conversation()
				setSignal(sig, r.Signal, e.Text)
				all = append(all, sig)
			}
		}
		for _, tr := range f.Transcripts {
			sig := &Signals{NameSent: tr.Sent}
			for name, text := range tr.Signals {
				setSignal(sig, name, text)
			}
			all = append(all, sig)
		}
	}
	return all
}

// conversation is what a Postfix with a certificate says after its greeting.
func conversation() *Signals {
	ehlo := "250-mail.example.com\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-VRFY\r\n250-ETRN\r\n%s" +
		"250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n"
	return &Signals{
		NameSent: "probe.example.net",
		EHLO:     fmt.Sprintf(ehlo, "250-STARTTLS\r\n"), EHLOTLS: fmt.Sprintf(ehlo, "250-AUTH PLAIN LOGIN\r\n"),
		STARTTLS: "220 2.0.0 Ready to start TLS\r\n", Quit: "221 2.0.0 Bye\r\n",
		MX: "mail.example.com", PTR: "mail.example.com", CertSubject: "CN=mail.example.com",
		CertCN: "mail.example.com", CertIssuer: "CN=R11,O=Let's Encrypt,C=US", CertNames: []string{"mail.example.com", "example.com"},
	}
}

// BenchmarkClassify is the cost of one record that nothing is known of before:
// of common servers, and the mean over all that the data has an example of.
// Budget: 8 µs for the mean.
func BenchmarkClassify(b *testing.B) {
	eachMix(b, func(b *testing.B, set *Set, records []*Signals) {
		for i := 0; b.Loop(); i++ {
			set.Classify(records[i%len(records)])
		}
	})
}

// BenchmarkProbe is what a probe costs: the question what to ask, and then the
// classification, which goes on from there with what came last.
func BenchmarkProbe(b *testing.B) {
	eachMix(b, func(b *testing.B, set *Set, records []*Signals) {
		before := make([]Signals, len(records))
		for i, sig := range records {
			before[i] = *sig
			before[i].Quit, before[i].MX, before[i].PTR = "", "", ""
		}
		for i := 0; b.Loop(); i++ {
			_, r := set.Wants(&before[i%len(records)])
			r.Classify(records[i%len(records)])
		}
	})
}

// eachMix runs a benchmark on one server at a time and on the corpus.
func eachMix(b *testing.B, run func(b *testing.B, set *Set, records []*Signals)) {
	set, err := Default()
	if err != nil {
		b.Fatal(err)
	}
	mixes := map[string][]*Signals{"mixed": corpus(b)}
	for name, greeting := range map[string]string{
		"postfix":  "220 mx.example.com ESMTP Postfix (Debian/GNU)\r\n",
		"exim":     "220 mx.example.com ESMTP Exim 4.96 Tue, 24 Nov 2026 02:00:00 +0000\r\n",
		"exchange": "220 mx.example.com Microsoft ESMTP MAIL Service ready at Tue, 24 Nov 2026 02:00:00 +0000\r\n",
	} {
		mixes[name] = []*Signals{realistic(name, greeting)}
	}
	for _, name := range slices.Sorted(maps.Keys(mixes)) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			run(b, set, mixes[name])
		})
	}
}

// realistic is a conversation with one of the common servers.
func realistic(product, greeting string) *Signals {
	sig := conversation()
	sig.Greeting = greeting
	switch product {
	case "exim":
		sig.EHLO = "250-mx.example.com Hello probe.example.net [192.0.2.1]\r\n250-SIZE 52428800\r\n250-8BITMIME\r\n250-PIPELINING\r\n250-PIPECONNECT\r\n250-CHUNKING\r\n250-STARTTLS\r\n250-PRDR\r\n250 HELP\r\n"
		sig.EHLOTLS = strings.Replace(sig.EHLO, "250-STARTTLS\r\n", "250-AUTH PLAIN LOGIN\r\n", 1)
		sig.STARTTLS, sig.Quit = "220 TLS go ahead\r\n", "221 mx.example.com closing connection\r\n"
	case "exchange":
		sig.EHLO = "250-mx.example.com Hello [192.0.2.1]\r\n250-SIZE 37748736\r\n250-PIPELINING\r\n250-DSN\r\n250-ENHANCEDSTATUSCODES\r\n250-STARTTLS\r\n250-X-ANONYMOUSTLS\r\n250-AUTH NTLM\r\n250-X-EXPS GSSAPI NTLM\r\n250-8BITMIME\r\n250-BINARYMIME\r\n250-CHUNKING\r\n250-SMTPUTF8\r\n250 XRDST\r\n"
		sig.EHLOTLS = strings.Replace(sig.EHLO, "250-STARTTLS\r\n", "", 1)
		sig.STARTTLS, sig.Quit = "220 2.0.0 SMTP server ready\r\n", "221 2.0.0 Service closing transmission channel\r\n"
	}
	return sig
}

// BenchmarkClassifyLargeSet has ten times the rules, each with words of its
// own, so that what the size of the set costs is seen. No budget: it shows the trend.
func BenchmarkClassifyLargeSet(b *testing.B) {
	set := enlarged(b, 10)
	records := corpus(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		set.Classify(records[i%len(records)])
	}
}

// enlarged returns the built-in set n times over: the copies' literals are
// strings of other letters.
func enlarged(b testing.TB, n int) *Set {
	c, err := decodeCompact(compiled)
	if err != nil {
		b.Fatal(err)
	}
	var all []compact
	for i := range n {
		for _, p := range c {
			copied := compact{Slug: fmt.Sprintf("%s-%d", p.Slug, i), Product: p.Product, Class: p.Class}
			if i == 0 {
				copied = p
			}
			for _, r := range p.Rules {
				if i > 0 {
					r.Literals = append([]string(nil), r.Literals...)
					for j := range r.Literals {
						r.Literals[j] = rotate(r.Literals[j], i)
					}
					r.Expr, r.Prefix, r.Suffix = "^never"+r.Expr, "", ""
				}
				copied.Rules = append(copied.Rules[:len(copied.Rules):len(copied.Rules)], r)
			}
			all = append(all, copied)
		}
	}
	slices.SortFunc(all, func(a, b compact) int { return cmp.Compare(a.Slug, b.Slug) })
	set, err := newSet(all)
	if err != nil {
		b.Fatal(err)
	}
	return set
}

// BenchmarkDecodeLargeSet is the start-up with ten times the rules, for the
// trend.
func BenchmarkDecodeLargeSet(b *testing.B) {
	data, err := encodeCompact(enlarged(b, 10).compact)
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		c, err := decodeCompact(data)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := newSet(c); err != nil {
			b.Fatal(err)
		}
	}
}

// rotate moves each letter n places on in the alphabet.
func rotate(s string, n int) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z':
			return 'a' + (r-'a'+rune(n))%26
		case 'A' <= r && r <= 'Z':
			return 'A' + (r-'A'+rune(n))%26
		}
		return r
	}, s)
}

// BenchmarkDefault is the first call of Default. Budget: 25 ms.
func BenchmarkDefault(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := load(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkHostile is a greeting made of every literal there is, as long as is
// read.
func BenchmarkHostile(b *testing.B) {
	set, err := Default()
	if err != nil {
		b.Fatal(err)
	}
	sig := hostile(set)
	b.ReportAllocs()
	for b.Loop() {
		set.Classify(sig)
	}
}

// hostile fills every signal with the words that most rules look for.
func hostile(set *Set) *Signals {
	var text [signals]strings.Builder
	for i := range set.rules {
		r := &set.rules[i]
		for _, l := range r.Literals {
			fmt.Fprintf(&text[r.Signal], "220 a %s ", l)
			if text[r.Signal].Len()%maxLine > maxLine-64 {
				text[r.Signal].WriteString("\r\n")
			}
		}
	}
	sig := &Signals{}
	for s := range signals {
		setSignal(sig, s.String(), strings.Repeat(text[s].String()+"\n", 1+maxText/(1+text[s].Len())))
	}
	return sig
}
