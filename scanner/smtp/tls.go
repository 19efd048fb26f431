package smtp

import "time"

// TLS is what a handshake showed. Nothing is verified while it runs, so that a
// bad certificate is seen and not missed; chain and name are judged afterwards.
type TLS struct {
	Version     string       `json:"version"` // "TLS 1.0" to "TLS 1.3"; "" if the handshake failed
	Cipher      string       `json:"cipher"`  // IANA name of the suite
	Curve       string       `json:"curve"`   // key exchange group, "" if none was negotiated
	ALPN        string       `json:"alpn"`
	ServerName  string       `json:"server_name"`  // SNI sent; "" if none
	Certificate *Certificate `json:"certificate"`  // the leaf; null if none was received
	Chain       []ChainCert  `json:"chain"`        // what followed the leaf, in the order sent, at most 10
	ChainLength int          `json:"chain_length"` // certificates sent in all, leaf included
	ChainValid  *bool        `json:"chain_valid"`  // leads to a trusted root at the time of the probe; null if it could not be judged
	NameValid   *bool        `json:"name_valid"`   // covers the MX name (or host) asked for; null if there was no name to check
	ChainError  string       `json:"chain_error"`  // why chain_valid is false
	Error       string       `json:"error"`        // why the handshake failed
}

// Certificate is the leaf certificate, as sent, judged by nobody.
type Certificate struct {
	SubjectCN          string    `json:"subject_cn"`
	Subject            string    `json:"subject"` // RFC 4514 string
	Issuer             string    `json:"issuer"`  // RFC 4514 string
	IssuerCN           string    `json:"issuer_cn"`
	IssuerOrg          string    `json:"issuer_org"`
	SANs               []string  `json:"sans"` // DNS names and addresses, at most 100
	SANCount           int       `json:"san_count"`
	NotBefore          time.Time `json:"not_before"`
	NotAfter           time.Time `json:"not_after"`
	Serial             string    `json:"serial"`              // hexadecimal
	KeyType            string    `json:"key_type"`            // "RSA", "ECDSA", "Ed25519", "DSA" or "unknown"
	KeyBits            int       `json:"key_bits"`            // 0 for DSA and unknown keys
	SignatureAlgorithm string    `json:"signature_algorithm"` // as crypto/x509 names it
	SelfSigned         bool      `json:"self_signed"`         // subject equals issuer and the signature verifies with its own key
	Wildcard           bool      `json:"wildcard"`
	SHA256             string    `json:"sha256"`      // fingerprint of the DER, hexadecimal
	SPKISHA256         string    `json:"spki_sha256"` // fingerprint of the public key (as in TLSA 3 1 1)
	DERSize            int       `json:"der_size"`
}

// ChainCert is a certificate behind the leaf.
type ChainCert struct {
	Subject    string    `json:"subject"`
	Issuer     string    `json:"issuer"`
	NotAfter   time.Time `json:"not_after"`
	SHA256     string    `json:"sha256"`
	SPKISHA256 string    `json:"spki_sha256"` // fingerprint of the public key (as in TLSA 2 1 1)
}
