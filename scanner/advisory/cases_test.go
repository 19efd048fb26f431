package advisory

import (
	"net/netip"
	"time"
)

// A findingCase edits good facts so that they have a finding, and so that they
// come close to it and do not. A nil hasNot leaves them good.
type findingCase[F any] struct {
	id       string
	severity Severity
	evidence string // part of it
	has      func(*F)
	hasNot   func(*F)
}

func withoutSTARTTLS(f *Facts) {
	f.Before, f.After, f.STARTTLS, f.TLS = &Capabilities{Keywords: []string{"SIZE"}}, nil, "", nil
}

func software(slug, version string) func(*Facts) {
	return func(f *Facts) { f.Software = Software{Product: slug, Slug: slug, Version: version} }
}

func on(os string, edit func(*Facts)) func(*Facts) {
	return func(f *Facts) { edit(f); f.Software.OS = os }
}

func serviceCases() []findingCase[Facts] {
	cases := transportCases()
	cases = append(cases, certificateCases()...)
	cases = append(cases, conductCases()...)
	cases = append(cases, tlsaCases()...)
	cases = append(cases, checkCases()...)
	return append(cases, softwareCases()...)
}

func transportCases() []findingCase[Facts] {
	return []findingCase[Facts]{
		{"starttls-not-offered", Medium, "1 keywords", withoutSTARTTLS, func(f *Facts) { withoutSTARTTLS(f); f.Before = nil }},
		{"starttls-not-offered", High, "", func(f *Facts) { withoutSTARTTLS(f); f.Port = 587 }, func(f *Facts) { withoutSTARTTLS(f); f.ImplicitTLS = yes }},
		{"starttls-not-offered", Medium, "", withoutSTARTTLS, func(f *Facts) { withoutSTARTTLS(f); f.Greeting.Code = 554 }},
		{"starttls-masked", Medium, `"XXXXXXXA"`, func(f *Facts) { withoutSTARTTLS(f); f.Before.Keywords = []string{"SIZE", "XXXXXXXA"} },
			func(f *Facts) { withoutSTARTTLS(f); f.Before.Keywords = []string{"XCLIENT", "X-EXPS"} }},
		{"starttls-refused", Medium, "454 4.7.0", func(f *Facts) { f.STARTTLS, f.TLS = "454 4.7.0 TLS not available\r\n", nil }, nil},
		{"text-before-handshake", Low, "250 ok", func(f *Facts) { f.Injected = "250 ok\r\n" }, nil},
		{"ehlo-not-supported", Low, "502", func(f *Facts) { f.EHLO, f.Before = &EHLO{Code: 502}, nil }, func(f *Facts) { f.EHLO, f.Before = &EHLO{Code: 421}, nil }},
		{"ehlo-not-supported", Low, "500", func(f *Facts) { f.EHLO, f.Before = &EHLO{Code: 500}, nil }, func(f *Facts) { f.EHLO, f.Before, f.Status = &EHLO{Code: 500}, nil, "rejected" }},
		{"plain-text-on-tls-port", Medium, "465", func(f *Facts) { f.Port = 465 }, func(f *Facts) { f.Port, f.ImplicitTLS = 465, nil }},
		{"tls-on-plain-port", Low, "587", func(f *Facts) { f.Port, f.ImplicitTLS = 587, yes }, func(f *Facts) { f.Port, f.ImplicitTLS = 465, yes }},
		{"tls-handshake-failed", Medium, "handshake failure", func(f *Facts) { f.TLS, f.Status = &TLS{Error: "remote error: tls: handshake failure"}, "tls-failed" },
			func(f *Facts) { f.TLS, f.Status = &TLS{Error: "canceled"}, "cancelled" }},
		{"tls-handshake-failed", Info, "no complete answer", func(f *Facts) { f.TLS, f.Status = &TLS{Error: "no complete answer in time"}, "tls-timeout" }, nil},
		{"tls-hybrid-key-exchange", Info, "X25519MLKEM768", func(f *Facts) { f.TLS.Curve = "X25519MLKEM768" }, func(f *Facts) { f.TLS.Curve = "X25519" }},
		{"tls-version-old", Medium, "TLS 1.1", func(f *Facts) { f.TLS.Version = "TLS 1.1" }, func(f *Facts) { f.TLS.Version = "TLS 1.2" }},
		{"tls-cipher-weak", Medium, "3DES", func(f *Facts) { f.TLS.Cipher = "TLS_ECDHE_RSA_WITH_3DES_EDE_CBC_SHA" }, func(f *Facts) { f.TLS.Cipher = "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA" }},
		{"tls-no-forward-secrecy", Low, "TLS_RSA_", func(f *Facts) { f.TLS.Cipher = "TLS_RSA_WITH_AES_128_GCM_SHA256" },
			func(f *Facts) { f.TLS.Cipher = "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256" }},
	}
}

