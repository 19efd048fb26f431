package smtp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"time"
)

const (
	quitTimeout    = 2 * time.Second // nobody waits long for a farewell
	lastTryTimeout = 5 * time.Second // TLS with a server that was silent so far
	maxLate        = 16              // greeting lines taken for answers to EHLO
)

// A conversation is one probe under way. Its methods are the steps, in the
// order of the package comment; each returns an *Error where the conversation
// cannot go on.
type conversation struct {
	*Prober
	*wire
	ctx        context.Context
	plain      net.Conn    // the connection below TLS
	stop       func() bool // ends the watch over ctx; nil: there is none
	serverName string
	version    uint16 // the only version of TLS to offer; 0: all
	t          *Transcript
	times      []float64 // of the transcript

	limit   time.Time // when the whole probe must be over; zero: never
	clipped bool      // the clock of this step is cut short by limit
	idle    bool      // the server has answered all and waits for a command
}

// hold is the whole conversation.
func (c *conversation) hold(mode Mode) error {
	if err := CheckName(c.t.NameSent); err != nil {
		return &Error{PhaseConnect, KindLocal, err}
	}
	err := c.open(mode)
	if err == nil {
		err = c.hello(PhaseEHLO, &c.t.EHLO, &c.t.Capabilities)
	}
	if err == nil {
		err = c.startTLS()
	}
	if err == nil && c.idle {
		err = c.ask()
	}
	if c.idle {
		c.quit(err != nil)
	}
	return err
}

// open goes as far as the greeting.
func (c *conversation) open(mode Mode) error {
	if mode == ModeTLS {
		err := c.handshake(c.timeout())
		if errors.Is(err, errPlainText) {
			return c.plainGreeting()
		}
		if err != nil {
			return err
		}
		c.t.ImplicitTLS = true
	}
	err := c.greeting()
	if c.t.Greeting == nil && KindOf(err) == KindTimeout && !c.t.ImplicitTLS {
		return c.lastTry(err)
	}
	return err
}

// greeting waits for the server's first words. RFC 5321, section 3.1: 220
// opens the conversation; after 554 the server waits for QUIT only, and other
// refusals are no invitation either.
func (c *conversation) greeting() error {
	c.t.Phase = PhaseGreeting
	start := time.Now()
	if err := c.clock(c.greetingTimeout()); err != nil {
		return err
	}
	if err := c.receive(&c.t.Greeting); err != nil {
		return err
	}
	c.t.GreetingDelay = time.Since(start)
	c.t.Timings.Greeting = c.since(start)
	if c.t.Greeting.Code/100 != 2 {
		return refusal(PhaseGreeting, c.t.Greeting)
	}
	return nil
}

// plainGreeting takes what came instead of a TLS record for a greeting. It can
// go no further: the ClientHello lies in the server's command buffer.
func (c *conversation) plainGreeting() error {
	c.t.TLS, c.t.Timings.TLS = nil, nil
	err := c.greeting()
	c.idle = false
	if kind := KindOf(err); err != nil && kind != KindRejected {
		return err
	}
	c.t.Phase = PhaseTLS
	return &Error{PhaseTLS, KindPlainText, errPlainText}
}

// lastTry sends a ClientHello to a server that has let the whole greeting clock
// run out without a byte: it may have waited for one. If it did not, the
// conversation ends with the error it would have ended with anyway.
func (c *conversation) lastTry(silence error) error {
	if c.handshake(min(c.timeout(), lastTryTimeout)) != nil {
		c.t.TLS, c.t.Timings.TLS, c.t.Phase = nil, nil, PhaseGreeting
		return silence
	}
	c.t.ImplicitTLS = true
	return c.greeting()
}

