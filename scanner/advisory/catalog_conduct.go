package advisory

func nameEntries() []Entry {
	return []Entry{
		{
			ID: "ptr-missing", Severity: Low, References: []string{"RFC 1912, section 2.1"},
			Title:  "Address has no PTR record",
			Rule:   "There is a server, and the DNS was asked for the name of its address and has none",
			Why:    "If the server also sends mail, many receivers reject or distrust it.",
			Remedy: "Have the owner of the address range set a PTR record with the server's name.",
		},
		{
			ID: "ptr-not-confirmed", Severity: Low, References: []string{"RFC 1912, section 2.1"},
			Title:  "PTR record does not lead back",
			Rule:   "None of the PTR names has the address among its own addresses",
			Why:    "Receivers take such a name for forged when the server sends mail.",
			Remedy: "Give the PTR name an A or AAAA record with this address.",
		},
		{
			ID: "greeting-name-unfit", Severity: Low, CWE: "CWE-200", References: []string{"RFC 5321, section 2.3.5", "RFC 5321, section 4.1.3"},
			Title:  "Greeting has no public host name",
			Rule:   "The name in a 2xx greeting is an address, localhost, a single label or under a private domain",
			Why:    "The server is likely to use it in EHLO too, where receivers reject it; it can show the inside of a network.",
			Remedy: "Configure the server's public name (myhostname, primary_hostname and the like).",
		},
		{
			ID: "greeting-name-differs", Severity: Info, References: []string{"RFC 5321, section 4.3.1"},
			Title:  "Greeting has another name than MX and PTR",
			Rule:   "The name in a 2xx greeting is neither the name asked for nor one of the PTR names",
			Why:    "Usual for farms and gateways; else a sign of a wrong record or a proxy.",
			Remedy: "Check that the name belongs to you and is meant to be seen.",
		},
		{
			ID: "greeting-name-unresolvable", Severity: Low, References: []string{"RFC 5321, section 2.3.5"},
			Title:  "The name in the greeting has no address",
			Rule:   "The DNS answered that the name in a 2xx greeting does not exist or has no address, and it is not a PTR name; names that no server may have are another finding",
			Why:    "Receivers that check the name of a sender refuse the server's own mail.",
			Remedy: "Set the server's name to one that leads to its address.",
		},
		{
			ID: "ehlo-name-differs", Severity: Info, References: []string{"RFC 5321, section 4.1.1.1"},
			Title:  "Greeting and EHLO have different names",
			Rule:   "Both replies have a name and they are not the same",
			Why:    "Often a proxy or filter in front of the server: two programs to keep up to date, not one.",
			Remedy: "Check that both are known and maintained.",
		},
	}
}

func conductEntries() []Entry {
	return []Entry{
		{
			ID: "version-shown", Severity: Info, CWE: "CWE-200", References: []string{"RFC 5321, section 4.3.1"},
			Title:  "Greeting shows the software's version",
			Rule:   "The version found is part of the greeting's text",
			Why:    "Attackers choose their targets by it. It does no harm to a server that is up to date.",
			Remedy: "Leave it, and update; or set a greeting without it (smtpd_banner, smtp_banner and the like).",
		},
		{
			ID: "distribution-shown", Severity: Info, CWE: "CWE-200", References: []string{"RFC 5321, section 4.3.1"},
			Title:  "Greeting shows the operating system",
			Rule:   "The distribution or package revision found is part of the greeting's text",
			Why:    "It tells which packages, and which of their faults, to expect.",
			Remedy: "Set a greeting without it.",
		},
		{
			ID: "vrfy-advertised", Severity: Info, CWE: "CWE-204", References: []string{"RFC 5321, section 7.3"},
			Title:  "VRFY is advertised",
			Rule:   "EHLO has the keyword VRFY; whether it tells anything was not tried",
			Why:    "It may confirm which addresses exist.",
			Remedy: "Switch it off (disable_vrfy_command and the like); RCPT says all that senders need.",
		},
		{
			ID: "expn-advertised", Severity: Low, CWE: "CWE-204", References: []string{"RFC 5321, section 7.3"},
			Title:  "EXPN is advertised",
			Rule:   "EHLO has the keyword EXPN; whether it tells anything was not tried",
			Why:    "It may list the members of mailing lists.",
			Remedy: "Switch it off.",
		},
		{
			ID: "xclient-offered", Severity: Medium, CWE: "CWE-290", References: []string{"https://www.postfix.org/XCLIENT_README.html"},
			Title:  "XCLIENT is offered to strangers",
			Rule:   "EHLO has the keyword XCLIENT",
			Why:    "Whoever may use it can claim any client address and login, and so pass for a trusted host. It was not tried.",
			Remedy: "Restrict it to the addresses of your own proxies (smtpd_authorized_xclient_hosts).",
		},
		{
			ID: "scanner-rejected", Severity: Info, References: []string{"RFC 5321, section 3.1"},
			Title:  "The server turned the scanner away",
			Rule:   "The greeting, or what followed it, was 4xx or 5xx; the evidence names the blocklist if the server does",
			Why:    "What the record says of this server is incomplete, and nothing can be concluded from what is missing.",
			Remedy: "Scan again later or from an address that the server accepts.",
		},
		{
			ID: "not-smtp", Severity: Info, References: []string{"RFC 5321, section 4.2"},
			Title:  "Another protocol answers on a mail port",
			Rule:   "The first bytes are no SMTP reply",
			Why:    "A forgotten service, or a device that answers in the place of the mail server.",
			Remedy: "Check what listens there and whether it should.",
		},
	}
}

