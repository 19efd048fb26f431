package scanner

import (
	"crypto/sha256"
	"encoding/binary"
	"net/netip"
	"slices"
	"sync"
)

// A Ledger is what an earlier part of a run has written. It is filled with the
// stored records, in their order, by Add, and given to a Scanner with the same
// inputs and options, which then emits what is missing of the records, and only
// that. It serves one run.
//
// What is final is not asked again: a domain that has its own record, a row
// that is there, an endpoint whose outcome another row can use, the addresses
// of a range that a Progress record covers. What had failed for the moment and
// waited for another attempt has no record, and so is asked again.
//
// A Ledger remembers digests of 16 bytes rather than records: about 40 bytes
// for a domain and for each row that belongs to none that is complete.
type Ledger struct {
	mu       sync.Mutex
	tally    Tally
	seed     uint64
	finished map[digest]uint32   // domains that have their record, and how often
	rows     map[digest]uint32   // rows of all other inputs, and how often
	open     map[digest][]digest // domains without their record yet: their rows
	others   map[digest]struct{} // hosts, addresses and ranges
	sweeps   map[digest]*swept
	named    *memo[contact, *Service]
	bare     *memo[contact, *Service]
}

// A digest stands for a name or row. SHA-256 cut to half has no collisions that
// a hostile name could bring about.
type digest [16]byte

// A contact is an endpoint as a record has it, without the mode of the port.
type contact struct {
	to   netip.AddrPort
	name string
}

// A swept is how far a range has come.
type swept struct {
	done, total uint64
	pending     map[uint64]struct{} // indices below done that are not final
	unwritten   map[Status]uint64   // those that are and have no record
}

// NewLedger returns an empty Ledger: of a run that has written nothing.
func NewLedger() *Ledger {
	return &Ledger{
		finished: make(map[digest]uint32), rows: make(map[digest]uint32), open: make(map[digest][]digest),
		others: make(map[digest]struct{}), sweeps: make(map[digest]*swept),
		named: newOutcomes[contact](memoNamed), bare: newOutcomes[contact](memoRange),
	}
}

func inputDigest(text string) digest {
	sum := sha256.Sum256([]byte(text))
	return digest(sum[:16])
}

// rowDigest stands for what makes a row that row, whatever was found.
func rowDigest(input string, mx *ServiceMX, host string, to netip.AddrPort) digest {
	b := make([]byte, 0, 256)
	field := func(text string) { b = append(binary.AppendUvarint(b, uint64(len(text))), text...) }
	field(input)
	if mx != nil {
		field(mx.Name)
		b = binary.BigEndian.AppendUint16(b, mx.Preference)
	}
	field(host)
	addr := to.Addr().As16()
	b = append(b, addr[:]...)
	b = binary.BigEndian.AppendUint16(b, to.Port())
	sum := sha256.Sum256(b)
	return digest(sum[:16])
}

// Add takes in the next stored record. Records of the same run in any number of
// parts may follow each other; a Summary only counts as the end of a part.
func (l *Ledger) Add(r *Result) {
	if r.Summary == nil { // inputs are counted anew
		l.tally.Add(r)
	}
	switch {
	case r.Run != nil:
		l.seed = r.Run.Seed
	case r.Service != nil:
		l.addService(r.Service)
	case r.Domain != nil:
		l.addDomain(r.Domain)
	case r.Progress != nil:
		l.addProgress(r.Progress)
	}
}

func (l *Ledger) addService(v *Service) {
	addr := v.IP
	if !addr.IsValid() {
		addr = netip.IPv6Unspecified() // no row has that, and none is the zero Addr in As16
	}
	d := rowDigest(v.Input, v.MX, v.Host, netip.AddrPortFrom(addr, v.Port))
	l.rows[d]++
	in := inputDigest(v.Input)
	if v.Domain != "" {
		l.open[in] = append(l.open[in], d)
	} else {
		l.others[in] = struct{}{}
	}
	if !v.IP.IsValid() || v.Status == StatusExcluded || v.Status == StatusPrivate {
		return
	}
	c, known := contact{netip.AddrPortFrom(v.IP, v.Port), v.Host}, l.named
	if v.Host == "" {
		known = l.bare
	}
	if _, ok := known.get(c); !ok || !v.Reused {
		known.put(c, v)
	}
}

