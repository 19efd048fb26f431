package resolver

import (
	"context"
	"strings"

	"github.com/miekg/dns"
	"golang.org/x/net/publicsuffix"

	"github.com/mxsweep/mxsweep/scanner"
)

// maxText bounds the text that is kept of one record. The digests and policies
// that senders can use are far shorter.
const maxText = 4096

// The tags by which the TXT records of mail protocols are known: RFC 7208,
// section 4.5; RFC 7489, section 6.3; RFC 8461, section 3.1; RFC 8460, section 3.
// They are cut short, so that records with a wrong version are seen, too.
const (
	tagSPF    = "v=spf"
	tagDMARC  = "v=dmarc"
	tagMTASTS = "v=sts"
	tagTLSRPT = "v=tlsrpt"
)

// mailTag returns the tag that a TXT record begins with, in whatever case and
// with spaces around the sign, which is a fault but tells what was meant. It
// returns "" for a record that is about something else.
func mailTag(text string) string {
	head := strings.ToLower(strings.ReplaceAll(text[:min(len(text), 20)], " ", ""))
	for _, tag := range []string{tagSPF, tagDMARC, tagMTASTS, tagTLSRPT} {
		if strings.HasPrefix(head, tag) {
			return tag
		}
	}
	return ""
}

// cutText cuts the text of a record to what is kept of it.
func cutText(text string) string { return text[:min(len(text), maxText)] }

// A publication is a question about the mail of a domain, and where the answer
// is to be stored.
type publication struct {
	dnsQuestion
	tag string // of TXT records
	at  **scanner.RRset
}

type publications []publication

// published returns what to ask about a domain and its hosts beside their
// addresses. A domain that takes no mail has no transport to protect.
func (d *DNS) published(domain string, r *scanner.Resolution) publications {
	if d.MXOnly {
		return nil
	}
	text := func(prefix, tag string, at **scanner.RRset) publication {
		return publication{newDNSQuestion(prefix+domain, dns.TypeTXT), tag, at}
	}
	ps := publications{text("", tagSPF, &r.SPF), text("_dmarc.", tagDMARC, &r.DMARC)}
	if len(r.MX) == 0 {
		return ps
	}
	ps = append(ps, text("_mta-sts.", tagMTASTS, &r.MTASTS), text("_smtp._tls.", tagTLSRPT, &r.TLSRPT))
	for i := range r.MX {
		if mx := &r.MX[i]; notHostName(mx.Name) == "" { // RFC 7672, section 2.2.3
			ps = append(ps, publication{newDNSQuestion("_25._tcp."+mx.Name, dns.TypeTLSA), "", &mx.TLSA})
		}
	}
	return ps
}

func (ps publications) questions() []dnsQuestion {
	questions := make([]dnsQuestion, len(ps))
	for i := range ps {
		questions[i] = ps[i].dnsQuestion
	}
	return questions
}

// store puts each answer where it belongs.
func (ps publications) store(answers []*dnsAnswer) {
	for i, p := range ps {
		*p.at = p.read(answers[i])
	}
}

func (p *publication) read(a *dnsAnswer) *scanner.RRset {
	set := &scanner.RRset{Name: withoutDot(p.name), Status: scanner.StatusSuccess, AuthenticData: a.authenticData(), Records: []string{}}
	switch {
	case a.status == scanner.StatusNoAddress, a.status == scanner.StatusNXDomain: // it was answered: there are none
	case a.status != scanner.StatusSuccess:
		set.Status, set.Error = a.status, a.err
	}
	for _, text := range a.names {
		if mailTag(text) == p.tag {
			set.Records = append(set.Records, text)
		}
	}
	return set
}

// organizationDMARC asks for the policy of the organizational domain where the
// domain itself has none: RFC 7489, section 6.6.3.
func (d *DNS) organizationDMARC(ctx context.Context, client *dnsClient, domain string, r *scanner.Resolution) {
	if r.DMARC == nil || r.DMARC.Status != scanner.StatusSuccess || len(r.DMARC.Records) > 0 {
		return
	}
	organization, err := publicsuffix.EffectiveTLDPlusOne(withoutDot(domain))
	if err != nil || strings.EqualFold(organization, withoutDot(domain)) {
		return
	}
	p := publication{newDNSQuestion("_dmarc."+organization, dns.TypeTXT), tagDMARC, &r.DMARC}
	publications{p}.store(client.lookup(ctx, p.dnsQuestion))
}