// hello sends EHLO, and HELO to a server that does not know it (RFC 5321,
// sections 3.2 and 4.1.4). EHLO is sent whether or not the greeting has the
// word ESMTP: that word is a custom, not part of the protocol.
func (c *conversation) hello(phase Phase, to **Reply, caps **Capabilities) error {
	start := time.Now()
	err := c.command(phase, to, "EHLO ", c.t.NameSent)
	if err == nil && (*to).Code == 220 {
		err = c.lateGreeting(to)
	}
	if err != nil {
		return err
	}
	*caps = ParseCapabilities(*to)
	switch code := (*to).Code; {
	case phase == PhaseEHLO && code/100 == 5:
		if err := c.command(PhaseHELO, &c.t.HELO, "HELO ", c.t.NameSent); err != nil {
			return err
		}
		if unknownVerb(*to) && unknownVerb(c.t.HELO) {
			return &Error{PhaseHELO, KindNotSMTP, errors.New("knows neither EHLO nor HELO")}
		}
		if c.t.HELO.Code != 250 {
			return refusal(PhaseHELO, c.t.HELO)
		}
	case code != 250:
		return refusal(phase, *to)
	}
	if phase == PhaseEHLO {
		c.t.Timings.EHLO = c.since(start)
	}
	return nil
}

// unknownVerb reports whether a reply says that the command does not exist: 500
// and 502 (RFC 5321, section 4.2.4), or 530, by which FTP servers ask for a
// login first (RFC 959, section 4.2). Every SMTP server knows HELO; LMTP servers
// must not (RFC 2033, section 4.1).
func unknownVerb(r *Reply) bool { return r.Code == 500 || r.Code == 502 || r.Code == 530 }

// lateGreeting handles servers that write a greeting of several lines without
// the hyphens that join them: each line after the first arrives as a reply of
// its own, and would be taken for the answer to EHLO. 220 is no answer to EHLO
// (RFC 5321, section 4.3.2), so it is added to the greeting and the next reply
// read.
func (c *conversation) lateGreeting(to **Reply) error {
	for range maxLate {
		if (*to).Code != 220 {
			break
		}
		late := *to
		err := c.receive(to)
		if err != nil && *to == nil {
			*to = late // so it was an answer, if a strange one
			return &Error{c.t.Phase, KindProtocol, fmt.Errorf("the server answered EHLO with %q", excerpt(string(late.Raw)))}
		}
		c.t.Greeting = ParseReply(c.t.Greeting.Raw + late.Raw)
		if err != nil {
			return err
		}
	}
	return nil
}

// startTLS upgrades the connection where the server offers it, and only there:
// the command has crashed servers that do not. After the handshake the client
// forgets what it knew and says EHLO again (RFC 3207, section 4.2).
func (c *conversation) startTLS() error {
	if c.t.ImplicitTLS || c.t.Capabilities == nil || !c.t.Capabilities.STARTTLS {
		return nil
	}
	start := time.Now()
	if err := c.command(PhaseSTARTTLS, &c.t.STARTTLS, "STARTTLS", ""); err != nil {
		return err
	}
	c.t.Timings.STARTTLS = c.since(start)
	if c.t.STARTTLS.Code/100 != 2 { // 454 and 501, RFC 3207, section 4
		c.t.TLSErr = refusal(PhaseSTARTTLS, c.t.STARTTLS)
		return nil
	}
	// Whatever else is here was sent in plain text, by the server or by
	// someone in the middle who wants it to be taken for the server's words
	// inside TLS (CVE-2011-0411 and its kin).
	c.t.Injected = c.take(len(c.buf))
	err := c.handshake(c.timeout())
	switch KindOf(err) {
	case "":
		return c.hello(PhaseEHLOTLS, &c.t.EHLOTLS, &c.t.CapabilitiesTLS)
	case KindCanceled, KindDeadline:
		return err
	}
	c.t.TLSErr = err
	return nil
}

// ask sends the identifying commands. A server that hangs up over them takes
// nothing away from what it said before, so only a canceled probe counts as a
// failure here.
func (c *conversation) ask() error {
	if c.Ask == nil {
		return nil
	}
	for _, cmd := range c.Ask(c.t) {
		to := c.t.reply(cmd)
		if to == nil || *to != nil {
			continue
		}
		arg := ""
		if cmd == CmdHelo {
			arg = " " + c.t.NameSent
		}
		err := c.command(PhaseAsk, to, string(cmd), arg)
		if KindOf(err) == KindCanceled {
			return err
		}
		if err != nil {
			return nil
		}
	}
	return nil
}

