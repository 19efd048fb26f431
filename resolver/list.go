package resolver

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strconv"
)

// maxTarget is the longest line or argument that can name a target, in bytes.
// The longest name has 253 (RFC 1035, section 2.3.4), a mailbox before it 65
// more (RFC 5321, section 4.5.3.1.1); an internationalized name a few times that.
const maxTarget = 4096

// chunkSize is how much of a list is read at once, in bytes.
const chunkSize = 64 << 10

var errUTF16 = errors.New("the text is UTF-16: save it as UTF-8")

// lines yields the entries of a list, and at last the error that ended it
// unless that is io.EOF. Errors say in which list they happened; those of the
// operating system do so already. In a list of targets the output of other
// programs is recognized; in one of exclusions every line means what it says.
func lines(name string, r io.Reader, use listUse, yield func(entry, error) bool) {
	br := bufio.NewReaderSize(r, chunkSize)
	var foreign *neighbor
	if use == listOfTargets {
		foreign = newNeighbor()
	}
	var scratch []byte
	for n := 1; ; n++ {
		if n == 1 && foreign != nil && beginsXML(br) {
			xmlTargets(name, br, yield)
			return
		}
		line, err := nextLine(br)
		if n == 1 && err == nil {
			line, err = stripBOM(line)
		}
		if err == io.EOF {
			return
		}
		if err != nil {
			yield(entry{}, listError(name, err))
			return
		}
		text := bytes.TrimSpace(line)
		if !foreign.own(text) {
			text = stripComment(line)
		}
		if len(text) == 0 {
			continue
		}
		if targets, known := foreign.targets(text); known {
			for _, target := range targets {
				if !yield(entry{text: target, source: name + ":" + strconv.Itoa(n)}, nil) {
					return
				}
			}
			continue
		}
		// Both strings of the entry share one allocation: at ten million
		// lines that is a third of the time.
		text = text[:min(len(text), maxTarget+1)]
		scratch = append(scratch[:0], text...)
		scratch = append(append(scratch, name...), ':')
		scratch = strconv.AppendInt(scratch, int64(n), 10)
		both := string(scratch)
		if !yield(entry{text: both[:len(text)], source: both[len(text):]}, nil) {
			return
		}
	}
}

// A listUse says what the lines of a list are for.
type listUse bool

const (
	listOfTargets    listUse = true
	listOfExclusions listUse = false
)

// listError says in which list an error happened, unless it says so itself.
func listError(name string, err error) error {
	if _, ok := errors.AsType[*fs.PathError](err); ok {
		return err
	}
	return fmt.Errorf("%s: %w", name, err)
}

// beginsXML reports whether a list is XML, as nmap -oX and masscan -oX write it.
// It waits for no more than it needs to tell: a list may be typed.
func beginsXML(br *bufio.Reader) bool {
	const bom, begin = "\ufeff", "<?xml"
	skip := 0
	if first, _ := br.Peek(1); len(first) == 1 && first[0] == bom[0] {
		skip = len(bom)
	}
	for n := skip + 1; n <= skip+len(begin); n++ {
		got, _ := br.Peek(n) // an error comes again with the next line
		if len(got) < n || string(got[skip:]) != begin[:n-skip] {
			return false
		}
	}
	return true
}

// nextLine returns the next line without its LF, or the first chunkSize bytes of
// one that is at least as long. It is valid until the next call. Half a line
// before an error is dropped: it would name another target than the one that was
// meant.
func nextLine(br *bufio.Reader) ([]byte, error) {
	line, err := br.ReadSlice('\n')
	if err == bufio.ErrBufferFull {
		line = bytes.Clone(line)
		for err == bufio.ErrBufferFull {
			_, err = br.ReadSlice('\n')
		}
	}
	if err != nil && (err != io.EOF || len(line) == 0) {
		return nil, err
	}
	return bytes.TrimSuffix(line, []byte{'\n'}), nil
}

// stripBOM removes the byte order mark of UTF-8 from the first line of a list,
// and refuses those of UTF-16, which Windows writes when asked for "Unicode".
func stripBOM(line []byte) ([]byte, error) {
	if bytes.HasPrefix(line, []byte("\xff\xfe")) || bytes.HasPrefix(line, []byte("\xfe\xff")) {
		return nil, errUTF16
	}
	return bytes.TrimPrefix(line, []byte("\ufeff")), nil
}

// stripComment returns what a line names, without comment and surrounding
// space. A # inside a word is part of the word. A line that was too long is
// returned as it is, so that it is refused even if its beginning is blank.
func stripComment(line []byte) []byte {
	for i, c := range line {
		if c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			return bytes.TrimSpace(line[:i])
		}
	}
	if len(line) > maxTarget {
		return line
	}
	return bytes.TrimSpace(line)
}

// interruptible reads from r in a goroutine of its own, so that Read returns
// when the context ends although r blocks. The goroutine ends with the context
// or with the read that it is in then, whichever is later.
func interruptible(ctx context.Context, r io.Reader) io.Reader {
	chunks := make(chan chunk)
	go func() {
		// Two buffers are enough: the reader asks for a chunk only when it
		// is done with the one before.
		for bufs, i := [2][chunkSize]byte{}, 0; ; i = 1 - i {
			n, err := r.Read(bufs[i][:])
			select {
			case chunks <- chunk{bufs[i][:n], err}:
			case <-ctx.Done():
				return
			}
			if err != nil {
				return
			}
		}
	}()
	return &chunkReader{ctx: ctx, chunks: chunks}
}

// A chunk is the outcome of one Read.
type chunk struct {
	data []byte
	err  error
}

// A chunkReader is the receiving side of interruptible.
type chunkReader struct {
	ctx    context.Context
	chunks <-chan chunk
	last   chunk // what is left of it
}

// Read implements io.Reader.
func (c *chunkReader) Read(p []byte) (int, error) {
	if len(c.last.data) == 0 && c.last.err == nil {
		select {
		case c.last = <-c.chunks:
		case <-c.ctx.Done():
			c.last.err = c.ctx.Err()
		}
	}
	n := copy(p, c.last.data)
	c.last.data = c.last.data[n:]
	if n == 0 {
		return 0, c.last.err
	}
	return n, nil
}
