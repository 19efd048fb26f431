package scanner

import (
	"sync/atomic"
	"time"
)

// A job is one input between its intake and its last record.
type job struct {
	in     Input
	sweep  bool // a range of several addresses: silent ones are not written
	domain *Domain
	// open counts the service records that are still to come, and the
	// lookups that may lead to more. At zero the domain record is written.
	open     atomic.Int64
	services atomic.Int64
	lookups  int // times the name itself was looked up; retries follow each other
}

// A row is one service record to be: an endpoint as seen from one job.
type row struct {
	job *job
	mx  *ServiceMX // nil for hosts and addresses
}

// write delivers the record of a row: a copy of what is known of the endpoint,
// under the name that led there.
func (e *engine) write(r row, known *Service, reused bool) {
	s := *known
	s.Type = "service"
	s.Input = r.job.in.Text
	s.MX = r.mx
	s.Reused = reused
	if r.job.domain != nil {
		s.Domain = r.job.domain.Domain
	}
	r.job.services.Add(1)
	e.stats.services.Add(1)
	e.out <- func() error { return e.emit(Result{Service: &s}) }
	e.close(r.job)
}

// writeNowhere delivers the record of a name that led to no address.
func (e *engine) writeNowhere(r row, host string, status Status, text string) {
	e.sums.status(status)
	e.write(r, &Service{Timestamp: time.Now(), Host: host, Status: status, Phase: "dns", Error: text}, false)
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
	e.s.Assess(&res)
	e.stats.domains.Add(1)
	e.out <- func() error { return e.emit(res) }
}
