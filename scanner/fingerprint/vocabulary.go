package fingerprint

import (
	"regexp"
	"slices"
	"strings"

	"github.com/mxsweep/mxsweep/scanner/version"
)

// A signal is one thing about a server that rules can read.
type signal uint8

// The signals, in the order in which evidence is listed.
const (
	greeting signal = iota
	ehlo
	keywords
	helo
	starttls
	help
	unknownCommand
	noop
	rset
	vrfy
	quit
	tlsSubject
	tlsIssuer
	tlsName
	mx
	ptr
	signals // how many there are
)

// String returns the name used in files and in Evidence.
func (s signal) String() string { return signalNames()[s] }

// signalNames returns the names of the signals in their order.
func signalNames() []string {
	return []string{
		"greeting", "ehlo", "keywords", "helo", "starttls", "help", "unknown-command",
		"noop", "rset", "vrfy", "quit", "tls-subject", "tls-issuer", "tls-name", "mx", "ptr",
	}
}

func parseSignal(name string) (signal, bool) {
	i := slices.Index(signalNames(), name)
	return signal(max(i, 0)), i >= 0
}

// questions returns the signals that only an identifying command brings, the
// most telling first.
func questions() []string {
	return []string{"help", "unknown-command", "vrfy", "noop", "rset", "helo"}
}

// A kind tells words that an administrator can set from conduct that is in the
// program.
type kind uint8

const (
	claim kind = iota
	behavior
	kinds // how many there are
)

// String returns the name used in files.
func (k kind) String() string {
	if k == behavior {
		return "behavior"
	}
	return "claim"
}

func parseKind(name string) (kind, bool) {
	switch name {
	case "claim":
		return claim, true
	case "behavior":
		return behavior, true
	}
	return claim, false
}

// usualKind is what a rule is that does not say: names in greetings,
// certificates and the DNS are set by people, replies to commands by the
// program.
func usualKind(s signal) kind {
	switch s {
	case greeting, tlsSubject, tlsIssuer, tlsName, mx, ptr:
		return claim
	}
	return behavior
}

// Classes returns the legal values of "class".
func Classes() []string {
	return []string{"mta", "gateway", "provider", "test", "device", "honeypot", "not-smtp"}
}

// schemes returns the legal values of "versions" beside none at all.
func schemes() []string { return version.Schemes() }

// isSlug reports whether s can name a file or a rule.
func isSlug(s string) bool {
	for part := range strings.SplitSeq(s, "-") {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz0123456789") != "" {
			return false
		}
	}
	return true
}

// isHostSuffix reports whether s can end a provider's host names. The second
// label may be "*", for names such as inbound-smtp.*.amazonaws.com.
func isHostSuffix(s string) bool {
	labels := strings.Split(s, ".")
	if len(labels) < 2 {
		return false
	}
	for i, l := range labels {
		if l == "*" && i == 1 && len(labels) > 3 {
			continue
		}
		if l == "" || strings.Trim(l, "abcdefghijklmnopqrstuvwxyz0123456789-_") != "" {
			return false
		}
	}
	return true
}

// isCPEPrefix reports whether s is the head of a CPE 2.3 formatted string, up
// to and with the product (NIST IR 7695, section 6.2).
func isCPEPrefix(s string) bool {
	return regexp.MustCompile(`^cpe:2\.3:[aoh](:([a-z0-9._\-]|\\[!-/:-@\[-^{-~])+){2}$`).MatchString(s)
}
