package advisory

// fleetEntries are the findings of a whole run, in its summary.
func fleetEntries() []Entry {
	return []Entry{
		{
			ID: "key-shared", Severity: Low, References: []string{},
			Title:  "One private key serves several hosts",
			Rule:   "Three addresses or more showed certificates of the same public key",
			Why:    "Whoever takes the key from one host can pass for all of them; appliances shipped with one key share it with strangers.",
			Remedy: "Give each host a key of its own, or know why a farm shares one.",
		},
		{
			ID: "certificate-differs", Severity: Info, References: []string{},
			Title:  "Ports or addresses of one host show different certificates",
			Rule:   "One host name, two certificates; the evidence has the fingerprints (SHA-256)",
			Why:    "Often a node or a port that a renewal forgot: some clients see the old certificate.",
			Remedy: "Check that each of them is meant, and is renewed with the others.",
		},
		{
			ID: "software-differs", Severity: Info, References: []string{"RFC 5321, section 5.1"},
			Title:  "Different software behind one host or address",
			Rule:   "The ports or addresses of one host name, or the ports of one address, show different products or versions; hiding a version is no difference",
			Why:    "A filter or proxy stands before some of them, or a node was left out of an update.",
			Remedy: "Check that all of them are known and maintained alike.",
		},
		{
			ID: "fleet-incomplete", Severity: Info, References: []string{},
			Title:  "Not all services were compared with each other",
			Rule:   "The run had more than 32768 names, addresses or keys, or more than 1000 findings of this kind",
			Why:    "The comparison is kept in bounded memory; what came later was not compared.",
			Remedy: "Assess the records of one organization at a time.",
		},
	}
}
