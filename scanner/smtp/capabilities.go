package smtp

import (
	"errors"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Capabilities are the EHLO keywords of one reply (RFC 5321, section 4.1.1.1),
// the known ones parsed. Every boolean is a plain fact about a reply that was
// received in full; that no reply was received is said by a nil *Capabilities.
type Capabilities struct {
	Keywords            []string `json:"keywords"`            // every keyword in upper case, in the order sent, at most 100 of 64 bytes each
	STARTTLS            bool     `json:"starttls"`            // RFC 3207
	Auth                []string `json:"auth"`                // SASL mechanisms, upper case, in the order sent (RFC 4954)
	AuthLegacy          bool     `json:"auth_legacy"`         // the mechanisms (also) came in the old "AUTH=" form
	Size                *int64   `json:"size"`                // octets; null without SIZE or without its number, 0 for "no fixed limit" (RFC 1870)
	Pipelining          bool     `json:"pipelining"`          // RFC 2920
	Chunking            bool     `json:"chunking"`            // RFC 3030
	BinaryMIME          bool     `json:"binarymime"`          // RFC 3030
	EightBitMIME        bool     `json:"8bitmime"`            // RFC 6152
	SMTPUTF8            bool     `json:"smtputf8"`            // RFC 6531
	DSN                 bool     `json:"dsn"`                 // RFC 3461
	EnhancedStatusCodes bool     `json:"enhancedstatuscodes"` // RFC 2034
	ETRN                bool     `json:"etrn"`                // RFC 1985
	Help                bool     `json:"help"`                // RFC 5321
	VRFY                bool     `json:"vrfy"`                // RFC 5321
	EXPN                bool     `json:"expn"`                // RFC 5321
	RequireTLS          bool     `json:"requiretls"`          // RFC 8689
	DeliverBy           bool     `json:"deliverby"`           // RFC 2852
	FutureRelease       bool     `json:"futurerelease"`       // RFC 4865
	MTPriority          bool     `json:"mt_priority"`         // RFC 6710
	Limits              string   `json:"limits"`              // argument of LIMITS (RFC 9422), at most 255 bytes; "" without
}

// The bounds of what is kept of an EHLO reply, which is kept whole as text
// anyway. No real server comes near them.
const (
	maxKeywords    = 100
	maxKeyword     = 64
	maxMechanisms  = 50
	maxLimitsBytes = 255
)

// ParseCapabilities reads the reply to EHLO: after the server's name on the
// first line, one keyword with its parameters on each (RFC 5321, section
// 4.1.1.1). It returns nil unless the code is 250, since any other reply says
// nothing about what the server can do.
func ParseCapabilities(r *Reply) *Capabilities {
	if r == nil || r.Code != 250 {
		return nil
	}
	c := &Capabilities{Keywords: make([]string, 0, len(r.Lines)-1), Auth: []string{}}
	for _, line := range r.Lines[1:] {
		if len(c.Keywords) == maxKeywords {
			break
		}
		c.add(line)
	}
	return c
}

// add reads one line. Keywords are not case-sensitive (RFC 5321, section
// 2.4). Servers older than RFC 2554 put "=" where the standard has a space.
func (c *Capabilities) add(line string) {
	word, args := cutWord(line)
	word, old, legacy := strings.Cut(word, "=")
	if legacy {
		args = old + " " + args
	}
	word = upper(cut(word, maxKeyword))
	if word == "" {
		return
	}
	c.Keywords = append(c.Keywords, word)
	switch word {
	case "AUTH":
		c.addAuth(args, legacy)
	case "SIZE":
		c.Size = parseSize(args)
	case "LIMITS":
		c.Limits = cut(strings.TrimSpace(args), maxLimitsBytes)
	default:
		if flag := c.flag(word); flag != nil {
			*flag = true
		}
	}
}

// flag returns the field of a keyword of which only the presence is recorded.
func (c *Capabilities) flag(word string) *bool {
	switch word {
	case "STARTTLS":
		return &c.STARTTLS
	case "PIPELINING":
		return &c.Pipelining
	case "CHUNKING":
		return &c.Chunking
	case "BINARYMIME":
		return &c.BinaryMIME
	case "8BITMIME":
		return &c.EightBitMIME
	case "SMTPUTF8":
		return &c.SMTPUTF8
	case "DSN":
		return &c.DSN
	case "ENHANCEDSTATUSCODES":
		return &c.EnhancedStatusCodes
	case "ETRN":
		return &c.ETRN
	case "HELP":
		return &c.Help
	case "VRFY":
		return &c.VRFY
	case "EXPN":
		return &c.EXPN
	case "REQUIRETLS":
		return &c.RequireTLS
	case "DELIVERBY":
		return &c.DeliverBy
	case "FUTURERELEASE":
		return &c.FutureRelease
	case "MT-PRIORITY":
		return &c.MTPriority
	}
	return nil
}

// addAuth adds SASL mechanisms (RFC 4954, section 3), each once: many servers
// send the list in both forms.
func (c *Capabilities) addAuth(args string, legacy bool) {
	c.AuthLegacy = c.AuthLegacy || legacy
	for name := range strings.FieldsSeq(upper(args)) {
		name = cut(name, maxKeyword)
		if len(c.Auth) < maxMechanisms && !slices.Contains(c.Auth, name) {
			c.Auth = append(c.Auth, name)
		}
	}
}

// parseSize reads the parameter of SIZE: up to 20 digits (RFC 1870, section 4),
// which is more than an int64 holds. Without a parameter nothing is said about
// the limit, and garbage says no more.
func parseSize(args string) *int64 {
	word, _ := cutWord(args)
	n, err := strconv.ParseUint(word, 10, 64)
	// Beyond the range ParseUint returns the largest number there is.
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return nil
	}
	size := int64(min(n, math.MaxInt64))
	return &size
}

// upper turns ASCII letters into capitals and leaves all other bytes alone:
// strings.ToUpper would replace those that are no UTF-8, and would make STARTTLS
// of words that only look like it.
func upper(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return 'a' <= r && r <= 'z' }) {
		return text
	}
	b := []byte(text)
	for i, c := range b {
		if 'a' <= c && c <= 'z' {
			b[i] = c - 0x20
		}
	}
	return string(b)
}

// cut shortens a text to at most n bytes.
func cut(text string, n int) string { return text[:min(len(text), n)] }
