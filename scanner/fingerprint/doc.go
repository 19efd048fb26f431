// Package fingerprint says what software answers on a mail port, from what it
// says and how it behaves, and who runs it.
//
// [Set.Classify] reads the replies of one conversation ([Signals]) and returns
// [Software]. All knowledge is in the files data/<product>.yaml. The rest of
// this comment is for those who add one; no Go is needed.
//
// # A complete file
//
// The name of the file is the product's slug: data/haraka.yaml.
//
//	product: Haraka                      # as its makers write it
//	vendor: Haraka
//	cpe: cpe:2.3:a:haraka_project:haraka # part, vendor, product of CPE 2.3; leave out if there is none
//	class: mta                           # mta, gateway, provider, test, device, honeypot or not-smtp
//	versions: dotted                     # scheme of package version, for comparing; leave out if none fits
//	source: https://github.com/haraka/Haraka # for all rules that name none of their own
//	rules:
//	  - id: greeting
//	    signal: greeting
//	    weight: 95
//	    pattern: '^{220}ESMTP Haraka(?:[ /](?P<version>\d+(?:\.\d+)+))? ready'
//	    examples:
//	      - text: 220 mx.example.com ESMTP Haraka/2.8.27 ready (5A4BE0C5)
//	        version: 2.8.27
//	      - text: 220 mx.example.com ESMTP Haraka ready
//	    never:
//	      - 220 haraka.example.com ESMTP Postfix
//	  - id: unknown-command
//	    signal: unknown-command
//	    weight: 60
//	    pattern: '^500 Unrecognized command$'
//	    examples:
//	      - text: 500 Unrecognized command
//	transcripts:
//	  - source: recorded from 2.8.28 with the name taken out of the greeting
//	    sent: client.example.net
//	    signals:
//	      greeting: 220 mx.example.com ESMTP ready
//	      unknown-command: 500 Unrecognized command
//
// An unknown or repeated key is an error.
//
// # Signals
//
// A rule reads one signal, line by line: its pattern is tried on each line of
// the reply, code included ("250-PIPELINING"), without the line end and trailing
// blanks. To look at consecutive lines, write \n in the pattern. Of each line
// 512 bytes are read, of each signal 64 lines or 4 KiB.
//
//	greeting         the first reply, also 4xx and 5xx, and what a server that
//	                 does not speak SMTP says first
//	ehlo             the replies to EHLO, before and after STARTTLS
//	keywords         the EHLO keywords without arguments, upper case, in the
//	                 order sent, one blank between, on one line; the old
//	                 "AUTH=LOGIN" appears as "AUTH=". Examples give the whole
//	                 EHLO reply. STARTTLS is absent once TLS is on: write
//	                 (?:STARTTLS )?
//	helo             reply to HELO
//	starttls         reply to STARTTLS
//	help             reply to HELP
//	unknown-command  reply to a verb that no server knows
//	noop, rset, vrfy, quit
//	tls-subject      certificate's subject (RFC 4514: "CN=mail,O=Example")
//	tls-issuer       its issuer, likewise
//	tls-name         its common name and each alternative name, a line each
//	mx, ptr          the MX name and the address's PTR name, no dot at the end
//
// In replies to EHLO and HELO the name that the probe sent reads "client".
//
// # Patterns
//
// Patterns are RE2 (the syntax of Go's regexp). They begin with "^": a name
// must stand where the product puts it, so that a host called exim.example.com
// is not Exim. Three abbreviations:
//
//	{220}   code 220, then perhaps the host name: "220 mx.example.com "
//	{host}  one word, such as the server's own name
//	{date}  a date as in mail headers: "Tue, 06 Feb 2024 10:00:00 +0100 (CET)"
//
// Claims ignore case; behavior does not, since there the case is evidence
// ("250-8bitmime" and "250-8BITMIME" are different programs). Begin with (?i)^
// to ignore it. Named groups can be version, update (what a distribution adds,
// such as "15+deb12u4", never part of the version) and os; each needs an
// example that shows it; other groups are written (?:...). Where a match
// implies them without showing them, a rule may state version, update or os as
// constants beside its pattern:
//
//	os: Windows
//
// A pattern should contain three or more fixed characters beside the reply
// code: the rule is then tried only where they occur.
//
// # Weights
//
// The weight is the answer to: of a hundred servers that show this and nothing
// else, how many are this product? It is judged for the rule alone.
//
//	95      the product names itself where it always does
//	85      wording that only this product is known to use
//	70      wording that is nearly always this product
//	55      more often this product than all others together
//	20-45   a hint that several products share; names nothing alone, but adds up
//
// From 5 to 98 are legal. Of each signal the heaviest rule of a product counts,
// and the signals count as independent witnesses: two of 60 make
// 1 - 0.4*0.4 = 84 %. Products exclude each other, so each one's odds p/(1-p)
// are divided by the odds of all and of none: 95 % against a rival's 60 % leaves
// 19/(1+19+1.5) = 88 %. A product is named from 50 %; below, the answer is
// "unknown", and the products that rules spoke for are candidates.
//
// A rule is a claim (words that an administrator can set: the greeting, names
// in certificates and the DNS) or behavior (what the program does: keywords and
// replies). This follows from the signal; write kind: behavior for a greeting
// that is not configurable, such as the wording of a rejection. Where behavior
// makes one product at least 80 % likely, the claims of another that shows no
// behavior of its own count a quarter: the server is what it does, and what it
// says becomes a candidate. Claims of a gateway keep their weight, since most
// gateways have somebody's mail server inside or behind them.
//
// # Families
//
// A product that is made of another, or can look like it, names it:
//
//	family: postfix          # in zimbra.yaml: Zimbra is Postfix inside
//	family: microsoft-smtp   # in exchange.yaml and iis-smtp.yaml
//
// Members do not contradict their family and the family does not contradict
// them; evidence for a member also counts for the family. The member is named
// if it is sure enough among its siblings, otherwise the family. A family
// that should then list its members says so:
//
//	candidates: [exchange, iis-smtp]
//
// # Providers
//
// Who runs a server is a question of its own: Postfix behind a provider stays
// Postfix. A file may have a provider, with or without product and rules:
//
//	provider:
//	  name: Google
//	  mx: [google.com, googlemail.com]   # ends of MX names
//	  hosts: [google.com]                # ends of the server's own names: PTR, certificate, greeting
//	  examples: [aspmx.l.google.com]
//	  never: [google.com.example.net]
//
// An end counts as whole labels. Its second label may be "*":
// inbound-smtp.*.amazonaws.com. List under hosts only names that customers'
// own machines do not have. Products of class provider imply their provider.
//
// # HELP
//
// If the reply to an identifying command tells the version, say so, and the
// probe will ask where the version is still unknown:
//
//	asks: [help]
//
// # Tests
//
// Examples are the tests: of one signal, with the version, update and os that
// must come out; none given means none must. They are real texts with the names
// of hosts changed to example.com and addresses to 192.0.2.1, with their source
// (the rule's, the file's, or their own). Transcripts give several signals of
// one conversation; "unsure: true" says that the evidence must not suffice.
// "never" has look-alikes that the pattern must not match. Then
//
//	go test ./scanner/fingerprint -only haraka   # one file's faults only
//	go test ./scanner/fingerprint                # everything
//	go generate ./scanner/fingerprint            # what the program embeds
//
// The tests demand, with file and line: strict decoding; anchored patterns;
// legal weights; no unused group; a source and an example for each rule; that
// every example yields what it says through the whole set, whatever the order
// of files, and is claimed by one family only; that no host name made of a
// product's name or greeting counts; and that no rule is superfluous: without
// it some example must come out differently, so each rule needs an example in
// which no other rule of the product helps, or a transcript that needs it. And
// no pattern may be run in vain on most records: one that is has no telling
// literal.
package fingerprint
