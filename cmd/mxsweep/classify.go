package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/fingerprint"
)

// maxLine bounds one line of stored input: room for every reply of a record in
// base64.
const maxLine = 16 << 20

// parseFew parses the flags of a command that has few.
func (a *app) parseFew(name string, args []string, define func(*flagSet)) (positional []string, err error) {
	var o options // for parse only
	fs := newFlagSet(name)
	fs.group(name)
	define(fs)
	if slices.Contains(args, "-h") || slices.Contains(args, "-help") || slices.Contains(args, "--help") {
		return nil, a.commandHelp(fs)
	}
	if err := fs.parse(&o, args); err != nil {
		return nil, err
	}
	return o.positional, nil
}

// classify names the software of stored replies, offline.
func (a *app) classify(_ context.Context, args []string) error {
	var data string
	var explain bool
	files, err := a.parseFew("classify", args, func(fs *flagSet) {
		fs.add(&data, "data", "", "directory whose fingerprints/ add to or replace the embedded ones")
		fs.add(&explain, "explain", "", "say which rules spoke, how much, and which almost did")
	})
	if err != nil {
		return err
	}
	set, _, err := loadData(data)
	if err != nil {
		return err
	}
	w := bufio.NewWriter(a.stdout)
	c := &classifier{app: a, set: set, explain: explain, w: w}
	if len(files) == 0 {
		err = c.read("stdin", a.stdin)
	}
	for _, path := range files {
		if err == nil {
			err = c.readFile(path)
		}
	}
	return errors.Join(err, w.Flush())
}

// A classifier reads stored records and writes them with what is known today.
type classifier struct {
	app     *app
	set     *fingerprint.Set
	explain bool
	w       *bufio.Writer
	pending []byte // lines of a plain-text greeting that is not complete yet
}

func (c *classifier) readFile(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	return c.read(path, f)
}

// read classifies every line: a JSON object, or plain text that begins with a
// reply code. Other lines are reported and skipped.
func (c *classifier) read(name string, r io.Reader) error {
	lines := bufio.NewScanner(r)
	lines.Buffer(make([]byte, 64<<10), maxLine)
	n := 0
	for lines.Scan() {
		n++
		if err := c.line(lines.Bytes()); err != nil {
			var bad badLine
			if !errors.As(err, &bad) {
				return err
			}
			c.app.logf("%s:%d: %v", name, n, err)
		}
	}
	err := lines.Err()
	if errors.Is(err, bufio.ErrTooLong) {
		err = fmt.Errorf("the line is longer than %d MiB", maxLine>>20)
	}
	if err != nil {
		err = fmt.Errorf("%s:%d: %w", name, n+1, err)
	}
	return errors.Join(c.flushPlain(), err)
}

// A badLine is input that cannot be used; the rest can.
type badLine struct{ error }

func (c *classifier) line(line []byte) error {
	line = bytes.TrimRight(line, "\r")
	text := bytes.TrimSpace(bytes.TrimPrefix(line, []byte("\uFEFF")))
	switch {
	case len(text) == 0:
		return nil
	case text[0] == '{':
		return errors.Join(c.flushPlain(), c.object(text))
	case isReplyLine(line):
		c.pending = append(append(c.pending, line...), "\r\n"...)
		if len(line) > 3 && line[3] == '-' && len(c.pending) < maxLine {
			return nil // RFC 5321, section 4.2.1: more lines follow
		}
		return c.flushPlain()
	}
	return badLine{fmt.Errorf("%q: expected a JSON object or a line that begins with a reply code", output.Escape(string(line[:min(len(line), 80)])))}
}

func isReplyLine(line []byte) bool {
	for i := range 3 {
		if len(line) <= i || line[i] < '0' || line[i] > '9' {
			return false
		}
	}
	return len(line) == 3 || line[3] == ' ' || line[3] == '-'
}

// flushPlain classifies the greeting given as plain text, if there is one.
func (c *classifier) flushPlain() error {
	if len(c.pending) == 0 {
		return nil
	}
	o, err := output.ParseObject([]byte("{}"))
	if err != nil {
		return err
	}
	v := &scanner.Service{}
	v.Banner = output.SetRaw(o, "banner", c.pending)
	c.pending = c.pending[:0]
	return c.write(o, v)
}

// object classifies a record. Those of ours that tell of no service pass
// through as they are.
func (c *classifier) object(line []byte) error {
	o, err := output.ParseObject(line)
	if err != nil {
		return badLine{err}
	}
	var kind string
	if o.Get(&kind, "type") && slices.Contains([]string{"run", "domain", "progress", "summary"}, kind) && !o.Get(new(any), "banner") {
		if !c.explain {
			_, err = c.w.Write(append(line, '\n'))
		}
		return err
	}
	return c.write(o, output.ServiceOf(o))
}

// write adds to an object what its service record tells.
func (c *classifier) write(o *output.Object, v *scanner.Service) error {
	v.Parse()
	if c.explain {
		return c.writeExplanation(v)
	}
	if v.Greeting != nil {
		o.Get(&v.Greeting.DelayMS, "greeting", "delay_ms") // not in the text
	}
	v.Software, v.Provider = c.set.Classify(v.Signals())
	if err := errors.Join(
		o.Set("software", v.Software), o.Set("provider", v.Provider),
		o.Set("greeting", v.Greeting), o.Set("capabilities", v.Capabilities)); err != nil {
		return err
	}
	_, err := c.w.Write(append(o.Append(nil), '\n'))
	return err
}

// writeExplanation says for people why a record is classified as it is.
func (c *classifier) writeExplanation(v *scanner.Service) error {
	e := c.set.Explain(v.Signals())
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n", output.Escape(strings.TrimRight(string(v.Banner), "\r\n")))
	name := "unknown"
	if sw := e.Software; sw.Product != "" {
		name = strings.TrimSpace(sw.Product + " " + sw.Version)
	}
	fmt.Fprintf(&b, "  is %s (confidence %.2f)", output.Escape(name), e.Software.Confidence)
	if e.Provider != "" {
		fmt.Fprintf(&b, ", run by %s", e.Provider)
	}
	b.WriteByte('\n')
	writeVotes(&b, "spoke", e.Spoke)
	writeVotes(&b, "almost", e.Almost)
	for _, r := range e.Software.Candidates {
		fmt.Fprintf(&b, "  rival   %s %s (%.2f)\n", r.Product, output.Escape(r.Version), r.Confidence)
	}
	_, err := c.w.WriteString(b.String())
	return err
}

func writeVotes(b *strings.Builder, how string, votes []fingerprint.Vote) {
	for _, v := range votes {
		fmt.Fprintf(b, "  %-7s %.2f %-8s %-34s", how, v.Weight, v.Kind, v.Rule)
		if v.Matched != "" {
			fmt.Fprintf(b, " %q", output.Escape(v.Matched))
		}
		b.WriteByte('\n')
	}
}
