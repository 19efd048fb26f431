package scanner

import "net/netip"

// A SelfCheck says under which conditions of our own side a run was made, so that a
// reader can tell what its negatives are worth. The clock is the timestamp of
// the Run.
type SelfCheck struct {
	Address       netip.Addr `json:"address"`        // the own address that connections come from, before any translation; "" where there is no way out
	PTR           []string   `json:"ptr"`            // its names; null: not looked up or no answer; empty: there is none
	EHLOConfirmed *bool      `json:"ehlo_confirmed"` // the EHLO name leads back to it; null: not known, or an address literal is used
	Resolver      Status     `json:"resolver"`       // outcome of the PTR lookup; "" if there was none
	OpenFiles     int        `json:"open_files"`     // the limit in force; each connection takes one
}