// addDomain ends a domain. Where it was named twice, the record is that of one
// of the two, and of the rows each is there once for it.
func (l *Ledger) addDomain(d *Domain) {
	in := inputDigest(d.Input)
	l.finished[in]++
	rows := l.open[in]
	slices.SortFunc(rows, func(a, b digest) int { return slices.Compare(a[:], b[:]) })
	left := rows[:0]
	for i, row := range rows {
		if i > 0 && row == rows[i-1] {
			left = append(left, row)
		} else {
			l.take(row)
		}
	}
	if len(left) > 0 {
		l.open[in] = left
	} else {
		delete(l.open, in)
	}
}

func (l *Ledger) addProgress(p *Progress) {
	in := inputDigest(p.Input)
	l.others[in] = struct{}{}
	s := l.sweeps[in]
	if s == nil {
		s = &swept{pending: make(map[uint64]struct{})}
		l.sweeps[in] = s
	}
	s.done, s.total, s.unwritten = p.Done, p.Total, p.Unwritten
	for _, i := range p.Pending {
		s.pending[i] = struct{}{}
	}
	for _, i := range p.Settled {
		delete(s.pending, i)
	}
}

// take uses up one row.
func (l *Ledger) take(row digest) bool {
	n := l.rows[row]
	switch n {
	case 0:
		return false
	case 1:
		delete(l.rows, row)
	default:
		l.rows[row] = n - 1
	}
	return true
}

// Unclaimed returns how many inputs the records speak of that the run has not
// been given; none for a nil Ledger.
func (l *Ledger) Unclaimed() int {
	if l == nil {
		return 0
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	n := len(l.others) + len(l.open)
	for _, times := range l.finished {
		n += int(times)
	}
	return n
}

// claim takes note that an input is there, and reports whether it is a domain
// that is complete. As all that follow, it is called by many goroutines and may
// be called on nil.
func (l *Ledger) claim(in *Input) (complete bool) {
	if l == nil {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	d := inputDigest(in.Text)
	if in.Kind != KindDomain {
		delete(l.others, d)
		return false
	}
	if n := l.finished[d]; n > 1 {
		l.finished[d] = n - 1
		return true
	} else if n == 1 {
		delete(l.finished, d)
		return true
	}
	delete(l.open, d)
	return false
}

// written reports whether a row is there, and uses it up.
func (l *Ledger) written(r row, host string, addr netip.Addr, port uint16) bool {
	if l == nil {
		return false
	}
	if !addr.IsValid() {
		addr = netip.IPv6Unspecified()
	}
	d := rowDigest(r.job.in.Text, r.mx, host, netip.AddrPortFrom(addr, port))
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.take(d)
}

// sweep returns how far a range has come, once; nil if nothing is known or the
// range is not the same any more.
func (l *Ledger) sweep(in *Input, total, seed uint64) *swept {
	if l == nil {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	d := inputDigest(in.Text)
	s := l.sweeps[d]
	delete(l.sweeps, d)
	if s == nil || s.total != total || s.done > total || l.seed != seed {
		return nil
	}
	return s
}

// recall gives the outcomes that the records hold to a schedule. The mode of a
// port is that of the options or the usual one.
func (l *Ledger) recall(s *schedule, ports []Port) {
	mode := func(number uint16) Port {
		for _, p := range ports {
			if p.Number == number {
				return p
			}
		}
		return Port{number, UsualMode(number)}
	}
	for c, v := range l.named.all() {
		s.named.put(Endpoint{c.to.Addr(), mode(c.to.Port()), c.name}, v)
	}
	for c, v := range l.bare.all() {
		s.swept.put(Endpoint{c.to.Addr(), mode(c.to.Port()), c.name}, v)
	}
}
