package advisory

func transportEntries() []Entry {
	return []Entry{
		{
			ID: "starttls-not-offered", Severity: Medium, CWE: "CWE-319", References: []string{"RFC 3207, section 4", "RFC 8314, section 3"},
			Title:  "STARTTLS is not offered",
			Rule:   "EHLO was answered after a 2xx greeting and has no STARTTLS; high on ports 465 and 587",
			Why:    "Mail and, on submission ports, passwords cross the network where anybody on the path can read and change them.",
			Remedy: "Configure a certificate and switch STARTTLS on, or TLS from the first byte on port 465.",
		},
		{
			ID: "starttls-masked", Severity: Medium, CWE: "CWE-319", References: []string{"RFC 3207, section 6"},
			Title:  "A firewall hides STARTTLS",
			Rule:   "EHLO has a keyword of eight letters X where STARTTLS would stand",
			Why:    "A device on the path overwrites the offer, so that all mail goes in clear text though the server could encrypt.",
			Remedy: "Switch the SMTP inspection of the firewall off, or allow STARTTLS in it.",
		},
		{
			ID: "starttls-refused", Severity: Medium, CWE: "CWE-319", References: []string{"RFC 3207, section 4"},
			Title:  "STARTTLS is offered and then refused",
			Rule:   "The reply to STARTTLS is not 220",
			Why:    "Senders fall back to clear text, or give up where their policy demands TLS.",
			Remedy: "Look for the reason in the server's log: most often its key or certificate cannot be read.",
		},
		{
			ID: "text-before-handshake", Severity: Low, CWE: "CWE-924", References: []string{"RFC 3207, section 6", "CVE-2011-0411"},
			Title:  "Text follows the reply to STARTTLS",
			Rule:   "Bytes in clear text came after the 220 and before the handshake",
			Why:    "A client that keeps them takes what anybody on the path has put in for part of the protected dialogue.",
			Remedy: "Update the server; look for a proxy that joins replies.",
		},
		{
			ID: "ehlo-not-supported", Severity: Low, References: []string{"RFC 5321, section 2.2.1"},
			Title:  "EHLO is not supported",
			Rule:   "EHLO was answered with 500 or 502, and HELO accepted",
			Why:    "Without extensions there is no TLS and no authentication.",
			Remedy: "Allow ESMTP in the firewall's SMTP inspection, or update the server.",
		},
		{
			ID: "plain-text-on-tls-port", Severity: Medium, CWE: "CWE-319", References: []string{"RFC 8314, section 7.3"},
			Title:  "Port 465 speaks plain text",
			Rule:   "The greeting on port 465 came without TLS",
			Why:    "Clients expect TLS from the first byte there and cannot connect; those that can may send passwords in clear text.",
			Remedy: "Switch on TLS for the listener (\"wrapper mode\", \"tls on connect\").",
		},
		{
			ID: "tls-on-plain-port", Severity: Low, References: []string{"RFC 3207", "RFC 8314, section 7.3"},
			Title:  "A plain-text port speaks TLS from the first byte",
			Rule:   "The server on port 25 or 587 waits for a TLS handshake",
			Why:    "Servers and clients wait for a greeting there and give up.",
			Remedy: "Move the listener to port 465 and offer STARTTLS on this one.",
		},
	}
}

func handshakeEntries() []Entry {
	return []Entry{
		{
			ID: "tls-handshake-failed", Severity: Medium, CWE: "CWE-319", References: []string{"RFC 3207, section 4.1", "RFC 9325"},
			Title:  "TLS handshake failed",
			Rule:   "The handshake ended in an error, with TLS 1.0 to 1.3 offered; info where the connection was lost or time ran out, which may be chance",
			Why:    "Senders fall back to clear text, or give up where their policy demands TLS.",
			Remedy: "Support TLS 1.2 and 1.3 with the suites of RFC 9325; check that key and certificate belong together.",
		},
		{
			ID: "tls-version-old", Severity: Medium, CWE: "CWE-327", References: []string{"RFC 8996"},
			Title:  "Only TLS 1.0 or 1.1 is supported",
			Rule:   "The newest version the server speaks is older than TLS 1.2",
			Why:    "Both are deprecated; current clients and large providers refuse them.",
			Remedy: "Support TLS 1.2 and 1.3.",
		},
		{
			ID: "tls-cipher-weak", Severity: Medium, CWE: "CWE-327", References: []string{"RFC 7465", "RFC 9325, section 4.1"},
			Title:  "A broken cipher was negotiated",
			Rule:   "The suite has RC4, DES, 3DES, IDEA, export strength, no encryption or no authentication",
			Why:    "The server had better suites to choose from and took one that can be broken.",
			Remedy: "Allow suites with AES-GCM or ChaCha20 only, in the server's order of preference.",
		},
		{
			ID: "tls-hybrid-key-exchange", Severity: Info, References: []string{"FIPS 203", "https://datatracker.ietf.org/doc/draft-ietf-tls-ecdhe-mlkem/"},
			Title:  "The key exchange withstands quantum computers",
			Rule:   "The server agreed to a hybrid with ML-KEM; -light-tls does not offer one",
			Why:    "Mail recorded today cannot be read with the machines of later. A good sign, not a fault.",
			Remedy: "Nothing.",
		},
		{
			ID: "tls-no-forward-secrecy", Severity: Low, CWE: "CWE-327", References: []string{"RFC 9325, section 4.1"},
			Title:  "The key exchange has no forward secrecy",
			Rule:   "The suite exchanges keys with RSA",
			Why:    "Whoever gets the private key later can read all mail recorded until then.",
			Remedy: "Prefer ECDHE suites, or support TLS 1.3, which has no others.",
		},
	}
}