func untrusted(sent int, reason string) func(*Facts) {
	return func(f *Facts) {
		f.TLS.ChainValid, f.TLS.ChainLength, f.TLS.ChainError = no, sent, reason
		f.TLS.Chain = f.TLS.Chain[:min(sent-1, 1)]
	}
}

func expires(in time.Duration) func(*Facts) {
	return func(f *Facts) { f.TLS.Certificate.NotAfter = probeTime.Add(in) }
}

func key(kind string, bits int) func(*Facts) {
	return func(f *Facts) { f.TLS.Certificate.KeyType, f.TLS.Certificate.KeyBits = kind, bits }
}

func certificateCases() []findingCase[Facts] {
	const unknown, expired = "x509: certificate signed by unknown authority", "x509: certificate has expired or is not yet valid"
	selfSigned := func(f *Facts) {
		untrusted(1, unknown)(f)
		f.TLS.Certificate.SelfSigned, f.TLS.Certificate.SignatureAlgorithm = true, "SHA1-RSA"
	}
	unrelated := func(f *Facts) { f.TLS.NameValid, f.TLS.Certificate.SANs = nil, []string{"debian"} }
	mismatch := func(f *Facts) { f.TLS.NameValid, f.Host = no, "mail.example.net" }
	return []findingCase[Facts]{
		{"certificate-expired", Medium, "2026-11-23", expires(-24 * time.Hour), expires(time.Second)},
		{"certificate-expired", High, "", func(f *Facts) { expires(-time.Second)(f); f.Port = 465 }, nil},
		{"certificate-not-yet-valid", Medium, "2026-11-25", func(f *Facts) { f.TLS.Certificate.NotBefore = probeTime.Add(24 * time.Hour) }, nil},
		{"certificate-expires-soon", Info, "2026-12-23", expires(29 * 24 * time.Hour), expires(31 * 24 * time.Hour)},
		{"certificate-expires-soon", Low, "", func(f *Facts) {
			expires(6 * 24 * time.Hour)(f)
			f.TLS.Certificate.NotBefore = probeTime.AddDate(0, 0, -60)
		}, nil},
		{"certificate-expires-soon", Info, "", expires(6 * 24 * time.Hour), nil}, // made for 26 days
		{"certificate-self-signed", Low, "mx.example.org", selfSigned, nil},
		{"certificate-self-signed", Medium, "", func(f *Facts) { selfSigned(f); f.Port = 587 }, untrusted(1, unknown)},
		{"certificate-chain-incomplete", Low, "sent: 1, none of issuer \"CN=R11,O=Let's Encrypt", untrusted(1, unknown), untrusted(2, unknown)},
		{"certificate-chain-incomplete", Low, "sent: 2", func(f *Facts) { untrusted(2, unknown)(f); f.TLS.Chain[0].Subject = "CN=R3,O=Let's Encrypt,C=US" }, untrusted(12, unknown)},
		{"certificate-unknown-issuer", Low, "2 certificates", untrusted(2, unknown), selfSigned},
		{"certificate-names-unrelated", Low, "certificate is for \"debian\", the server is called \"mx.example.org\"", unrelated, func(f *Facts) { unrelated(f); f.PTR = nil }},
		{"certificate-names-unrelated", Low, "", unrelated, func(f *Facts) { unrelated(f); f.EHLO.Hostname = "debian" }},
		{"certificate-names-unrelated", Low, "", unrelated, func(f *Facts) { unrelated(f); f.PTR = []string{"debian."} }},
		{"certificate-chain-invalid", Low, "too many", untrusted(2, "x509: too many intermediates"), func(f *Facts) { untrusted(2, expired)(f); expires(-time.Hour)(f) }},
		{"certificate-chain-invalid", Low, "insecure", untrusted(1, unknown+` (possibly because of "x509: cannot verify signature: insecure algorithm SHA1-RSA")`), nil},
		{"certificate-name-mismatch", Low, "asked for mail.example.net, certificate is for \"mx.example.org\"; it covers the greeting's name", mismatch, nil},
		{"certificate-name-mismatch", Medium, "it covers the PTR name", func(f *Facts) { mismatch(f); f.Port, f.Greeting = 465, nil }, nil},
		{"certificate-name-mismatch", Low, "\"old.example.org\"", func(f *Facts) {
			mismatch(f)
			f.TLS.Certificate.SANs, f.TLS.Certificate.SubjectCN = nil, "old.example.org"
		}, nil},
		{"certificate-key-weak", Medium, "1024", key("RSA", 1024), key("RSA", 2048)},
		{"certificate-key-weak", High, "512", key("RSA", 512), key("RSA", 0)},
		{"certificate-key-weak", Medium, "192", key("ECDSA", 192), key("ECDSA", 256)},
		{"certificate-key-weak", Medium, "DSA", key("DSA", 2048), key("Ed25519", 256)},
		{"certificate-signature-weak", Medium, "SHA1-RSA", func(f *Facts) { f.TLS.Certificate.SignatureAlgorithm = "SHA1-RSA" }, selfSigned},
		{"certificate-wildcard", Info, "*.example.org", func(f *Facts) { f.TLS.Certificate.SANs, f.TLS.Certificate.Wildcard = []string{"*.example.org"}, true }, nil},
	}
}

