package smtp

import (
	"bytes"
	"errors"
	"io"
	"net"
)

// The bounds of one reply. RFC 5321, section 4.5.3.1.5, allows lines of 512
// bytes; real servers have sent a few thousand.
const (
	maxReply = 64 << 10
	maxLine  = 8 << 10
	maxLines = 512

	bufferSize = 1 << 9 // enough for nearly every reply
)

// A wire takes commands to a connection and replies off it. Its buffers are
// reused from one probe to the next and grow only when a server talks more than
// others do.
type wire struct {
	conn net.Conn
	buf  []byte // received and not yet taken
	out  []byte // the command being sent
}

// send writes one command line: a verb and what follows it.
func (w *wire) send(verb, rest string) error {
	w.out = append(append(append(w.out[:0], verb...), rest...), "\r\n"...)
	_, err := w.conn.Write(w.out)
	return err
}

// reply reads one reply. With an error it returns what was read of it, nil if
// that was nothing.
func (w *wire) reply() (*Reply, error) {
	var s scan
	for {
		n, err := s.advance(w.buf)
		if err == nil && n == 0 {
			err = w.fill()
		}
		switch {
		case n > 0:
			return ParseReply(w.take(n)), nil
		case errors.Is(err, io.EOF) && s.lastLine(w.buf):
			return ParseReply(w.take(len(w.buf))), nil // the line ending is missing, the answer is not
		case err != nil:
			return ParseReply(w.take(len(w.buf))), err
		}
	}
}

// take removes the first n bytes of the buffer and returns them.
func (w *wire) take(n int) Raw {
	raw := Raw(w.buf[:n])
	w.buf = w.buf[:copy(w.buf, w.buf[n:])]
	return raw
}

// fill reads once from the connection, which blocks until its deadline.
func (w *wire) fill() error {
	if len(w.buf) == cap(w.buf) {
		if len(w.buf) >= maxReply {
			return errTooLong
		}
		w.buf = append(make([]byte, 0, min(4*cap(w.buf), maxReply)), w.buf...)
	}
	n, err := w.conn.Read(w.buf[len(w.buf):cap(w.buf)])
	w.buf = w.buf[:len(w.buf)+n]
	if n > 0 {
		return nil // an error with data comes again with the next read
	}
	return err
}

// A scan looks for the end of a reply in a growing buffer. It looks at each byte
// once, so a server that drips gains nothing.
type scan struct {
	line  int  // where the current line begins
	seen  int  // bytes already looked at
	lines int  // complete lines
	coded bool // a line with a code has been seen
}

// advance returns the length of the reply once it is complete, else 0.
func (s *scan) advance(buf []byte) (int, error) {
	if s.seen == 0 && looksTLS(buf) {
		return 0, errNoReply // no use waiting for a line to end
	}
	for {
		i := bytes.IndexByte(buf[s.seen:], '\n')
		if i < 0 {
			i = len(buf) - s.seen
		}
		end := s.seen + i
		if end-s.line > maxLine || s.lines >= maxLines || end > maxReply {
			return 0, errTooLong
		}
		s.seen = end
		if end == len(buf) {
			return 0, nil
		}
		s.seen++
		s.lines++
		line := bytes.TrimRight(buf[s.line:end], "\r")
		s.line = s.seen
		code, last, _ := splitLine(line)
		if last {
			return s.seen, nil
		}
		// Blank lines before a reply are harmless, other text is no SMTP.
		s.coded = s.coded || code != 0
		if !s.coded && len(line) > 0 {
			return 0, errNoReply
		}
	}
}

// lastLine reports whether the unfinished line at the end of the buffer would
// end the reply.
func (s *scan) lastLine(buf []byte) bool {
	_, last, _ := splitLine(buf[s.line:])
	return last
}

// looksTLS reports whether the first bytes are those of a TLS record: content
// type handshake or alert, major version 3 (RFC 8446, section 5.1).
func looksTLS(b []byte) bool {
	return len(b) >= 2 && (b[0] == 0x15 || b[0] == 0x16) && b[1] == 3
}
