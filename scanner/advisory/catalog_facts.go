package advisory

func softwareEntries() []Entry {
	return []Entry{
		{
			ID: "known-exploited", Severity: High, CWE: "CWE-1395", References: []string{"https://www.cisa.gov/known-exploited-vulnerabilities-catalog"},
			Title: "May be affected by a vulnerability that is being exploited",
			Rule: "The version is in the range of advisories in CISA's catalog: the severity of the worst, high at least; " +
				"one step lower where a distribution that adds fixes is shown. Advisories whose conditions the server cannot meet are left out",
			Why:    "Attacks on this version are known. The version alone does not prove it: a package may hold the fix.",
			Remedy: "Check the package's revision against the distribution's advisory today, and update.",
		},
		{
			ID: "known-vulnerabilities", Severity: Medium, CWE: "CWE-1395", References: []string{"https://www.cve.org"},
			Title: "May be affected by published vulnerabilities",
			Rule: "The version is in the range of advisories: the severity of the worst, where one without a score counts as medium and one with unusual conditions " +
				"one step lower; again one lower where a distribution that adds fixes is shown. Local and web-only advisories, and those whose conditions the server cannot meet, are left out",
			Why:    "Published faults of this version. The version alone does not prove them: a package may hold the fixes, a condition may not be met.",
			Remedy: "Compare the package's revision with the distribution's advisories; update to the fixed version or later.",
		},
		{
			ID: "end-of-life", Severity: Medium, CWE: "CWE-1104", References: []string{"https://endoflife.date"},
			Title: "The release line is no longer supported",
			Rule: "Its end is before the time of the probe. Software that distributions ship: low within a year or with the distribution shown, " +
				"medium up to five years, high after that. Other software: high, medium while paid support goes on",
			Why:    "New faults are no longer fixed by its makers.",
			Remedy: "Move to a supported line, or make sure that the distribution still maintains the package.",
		},
		{
			ID: "outdated", Severity: Low, CWE: "CWE-1104", References: []string{"https://endoflife.date"},
			Title:  "A newer release is known",
			Rule:   "The newest version of the line, or of the product, is newer; info where a distribution that adds fixes is shown or the line is at its newest",
			Why:    "Later releases hold fixes, some of them without a CVE number.",
			Remedy: "Update within the line.",
		},
		{
			ID: "version-not-shown", Severity: Info, References: []string{},
			Title:  "The software is known and its version is not",
			Rule:   "The product has data and the server shows no version",
			Why:    "That no advisory is listed says nothing about this server.",
			Remedy: "Look at the server itself.",
		},
		{
			ID: "version-not-comparable", Severity: Info, References: []string{},
			Title:  "The version cannot be compared",
			Rule:   "The version shown does not have the form of the product's versions",
			Why:    "That no advisory is listed says nothing about this server.",
			Remedy: "Look at the server itself.",
		},
	}
}

func domainEntries() []Entry {
	return []Entry{
		{
			ID: "domain-missing", Severity: Info, References: []string{"RFC 5321, section 5.1"},
			Title:  "The domain does not exist",
			Rule:   "The DNS answered NXDOMAIN",
			Why:    "A typing error in the list, or a domain that has been given up and could be registered by others.",
			Remedy: "Correct the list, or keep the domain registered.",
		},
		{
			ID: "domain-without-server", Severity: Medium, References: []string{"RFC 5321, section 5.1", "RFC 7505"},
			Title:  "No mail server of the domain can be found",
			Rule:   "The domain exists and neither its MX records nor its own name lead to an address",
			Why:    "Mail to it waits for days and comes back.",
			Remedy: "Correct the MX records; if the domain takes no mail, say so with a null MX.",
		},
		{
			ID: "domain-alias", Severity: Info, References: []string{"RFC 5321, section 5.1"},
			Title:  "The domain is an alias",
			Rule:   "A CNAME was followed from the domain",
			Why:    "Some senders rewrite addresses to the name behind the alias.",
			Remedy: "Give a mail domain MX records of its own.",
		},
		{
			ID: "mx-implicit", Severity: Info, References: []string{"RFC 5321, section 5.1"},
			Title:  "The domain has no MX record",
			Rule:   "No MX record, and the domain itself has an address",
			Why:    "Mail goes to whatever answers there, often a web server.",
			Remedy: "Publish an MX record, or a null MX if the domain takes no mail.",
		},
		{
			ID: "null-mx-with-others", Severity: Medium, References: []string{"RFC 7505, section 3"},
			Title:  "A null MX stands beside other MX records",
			Rule:   "A null MX and at least one other are published",
			Why:    "The null MX says that the domain takes no mail, and must stand alone; senders differ in what they do.",
			Remedy: "Remove the null MX, or all others.",
		},
		{
			ID: "mx-single", Severity: Info, References: []string{"RFC 5321, section 5.1"},
			Title:  "Only one MX record",
			Rule:   "One MX record; the evidence counts its addresses",
			Why:    "While it is down mail waits at the senders. With several addresses it is a choice.",
			Remedy: "None if the outage of one server is acceptable.",
		},
		{
			ID: "mx-equal-preferences", Severity: Info, References: []string{"RFC 5321, section 5.1"},
			Title:  "All MX records have the same preference",
			Rule:   "Two or more MX records, all of one preference",
			Why:    "Senders spread mail over all of them: each must be protected and filtered alike.",
			Remedy: "None if the load is meant to be shared.",
		},
	}
}

func exchangerEntries() []Entry {
	return []Entry{
		{
			ID: "mx-alias", Severity: Low, References: []string{"RFC 2181, section 10.3", "RFC 5321, section 5.1"},
			Title:  "MX record names an alias",
			Rule:   "A CNAME was followed from the name of the MX record",
			Why:    "It is not allowed; some senders do not deliver, and certificates are checked against another name.",
			Remedy: "Put the name behind the alias into the MX record.",
		},
		{
			ID: "mx-not-a-name", Severity: Medium, References: []string{"RFC 5321, section 5.1", "RFC 1035, section 3.3.9"},
			Title:  "MX record holds no host name",
			Rule:   "The MX record has an address or another text that cannot be a host name",
			Why:    "Senders that follow the standard cannot use it.",
			Remedy: "Give the server a name with an address record, and put that name into the MX record.",
		},
		{
			ID: "mx-unresolvable", Severity: Medium, CWE: "CWE-350", References: []string{"RFC 5321, section 5.1"},
			Title:  "MX record names a host without address",
			Rule:   "The name does not exist, has neither A nor AAAA, or is a loop of aliases",
			Why:    "Senders lose time on it; whoever can register a missing name receives the mail.",
			Remedy: "Remove the record or restore the name.",
		},
		{
			ID: "mx-private-address", Severity: Medium, CWE: "CWE-200", References: []string{"RFC 1918", "RFC 6890"},
			Title:  "MX record leads to a private address",
			Rule:   "An address of the MX is private, loopback, link-local, unspecified or multicast",
			Why:    "Senders outside cannot reach it, or reach a host of their own; it shows the inside of a network.",
			Remedy: "Publish public addresses only; use another view of the DNS inside.",
		},
	}
}