func greets(lines ...string) func(*Facts) {
	return func(f *Facts) { f.Greeting.Lines = lines }
}

func calls(name string) func(*Facts) {
	return func(f *Facts) { f.Greeting.Hostname = name }
}

func unresolved(name string) func(*Facts) {
	return func(f *Facts) { f.Greeting.Hostname, f.Greeting.Resolves = name, no }
}

func offers(before, after []string) func(*Facts) {
	return func(f *Facts) { f.Before.Auth, f.After.Auth = before, after }
}

func keyword(k string) func(*Facts) {
	return func(f *Facts) { f.After.Keywords = []string{k} }
}

func rejects(code int, text string) func(*Facts) {
	return func(f *Facts) { f.Status, f.Greeting = "rejected", &Greeting{Code: code, Lines: []string{text}} }
}

func slow(greeting, ehlo float64) func(*Facts) {
	return func(f *Facts) { f.Greeting.DelayMS, f.EHLOMS = greeting, ehlo }
}

func conductCases() []findingCase[Facts] {
	return []findingCase[Facts]{
		{"ptr-missing", Low, "203.0.113.25", func(f *Facts) { f.PTR, f.PTRValid = []string{}, nil }, func(f *Facts) { f.PTR, f.PTRValid = nil, nil }},
		{"ptr-missing", Low, "", func(f *Facts) { f.PTR = []string{} }, func(f *Facts) { *f = Facts{Status: "connection-refused", PTR: []string{}} }},
		{"ptr-not-confirmed", Low, "mx.example.org", func(f *Facts) { f.PTRValid = no }, func(f *Facts) { f.PTRValid = nil }},
		{"greeting-name-unfit", Low, "every host", calls("localhost.localdomain"), calls("")},
		{"greeting-name-unfit", Low, "every host", calls("localhost"), calls("localhosting.example.net")},
		{"greeting-name-unfit", Low, "address literal", calls("[203.0.113.25]"), nil},
		{"greeting-name-unfit", Low, "an address", calls("203.0.113.25"), nil},
		{"greeting-name-unfit", Low, "fully qualified", calls("mail"), nil},
		{"greeting-name-unfit", Low, ".local ", calls("EX01.corp.LOCAL"), calls("local.example.net")},
		{"greeting-name-unfit", Low, "", calls("mx1.lab.test"), func(f *Facts) { calls("mx1.lab.test")(f); f.Host = "mx.lab.TEST" }},
		{"greeting-name-unfit", Low, ".test ", func(f *Facts) { calls("mx1.lab.test")(f); f.Host, f.PTR, f.PTRValid = "", []string{"mx1.lab.test"}, no },
			func(f *Facts) { calls("mx1.lab.test")(f); f.Host, f.PTR = "", []string{"mx1.lab.test."} }},
		{"greeting-name-differs", Info, "gw.example.net", calls("gw.example.net"), func(f *Facts) { calls("gw.example.net")(f); f.PTR = append(f.PTR, "GW.example.net.") }},
		{"greeting-name-differs", Info, `"mx.example.org"`, func(f *Facts) { calls("gw.example.net")(f); f.Host = "" }, nil},
		{"greeting-name-differs", Info, "", calls("gw.example.net"), func(f *Facts) { calls("gw.example.net")(f); f.PTR = nil }},
		{"greeting-name-unresolvable", Low, "gw.example.net", unresolved("gw.example.net"), unresolved("mx.example.org")},
		{"greeting-name-unresolvable", Low, "", func(f *Facts) { unresolved("gw.example.net")(f); f.Host, f.PTR = "", nil }, calls("gw.example.net")},
		{"ehlo-name-differs", Info, "inner", func(f *Facts) { f.EHLO.Hostname = "inner.example.org" }, func(f *Facts) { f.EHLO.Hostname = "MX.example.org" }},
		{"version-shown", Info, "3.11.7", greets("mx.example.org ESMTP Postfix 3.11.7"), nil},
		{"distribution-shown", Info, "Debian", on("Debian", greets("mx.example.org ESMTP Postfix (Debian/GNU)")), on("Debian", greets("mx.example.org ESMTP"))},
		{"vrfy-advertised", Info, "VRFY", keyword("VRFY"), nil},
		{"expn-advertised", Low, "EXPN", keyword("EXPN"), nil},
		{"xclient-offered", Medium, "XCLIENT", keyword("XCLIENT"), nil},
		{"scanner-rejected", Info, "spamhaus", rejects(554, "5.7.1 blocked, see https://www.Spamhaus.org/query"), nil},
		{"scanner-rejected", Info, "go away", rejects(550, "go away"), func(f *Facts) { rejects(550, "x")(f); f.Status = "connection-closed" }},
		{"scanner-rejected", Info, "too many", func(f *Facts) { f.Status, f.Error, f.Greeting = "rate-limited", "421 too many connections", nil }, nil},
		{"scanner-rejected", Info, "EHLO refused", func(f *Facts) { f.Status, f.Error = "rejected", "EHLO refused: 550" }, nil},
		{"not-smtp", Info, "SSH-2.0", func(f *Facts) { f.Status, f.Greeting = "not-smtp", &Greeting{Lines: []string{"SSH-2.0-OpenSSH_9.6"}} }, nil},
		{"greeting-slow", Info, "8.0 s", func(f *Facts) { f.Greeting.DelayMS = 8000 }, func(f *Facts) { f.Greeting.DelayMS = 4000 }},
		{"tarpit", Info, "another 7.0 s", slow(8000, 7000), slow(8000, 100)},
		{"tarpit", Info, "another 5.0 s", slow(5000, 5000), slow(100, 9000)},
		{"tarpit", Info, "220 m", func(f *Facts) { f.Status = "greeting-timeout"; greets("220 m")(f) }, func(f *Facts) { f.Status, f.Greeting = "greeting-timeout", nil }},
		{"greeting-not-ascii", Info, "Grüße", greets("mx", "Grüße"), nil},
		{"clock-skew", Low, "1h0m0s", greets("mx Exim 4.100.1 Tue, 24 Nov 2026 03:31:00 +0000"), greets("mx Exim 4.100.1 Tue, 24 Nov 2026 03:32:00 +0100")},
		{"clock-skew", Low, "-24h", greets("Microsoft ESMTP MAIL Service ready at Mon, 23 Nov 2026 02:31:00 +0000"), greets("ready at Mon, 23 Nov 2026 02:31:00 CET", "Mon, 99 Nov 2026 02:31:00 +0000")},
		{"auth-clear-text", Medium, "PLAIN LOGIN before", offers([]string{"PLAIN", "LOGIN"}, nil), offers(nil, []string{"PLAIN", "LOGIN"})},
		{"auth-clear-text", High, "no STARTTLS", func(f *Facts) { withoutSTARTTLS(f); f.Before.Auth = []string{"LOGIN"} }, func(f *Facts) { f.ImplicitTLS, f.Before.Auth = yes, []string{"LOGIN"} }},
		{"auth-without-tls", Low, "SCRAM-SHA-256", offers([]string{"SCRAM-SHA-256"}, nil), offers([]string{"PLAIN", "SCRAM-SHA-256"}, nil)},
		{"auth-ntlm", Low, "NTLM", offers(nil, []string{"NTLM"}), nil},
		{"auth-mechanism-weak", Info, "DIGEST-MD5", offers(nil, []string{"PLAIN", "DIGEST-MD5"}), offers(nil, []string{"PLAIN"})},
		{"auth-on-port-25", Info, "PLAIN", offers(nil, []string{"PLAIN"}), func(f *Facts) { offers(nil, []string{"PLAIN"})(f); f.Port = 587 }},
	}
}

