package advisory

import (
	"strings"
	"time"
	"unicode/utf8"
)

const (
	// slowGreetingMS is well above what a busy server needs. A server that
	// waits on purpose to catch bots waits 5 to 30 s.
	slowGreetingMS = 5000
	// slowReplyMS is what no server needs for its answer to EHLO.
	slowReplyMS = 5000
	// maxSkew leaves room for a greeting that was delayed and for our own clock.
	maxSkew = 5 * time.Minute
)

// conduct judges what the server says before anybody has shown who they are.
func (r *report) conduct(f *Facts) {
	switch f.Status {
	case "rejected", "rate-limited":
		r.rejected(f)
	case "not-smtp":
		r.add("not-smtp", "port %d speaks another protocol: %q", f.Port, words(f))
	}
	r.disclosure(f)
	r.greeting(f)
	r.tarpit(f)
	for _, c := range []struct{ keyword, id string }{
		{"VRFY", "vrfy-advertised"}, {"EXPN", "expn-advertised"}, {"XCLIENT", "xclient-offered"},
	} {
		if f.Before.has(c.keyword) || f.After.has(c.keyword) {
			r.add(c.id, "EHLO keyword %s", c.keyword)
		}
	}
}

func greetingLines(f *Facts) []string {
	if f.Greeting == nil {
		return nil
	}
	return f.Greeting.Lines
}

// words is what the server said in its greeting. Where that is missing or was
// friendly, what went wrong later is in the words of the scanner.
func words(f *Facts) string {
	if text := strings.Join(greetingLines(f), " "); text != "" && !f.accepted() {
		return text
	}
	return f.Error
}

// disclosure says which version and distribution the greeting gives away.
func (r *report) disclosure(f *Facts) {
	text := strings.Join(greetingLines(f), "\n")
	sw := f.Software
	if sw.Version != "" && strings.Contains(text, sw.Version) {
		r.add("version-shown", "greeting shows %s %s", sw.Product, sw.Version)
	}
	for _, sign := range []string{sw.OS, sw.Update} {
		if sign != "" && strings.Contains(text, sign) {
			r.add("distribution-shown", "greeting shows %q", sign)
			return
		}
	}
}

func (r *report) greeting(f *Facts) {
	g := f.Greeting
	if g == nil {
		return
	}
	if g.DelayMS >= slowGreetingMS {
		r.add("greeting-slow", "greeting after %.1f s", g.DelayMS/1000)
	}
	for _, line := range g.Lines {
		if strings.IndexFunc(line, func(c rune) bool { return c >= utf8.RuneSelf }) >= 0 { // RFC 5321, section 2.4
			r.add("greeting-not-ascii", "%q", line)
			break
		}
	}
	for _, line := range g.Lines {
		stamp, ok := greetingDate(line)
		if !ok || f.Time.IsZero() {
			continue
		}
		if skew := stamp.Sub(f.Time); skew.Abs() > maxSkew {
			r.add("clock-skew", "greeting says %s, %s from the scanner's clock", stamp.UTC().Format(time.RFC3339), skew.Round(time.Second))
		}
		break
	}
}

// tarpit looks for a server that keeps its clients waiting at every step, or
// drips its greeting byte by byte. One that waits before the greeting only
// catches bots.
func (r *report) tarpit(f *Facts) {
	g := f.Greeting
	switch {
	case g == nil:
	case f.Status == "greeting-timeout":
		r.add("tarpit", "the greeting was not over in its time: %q", strings.Join(g.Lines, " "))
	case g.DelayMS >= slowGreetingMS && f.EHLOMS >= slowReplyMS:
		r.add("tarpit", "greeting after %.1f s, reply to EHLO after another %.1f s", g.DelayMS/1000, f.EHLOMS/1000)
	}
}

// greetingDate finds a date in the form of RFC 5322, section 3.3, which Exim,
// Sendmail and Exchange show: "Tue, 24 Nov 2026 02:31:00 +0000". One without a
// numeric zone tells nothing.
func greetingDate(line string) (time.Time, bool) {
	const weekday, words = "Tue,", 6
	if !strings.Contains(line, ",") {
		return time.Time{}, false // most have none, and taking a line apart costs more than all else here
	}
	fields := strings.Fields(line)
	for i := 0; i+words <= len(fields); i++ {
		if len(fields[i]) != len(weekday) || fields[i][3] != ',' {
			continue
		}
		if zone := fields[i+words-1]; zone[0] != '+' && zone[0] != '-' {
			continue
		}
		// One layout, since those of net/mail are tried in turn, at 12 µs.
		if t, err := time.Parse("Mon, 2 Jan 2006 15:04:05 -0700", strings.Join(fields[i:i+words], " ")); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// rejected names the blocklist where the server does. It is about us: what the
// record says of this server is incomplete.
func (r *report) rejected(f *Facts) {
	text := words(f)
	if list := blocklist(text); list != "" {
		r.add("scanner-rejected", "because of blocklist %s: %q", list, text)
		return
	}
	r.add("scanner-rejected", "%q", text)
}

// blocklist returns the operator of the first well-known blocklist named in s,
// by the words that appear in the zone names and lookup pages of the lists.
func blocklist(s string) string {
	lower := strings.ToLower(s)
	for _, list := range []string{
		"spamhaus", "spamcop", "barracudacentral", "sorbs", "uceprotect", "abuseat", "abusix", "invaluement",
		"mailspike", "psbl", "spamrats", "surriel", "nixspam", "blocklist.de", "0spam", "cloudmark", "proofpoint",
		"senderscore", "truncate.gbudb", "dnswl", "hostkarma", "s5h", "dronebl", "backscatterer", "spfbl",
	} {
		if strings.Contains(lower, list) {
			return list
		}
	}
	return ""
}