func validityEntries() []Entry {
	return []Entry{
		{
			ID: "certificate-expired", Severity: Medium, CWE: "CWE-298", References: []string{"RFC 5280, section 4.1.2.5"},
			Title:  "Certificate has expired",
			Rule:   "not_after is before the time of the probe; high on ports 465 and 587, where clients check",
			Why:    "Mail clients warn or stop, and so do servers that follow MTA-STS.",
			Remedy: "Renew the certificate, let the server load it, and watch the renewal.",
		},
		{
			ID: "certificate-not-yet-valid", Severity: Medium, CWE: "CWE-298", References: []string{"RFC 5280, section 4.1.2.5"},
			Title:  "Certificate is not yet valid",
			Rule:   "not_before is after the time of the probe; high on ports 465 and 587, where clients check",
			Why:    "Until then it is as good as none for clients that check.",
			Remedy: "Install a certificate that is valid now; check the clock of the machine that issued it.",
		},
		{
			ID: "certificate-expires-soon", Severity: Info, References: []string{"RFC 5280, section 4.1.2.5"},
			Title:  "Certificate expires within 30 days",
			Rule:   "not_after is less than 30 days away; low within 7 days, unless the certificate was made for less than 30",
			Why:    "Automatic renewal happens earlier; the last days tell that it has failed.",
			Remedy: "Renew it, and check that the server loads renewed certificates.",
		},
	}
}

func certificateEntries() []Entry {
	return []Entry{
		{
			ID: "certificate-self-signed", Severity: Low, CWE: "CWE-295", References: []string{"RFC 8314, section 4", "RFC 7672"},
			Title:  "Certificate is self-signed",
			Rule:   "The certificate is signed with its own key; medium on ports 465 and 587. With DANE it is a sound choice on port 25",
			Why:    "Nobody can tell it from one that somebody on the path has made.",
			Remedy: "Use a certificate of a public authority, or publish TLSA records (DANE).",
		},
		{
			ID: "certificate-chain-incomplete", Severity: Low, CWE: "CWE-295", References: []string{"RFC 8446, section 4.4.2"},
			Title:  "Certificate chain is incomplete or the issuer is private",
			Rule:   "No certificate of the issuer was sent, and it is no trusted root; medium on ports 465 and 587",
			Why:    "Clients that do not happen to know the intermediate certificate reject the server.",
			Remedy: "Let the server send the intermediate certificates (\"fullchain\").",
		},
		{
			ID: "certificate-unknown-issuer", Severity: Low, CWE: "CWE-295", References: []string{"RFC 8314, section 4"},
			Title:  "Certificate is from an unknown issuer",
			Rule:   "The issuer's certificate was sent, and the chain does not lead to a trusted root; medium on ports 465 and 587",
			Why:    "Clients that check reject the server, or teach their users to click warnings away.",
			Remedy: "Use a certificate of a public authority where others than your own devices connect.",
		},
		{
			ID: "certificate-chain-invalid", Severity: Low, CWE: "CWE-295", References: []string{"RFC 5280, section 6"},
			Title:  "Certificate chain is not valid",
			Rule:   "The chain failed a check other than a known issuer; medium on ports 465 and 587",
			Why:    "Clients that check reject the server.",
			Remedy: "Read the reason in the evidence and have the certificate issued again.",
		},
		{
			ID: "certificate-name-mismatch", Severity: Low, CWE: "CWE-297", References: []string{"RFC 9525, section 6", "RFC 8461, section 4.1"},
			Title:  "Certificate is for another name",
			Rule:   "No name in the certificate is the MX or host name asked for; medium on ports 465 and 587",
			Why:    "A sender that checks, as MTA-STS and DANE with a public issuer demand, does not deliver.",
			Remedy: "Have the name of the MX record put into the certificate, or use the certificate's name in the MX record.",
		},
		{
			ID: "certificate-names-unrelated", Severity: Low, CWE: "CWE-297", References: []string{"RFC 9525, section 6"},
			Title:  "Certificate has none of the server's names",
			Rule:   "Neither the name asked for, nor those in greeting and EHLO, nor a PTR name is in the certificate; PTR names were looked up",
			Why:    "It is most likely one that came with the software or was left over: no client can check it.",
			Remedy: "Install a certificate for the name by which the server is reached.",
		},
		{
			ID: "certificate-key-weak", Severity: Medium, CWE: "CWE-326", References: []string{"RFC 9325, section 4.5"},
			Title:  "Certificate has a weak key",
			Rule:   "RSA under 2048 bits (high under 1024), elliptic curves under 224 bits, or DSA",
			Why:    "Such keys are within reach of an attacker with means.",
			Remedy: "Make a new key: ECDSA P-256 or RSA 2048.",
		},
		{
			ID: "certificate-signature-weak", Severity: Medium, CWE: "CWE-328", References: []string{"RFC 9325, section 4.5", "RFC 9155"},
			Title:  "Certificate is signed with SHA-1 or MD5",
			Rule:   "The signature of a certificate that is not self-signed rests on SHA-1, MD5 or MD2",
			Why:    "Collisions can be made, so the signature proves nothing; current clients reject it.",
			Remedy: "Have the certificate issued again with SHA-256.",
		},
		{
			ID: "certificate-wildcard", Severity: Info, CWE: "", References: []string{"RFC 9525, section 7.1"},
			Title:  "Certificate has a wildcard name",
			Rule:   "A name in the certificate begins with \"*.\"",
			Why:    "One stolen key stands for every host of the domain.",
			Remedy: "Prefer a certificate for each host where the issuing is automatic.",
		},
	}
}