func checkCases() []findingCase[Facts] {
	relay := func(control, plain, percent string) func(*Facts) {
		return func(f *Facts) {
			f.Relay = []Exchange{
				{"MAIL FROM:<postmaster@me.example>", "250 ok\r\n"}, {"RCPT TO:<mxsweep-no-such-user@mx.example.org>", control}, {"RSET", "250 ok\r\n"},
				{"RCPT TO:<mxsweep-relay-test@example.com>", plain}, {"RCPT TO:<mxsweep-relay-test%example.com@mx.example.org>", percent},
			}
		}
	}
	const yes, no, later = "250 2.1.5 Ok\r\n", "550 5.1.1 no\r\n", "450 4.2.0 later\r\n"
	injection := func(last string) func(*Facts) {
		return func(f *Facts) { f.Injection = []Exchange{{"STARTTLS\r\nNOOP", "220 go\r\n"}, {"QUIT", last}} }
	}
	vrfy := func(reply string) func(*Facts) { return func(f *Facts) { f.Vrfy = reply } }
	versions := func(newest string, accepted ...string) func(*Facts) {
		return func(f *Facts) { f.TLS.Version, f.TLSVersions = newest, &TLSVersions{Accepted: accepted} }
	}
	return []findingCase[Facts]{
		{"open-relay", High, "RCPT TO:<mxsweep-relay-test@example.com>", relay(no, yes, no), relay(yes, no, no)},
		{"open-relay", High, "%example.com", relay(no, no, yes), relay(yes, no, yes)}, // a server that takes everybody of its own
		{"open-relay", High, "", relay(later, yes, no), relay(later, later, yes)},
		{"open-relay", Medium, "refused no recipient", relay("", yes, ""), relay("", "", "")},
		{"open-relay", Medium, "check them later", relay(yes, yes, yes), relay(no, later, later)},
		{"open-relay", Medium, "private", func(f *Facts) { relay(no, yes, no)(f); f.Addr = netip.MustParseAddr("10.0.0.1") }, relay(no, no, no)},
		{"starttls-injection", High, "250 2.0.0 Ok", injection("250 2.0.0 Ok\r\n221 2.0.0 Bye\r\n"), injection("221 2.0.0 Bye\r\n")},
		{"starttls-injection", High, "503 hello first", injection("503 hello first\r\n221-bye\r\n221 bye\r\n"), injection("250-good\r\n250 bye\r\n")},
		{"starttls-injection", High, "", injection("250 Ok\r\n221 Bye\r\n"), injection("220 mx ESMTP\r\n221 Bye\r\n")},
		{"starttls-injection", High, "", injection("250 Ok\r\n221 Bye\r\n"), injection("")},
		{"vrfy-answered", Low, "postmaster@example.org", vrfy("250 <postmaster@example.org>\r\n"), vrfy("252 2.0.0 postmaster\r\n")},
		{"vrfy-answered", Low, "", vrfy("251 elsewhere\r\n"), vrfy("502 no\r\n")},
		{"ntlm-disclosure", Low, `host "EX01", domain "CORP", Windows "10.0.17763"`, func(f *Facts) { f.NTLM = &NTLM{Host: "EX01", Domain: "CORP", Version: "10.0.17763"} }, func(f *Facts) { f.NTLM = &NTLM{} }},
		{"tls-old-accepted", Low, "TLS 1.1, TLS 1.2", versions("TLS 1.2", "TLS 1.1", "TLS 1.2"), versions("TLS 1.3", "TLS 1.2", "TLS 1.3")},
		{"tls-old-accepted", Low, "", versions("TLS 1.3", "TLS 1.0", "TLS 1.3"), versions("TLS 1.1", "TLS 1.0", "TLS 1.1")},
	}
}

