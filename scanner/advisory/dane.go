package advisory

import (
	"crypto/sha256"
	"encoding/hex"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// The certificate usages that SMTP knows: RFC 7672, section 3.1. The other two
// rest on public authorities, which senders need not trust.
const (
	usageTA = 2 // DANE-TA: a certificate of the chain
	usageEE = 3 // DANE-EE: the leaf, whatever its names and dates
)

// A tlsa is one TLSA record (RFC 6698, section 2.1) that senders can use.
type tlsa struct {
	usage, selector, matching int
	data                      string // lower-case hexadecimal
}

// usable reads the TLSA records of a set that senders can use.
func (set *Records) usable() []tlsa {
	var list []tlsa
	for _, text := range set.Texts {
		if t, ok := parseTLSA(text); ok {
			list = append(list, t)
		}
	}
	return list
}

func parseTLSA(text string) (t tlsa, ok bool) {
	fields := strings.Fields(text)
	if len(fields) != 4 {
		return t, false
	}
	var numbers [3]int
	for i := range numbers {
		n, err := strconv.Atoi(fields[i])
		if err != nil {
			return t, false
		}
		numbers[i] = n
	}
	t = tlsa{numbers[0], numbers[1], numbers[2], strings.ToLower(fields[3])}
	if t.usage != usageTA && t.usage != usageEE || t.selector < 0 || t.selector > 1 {
		return t, false
	}
	if _, err := hex.DecodeString(t.data); err != nil {
		return t, false
	}
	switch t.matching {
	case 0:
		return t, t.data != ""
	case 1:
		return t, len(t.data) == 64
	case 2:
		return t, len(t.data) == 128
	}
	return t, false
}

// A daneState says how far DANE protects the way to a domain.
type daneState int

const (
	daneUnknown daneState = iota // not asked, or not answered
	daneNone                     // no host has a TLSA record
	daneSome                     // some have
)

// dane judges the TLSA records of the MX hosts (RFC 7672).
func (r *report) dane(f *DomainFacts) daneState {
	state := daneUnknown
	var with, without []string
	for i := range f.MX {
		mx := &f.MX[i]
		switch {
		case mx.TLSA == nil:
		case len(mx.TLSA.Texts) == 0:
			without = append(without, mx.Name)
		default:
			with = append(with, mx.Name)
			r.tlsaOf(mx)
		}
	}
	switch {
	case len(with) > 0:
		state = daneSome
		if len(without) > 0 {
			r.add("dane-incomplete", "TLSA records for %q, none for %q", with, without)
		}
	case len(without) > 0 && len(without) == len(f.MX):
		state = daneNone
	}
	return state
}

// tlsaOf judges the TLSA records of one host by themselves.
func (r *report) tlsaOf(mx *MX) {
	switch {
	case isFalse(mx.TLSA.Authentic):
		r.add("dane-not-authenticated", "TLSA records of %q came without the AD bit", mx.Name)
	case len(mx.TLSA.usable()) == 0:
		r.add("dane-unusable", "%q: %q", mx.Name, mx.TLSA.Texts)
	}
}

// tlsa judges whether what the server shows is what its TLSA records promise.
func (r *report) tlsa(f *Facts) {
	if f.TLSA == nil || f.Port != portSMTP {
		return
	}
	list := f.TLSA.usable()
	if len(list) == 0 {
		return
	}
	severity := Medium
	if !isTrue(f.TLSA.Authentic) {
		severity = Info
	}
	switch {
	case f.TLS != nil && f.TLS.Certificate != nil:
		if !slices.ContainsFunc(list, func(t tlsa) bool { return t.mayMatch(f.TLS) }) {
			r.addAs("tlsa-mismatch", severity, "certificate %s, key %s; TLSA %q", f.TLS.Certificate.SHA256, f.TLS.Certificate.SPKISHA256, f.TLSA.Texts)
		}
	case f.Before != nil && f.accepted() && !f.Before.has("STARTTLS"): // RFC 7672, section 2.2: TLS is mandatory then
		r.addAs("tlsa-mismatch", severity, "no STARTTLS is offered; TLSA %q", f.TLSA.Texts)
	}
}

// mayMatch reports whether the record matches the chain, or could: SHA-512 is
// not on record, and a chain may be longer than what is.
func (t tlsa) mayMatch(s *TLS) bool {
	want := t.data
	switch t.matching {
	case 0: // the data itself; what was cut cannot be compared
		der, err := hex.DecodeString(want)
		if err != nil || len(want) >= maxTLSAData {
			return true
		}
		sum := sha256.Sum256(der)
		want = hex.EncodeToString(sum[:])
	case 2:
		return true
	}
	same := func(certificate, key string) bool {
		sum := certificate
		if t.selector == 1 {
			sum = key
		}
		return sum == want || sum == ""
	}
	leaf := same(s.Certificate.SHA256, s.Certificate.SPKISHA256)
	if t.usage == usageEE {
		return leaf
	}
	return !isFalse(s.NameValid) && // RFC 7672, section 3.1.2
		(leaf || slices.ContainsFunc(s.Chain, func(c ChainCertificate) bool { return same(c.SHA256, c.SPKISHA256) }))
}

// maxTLSAData is less than what is kept of a TLSA record's data.
const maxTLSAData = 4000

// isNetwork reports whether a text is an address or prefix of a family.
func isNetwork(text string, v4 bool) bool {
	addr, err := netip.ParseAddr(text)
	if err != nil {
		prefix, err := netip.ParsePrefix(text)
		return err == nil && prefix.Addr().Is4() == v4
	}
	return addr.Is4() == v4
}
