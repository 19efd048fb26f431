package version

// The names of the schemes. A data file names one of them.
const (
	communigate = "communigate"
	dashed      = "dashed"
	decimal     = "decimal"
	domino      = "domino"
	dotted      = "dotted"
	exchange    = "exchange"
	exim        = "exim"
	groupwise   = "groupwise"
	imail       = "imail"
	letter      = "letter"
	patchlevel  = "patchlevel"
	postfix     = "postfix"
	sendmail    = "sendmail"
	surgemail   = "surgemail"
)

// Schemes returns the names [Parse] knows, sorted:
//
//	communigate  4.3c3: a "c" or "b" number is a candidate or beta of 4.3
//	dashed       10.6.3-267, 5.6.7-B2425: numbers and a build (Symantec, Cisco, hMailServer)
//	decimal      1.54 before 1.6: the second number is a fraction (MailEnable, Mercury)
//	domino       8.5.3FP6, the same as 8.5.3.6
//	dotted       2.4.4, 1.0-rc1: numbers, a pre-release ranks below (most products)
//	exchange     15.02.0986.014: builds, at least three numbers
//	exim         4.96, 4.84_2, 4.90_RC3
//	groupwise    8.02HP2, the same as 8.0.2 with its second hot patch
//	imail        8.22, then 2006.21, then 12.5
//	letter       24.5.1c: a letter ranks above none (MDaemon)
//	patchlevel   6.6.2p1, 9.2.7 patch 3 (OpenSMTPD, Zimbra, Kerio)
//	postfix      3.11.7, 3.12-20260101 (a snapshot ranks below)
//	sendmail     8.15.2/8.15.2/Debian-22: the first of the three counts
//	surgemail    3.8k4, 38k4
func Schemes() []string {
	return []string{
		communigate, dashed, decimal, domino, dotted, exchange, exim,
		groupwise, imail, letter, patchlevel, postfix, sendmail, surgemail,
	}
}

// parser returns the function that reads the versions of a scheme, nil for an
// unknown one. It is a switch and not a map so that there is no table anybody
// could change.
func parser(scheme string) func(string) (release, bool) {
	switch scheme {
	case communigate:
		return parseCommuniGate
	case dashed:
		return parseDashed
	case decimal:
		return parseDecimal
	case domino:
		return parseDomino
	case dotted:
		return parseDotted
	case exchange:
		return parseExchange
	case exim:
		return parseExim
	case groupwise:
		return parseGroupWise
	case imail:
		return parseIMail
	case letter:
		return parseLetter
	case patchlevel:
		return parsePatchlevel
	case postfix:
		return parsePostfix
	case sendmail:
		return parseSendmail
	case surgemail:
		return parseSurgeMail
	}
	return nil
}
