package scanner

import (
	"math"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// Servers say when they have enough of us, by 421 or 4xx with words such as
// "too many connections" (RFC 5321, section 3.8, has the code but not the
// reason) or, without words, by breaking connections that they took before.
// Who goes on then is blocked, and everything after that is a false "no".
//
// An address that complains is left alone until the end of the run, then asked
// with one connection at a time and growing pauses. After as many complaints in
// a row as there are attempts, its other endpoints are not contacted any more:
// they are rate-limited, which means unknown. A provider, of which the address
// may be one of thousands, is given a pause, and half of the connections that
// it had; each full turn without a complaint adds one.

const (
	troublesOfAddress  = 3 // broken connections in a row that count as a complaint
	troublesOfProvider = 5
	maxCooling         = 65536 // addresses that wait for Delay to pass; then the probes wait with them
)

// A temper is how an address, or a provider, takes our connections.
type temper struct {
	complained bool      // ever
	complaints int       // in a row
	troubles   int       // connections in a row that broke without a word
	since      time.Time // of the last complaint
	until      time.Time // when the pause after it ends
	answered   []uint16  // ports that have greeted; not kept for providers
}

// upset notes a complaint. What had been begun before the last one is part of
// that.
func (m *temper) upset(o *outcome, p *policy) (first bool) {
	if m.complained && !o.at.After(m.since) {
		return false
	}
	m.complained, m.since, m.troubles = true, time.Now(), 0
	m.complaints++
	m.until = m.since.Add(5 * p.pause(m.complaints))
	return true
}

// calm notes a conversation.
func (m *temper) calm(o *outcome) {
	m.troubles = 0
	if o.at.After(m.since) {
		m.complaints = 0
	}
}

// A provider is who runs the hosts below one registrable domain.
type provider struct {
	temper
	limit  int // connections at once, for now
	busy   int
	turn   int     // conversations since the limit last changed
	parked []*task // that wait for one of the connections, and for nothing else
}

// providerOf returns the registrable domain of a host name, by the public
// suffix list; "" if the endpoint was not found by a name.
func providerOf(host string) string {
	if host == "" {
		return ""
	}
	domain, err := publicsuffix.EffectiveTLDPlusOne(host)
	if err != nil { // the name is a public suffix itself, or has a single label
		return host
	}
	return domain
}

// provider returns the entry of a task's provider, nil if there is none.
func (s *schedule) provider(t *task) *provider {
	if t.provider == "" {
		return nil
	}
	p := s.providers[t.provider]
	if p == nil {
		if p, _ = s.slowed.get(t.provider); p == nil {
			p = &provider{limit: s.providerLimit}
		}
		s.providers[t.provider] = p
	}
	return p
}

// dismiss forgets a provider that is idle, unless it has complained.
func (s *schedule) dismiss(name string, p *provider) {
	if p == nil || p.busy > 0 || len(p.parked) > 0 {
		return
	}
	delete(s.providers, name)
	if p.complained {
		s.slowed.put(name, p)
	}
}

// temperOf returns what is known of the temper of an address. It is nil if that
// is nothing, unless create is set.
func (s *schedule) temperOf(addr netip.Addr, create bool) *temper {
	m, _ := s.tempers.get(addr)
	if m == nil && create {
		m = new(temper)
		s.tempers.put(addr, m)
	}
	return m
}

// learn draws the conclusions for the pace from an attempt that has ended. It
// reports whether the outcome is one of broken trust: the connection failed
// without a word, and where that comes of a limit it may succeed later.
func (s *schedule) learn(t *task, o *outcome, p *policy) (broken bool) {
	if o.uncontacted || o.at.IsZero() {
		return false
	}
	m, prov := s.temperOf(t.ep.Addr, o.status == StatusRateLimited), s.provider(t)
	broken = o.broken(m != nil && slices.Contains(m.answered, t.ep.Port.Number))
	switch {
	case o.status == StatusRateLimited:
		m.upset(o, p)
		if prov != nil {
			prov.slow(o, p)
		}
	case o.greeted():
		if m == nil && !t.ranged() {
			m = s.temperOf(t.ep.Addr, true)
		}
		if m != nil {
			m.greeted(t.ep.Port.Number, o)
		}
		if prov != nil {
			prov.speedUp(o, s.providerLimit)
		}
	case broken:
		if m = s.temperOf(t.ep.Addr, true); m.trouble(troublesOfAddress) {
			m.upset(o, p)
		}
		if prov != nil && prov.trouble(troublesOfProvider) {
			prov.slow(o, p)
		}
	}
	s.hosts[t.ep.Addr].temper = m
	return broken
}

func (m *temper) greeted(port uint16, o *outcome) {
	m.calm(o)
	if !slices.Contains(m.answered, port) {
		m.answered = append(m.answered, port)
	}
}

// trouble counts a broken connection and reports whether there are too many.
// Where nobody ever answered it is no matter of too many connections.
func (m *temper) trouble(most int) bool {
	m.troubles++
	return m.troubles >= most && (m.complained || len(m.answered) > 0)
}

func (p *provider) slow(o *outcome, pol *policy) {
	if p.upset(o, pol) {
		p.limit, p.turn = max(1, min(p.limit, p.busy)/2), 0
	}
}

func (p *provider) speedUp(o *outcome, most int) {
	p.calm(o)
	if len(p.answered) == 0 {
		p.answered = append(p.answered, 0) // that somebody did is enough
	}
	if p.turn++; p.turn >= p.limit && p.limit < most {
		p.limit, p.turn = p.limit+1, 0
	}
}

// broken reports whether the connection failed without a word in a way in which
// servers and firewalls fend off too many of them. Silence and refusal of a
// port count only if it has answered before: most ports never do.
func (o *outcome) broken(answered bool) bool {
	if o.greeted() || o.phase != smtp.PhaseConnect && o.phase != smtp.PhaseGreeting {
		return false
	}
	switch o.status {
	case StatusReset, StatusClosed, StatusGreetingTimeout:
		return true
	case StatusConnectTimeout, StatusRefused:
		return answered
	}
	return false
}

// suspect renames the final outcome of a broken connection where a limit is to
// be suspected, so that it cannot be taken for an answer.
func (s *schedule) suspect(t *task, o *outcome) {
	m := s.temperOf(t.ep.Addr, false)
	if m == nil || !m.complained && !slices.Contains(m.answered, t.ep.Port.Number) {
		return
	}
	if o.err != nil {
		o.text, o.err = dialText(o.err), nil
	}
	why := "; the address had answered on this port before"
	if m.complained {
		why = "; the address had complained of too many connections, or broken several"
	}
	o.status, o.text = StatusRateLimited, o.text+why
}

// refrain keeps an attempt from an address or a provider that has complained, to
// other ports or under other names. It puts the attempt off, which has left then
// and whose next is as that of settle, or has it end with an outcome.
func (s *schedule) refrain(t *task, p *policy) (o *outcome, next []*task, left bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := s.temperOf(t.ep.Addr, false)
	if at := s.pauseOf(t, m, p); !at.IsZero() {
		t.left++
		s.putOff(t, at)
		return nil, s.release(t, false), true
	}
	return t.giveUp(m, p), nil, false
}

// pauseOf returns until when an attempt is to be put off: the end of the run, or
// of the pause; zero if it is not. It does so no more often for each task than
// there are retries.
func (s *schedule) pauseOf(t *task, m *temper, p *policy) (until time.Time) {
	prov := s.provider(t)
	if m == nil && prov == nil || t.left >= p.retries || len(s.deferred) >= maxDeferred {
		return until
	}
	now := time.Now()
	fresh := t.left == 0 && t.attempts == 0
	if m != nil && m.complaints <= p.retries && (now.Before(m.until) || fresh && m.complaints > 0) {
		until = later(now, m.until)
	}
	if prov != nil && fresh && now.Before(prov.until) {
		until = later(until, prov.until)
	}
	return until
}

// giveUp returns the outcome of an endpoint whose address has complained too
// often in a row to be contacted again, nil if it is not so. What an earlier
// attempt saw stands.
func (t *task) giveUp(m *temper, p *policy) *outcome {
	if m == nil || p.retries < 1 || m.complaints <= p.retries {
		return nil
	}
	t.given = true
	if t.best != nil {
		return t.best
	}
	return &outcome{
		at: time.Now(), status: StatusRateLimited, phase: smtp.PhaseConnect, uncontacted: true,
		text: "not contacted any more: the address complains of too many connections, or breaks them",
	}
}

// putOff keeps a task for the end of the run.
func (s *schedule) putOff(t *task, at time.Time) {
	t.deferred = true
	s.stats.deferred.Add(1)
	t.place = len(s.deferred)
	s.deferred = append(s.deferred, retry{at: at, task: t})
}

func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}

// cooling are the addresses that must rest until a time, in the order in which
// they may be contacted again: the wait is the same for all.
type cooling struct {
	delay time.Duration
	until map[netip.Addr]time.Time
	queue []resting
}

type resting struct {
	addr  netip.Addr
	until time.Time
}

// rest has an address rest from now on.
func (c *cooling) rest(addr netip.Addr, now time.Time) {
	if c.delay <= 0 {
		return
	}
	if c.until == nil {
		c.until = make(map[netip.Addr]time.Time)
	}
	for len(c.queue) > 0 && !now.Before(c.queue[0].until) {
		if r := c.queue[0]; c.until[r.addr].Equal(r.until) {
			delete(c.until, r.addr)
		}
		c.queue = c.queue[1:]
	}
	c.until[addr] = now.Add(c.delay)
	c.queue = append(c.queue, resting{addr, c.until[addr]})
}

// overflow returns how long it takes until one of too many addresses has
// rested.
func (s *schedule) overflow() time.Duration {
	if s.cool.delay <= 0 {
		return 0
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.cool.queue) < maxCooling {
		return 0
	}
	return time.Until(s.cool.queue[0].until)
}

// unlimited is the limit of connections to a provider where there is none.
const unlimited = math.MaxInt
