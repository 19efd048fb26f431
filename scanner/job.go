package scanner

import (
	"net/netip"
	"sync/atomic"
	"time"
)

// A job is one input between its intake and its last record.
type job struct {
	in     Input
	sweep  bool    // a range of several addresses: silent ones are not written
	cursor *cursor // of that range
	domain *Domain
	// open counts the service records that are still to come, and the
	// lookups that may lead to more. At zero the domain record is written.
	open     atomic.Int64
	services atomic.Int64
	lookups  int // times the name itself was looked up; retries follow each other
}

// A row is one service record to be: an endpoint as seen from one job.
type row struct {
	job   *job
	mx    *ServiceMX // nil for hosts and addresses
	index uint64     // in the permuted order of a range
}

// write delivers the record of a row: a copy of what is known of the endpoint,
// under the name that led there. One of a range is final as soon as it has been
// emitted, not before: else a Progress record could overtake it.
func (e *engine) write(r row, known *Service, reused bool) {
	s := *known
	s.Type = "service"
	s.Input = r.job.in.Text
	s.MX = r.mx
	s.Reused = reused
	if r.job.domain != nil {
		s.Domain = r.job.domain.Domain
	}
	if r.mx != nil && r.mx.TLSA != nil && len(r.mx.TLSA.Records) > 0 {
		e.assess(&Result{Service: &s}, nil) // by what the DNS promises of this name, too
	}
	r.job.services.Add(1)
	e.stats.services.Add(1)
	e.out <- func() error {
		e.fleet.add(&s)
		if err := e.emit(Result{Service: &s}); err != nil {
			return err
		}
		if c := r.job.cursor; c != nil && e.ranges.end(c, r.index, "") {
			return e.report(c, true)
		}
		return nil
	}
	e.close(r.job)
}

// writeNowhere delivers the record of a name that led to no address.
func (e *engine) writeNowhere(r row, host string, status Status, text string) {
	if e.skip(r, host, netip.Addr{}, 0) {
		return
	}
	e.sums.status(status)
	e.write(r, &Service{Timestamp: time.Now(), Host: host, Status: status, Phase: "dns", Error: text}, false)
}

// skip ends a row that an earlier part of the run has written, and returns
// whether it has.
func (e *engine) skip(r row, host string, addr netip.Addr, port uint16) bool {
	if !e.s.Resume.written(r, host, addr, port) {
		return false
	}
	r.job.services.Add(1)
	e.close(r.job)
	return true
}

// close ends one of the job's open claims; the last one writes the domain
// record, so that a domain record means that its services are complete.
func (e *engine) close(j *job) {
	if j.open.Add(-1) > 0 || j.domain == nil {
		return
	}
	d := j.domain
	d.Type, d.Timestamp, d.Input = "domain", time.Now(), j.in.Text
	d.Services = int(j.services.Load())
	res := Result{Domain: d}
	e.assess(&res, nil)
	e.stats.domains.Add(1)
	e.out <- func() error { return e.emit(res) }
}
