package advisory

func checkEntries() []Entry {
	return []Entry{
		{
			ID: "open-relay", Severity: High, CWE: "CWE-284", References: []string{"RFC 2505, section 2.1", "RFC 5321, section 7.9"},
			Title: "The server accepts recipients at domains of others",
			Rule: "With -check relay: RCPT for example.com was accepted without AUTH, in one of five forms. Those that end in the server's own name " +
				"count only if a recipient that cannot be there was refused. No message was sent, and a server may still refuse one after DATA: " +
				"medium where it refused no recipient at all, or has a private address, since then the scanner may be inside",
			Why:    "Whoever finds it sends spam through it; the server and its network end up on blocklists.",
			Remedy: "Relay for your own networks and for authenticated users only. From a scanner in one of these networks the finding is no fault.",
		},
		{
			ID: "starttls-injection", Severity: High, CWE: "CWE-77", References: []string{"CVE-2011-0411", "RFC 3207, section 4.2"},
			Title:  "A command sent before TLS is executed inside it",
			Rule:   "With -check starttls-injection: after STARTTLS and NOOP in one packet, two replies came inside TLS to QUIT alone",
			Why:    "Who sits on the way puts commands of their own in front of a client's, inside its TLS: passwords and mail can be stolen.",
			Remedy: "Update the server or the proxy in front of it; what was received before the handshake must be discarded.",
		},
		{
			ID: "vrfy-answered", Severity: Low, CWE: "CWE-204", References: []string{"RFC 5321, sections 3.5.3 and 7.3"},
			Title:  "VRFY tells which mailboxes exist",
			Rule:   "VRFY postmaster was answered with 250 or 251, in -check vrfy or as an identifying command of -probe full",
			Why:    "Addresses for spam and for guessing passwords can be collected.",
			Remedy: "Turn VRFY off, or have it answered with 252.",
		},
		{
			ID: "ntlm-disclosure", Severity: Low, CWE: "CWE-200", References: []string{"MS-NLMP, section 2.2.1.2"},
			Title:  "NTLM gives away names of the inner network",
			Rule:   "With -check ntlm: the challenge has names of the host or domain, or the version of Windows",
			Why:    "Names of hosts and of the directory, and the build of the system, help in an attack.",
			Remedy: "Turn NTLM off for SMTP.",
		},
		{
			ID: "tls-old-accepted", Severity: Low, CWE: "CWE-327", References: []string{"RFC 8996"},
			Title:  "TLS 1.0 or 1.1 is accepted beside newer versions",
			Rule:   "With -tls-versions: a handshake with one of them succeeded; a server that has nothing newer is another finding",
			Why:    "A client with a fault can be talked into them; they rest on MD5 and SHA-1.",
			Remedy: "Turn them off, on port 25 once no sender needs them any more.",
		},
	}
}
