package advisory

// policyEntries are the findings that only a policy leads to.
func policyEntries() []Entry {
	return []Entry{
		{
			ID: "policy-host-unexpected", Severity: Medium, References: []string{},
			Title:  "A mail server where none is expected",
			Rule:   "A server answers, and the policy's hosts have neither its name, a PTR name that leads back, nor its address",
			Why:    "What nobody knows of nobody updates.",
			Remedy: "Add it to the hosts of the policy, or switch it off.",
		},
		{
			ID: "policy-product-not-allowed", Severity: Medium, References: []string{},
			Title:  "Software that the policy does not allow",
			Rule:   "The software is known and is not among the policy's products",
			Why:    "The organization has decided what it maintains.",
			Remedy: "Replace it, or add it to the products of the policy.",
		},
		{
			ID: "policy-version-too-old", Severity: Medium, CWE: "CWE-1104", References: []string{},
			Title:  "Version older than the policy asks for",
			Rule:   "The version shown can be compared and is below the product's minimum",
			Why:    "The organization has set a least version, for a reason.",
			Remedy: "Update it.",
		},
		{
			ID: "policy-tls-version", Severity: Medium, CWE: "CWE-327", References: []string{},
			Title:  "TLS version below the policy's floor",
			Rule:   "The newest version the server speaks is older than the policy's tls",
			Why:    "The organization has set a least version of TLS.",
			Remedy: "Enable a newer version.",
		},
		{
			ID: "policy-starttls-required", Severity: High, CWE: "CWE-319", References: []string{"RFC 3207"},
			Title:  "No STARTTLS where the policy requires it",
			Rule:   "EHLO was answered in plain text, and STARTTLS is not offered or was refused",
			Why:    "The organization has decided that no mail goes in plain text.",
			Remedy: "Configure a certificate and offer STARTTLS.",
		},
		{
			ID: "policy-ignore-expired", Severity: Low, References: []string{},
			Title:  "The policy ignored this finding until a day that is over",
			Rule:   "A finding is there that the policy ignores, and the record is younger than the last day",
			Why:    "The decision to live with it was made for a time.",
			Remedy: "Mend what was found, or decide again.",
		},
	}
}