func softwareCases() []findingCase[Facts] {
	return []findingCase[Facts]{
		{"known-exploited", Critical, "Exim 4.92 may be affected by 1 advisory", software("exim", "4.92"), software("exim", "4.92.3")},
		{"known-exploited", High, "package of Ubuntu", on("Ubuntu", software("exim", "4.92")), nil},
		{"known-vulnerabilities", High, "CVE-2026-40685", software("exim", "4.96"), software("exim", "4.100.1")},
		{"end-of-life", High, "Exim 4.92 ended on 2019-12-08", software("exim", "4.92.3"), software("exim", "4.100.1")},
		{"end-of-life", Medium, "2023-11-04", software("exim", "4.96"), nil},
		{"end-of-life", Low, "2026-08-20", software("exim", "4.99.5"), func(f *Facts) { software("exim", "4.99.5")(f); f.Time = time.Date(2026, 8, 19, 0, 0, 0, 0, time.UTC) }},
		{"end-of-life", Low, "", on("Debian", software("exim", "4.96")), func(f *Facts) { software("exim", "4.96")(f); f.Time = time.Time{} }},
		{"end-of-life", High, "Exchange 2019 ended", software("exchange", "15.2.1544.36"), software("exchange", "15.2.2562.46")},
		{"end-of-life", Medium, "paid support until 2026-11-01", func(f *Facts) {
			software("exchange", "15.2.1544.36")(f)
			f.Time = time.Date(2026, 10, 1, 0, 0, 0, 0, time.UTC)
		}, nil},
		{"end-of-life", High, "Windows Server 2012 R2", software("iis-smtp", "8.5.9600.16384"), software("iis-smtp", "10.0.20348.1")},
		{"outdated", Low, "newest known: 3.11.7", software("postfix", "3.11.2"), software("postfix", "3.12.0")},
		{"outdated", Info, "3.11.7", on("Debian", software("postfix", "3.11.2")), nil},
		{"outdated", Low, "3.11.7", on("FreeBSD", software("postfix", "3.11.2")), nil},
		{"outdated", Low, "8.18.2", software("sendmail", "8.17.1"), software("sendmail", "8.18.2")},
		{"outdated", Info, "3.1.6", software("haraka", "2.8.28"), software("haraka", "3.1.6")},
		{"version-not-shown", Info, "Postfix", software("postfix", ""), software("nobody-knows", "")},
		{"version-not-comparable", Info, "125302", software("exim", "125302"), nil},
	}
}

