package dnstest

import (
	"encoding/binary"
	"sync/atomic"
	"time"

	"github.com/miekg/dns"
)

// A packedAnswer is the answer to one question in wire format, made once and
// sent many times: packing records would cost a benchmark more than its client.
type packedAnswer struct {
	packet  []byte
	delay   time.Duration
	drop    bool
	rule    *rule         // of the question; nil: none
	counter *atomic.Int64 // nil for names nobody named
}

// respond returns the answer to a packet, or nil if it gets none.
func (s *Server) respond(query []byte, tcp bool) *packedAnswer {
	if len(query) < 12 || query[2]&0x80 != 0 { // no query (RFC 1035, section 4.1.1)
		return nil
	}
	s.queries.Add(1)
	key := make([]byte, 0, 300)
	key = append(key, query[2:]...) // flags, question and EDNS: all but the id
	if tcp {
		key = append(key, 't')
	}
	s.mu.Lock()
	p := s.packed[string(key)]
	s.mu.Unlock()
	if p == nil {
		if p = s.pack(query, tcp); p == nil {
			return nil
		}
		s.mu.Lock()
		if len(s.packed) >= maxPacked {
			clear(s.packed)
		}
		s.packed[string(key)] = p
		s.mu.Unlock()
	}
	if p.counter != nil {
		p.counter.Add(1)
	}
	if p.drop || p.rule != nil && p.rule.left.Add(-1) >= 0 {
		return nil
	}
	return p
}

// pack makes the answer to a query. It returns nil if the packet is none.
func (s *Server) pack(query []byte, tcp bool) *packedAnswer {
	var m dns.Msg
	if m.Unpack(query) != nil || len(m.Question) != 1 {
		return nil
	}
	q := question{dns.CanonicalName(m.Question[0].Name), m.Question[0].Qtype}
	reply := new(dns.Msg).SetReply(&m)
	reply.RecursionAvailable = true

	s.mu.Lock()
	var b Behavior
	r := s.rule(q)
	if r != nil {
		b = r.Behavior
	}
	s.fill(reply, q, b)
	ad := s.authentic && (m.AuthenticatedData || dnssecOK(&m))
	p := &packedAnswer{delay: b.Delay, drop: b.Drop || tcp && b.DropTCP, rule: r}
	if _, found := s.zones[q.name]; found || r != nil {
		p.counter = s.counter(q)
	}
	s.mu.Unlock()

	reply.AuthenticatedData = ad && (reply.Rcode == dns.RcodeSuccess || reply.Rcode == dns.RcodeNameError)
	if p.packet = finish(reply, &m, tcp, b.Truncate); p.packet == nil {
		return nil
	}
	return p
}

// fill answers the question from the zones, or with the code of the behavior.
func (s *Server) fill(reply *dns.Msg, q question, b Behavior) {
	if b.RCode != 0 {
		reply.Rcode = int(b.RCode)
		return
	}
	reply.Answer, reply.Rcode = s.zones.answer(q.name, q.qtype)
	if reply.Rcode == dns.RcodeNameError && len(reply.Answer) == 0 && s.synthesize != nil {
		if reply.Answer = s.synthesize(q.name, q.qtype); len(reply.Answer) > 0 {
			reply.Rcode = dns.RcodeSuccess
		}
	}
	if !answers(reply.Answer, q.qtype) && reply.Rcode != dns.RcodeServerFailure {
		last := q.name // the SOA is that of the last name of the chain (RFC 2308, section 2.1)
		if n := len(reply.Answer); n > 0 {
			last = dns.CanonicalName(reply.Answer[n-1].(*dns.CNAME).Target)
		}
		reply.Ns = []dns.RR{s.zones.soa(last)}
	}
}

func answers(rrs []dns.RR, qtype uint16) bool {
	return len(rrs) > 0 && rrs[len(rrs)-1].Header().Rrtype == qtype
}

// rule returns the most particular rule for a question, or nil.
func (s *Server) rule(q question) *rule {
	for _, k := range []question{q, {q.name, 0}, {"", q.qtype}, {}} {
		if r := s.behaviors[k]; r != nil {
			return r
		}
	}
	return nil
}

func (s *Server) counter(q question) *atomic.Int64 {
	if s.counts[q] == nil {
		s.counts[q] = new(atomic.Int64)
	}
	return s.counts[q]
}

// finish packs a reply for a transport. Over UDP the client's EDNS size (RFC
// 6891, section 6.2.3), or 512 bytes without, is the limit.
func finish(reply, query *dns.Msg, tcp, truncate bool) []byte {
	size := dns.MaxMsgSize
	if opt := query.IsEdns0(); opt != nil {
		reply.SetEdns0(1232, opt.Do())
		if !tcp {
			size = max(int(opt.UDPSize()), dns.MinMsgSize)
		}
	} else if !tcp {
		size = dns.MinMsgSize
	}
	if truncate && !tcp {
		reply.Answer, reply.Ns, reply.Truncated = nil, nil, true
	}
	reply.Compress = true
	packet, err := reply.Pack()
	if err != nil {
		return nil
	}
	if len(packet) > size {
		reply.Answer, reply.Ns, reply.Truncated = nil, nil, true
		if packet, err = reply.Pack(); err != nil {
			return nil
		}
	}
	binary.BigEndian.PutUint16(packet, 0) // the id is set when it is sent
	return packet
}

func dnssecOK(m *dns.Msg) bool {
	opt := m.IsEdns0()
	return opt != nil && opt.Do()
}
