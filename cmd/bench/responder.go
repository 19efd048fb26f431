//go:build linux

package main

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"math/big"
	"net"
	"os"
	"strings"
	"sync/atomic"
	"time"
)

// The ports of the responder, on every address of its namespace.
const (
	plainPort = 25 // no STARTTLS
	tlsPort   = 587
)

const ehloReply = "250-mx1.example.net\r\n250-PIPELINING\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n" +
	"250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n"

// respond answers SMTP and DNS until its standard input ends, which is when
// whoever started it is gone. It says "ready" first, and to every line the number
// of connections so far.
func respond(context.Context) error {
	certificate, err := selfSigned()
	if err != nil {
		return err
	}
	config := &tls.Config{Certificates: []tls.Certificate{certificate}}
	var accepted atomic.Int64
	for port, config := range map[int]*tls.Config{plainPort: nil, tlsPort: config} {
		listener, err := net.Listen("tcp", fmt.Sprintf("0.0.0.0:%d", port))
		if err != nil {
			return err
		}
		go accept(listener, config, &accepted)
	}
	conn, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 53})
	if err != nil {
		return err
	}
	if err := conn.SetReadBuffer(8 << 20); err != nil {
		return err
	}
	go answerDNS(conn)
	fmt.Println("ready")
	for lines := bufio.NewScanner(os.Stdin); lines.Scan(); {
		fmt.Println(accepted.Load())
	}
	return nil
}

func accept(listener net.Listener, config *tls.Config, accepted *atomic.Int64) {
	for {
		conn, err := listener.Accept()
		if err != nil {
			continue // the peer was gone already, or descriptors are short for a moment
		}
		accepted.Add(1)
		go serve(conn, config)
	}
}

// serve answers like Postfix.
func serve(conn net.Conn, config *tls.Config) {
	defer conn.Close()
	ehlo := ehloReply
	if config != nil {
		ehlo = strings.Replace(ehloReply, "250-ENH", "250-STARTTLS\r\n250-ENH", 1)
	}
	if _, err := conn.Write([]byte("220 mx1.example.net ESMTP Postfix (Debian/GNU)\r\n")); err != nil {
		return
	}
	lines := bufio.NewReaderSize(conn, 256)
	for {
		line, err := lines.ReadSlice('\n')
		if err != nil {
			return
		}
		reply := "502 5.5.2 Error: command not recognized\r\n"
		switch strings.ToUpper(string(line[:min(4, len(line))])) {
		case "EHLO":
			reply = ehlo
		case "QUIT":
			reply = "221 2.0.0 Bye\r\n"
		case "STAR":
			reply = "220 2.0.0 Ready to start TLS\r\n"
		}
		if _, err := conn.Write([]byte(reply)); err != nil || reply[:3] == "221" {
			return
		}
		if reply[:3] == "220" {
			conn, ehlo = tls.Server(conn, config), ehloReply
			lines.Reset(conn)
		}
	}
}

// selfSigned returns an ECDSA P-256 certificate.
func selfSigned() (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), DNSNames: []string{"mx1.example.net"},
		NotBefore: time.Now(), NotAfter: time.Now().Add(24 * time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, err
}

const (
	dnsHeader = 12
	dnsOPT    = 11 // an OPT record without options
)

// answerDNS answers every query: MX with a host of its own for each name, its
// A and AAAA with one address for all. Names under "shared" have 200 hosts.
func answerDNS(conn *net.UDPConn) {
	buf := make([]byte, 1232)
	for {
		n, from, err := conn.ReadFromUDPAddrPort(buf[:600])
		if err != nil {
			return
		}
		if answer := dnsAnswer(buf[:n]); answer != nil {
			_, _ = conn.WriteToUDPAddrPort(answer, from)
		}
	}
}

// dnsAnswer turns a query into its answer, in place; nil for what is none. The
// record's owner is a pointer to the question (RFC 1035, section 4.1.4).
func dnsAnswer(p []byte) []byte {
	end := dnsHeader
	for end < len(p) && p[end] != 0 {
		end += int(p[end]) + 1
	}
	if end += 5; end > len(p) || p[dnsHeader] == 0 {
		return nil
	}
	p = p[:end] // EDNS goes unanswered, which a client must bear
	var data []byte
	qtype := binary.BigEndian.Uint16(p[end-4:])
	first := p[dnsHeader+1 : dnsHeader+1+int(p[dnsHeader])]
	switch {
	case qtype == 15 && first[0] == 's': // "s123.…": one of 200
		number := 0
		_, _ = fmt.Sscanf(string(first[1:]), "%d", &number)
		host := fmt.Sprintf("m%d", number%sharedHosts)
		data = append([]byte{0, 10, byte(len(host))}, host...)
		data = append(data, 0xc0, byte(dnsHeader+1+len(first)))
	case qtype == 15:
		data = []byte("\x00\x0a\x02mx\xc0\x0c")
	case qtype == 1:
		data = []byte{127, 1, 0, 1}
		if len(first) > 1 && first[0] == 'm' && first[1] != 'x' {
			number := 0
			_, _ = fmt.Sscanf(string(first[1:]), "%d", &number)
			data[3] = byte(number + 1)
		}
	}
	p[2], p[3], p[7], p[9], p[11] = 0x81, 0x80, 0, 0, 0 // response, recursion; NODATA for AAAA and others
	if data == nil {
		return p
	}
	p[7] = 1
	p = append(p, 0xc0, dnsHeader, 0, byte(qtype), 0, 1, 0, 0, 1, 0, 0, byte(len(data)))
	return append(p, data...)
}
