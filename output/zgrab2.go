package output

import (
	"crypto/tls"
	"encoding/json"
	"math/big"
	"net/netip"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// A zgrab2Writer writes services as zgrab2's smtp module does: Grab and
// ScanResponse of zmap/zgrab2, ScanResults of its modules/smtp, ServerHandshake
// and Certificate of zmap/zcrypto. What a record does not hold is left out, such
// as the raw certificate. The domain is what zgrab2 means by it: the name that
// was contacted. As there, bytes that are not UTF-8 become U+FFFD.
type zgrab2Writer struct{ *batch }

// Write implements Writer. Records other than services have no counterpart.
func (w *zgrab2Writer) Write(r *scanner.Result) error {
	if w.err == nil && r.Service != nil {
		line, err := json.Marshal(zgrab2Of(r.Service))
		if err != nil {
			return err
		}
		w.buf = append(append(w.buf, line...), '\n')
	}
	return w.added()
}

type zgrab2Grab struct {
	IP     *netip.Addr `json:"ip,omitempty"`
	Port   uint16      `json:"port,omitempty"`
	Domain string      `json:"domain,omitempty"`
	Data   struct {
		SMTP zgrab2Response `json:"smtp"`
	} `json:"data"`
}

type zgrab2Response struct {
	Status    string        `json:"status"`
	Protocol  string        `json:"protocol"`
	Port      uint16        `json:"port,omitempty"`
	Result    *zgrab2Result `json:"result,omitempty"`
	Timestamp string        `json:"timestamp,omitempty"`
	Error     string        `json:"error,omitempty"`
}

type zgrab2Result struct {
	Banner      smtp.Raw   `json:"banner,omitempty"`
	HELO        smtp.Raw   `json:"helo,omitempty"`
	EHLO        smtp.Raw   `json:"ehlo,omitempty"`
	Help        smtp.Raw   `json:"help,omitempty"`
	STARTTLS    smtp.Raw   `json:"starttls,omitempty"`
	Quit        smtp.Raw   `json:"quit,omitempty"`
	ImplicitTLS bool       `json:"implicit_tls,omitempty"`
	TLS         *zgrab2TLS `json:"tls,omitempty"`
}

type zgrab2TLS struct {
	HandshakeLog struct {
		ServerHello  *zgrab2Hello        `json:"server_hello,omitempty"`
		Certificates *zgrab2Certificates `json:"server_certificates,omitempty"`
	} `json:"handshake_log"`
}

type zgrab2Hello struct {
	Version   zgrab2Version `json:"version"`
	Supported *struct {
		Selected zgrab2Version `json:"selected_version"`
	} `json:"supported_versions,omitempty"`
	CipherSuite *zgrab2Cipher `json:"cipher_suite,omitempty"`
	ALPN        string        `json:"alpn_protocol,omitempty"`
}

type zgrab2Version struct {
	Name  string `json:"name"`
	Value uint16 `json:"value"`
}

type zgrab2Cipher struct {
	Hex   string `json:"hex"`
	Name  string `json:"name"`
	Value uint16 `json:"value"`
}

type zgrab2Certificates struct {
	Certificate zgrab2Certificate   `json:"certificate"`
	Chain       []zgrab2Certificate `json:"chain,omitempty"`
}

type zgrab2Certificate struct {
	Parsed zgrab2Parsed `json:"parsed"`
}

type zgrab2Parsed struct {
	Serial    string          `json:"serial_number,omitempty"`
	Issuer    *zgrab2Name     `json:"issuer,omitempty"`
	IssuerDN  string          `json:"issuer_dn,omitempty"`
	Validity  zgrab2Validity  `json:"validity"`
	Subject   *zgrab2Name     `json:"subject,omitempty"`
	SubjectDN string          `json:"subject_dn,omitempty"`
	Key       zgrab2KeyInfo   `json:"subject_key_info"`
	SHA256    string          `json:"fingerprint_sha256,omitempty"`
	Names     []string        `json:"names,omitempty"`
	Signature *zgrab2SelfSign `json:"signature,omitempty"`
}

type zgrab2Name struct {
	CommonName   []string `json:"common_name,omitempty"`
	Organization []string `json:"organization,omitempty"`
}

type zgrab2Validity struct {
	Start  string `json:"start,omitempty"`
	End    string `json:"end"`
	Length int64  `json:"length,omitempty"` // seconds
}

type zgrab2KeyInfo struct {
	Algorithm *struct {
		Name string `json:"name"`
	} `json:"key_algorithm,omitempty"`
	SHA256 string `json:"fingerprint_sha256,omitempty"`
}

type zgrab2SelfSign struct {
	SelfSigned bool `json:"self_signed"`
}

func zgrab2Of(v *scanner.Service) *zgrab2Grab {
	g := &zgrab2Grab{Port: v.Port, Domain: v.Host}
	if v.IP.IsValid() {
		g.IP = &v.IP
	}
	g.Data.SMTP = zgrab2Response{
		Status: zgrab2Status(v.Status), Protocol: "smtp", Port: v.Port, Timestamp: v.Timestamp.Format(time.RFC3339), Error: v.Error,
	}
	result := zgrab2Result{
		Banner: v.Banner, HELO: v.HELO, Help: v.Help, STARTTLS: v.STARTTLS, Quit: v.Quit,
		ImplicitTLS: v.ImplicitTLS != nil && *v.ImplicitTLS, TLS: zgrab2TLSOf(v.TLS),
	}
	if v.EHLO != nil {
		result.EHLO = v.EHLO.Raw
	}
	if result != (zgrab2Result{}) {
		g.Data.SMTP.Result = &result
	}
	return g
}

// zgrab2Status is the word of zgrab2's status.go for an outcome.
func zgrab2Status(s scanner.Status) string {
	switch s {
	case scanner.StatusSuccess:
		return "success"
	case scanner.StatusRefused:
		return "connection-refused"
	case scanner.StatusReset, scanner.StatusClosed:
		return "connection-closed"
	case scanner.StatusConnectTimeout, scanner.StatusUnreachable, scanner.StatusNoRoute: // there, every dial that fails
		return "connection-timeout"
	case scanner.StatusGreetingTimeout, scanner.StatusReplyTimeout, scanner.StatusTLSTimeout, scanner.StatusTargetTimeout:
		return "io-timeout"
	case scanner.StatusTLSFailed:
		return "handshake-error"
	case scanner.StatusNotSMTP, scanner.StatusProtocolError:
		return "protocol-error"
	case scanner.StatusRateLimited, scanner.StatusRejected:
		return "application-error"
	case scanner.StatusBadName:
		return "invalid-inputs"
	case scanner.StatusExcluded, scanner.StatusPrivate:
		return "blocklisted-target"
	}
	return "unknown-error"
}

func zgrab2TLSOf(t *smtp.TLS) *zgrab2TLS {
	if t == nil {
		return nil
	}
	log := new(zgrab2TLS)
	log.HandshakeLog.ServerHello = zgrab2HelloOf(t)
	if c := t.Certificate; c != nil {
		list := &zgrab2Certificates{Certificate: zgrab2Certificate{zgrab2ParsedOf(c)}}
		for i := range t.Chain {
			v := &t.Chain[i]
			list.Chain = append(list.Chain, zgrab2Certificate{zgrab2Parsed{
				IssuerDN: v.Issuer, SubjectDN: v.Subject, Validity: zgrab2Validity{End: stamp(v.NotAfter)}, SHA256: v.SHA256, Key: zgrab2KeyInfo{SHA256: v.SPKISHA256},
			}})
		}
		log.HandshakeLog.Certificates = list
	}
	return log
}

// zgrab2HelloOf gives the version as the ServerHello has it: TLS 1.3 calls itself
// 1.2 there, and says what it is in an extension (RFC 8446, section 4.1.3).
func zgrab2HelloOf(t *smtp.TLS) *zgrab2Hello {
	versions := map[string]zgrab2Version{
		"TLS 1.0": {"TLSv1.0", tls.VersionTLS10}, "TLS 1.1": {"TLSv1.1", tls.VersionTLS11},
		"TLS 1.2": {"TLSv1.2", tls.VersionTLS12}, "TLS 1.3": {"TLSv1.3", tls.VersionTLS13},
	}
	version, ok := versions[t.Version]
	if !ok {
		return nil
	}
	h := &zgrab2Hello{Version: version, CipherSuite: zgrab2CipherOf(t.Cipher), ALPN: t.ALPN}
	if version.Value == tls.VersionTLS13 {
		h.Version = versions["TLS 1.2"]
		h.Supported = &struct {
			Selected zgrab2Version `json:"selected_version"`
		}{version}
	}
	return h
}

func zgrab2CipherOf(name string) *zgrab2Cipher {
	for _, list := range [][]*tls.CipherSuite{tls.CipherSuites(), tls.InsecureCipherSuites()} {
		for _, c := range list {
			if c.Name == name {
				const digits = "0123456789ABCDEF"
				hex := []byte{'0', 'x', digits[c.ID>>12], digits[c.ID>>8&15], digits[c.ID>>4&15], digits[c.ID&15]}
				return &zgrab2Cipher{string(hex), name, c.ID}
			}
		}
	}
	return nil
}

func zgrab2ParsedOf(c *smtp.Certificate) zgrab2Parsed {
	p := zgrab2Parsed{
		IssuerDN: c.Issuer, SubjectDN: c.Subject, SHA256: c.SHA256, Names: c.SANs, Key: zgrab2KeyInfo{SHA256: c.SPKISHA256},
		Validity:  zgrab2Validity{stamp(c.NotBefore), stamp(c.NotAfter), int64(c.NotAfter.Sub(c.NotBefore).Seconds())},
		Issuer:    zgrab2NameOf(c.IssuerCN, c.IssuerOrg),
		Subject:   zgrab2NameOf(c.SubjectCN, ""),
		Signature: &zgrab2SelfSign{c.SelfSigned},
	}
	if n, ok := new(big.Int).SetString(c.Serial, 16); ok {
		p.Serial = n.String()
	}
	if c.KeyType != "" && c.KeyType != "unknown" {
		p.Key.Algorithm = &struct {
			Name string `json:"name"`
		}{c.KeyType}
	}
	return p
}

func zgrab2NameOf(commonName, organization string) *zgrab2Name {
	n := new(zgrab2Name)
	if commonName != "" {
		n.CommonName = []string{commonName}
	}
	if organization != "" {
		n.Organization = []string{organization}
	}
	if n.CommonName == nil && n.Organization == nil {
		return nil
	}
	return n
}
