package resolver

import (
	"bufio"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net"
)

// Bounds of an XML file: what is held of it in memory.
const (
	maxXMLToken = 1 << 20 // bytes of one tag, with its attributes, or of one text
	maxXMLDepth = 32      // elements in one another; nmap has eight
)

var errXMLDepth = fmt.Errorf("more than %d elements in one another", maxXMLDepth)

// xmlTargets yields address:port for every open TCP port in the output of nmap
// -oX. One that breaks off, as of a scan that was stopped, ends in an entry that
// says so, behind what was found before; only a read error is an error.
func xmlTargets(name string, br *bufio.Reader, yield func(entry, error) bool) {
	src := &tokenReader{br: br}
	d := xml.NewDecoder(src)
	at := func() string {
		line, _ := d.InputPos()
		return fmt.Sprintf("%s:%d", name, line)
	}
	var h xmlHost
	for depth := 0; ; {
		src.left = maxXMLToken
		token, err := d.Token()
		switch t := token.(type) {
		case xml.StartElement:
			if depth++; depth > maxXMLDepth {
				err = errXMLDepth
			}
			if target := h.begin(t); err == nil && target != "" && !yield(entry{text: target, source: at()}, nil) {
				return
			}
		case xml.EndElement:
			depth--
		}
		switch {
		case err == nil:
			continue
		case src.err != nil:
			yield(entry{}, listError(name, src.err))
		case err != io.EOF:
			yield(entry{text: "<nmaprun>", source: at(), reason: "the XML is not whole, what stands before this is used: " + err.Error()}, nil)
		}
		return
	}
}

// An xmlHost is what has been read of the present host.
type xmlHost struct{ addr, protocol, port string }

// begin takes in the beginning of an element, and returns the target that it
// makes complete.
func (h *xmlHost) begin(e xml.StartElement) string {
	attr := func(name string) string {
		for _, a := range e.Attr {
			if a.Name.Local == name {
				return a.Value
			}
		}
		return ""
	}
	switch e.Name.Local {
	case "host":
		*h = xmlHost{}
	case "address":
		if kind := attr("addrtype"); kind == "ipv4" || kind == "ipv6" {
			h.addr = attr("addr")
		}
	case "port":
		h.protocol, h.port = attr("protocol"), attr("portid")
	case "state":
		if h.addr != "" && h.protocol == "tcp" && attr("state") == "open" {
			return net.JoinHostPort(h.addr, h.port)
		}
	}
	return ""
}

// A tokenReader bounds what the decoder reads for one token.
type tokenReader struct {
	br   *bufio.Reader
	left int
	err  error // of reading; io.EOF is none
}

var errXMLToken = fmt.Errorf("a tag or text of more than %d bytes", maxXMLToken)

// ReadByte implements io.ByteReader, which makes the decoder read nothing ahead.
func (r *tokenReader) ReadByte() (byte, error) {
	if r.left--; r.left < 0 {
		return 0, errXMLToken
	}
	c, err := r.br.ReadByte()
	if err != nil && err != io.EOF {
		r.err = err
	}
	return c, err
}

// Read implements io.Reader, which a decoder asks for and does not use.
func (r *tokenReader) Read([]byte) (int, error) { return 0, errors.ErrUnsupported }
