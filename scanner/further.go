package scanner

import (
	"context"
	"crypto/tls"
	"net"

	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// further asks a server that has answered what takes connections of their own:
// versions of TLS, and the active checks. They follow each other in the slot of
// the first conversation, at the pace of all connections. It returns false if
// the end of the run has cut that short.
func (e *engine) further(o *outcome, ep Endpoint) (complete bool) {
	if o.status != StatusSuccess || e.s.Checks == nil && !e.s.TLSVersions {
		return true
	}
	mode := smtp.ModeSTARTTLS
	if o.transcript.ImplicitTLS {
		mode = smtp.ModeTLS
	}
	if e.s.TLSVersions && o.transcript.TLS != nil && o.transcript.TLS.Version != "" {
		o.versions = e.versions(o.transcript.TLS.Version, mode, ep)
	}
	for _, check := range e.s.Checks {
		c := smtp.Checked{Check: check, Exchanges: []smtp.Exchange{}, Error: "no connection"}
		e.onceMore(ep, func(ctx context.Context, conn net.Conn) {
			c = e.prober.Check(ctx, conn, mode, ep.Name, check)
		})
		o.checks = append(o.checks, c)
	}
	return e.intake.Err() == nil
}

// versions asks for each version but the one that was negotiated.
func (e *engine) versions(negotiated string, mode smtp.Mode, ep Endpoint) *TLSVersions {
	v := &TLSVersions{Accepted: []string{}, Refused: []string{}}
	for version := uint16(tls.VersionTLS10); version <= tls.VersionTLS13; version++ {
		name := tls.VersionName(version)
		if name == negotiated {
			v.Accepted = append(v.Accepted, name)
			continue
		}
		var speaks *bool
		e.onceMore(ep, func(ctx context.Context, conn net.Conn) {
			speaks = e.prober.SpeaksTLS(ctx, conn, mode, ep.Name, version)
		})
		switch {
		case speaks == nil:
		case *speaks:
			v.Accepted = append(v.Accepted, name)
		default:
			v.Refused = append(v.Refused, name)
		}
	}
	return v
}

// onceMore opens another connection to an endpoint, unless the run is ending.
func (e *engine) onceMore(ep Endpoint, use func(context.Context, net.Conn)) {
	if e.s.Delay > 0 && !e.sleep(e.s.Delay) || !e.pace() {
		return
	}
	conn, at, err := e.connect(ep)
	if err == nil {
		use(deadline{e.run, at.Add(e.s.TargetTimeout)}, conn)
	}
}
