package resolver

import (
	"bytes"
	"encoding/json"
	"net"
	"slices"
	"strconv"
	"strings"
)

// A neighbor reads the lines that other programs write about what they found,
// and turns each into targets. It is told by the line itself which program that
// was, so that one list may hold the lines of several:
//
//	naabu         host:port, with "[cdn]" behind it, and -json
//	masscan       -oL, -oD, -oJ, -oG
//	zmap          CSV, its header or else the address in front, and plain addresses
//	nmap          -oG; for -oX see xmlTargets
//	dnsx          "example.com [MX] [mx1.example.com]" and -json: the domain in front
//
// An open TCP port becomes address:port, or host:port where the program was
// given a host; whatever is not open becomes nothing. The formats are documented
// in "Output" of nmap's reference guide and in the README of each of the others.
type neighbor struct {
	header []string            // of zmap's CSV; nil before there is one
	recent map[string]struct{} // of dnsx, which names a domain once for each record
	out    []string            // reused
}

// maxRecent bounds what is remembered. The records of a domain follow each other
// closely, and one that comes again later only has its records twice.
const maxRecent = 256

func newNeighbor() *neighbor { return &neighbor{recent: make(map[string]struct{})} }

// own reports whether a line is one in which a # begins no comment.
func (n *neighbor) own(line []byte) bool {
	return n != nil && (bytes.HasPrefix(line, []byte("{")) || bytes.HasPrefix(line, []byte("Host: ")) || bytes.HasPrefix(line, []byte("Timestamp: ")))
}

// targets returns what a line names, and whether it is one of a program at all.
// The result is valid until the next call. A nil neighbor knows none.
func (n *neighbor) targets(line []byte) ([]string, bool) {
	if n == nil {
		return nil, false
	}
	n.out = n.out[:0]
	switch {
	case len(line) >= chunkSize: // its end is not there
		return nil, false
	case line[0] == '{':
		return n.object(bytes.TrimSuffix(line, []byte(",")))
	case n.own(line):
		return n.grepable(string(line))
	case bytes.ContainsAny(line, " \t"):
		return n.words(string(line))
	case bytes.IndexByte(line, ',') >= 0:
		return n.csv(string(line))
	}
	switch string(line) {
	case "[", "]", "saddr": // around the objects of masscan -oJ; zmap's header of one column
		return nil, true
	}
	return nil, false
}

func (n *neighbor) add(host string, port int) {
	n.out = append(n.out, net.JoinHostPort(host, strconv.Itoa(port)))
}

// object reads a line of naabu -json, masscan -oD or -oJ, or dnsx -json.
func (n *neighbor) object(line []byte) ([]string, bool) {
	type port struct {
		Port          int
		Proto, Status string
	}
	var o struct {
		Host, IP, Protocol, Proto string
		Port                      int
		RecType                   string `json:"rec_type"`
		Data                      struct{ Status string }
		Ports                     []port
	}
	if json.Unmarshal(line, &o) != nil || o.Host == "" && o.IP == "" {
		return nil, false
	}
	name := o.Host
	if name == "" {
		name = o.IP
	}
	switch {
	case o.Ports != nil:
	case o.Port == 0:
		n.out = append(n.out, name)
	case o.RecType == "":
		o.Ports = []port{{o.Port, o.Protocol, "open"}}
	case o.RecType == "status": // the others, as "banner", are of ports that have one of these, too
		o.Ports = []port{{o.Port, o.Proto, o.Data.Status}}
	}
	for _, p := range o.Ports {
		if p.Status == "open" && (p.Proto == "tcp" || p.Proto == "") {
			n.add(name, p.Port)
		}
	}
	return n.out, true
}

// grepable reads a line of nmap or masscan -oG, as in
//
//	Host: 192.0.2.1 (mx.example.com)	Ports: 25/open/tcp//smtp///, 465/closed/tcp//smtps///
//
// A line that says the host is up, and names no port, is of a host that has
// another line, or of a scan for hosts alone.
func (n *neighbor) grepable(line string) ([]string, bool) {
	_, rest, ok := strings.Cut(line, "Host: ")
	addr, _, _ := strings.Cut(rest, " ")
	if !ok || addr == "" {
		return nil, false
	}
	_, ports, _ := strings.Cut(rest, "\tPorts: ")
	ports, _, _ = strings.Cut(ports, "\t")
	for p := range strings.SplitSeq(ports, ", ") {
		part := strings.SplitN(p, "/", 4)
		if number, err := strconv.Atoi(part[0]); err == nil && len(part) == 4 && part[1] == "open" && part[2] == "tcp" {
			n.add(addr, number)
		}
	}
	return n.out, true
}

// words reads "open tcp 25 192.0.2.1 1700000000", of masscan -oL, and a target
// with anything in brackets behind it, of dnsx or naabu.
func (n *neighbor) words(line string) ([]string, bool) {
	f := strings.Fields(line)
	if len(f) >= 5 && slices.Contains([]string{"open", "closed", "banner", "unknown"}, f[0]) && slices.Contains([]string{"tcp", "udp", "sctp", "icmp", "arp", "oproto"}, f[1]) {
		if f[0] == "open" && f[1] == "tcp" {
			n.out = append(n.out, net.JoinHostPort(f[3], f[2]))
		}
		return n.out, true
	}
	line = strings.TrimSpace(plain(line))
	target, rest, _ := strings.Cut(line, " ")
	if rest = strings.TrimSpace(rest); !strings.HasPrefix(rest, "[") || !strings.HasSuffix(rest, "]") {
		return nil, false
	}
	if _, known := n.recent[target]; !known {
		if len(n.recent) == maxRecent {
			clear(n.recent)
		}
		n.recent[target] = struct{}{}
		n.out = append(n.out, target)
	}
	return n.out, true
}

// plain removes the colors (ESC [ … m, ECMA-48) that dnsx writes into pipes,
// too.
func plain(s string) string {
	for {
		begin := strings.Index(s, "\x1b[")
		if begin < 0 {
			return s
		}
		end := begin + 2
		for end < len(s) && (s[end] == ';' || '0' <= s[end] && s[end] <= '9') {
			end++
		}
		if end == len(s) || s[end] != 'm' {
			return s
		}
		s = s[:begin] + s[end+1:]
	}
}

// csv reads zmap's header, and a row by it. Without a header the address must
// be in front, and is all that is taken: what the numbers behind it are is not
// known.
func (n *neighbor) csv(line string) ([]string, bool) {
	row := strings.Split(line, ",")
	switch {
	case line == ",": // between the objects of masscan -oJ
		return nil, true
	case slices.Contains(row, "saddr"):
		n.header = row
		return nil, true
	case len(row) == len(n.header):
		return n.row(func(name string) string {
			if i := slices.Index(n.header, name); i >= 0 {
				return row[i]
			}
			return ""
		})
	case !isAddress(row[0]) || isAddress(row[1]):
		return nil, false
	case !slices.Contains(row, "rst"):
		n.out = append(n.out, row[0])
	}
	return n.out, true
}

func (n *neighbor) row(column func(name string) string) ([]string, bool) {
	addr, port := column("saddr"), column("sport")
	switch {
	case !isAddress(addr):
		return nil, false
	case column("success") == "0", column("classification") == "rst": // closed
	case port == "":
		n.out = append(n.out, addr)
	default:
		n.out = append(n.out, net.JoinHostPort(addr, port))
	}
	return n.out, true
}
