package scanner

import (
	"context"
	"crypto/tls"
	"errors"
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
	q := &inquiry{engine: e, ep: ep}
	if o.transcript.ImplicitTLS {
		q.mode = smtp.ModeTLS
	}
	if e.s.TLSVersions && o.transcript.TLS != nil && o.transcript.TLS.Version != "" {
		o.versions = q.versions(o.transcript.TLS.Version)
	}
	for _, check := range e.s.Checks {
		o.checks = append(o.checks, q.check(check))
	}
	return !q.cut
}

// An inquiry is the further connections to one endpoint.
type inquiry struct {
	*engine
	ep     Endpoint
	mode   smtp.Mode
	cut    bool   // the run is ending, and not all was asked
	enough string // why no more connections are made; "": they are
}

func (q *inquiry) check(check smtp.Check) (c smtp.Checked) {
	begun := q.once(func(ctx context.Context, conn net.Conn) (err error) {
		c, err = q.prober.Check(ctx, conn, q.mode, q.ep.Name, check)
		return err
	})
	if !begun {
		c = smtp.Checked{Check: check, Exchanges: []smtp.Exchange{}, Error: "not made: " + q.enough}
	}
	return c
}

// versions asks for each version but the one that was negotiated.
func (q *inquiry) versions(negotiated string) *TLSVersions {
	v := &TLSVersions{Accepted: []string{}, Refused: []string{}}
	for version := uint16(tls.VersionTLS10); version <= tls.VersionTLS13; version++ {
		name := tls.VersionName(version)
		if name == negotiated {
			v.Accepted = append(v.Accepted, name)
			continue
		}
		var speaks *bool
		q.once(func(ctx context.Context, conn net.Conn) (err error) {
			speaks, err = q.prober.SpeaksTLS(ctx, conn, q.mode, q.ep.Name, version)
			return err
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

// once opens another connection to the endpoint, unless the run is ending or
// the server has had enough: it was polite once, and is not to be pestered when
// it says 421 (RFC 5321, section 3.8) or takes no connection any more.
func (q *inquiry) once(use func(context.Context, net.Conn) error) (begun bool) {
	if q.enough != "" {
		return false
	}
	if q.s.Delay > 0 && !q.sleep(q.s.Delay) || !q.pace() {
		q.cut, q.enough = true, "the run was ending"
		return false
	}
	conn, at, err := q.connect(q.ep)
	if err != nil {
		q.enough = dialText(err)
		return false
	}
	err = use(q.deadline(at), conn)
	failed, ok := errors.AsType[*smtp.Error](err)
	if ok && failed.Kind == smtp.KindRateLimited && failed.Phase != smtp.PhaseAsk { // there it is about the commands, not the connection
		q.enough = err.Error()
	}
	return true
}
