package scanner

import (
	"errors"
	"net/netip"
	"slices"
	"time"
)

// maxAddresses bounds the addresses that are taken from one name's lookup, a
// second line of defense behind the resolver's own limits.
const maxAddresses = 64

// expand turns an input into endpoints and submits them.
func (e *engine) expand(j *job) {
	switch {
	case j.cursor != nil:
		e.expandRange(j.cursor)
	case j.in.Kind != KindRange:
		e.expandName(j)
	default:
		e.expandAddress(j)
	}
}

func (e *engine) ports(in *Input) []Port {
	if in.Ports != nil {
		return in.Ports
	}
	return e.s.Ports
}

// excludedNames asks for names; one of them is enough.
func (e *engine) excludedNames(names ...string) bool {
	return e.s.Exclude != nil && slices.ContainsFunc(names, func(name string) bool { return e.s.Exclude(netip.Addr{}, name) })
}

// excludedAddr asks for an address and for the IPv4 address that it stands
// for, lest a translated form get round the exclusion.
func (e *engine) excludedAddr(addr netip.Addr) bool {
	if e.s.Exclude == nil {
		return false
	}
	v4, ok := embeddedIPv4(addr)
	return e.s.Exclude(addr, "") || ok && e.s.Exclude(v4, "")
}

// expandName looks a domain or host up and submits what it leads to.
func (e *engine) expandName(j *job) {
	j.open.Store(1)
	if j.in.Kind == KindDomain {
		j.domain = &Domain{Domain: j.in.Name, Status: StatusExcluded}
	} else if e.skip(row{job: j}, j.in.Name, netip.Addr{}, 0) {
		return // it led nowhere
	}
	if e.excludedNames(j.in.Name) {
		e.expandResolution(j, Resolution{Status: StatusExcluded, Error: "an exclusion covers the name"})
		return
	}
	e.lookup(j)
}

// lookup asks the resolver for the name of the job. A transient failure is put
// off to the end of the run as long as retries are left.
func (e *engine) lookup(j *job) {
	res := e.resolve(j)
	j.lookups++
	if e.intake.Err() != nil {
		return // cut short, perhaps; and nothing would be contacted any more
	}
	if transientDNS(res.Status) && j.lookups <= e.policy.retries {
		if e.postpone(time.Now().Add(e.policy.pause(j.lookups)), func() { e.lookup(j) }) {
			e.stats.deferred.Add(1)
			return
		}
	}
	if e.fetchSTS(j, &res); e.intake.Err() != nil {
		return // nor is it final that the policy could not be fetched
	}
	e.expandResolution(j, res)
}

// fetchSTS fetches the MTA-STS policy of a domain whose DNS says that there is
// one, at the pace of other connections.
func (e *engine) fetchSTS(j *job, res *Resolution) {
	name := "mta-sts." + j.in.Name
	if e.s.FetchSTS == nil || e.plan != nil || res.MTASTS == nil || len(res.MTASTS.Records) == 0 || e.excludedNames(name) || !e.pace() {
		return
	}
	res.stsPolicy = e.s.FetchSTS(e.intake, j.in.Name, func(addr netip.Addr) error {
		if status, text := e.refuse(addr, false); status != "" {
			return errors.New(text)
		}
		return nil
	})
}

func (e *engine) resolve(j *job) Resolution {
	switch {
	case e.s.Resolver == nil:
		return Resolution{Status: StatusLocal, Error: "no resolver is configured"}
	case j.in.Kind == KindDomain:
		return e.s.Resolver.LookupMX(e.intake, j.in.Name)
	}
	return e.s.Resolver.LookupHost(e.intake, j.in.Name)
}

// transientDNS reports whether another lookup may end otherwise.
func transientDNS(s Status) bool { return s == StatusServFail || s == StatusDNSTimeout }

