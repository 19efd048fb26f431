//go:build linux

package main

import (
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"time"

	"github.com/miekg/dns"
)

// bareDNS is the least that a Go program can do for the MX host of many domains
// and its addresses: two shared sockets with a table of ids each, a reader for
// each socket that asks the next question itself, miekg/dns for the messages.
// It repeats nothing, keeps nothing and checks nothing.
type bareDNS struct {
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

// bareNames resolves "d0.bench" and so on, so many at a time.
func bareNames(args []string) error {
	count, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	inFlight, err := strconv.Atoi(args[1])
	if err != nil {
		return err
	}
	b := &bareDNS{slots: make(chan struct{}, inFlight), ends: make(chan error, inFlight)}
	for i := range b.sockets {
		conn, err := net.Dial("udp", "127.0.0.1:53")
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
			b.ask(b.sockets[i%2], &bareName{}, fmt.Sprintf("d%d.bench.", i), dns.TypeMX)
		}
	}()
	return b.wait(count)
}

// wait waits for the end of all domains, as long as one ends now and then.
func (b *bareDNS) wait(count int) error {
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

func (b *bareDNS) ask(s *bareSocket, n *bareName, name string, qtype uint16) {
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

func (b *bareDNS) read(s *bareSocket) {
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

func (b *bareDNS) answer(s *bareSocket, n *bareName, m *dns.Msg) {
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
