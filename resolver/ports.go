package resolver

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// ParsePorts parses the value of the -port flag: TCP ports separated by commas,
// each a number from 1 to 65535, with ":starttls" or ":tls" after it where the
// way to begin TLS is not scanner.UsualMode, as in "25,465,2525:starttls". The
// order is kept. A port named twice in the same mode counts once; in two modes
// it is an error, for a port is contacted once.
func ParsePorts(s string) ([]scanner.Port, error) {
	var ports []scanner.Port
	modes := make(map[uint16]smtp.Mode)
	for field := range strings.SplitSeq(s, ",") {
		port, err := parsePort(strings.TrimSpace(field))
		if err != nil {
			return nil, err
		}
		mode, seen := modes[port.Number]
		if seen && mode != port.Mode {
			return nil, fmt.Errorf("port %d is named both as starttls and as tls: choose one", port.Number)
		}
		if !seen {
			modes[port.Number] = port.Mode
			ports = append(ports, port)
		}
	}
	return ports, nil
}

// parsePort parses "25", "2525:starttls" or "4465:tls".
func parsePort(s string) (scanner.Port, error) {
	digits, word, named := strings.Cut(s, ":")
	number, err := parsePortNumber(digits)
	if err != nil {
		return scanner.Port{}, err
	}
	if !named {
		return scanner.Port{Number: number, Mode: scanner.UsualMode(number)}, nil
	}
	for _, mode := range []smtp.Mode{smtp.ModeSTARTTLS, smtp.ModeTLS} {
		if strings.EqualFold(word, mode.String()) {
			return scanner.Port{Number: number, Mode: mode}, nil
		}
	}
	return scanner.Port{}, fmt.Errorf("port mode %q: expected starttls or tls", clip(word))
}

// parsePortNumber parses a TCP port. Port 0 cannot be connected to.
func parsePortNumber(s string) (uint16, error) {
	if s == "" {
		return 0, errors.New("the port is missing: expected a number from 1 to 65535")
	}
	n, err := strconv.ParseUint(s, 10, 16)
	if err != nil || n == 0 {
		return 0, fmt.Errorf("port %q: expected a number from 1 to 65535", clip(s))
	}
	return uint16(n), nil
}