// expandResolution submits the endpoints that a name leads to. An MX that leads
// nowhere has a record of its own; so has a name without any MX or address.
func (e *engine) expandResolution(j *job, res Resolution) {
	defer e.close(j)
	if res.Status != StatusExcluded && e.excludedNames(res.CNAME...) {
		res = Resolution{Status: StatusExcluded, Error: "an exclusion covers what the name is an alias of", CNAME: res.CNAME}
	}
	res.MX = slices.Clone(res.MX) // the resolver's may be that of its cache
	if d := j.domain; d != nil {
		d.describe(&res)
	}
	for i := range res.MX {
		mx := &res.MX[i]
		r := row{job: j}
		if j.domain != nil {
			r.mx = &ServiceMX{Name: mx.Name, Preference: mx.Preference, Implicit: mx.Implicit, TLSA: mx.TLSA}
		}
		e.expandMX(r, mx, 1)
	}
	if len(res.MX) == 0 {
		if res.Status == "" || res.Status == StatusSuccess {
			res.Status, res.Error = StatusLocal, "the resolver returned neither an address nor a reason"
		}
		j.open.Add(1)
		e.writeNowhere(row{job: j}, j.in.Name, res.Status, res.Error)
	}
}

// describe fills the DNS facts of a domain record.
func (d *Domain) describe(res *Resolution) {
	d.Status, d.Error, d.MX = res.Status, res.Error, res.MX
	d.CNAME, d.AuthenticData = res.CNAME, res.AuthenticData
	d.SPF, d.DMARC, d.MTASTS, d.TLSRPT = res.SPF, res.DMARC, res.MTASTS, res.TLSRPT
	d.MTASTSPolicy = res.stsPolicy
	if len(res.MX) > 0 || res.NullMX || res.Status == StatusNXDomain {
		d.NullMX, d.ImplicitMX = &res.NullMX, &res.ImplicitMX
	} // else the MX records were not seen, and neither fact is known
}

// expandMX submits the endpoints of one MX or host, which has been looked up so
// many times.
func (e *engine) expandMX(r row, mx *MX, lookups int) {
	r.job.open.Add(1)
	if e.skip(r, mx.Name, netip.Addr{}, 0) {
		return // it led nowhere in an earlier part of the run
	}
	defer e.close(r.job)
	status, text := mx.Status, mx.Error
	switch {
	case e.excludedNames(mx.Name), e.excludedNames(mx.CNAME...):
		status, text = StatusExcluded, "an exclusion covers the MX or host name, or what it is an alias of"
	case len(mx.Addresses) > 0:
		status = ""
	case transientDNS(status) && e.putOff(r, mx, lookups):
		return
	case status == "" || status == StatusSuccess:
		status, text = StatusNoAddress, "the name has no address"
	}
	if status != "" {
		r.job.open.Add(1)
		e.writeNowhere(r, mx.Name, status, text)
		return
	}
	for _, addr := range mx.Addresses[:min(len(mx.Addresses), maxAddresses)] {
		addr = plain(addr)
		status, text := e.refuse(addr, false)
		for _, port := range e.ports(&r.job.in) {
			e.want(Endpoint{addr, port, mx.Name}, r, status, text)
		}
	}
}

// putOff has an MX whose lookup failed for the moment, unlike that of others,
// looked up again at the end of the run. It returns false if no retry is left.
func (e *engine) putOff(r row, mx *MX, lookups int) bool {
	if lookups > e.policy.retries {
		return false
	}
	r.job.open.Add(1)
	put := e.postpone(time.Now().Add(e.policy.pause(lookups)), func() {
		defer e.close(r.job)
		res := e.s.Resolver.LookupHost(e.intake, mx.Name)
		if e.intake.Err() != nil {
			r.job.open.Add(1) // never closed: the domain is not complete
			return
		}
		mx.Status, mx.Error = res.Status, res.Error
		if len(res.MX) > 0 {
			mx.CNAME, mx.Addresses, mx.AuthenticData = res.MX[0].CNAME, res.MX[0].Addresses, res.MX[0].AuthenticData
		}
		e.expandMX(r, mx, lookups+1)
	})
	if put {
		e.stats.deferred.Add(1)
	} else {
		r.job.open.Add(-1)
	}
	return put
}

// expandAddress submits the endpoints of a single address, which as it was
// named always have a record.
func (e *engine) expandAddress(j *job) {
	defer e.asking(-1)
	addr := plain(j.in.First)
	status, text := e.refuse(addr, true)
	for _, port := range e.ports(&j.in) {
		e.want(Endpoint{Addr: addr, Port: port}, row{job: j}, status, text)
	}
}