func greetingEntries() []Entry {
	return []Entry{
		{
			ID: "greeting-slow", Severity: Info, References: []string{"RFC 5321, section 4.5.3.2.1"},
			Title:  "Greeting is delayed",
			Rule:   "The greeting took 5 seconds or longer",
			Why:    "Most often a measure against bots; else an overloaded server or a lookup that hangs.",
			Remedy: "None if it is meant; senders wait five minutes.",
		},
		{
			ID: "tarpit", Severity: Info, References: []string{"RFC 5321, section 4.5.3.2"},
			Title:  "The server keeps its clients waiting at every step",
			Rule:   "Greeting and reply to EHLO took 5 seconds or longer each, or the greeting began and was not over in the time for it",
			Why:    "A tarpit holds the connections of spammers; what it says of itself is not to be relied on. Else a server or a lookup that hangs.",
			Remedy: "None if it is meant; real senders must not meet it.",
		},
		{
			ID: "greeting-not-ascii", Severity: Info, References: []string{"RFC 5321, section 2.4"},
			Title:  "Greeting is not plain ASCII",
			Rule:   "A line of the greeting has bytes above 127",
			Why:    "Replies are ASCII; some senders stumble over others.",
			Remedy: "Correct the greeting's text.",
		},
		{
			ID: "clock-skew", Severity: Low, References: []string{"RFC 5322, section 3.3"},
			Title:  "The server's clock is wrong",
			Rule:   "A date in the greeting is more than 5 minutes from the time of the probe by the scanner's clock",
			Why:    "Logs cannot be joined, and certificates, Kerberos and DKIM are judged by a wrong time.",
			Remedy: "Synchronize the clock (NTP). If every server has this finding, look at the scanner's own.",
		},
	}
}

func authEntries() []Entry {
	return []Entry{
		{
			ID: "auth-clear-text", Severity: High, CWE: "CWE-522", References: []string{"RFC 4954, section 4", "RFC 8314, section 3"},
			Title:  "Passwords are accepted without TLS",
			Rule:   "AUTH PLAIN or LOGIN is offered outside TLS; medium where STARTTLS is offered too",
			Why:    "Clients that take the offer send the password where anybody on the path can read it.",
			Remedy: "Offer AUTH inside TLS only (smtpd_tls_auth_only and the like).",
		},
		{
			ID: "auth-without-tls", Severity: Low, CWE: "CWE-319", References: []string{"RFC 4954, section 9"},
			Title:  "AUTH is offered without TLS",
			Rule:   "AUTH is offered outside TLS with mechanisms other than PLAIN and LOGIN only",
			Why:    "The password is not sent as it is, yet what is sent allows guessing it offline, and the mail stays readable.",
			Remedy: "Offer AUTH inside TLS only.",
		},
		{
			ID: "auth-ntlm", Severity: Low, CWE: "CWE-200", References: []string{"https://learn.microsoft.com/openspecs/windows_protocols/ms-nlmp/"},
			Title:  "AUTH NTLM is offered",
			Rule:   "NTLM is among the mechanisms, before or after TLS",
			Why:    "Its challenge tells anybody the names of host and domain and the build of Windows; the mechanism is obsolete.",
			Remedy: "Remove NTLM from the mechanisms of connectors that strangers reach.",
		},
		{
			ID: "auth-mechanism-weak", Severity: Info, CWE: "CWE-327", References: []string{"RFC 6331", "RFC 5802"},
			Title:  "AUTH rests on MD5",
			Rule:   "CRAM-MD5 or DIGEST-MD5 is among the mechanisms, before or after TLS",
			Why:    "The server must keep passwords in a form that is as good as the password.",
			Remedy: "Offer SCRAM, or PLAIN inside TLS, and remove them.",
		},
		{
			ID: "auth-on-port-25", Severity: Info, CWE: "CWE-307", References: []string{"RFC 6409, section 3.1", "RFC 8314, section 3"},
			Title:  "AUTH is offered on port 25",
			Rule:   "AUTH is offered on port 25, before or after TLS",
			Why:    "Users log in on 465 and 587; on port 25 it is mostly password guessers who do.",
			Remedy: "Offer AUTH on the submission ports only.",
		},
	}
}