func exchanger(edit func(*MX)) func(*DomainFacts) {
	return func(f *DomainFacts) { edit(&f.MX[0]) }
}

func status(s string) func(*DomainFacts) {
	return exchanger(func(mx *MX) { mx.Status, mx.Addresses = s, nil })
}

func domainCases() []findingCase[DomainFacts] {
	private := func(addr string) func(*DomainFacts) {
		return exchanger(func(mx *MX) { mx.Addresses = append(mx.Addresses, netip.MustParseAddr(addr)) })
	}
	return append(publishedCases(), []findingCase[DomainFacts]{
		{"domain-missing", Info, "example.org", func(f *DomainFacts) { *f = DomainFacts{Domain: "example.org", Status: "nxdomain"} }, func(f *DomainFacts) { *f = DomainFacts{Status: "servfail"} }},
		{"domain-missing", Info, "", func(f *DomainFacts) { f.Status, f.ImplicitMX = "nxdomain", yes }, func(f *DomainFacts) { f.Status = "nxdomain" }},
		{"domain-without-server", Medium, "", func(f *DomainFacts) { f.Status = "nxdomain" }, func(f *DomainFacts) { f.Status, f.ImplicitMX = "nxdomain", yes }},
		{"domain-without-server", Medium, "example.org", func(f *DomainFacts) { f.Status = "no-address" }, func(f *DomainFacts) { f.Status = "dns-timeout" }},
		{"domain-alias", Info, "other.example", func(f *DomainFacts) { f.CNAME = []string{"other.example"} }, nil},
		{"mx-implicit", Info, "own address", func(f *DomainFacts) { f.ImplicitMX, f.MX = yes, f.MX[:1] }, func(f *DomainFacts) { f.ImplicitMX, f.MX = nil, f.MX[:1] }},
		{"null-mx-with-others", Medium, "mx2.example.org", func(f *DomainFacts) { f.NullMX = yes }, func(f *DomainFacts) { f.NullMX, f.MX = yes, []MX{{Name: "."}} }},
		{"mx-single", Info, "number of addresses: 1", func(f *DomainFacts) { f.MX = f.MX[:1] }, func(f *DomainFacts) { f.MX, f.ImplicitMX = f.MX[:1], yes }},
		{"mx-equal-preferences", Info, "2 records of preference 20", exchanger(func(mx *MX) { mx.Preference = 20 }), nil},
		{"mx-alias", Low, "real.example.org", exchanger(func(mx *MX) { mx.CNAME = []string{"real.example.org"} }), exchanger(func(mx *MX) { mx.CNAME, mx.Implicit = []string{"real.example.org"}, true })},
		{"mx-not-a-name", Medium, "203.0.113.1", func(f *DomainFacts) { status("bad-name")(f); f.MX[0].Name = "203.0.113.1" }, nil},
		{"mx-unresolvable", Medium, "does not exist", status("nxdomain"), status("servfail")},
		{"mx-unresolvable", Medium, "no address", status("no-address"), status("dns-timeout")},
		{"mx-unresolvable", Medium, "no address", status("no-address"), exchanger(func(mx *MX) { mx.Status, mx.Implicit = "no-address", true })},
		{"mx-unresolvable", Medium, "loop", status("dns-loop"), status("excluded")},
		{"mx-private-address", Medium, "10.0.0.1", private("10.0.0.1"), private("100.63.0.1")},
		{"mx-private-address", Medium, "127.0.0.1", private("::ffff:127.0.0.1"), private("2001:db8::1")},
		{"mx-private-address", Medium, "100.64.0.1", private("100.64.0.1"), private("100.128.0.1")},
		{"mx-private-address", Medium, "fd00::1", private("fd00::1"), private("fe00::1")},
	}...)
}