// refuse says why an address must not be contacted, or returns "".
func (e *engine) refuse(addr netip.Addr, named bool) (Status, string) {
	if e.excludedAddr(addr) {
		return StatusExcluded, "an exclusion covers the address"
	}
	if why := notConnectable(addr); why != "" {
		return StatusPrivate, why
	}
	if !named && !e.s.AllowPrivate && isSpecial(e.special, addr) {
		return StatusPrivate, "the name leads to a private or special address"
	}
	return "", ""
}

// want asks for one endpoint on behalf of a row: it is refused, known already,
// or will be.
func (e *engine) want(ep Endpoint, r row, refused Status, text string) {
	if e.intake.Err() != nil {
		r.job.open.Add(1) // never closed: the domain is not complete
		return
	}
	r.job.open.Add(1)
	if e.skip(r, ep.Name, ep.Addr, ep.Port.Number) {
		return
	}
	if refused != "" {
		e.sums.status(refused)
		s := newService(ep)
		s.Timestamp, s.Status, s.Phase, s.Error = time.Now(), refused, "connect", text
		e.write(r, s, false)
		return
	}
	known, t, fresh := e.claim(e.intake, ep, r)
	switch {
	case known != nil:
		if e.plan == nil {
			e.write(r, known, true)
		}
	case t != nil:
		if fresh {
			e.stats.endpoints.Add(1)
		} else {
			e.stats.deferred.Add(-1)
		}
		e.submit(t)
	}
}

// enter makes the job of an input. Ranges are entered in the order in which
// they were named, so that of two that overlap it is always the same one that
// has the endpoints of both.
func (e *engine) enter(in Input) (*job, error) {
	j := &job{in: in}
	if !in.isRange() {
		if in.Kind == KindRange {
			e.asking(1) // expandAddress ends that
		}
		return j, nil
	}
	j.sweep = true
	c, err := newCursor(j, e.ports(&j.in), e.s.Seed)
	if err != nil {
		return nil, err
	}
	j.cursor = c
	var earlier *swept
	if e.ranges.enter(c) && e.plan == nil {
		c.track = newTrack()
		earlier = e.s.Resume.sweep(&in, c.perm.n, e.s.Seed)
	}
	if left := c.begin(e.s.Shard.turned(in.canonical()), earlier); e.ranges.add(c) {
		e.stats.endpoints.Add(left)
	}
	return j, nil
}

// expandRange has the addresses of ranges visited in their permuted order until
// there are no more of this one, each with a slot of the pool. Named targets wait
// for the slots in the same queue.
func (e *engine) expandRange(c *cursor) {
	for {
		e.awaitRoom(e.intake)
		e.sleep(e.debt())
		select {
		case <-c.drained:
			return
		case <-e.intake.Done():
			return
		case e.slots <- struct{}{}:
			if t := e.sweep(); t != nil {
				e.begin(t)
			} else {
				<-e.slots
			}
		}
	}
}

// sweep visits addresses of ranges until there is one to contact, and returns
// that. It returns nil if there are no more, or too many wait.
func (e *engine) sweep() *task {
	for e.intake.Err() == nil && !e.full() {
		ep, r, ok := e.ranges.next()
		if !ok {
			return nil
		}
		if t := e.visit(ep, r); t != nil {
			return t
		}
	}
	return nil
}

// visit returns the task of one endpoint of a range, nil if that must not be
// contacted, has been or has to wait.
func (e *engine) visit(ep Endpoint, r row) *task {
	if !ep.Addr.IsValid() || e.s.Resume.written(r, "", ep.Addr, ep.Port.Number) { // of an earlier range, or part of the run
		e.forgo(r, "")
		return nil
	}
	if status, _ := e.refuse(ep.Addr, true); status != "" {
		e.sums.status(status)
		e.forgo(r, status)
		return nil
	}
	known, t, fresh := e.claimRange(ep, r)
	switch {
	case known != nil && e.plan == nil && (e.policy.all || !known.silent()):
		e.stats.endpoints.Add(^uint64(0))
		e.write(r, known, true)
	case known != nil:
		e.forgo(r, "")
	case !fresh:
		e.stats.endpoints.Add(^uint64(0)) // another input has it, and this one waits for that
	}
	return t
}

// forgo ends an endpoint of a range and takes it out of the count: it has a
// record already, or must not be contacted.
func (e *engine) forgo(r row, status Status) {
	e.stats.endpoints.Add(^uint64(0))
	e.end(r, status)
}