// quit takes leave (RFC 5321, section 4.1.1.10). The conversation is over
// whether the server answers or not; after a failure the phase stays where that
// was.
func (c *conversation) quit(failed bool) {
	phase := c.t.Phase
	c.t.Phase = PhaseQUIT
	if c.clock(min(c.timeout(), quitTimeout)) == nil && c.send("QUIT", "") == nil {
		c.t.Quit, _ = c.reply()
	}
	if failed {
		c.t.Phase = phase
	}
	if c.t.Quit != nil {
		_ = c.conn.Close() // inside TLS this says close_notify; Probe closes what is below
	}
}

// command sends a line and waits for the reply. What is read of a reply goes to
// its place even when the rest never comes.
func (c *conversation) command(phase Phase, to **Reply, verb, rest string) error {
	c.t.Phase = phase
	c.idle = false
	if err := c.clock(c.timeout()); err != nil {
		return err
	}
	if err := c.send(verb, rest); err != nil {
		return c.fail(err)
	}
	return c.receive(to)
}

// receive reads a reply. At any point 421 says that the server is closing (RFC
// 5321, section 3.8).
func (c *conversation) receive(to **Reply) error {
	c.idle = false
	r, err := c.reply()
	*to = r
	if err != nil {
		return c.fail(err)
	}
	if r.Code == 421 {
		return refusal(c.t.Phase, r)
	}
	c.idle = true
	return nil
}

// clock gives the next step its time, which is never more than is left of the
// whole. One deadline covers all reads of a step, so a server cannot win time
// by sending a byte now and then.
func (c *conversation) clock(d time.Duration) error {
	end := time.Now().Add(d)
	c.clipped = !c.limit.IsZero() && c.limit.Before(end)
	if c.clipped {
		end = c.limit
	}
	err := c.plain.SetDeadline(end)
	if c.ctx.Err() != nil {
		err = os.ErrDeadlineExceeded
	}
	if err != nil {
		return c.fail(err)
	}
	return nil
}

// since returns the milliseconds since start.
func (c *conversation) since(start time.Time) *float64 {
	c.times = append(c.times, float64(time.Since(start))/float64(time.Millisecond))
	return &c.times[len(c.times)-1]
}

// fail wraps an error of the connection. Behind a timeout may be the end of
// the context, and what is no reply is no SMTP where nothing was one before.
func (c *conversation) fail(err error) *Error {
	kind := kindOf(err)
	notSMTP := c.t.Phase == PhaseGreeting && c.t.Greeting != nil && !c.t.Greeting.begins()
	switch {
	case kind == KindTimeout && errors.Is(c.ctx.Err(), context.Canceled):
		kind, err = KindCanceled, context.Canceled
	case notSMTP:
		kind, err = KindNotSMTP, fmt.Errorf("not SMTP but %s", protocol(c.t.Greeting))
	case kind == KindTimeout && (c.clipped || c.ctx.Err() != nil):
		kind, err = KindDeadline, errWholeTime
	case kind == KindTimeout:
		err = errNoAnswer
	case kind == KindClosed:
		err = fmt.Errorf("closed by the server: %w", err)
	}
	// The addresses are known, and the local port says nothing to anybody.
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "read" || op.Op == "write") {
		err = op.Err
	}
	return &Error{c.t.Phase, kind, err}
}

// timeout and greetingTimeout fill in the defaults.
func (p *Prober) timeout() time.Duration {
	if p.Timeout == 0 {
		return DefaultTimeout
	}
	return p.Timeout
}

func (p *Prober) greetingTimeout() time.Duration {
	if p.GreetingTimeout == 0 {
		return DefaultGreetingTimeout
	}
	return p.GreetingTimeout
}
