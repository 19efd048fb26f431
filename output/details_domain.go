package output

import (
	"strings"

	"github.com/mxsweep/mxsweep/scanner"
)

// A domainDetail is what the panel shows of the records of a domain.
type domainDetail struct {
	Published []pair `json:"published"`
}

func newDomainDetail(d *scanner.Domain) *domainDetail {
	v := &domainDetail{Published: []pair{}}
	v.add("SPF", d.SPF)
	v.add("DMARC", d.DMARC)
	v.add("MTA-STS", d.MTASTS)
	if p := d.MTASTSPolicy; p != nil {
		v.Published = append(v.Published, pair{"MTA-STS policy", policyText(p)})
	}
	v.add("TLS-RPT", d.TLSRPT)
	for i := range d.MX {
		v.add("TLSA of "+d.MX[i].Name, d.MX[i].TLSA)
	}
	return v
}

// add says what a name holds; what was not asked for is left out.
func (d *domainDetail) add(label string, set *scanner.RRset) {
	if set == nil {
		return
	}
	text := "none"
	switch {
	case set.Status != scanner.StatusSuccess:
		text = "not known: " + string(set.Status)
	case len(set.Records) > 0:
		text = strings.Join(set.Records, "\n")
	}
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = cut(Escape(lines[i]), maxCell)
	}
	d.Published = append(d.Published, pair{Escape(label), strings.Join(lines, "\n")})
}

func policyText(p *scanner.STSPolicy) string {
	if p.Error != "" {
		return "not known: " + Escape(p.Error)
	}
	var lines []string
	for line := range strings.Lines(string(p.Text)) {
		lines = append(lines, Escape(strings.TrimRight(line, "\r\n")))
	}
	return cut(strings.Join(lines, "\n"), maxCell)
}

// published says in a few words what a domain publishes about its mail, and
// what of it is missing.
func published(d *scanner.Domain) (words []pair) {
	tell := func(name string, set *scanner.RRset, more string) {
		switch {
		case set == nil || set.Status != scanner.StatusSuccess:
		case len(set.Records) == 0:
			words = append(words, pair{"no " + name, "warn"})
		default:
			words = append(words, pair{strings.TrimSpace(name + " " + more), "good"})
		}
	}
	tell("SPF", d.SPF, "")
	policy := dmarcPolicy(d.DMARC)
	tell("DMARC", d.DMARC, policy)
	if policy == "none" { // asks receivers to do nothing
		words[len(words)-1][1] = "warn"
	}
	if d.MTASTS != nil && len(d.MTASTS.Records) > 0 {
		words = append(words, pair{"MTA-STS", "good"})
	}
	for i := range d.MX {
		if set := d.MX[i].TLSA; set != nil && len(set.Records) > 0 {
			return append(words, pair{"DANE", "good"})
		}
	}
	return words
}

// dmarcPolicy returns the value of the p tag: RFC 7489, section 6.3.
func dmarcPolicy(set *scanner.RRset) string {
	if set == nil || len(set.Records) == 0 {
		return ""
	}
	for tag := range strings.SplitSeq(set.Records[0], ";") {
		if name, value, ok := strings.Cut(tag, "="); ok && strings.EqualFold(strings.TrimSpace(name), "p") {
			return cut(Escape(strings.TrimSpace(value)), 20)
		}
	}
	return ""
}
