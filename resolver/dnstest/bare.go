package dnstest

import (
	"errors"
	"net"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// bare is a run of Bare.
type bare struct {
	sockets [2]*bareSocket
	slots   chan struct{} // one for each domain under way
	ends    chan error    // one for each domain
}

type bareSocket struct {
	conn    net.Conn
	mu      sync.Mutex
	id      uint16
	waiting map[uint16]*bareName
}

// A bareName is one domain. left are the open questions for addresses.
type bareName struct {
	mu   sync.Mutex
	left int
}

// Bare looks up the MX host of so many domains and its addresses at a server,
// inFlight domains at a time, and does the least that a Go program can: two
// shared sockets with a table of ids each, a reader for each socket that asks the
// next question itself, miekg/dns for the messages. It repeats nothing, keeps
// nothing and checks nothing, and fails if an answer is lost: a yardstick for
// clients that do.
func Bare(server string, name func(i int) string, count, inFlight int) error {
	b := &bare{slots: make(chan struct{}, inFlight), ends: make(chan error, inFlight)}
	for i := range b.sockets {
		conn, err := net.Dial("udp", server)
		if err != nil {
			return err
		}
		defer conn.Close()
		b.sockets[i] = &bareSocket{conn: conn, waiting: make(map[uint16]*bareName)}
		go b.read(b.sockets[i])
	}
	go func() {
		for i := range count {
			b.slots <- struct{}{}
			b.ask(b.sockets[i%2], &bareName{}, dns.Fqdn(name(i)), dns.TypeMX)
		}
	}()
	return b.wait(count)
}

// wait waits for the end of all domains, as long as one ends now and then.
func (b *bare) wait(count int) error {
	for range count {
		select {
		case err := <-b.ends:
			if err != nil {
				return err
			}
			<-b.slots
		case <-time.After(10 * time.Second):
			return errors.New("answers were lost")
		}
	}
	return nil
}

func (b *bare) ask(s *bareSocket, n *bareName, name string, qtype uint16) {
	var m dns.Msg
	m.SetQuestion(name, qtype)
	m.SetEdns0(1232, false)
	s.mu.Lock()
	for s.id++; s.waiting[s.id] != nil; s.id++ {
	}
	m.Id = s.id
	s.waiting[m.Id] = n
	s.mu.Unlock()
	packet, err := m.Pack()
	if err == nil {
		_, err = s.conn.Write(packet)
	}
	if err != nil {
		b.ends <- err
	}
}

func (b *bare) read(s *bareSocket) {
	buffer := make([]byte, 1232)
	for {
		n, err := s.conn.Read(buffer)
		if err != nil {
			return // closed, or lost: then the others wait in vain
		}
		var m dns.Msg
		if err := m.Unpack(buffer[:n]); err != nil {
			b.ends <- err
			return
		}
		s.mu.Lock()
		name := s.waiting[m.Id]
		delete(s.waiting, m.Id)
		s.mu.Unlock()
		if name != nil {
			b.answer(s, name, &m)
		}
	}
}

func (b *bare) answer(s *bareSocket, n *bareName, m *dns.Msg) {
	if m.Question[0].Qtype != dns.TypeMX {
		n.mu.Lock()
		n.left--
		last := n.left == 0
		n.mu.Unlock()
		if last {
			b.ends <- nil
		}
		return
	}
	for _, rr := range m.Answer {
		if mx, ok := rr.(*dns.MX); ok {
			n.left = 2
			b.ask(s, n, mx.Mx, dns.TypeA)
			b.ask(s, n, mx.Mx, dns.TypeAAAA)
			return
		}
	}
	b.ends <- errors.New("no MX record")
}
