package output

import (
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

func (m *redactor) domain(d *scanner.Domain) {
	m.begin("", d.Domain)
	d.Input, d.Domain = m.input(d.Input), m.name(d.Domain)
	d.Error = m.own(d.Error)
	m.all(d.CNAME)
	for i := range d.MX {
		mx := &d.MX[i]
		mx.Name, mx.Error = m.name(mx.Name), m.own(mx.Error)
		m.all(mx.CNAME)
		for j, a := range mx.Addresses {
			mx.Addresses[j] = m.addr(a)
		}
		m.rrset(mx.TLSA)
	}
	for _, set := range []*scanner.RRset{d.SPF, d.DMARC, d.MTASTS, d.TLSRPT} {
		m.rrset(set)
	}
	if p := d.MTASTSPolicy; p != nil {
		p.URL, p.Error, p.Text = m.own(p.URL), m.own(p.Error), smtp.Raw(eachLine(string(p.Text), m.published))
	}
	m.findings(d.Findings)
}

func (m *redactor) rrset(set *scanner.RRset) {
	if set != nil {
		set.Name, set.Error = m.text(set.Name), m.own(set.Error)
		for i := range set.Records {
			set.Records[i] = m.published(set.Records[i])
		}
	}
}

// terms are the words of SPF, DMARC, MTA-STS, TLS-RPT and TLSA records, and of
// MTA-STS policies, that say nothing of who published them; the numbers of a
// record or a policy do.
var terms = pattern(`(?i)^[-+~?]?(?:v=[a-z0-9]{1,10}|version|stsv1|mode|max_age|enforce|testing|none|mx|a|ptr|all|p=[a-z]+|sp=[a-z]+|np=[a-z]+|pct=[0-9]+|ri=[0-9]+|adkim=[rs]|aspf=[rs]|fo=[01ds:]+|rf=[a-z]+|[0-9]{1,9}|rua=mailto|ruf=mailto|mailto|include|ip4|ip6|exists|redirect|exp|/[0-9]{1,3})$`)

// recordWord matches a word of a published record, divided where its syntax
// divides it, which is not within the stand-in of an address.
var recordWord = pattern(`2001:db8::[0-9a-f:]+(?:/[0-9]+)?|[^\s;,:]+`)

// published masks the text of a record of the DNS: what is neither a term nor a
// stand-in goes.
func (m *redactor) published(record string) string {
	record = m.text(record)
	return recordWord().ReplaceAllStringFunc(record, func(word string) string {
		if terms().MatchString(word) || standIn().MatchString(word) {
			return word
		}
		return masked
	})
}

// standIn matches a word of a record that holds a stand-in.
var standIn = pattern(`^(?:[a-z0-9+?~-]+=)?(?:mailbox@)?(?:\*\.)?(?:(?:host[0-9]+\.)?org[0-9]+\.example|240(?:\.[0-9]+){3}|2001:db8::[0-9a-f:]+)(?:/[0-9]+)?$`)
