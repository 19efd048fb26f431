package smtp

import (
	"errors"
	"io"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
)

func TestParseReply(t *testing.T) {
	tests := []struct {
		raw   Raw
		code  int
		lines []string
	}{
		// RFC 5321, section 4.2: single and multiple lines.
		{"220 foo.com Simple Mail Transfer Service Ready\r\n", 220, []string{"foo.com Simple Mail Transfer Service Ready"}},
		{"250-First line\r\n250-Second line\r\n250-234 Text beginning with numbers\r\n250 The last line\r\n", 250,
			[]string{"First line", "Second line", "234 Text beginning with numbers", "The last line"}},
		{"250-mixed\r\n250-endings\n250 here\n", 250, []string{"mixed", "endings", "here"}},
		{"220\r\n", 220, []string{""}},
		{"220 \r\n", 220, []string{""}},
		{"220-\r\n220\r\n", 220, []string{"", ""}},
		{"220-one\r\n250 two\r\n", 250, []string{"one", "two"}}, // wrong continuation: the last line decides
		{"220-one\r\nstray\r\n220 two\r\n", 220, []string{"one", "stray", "two"}},
		{"220\ttab\r\n", 220, []string{"\ttab"}},
		{"220 ***2***0***\r\n", 220, []string{"***2***0***"}},
		{"554 \x1b]0;title\x07 \xff\xfe\x00\r\n", 554, []string{"\x1b]0;title\x07 \xff\xfe\x00"}},
		{"220 no line ending", 220, []string{"no line ending"}},
		{"220-cut in the\r\n22", 0, []string{"cut in the", "22"}},
		{"SSH-2.0-OpenSSH_9.2\r\n", 0, []string{"SSH-2.0-OpenSSH_9.2"}},
		{"2200 four digits\r\n", 0, []string{"2200 four digits"}},
		{"199 no SMTP code\r\n", 0, []string{"199 no SMTP code"}},
		{"600 neither\r\n", 0, []string{"600 neither"}},
	}
	for _, tt := range tests {
		r := ParseReply(tt.raw)
		if r.Code != tt.code || !slices.Equal(r.Lines, tt.lines) || r.Raw != tt.raw {
			t.Errorf("ParseReply(%q) = %d %q", tt.raw, r.Code, r.Lines)
		}
	}
	if ParseReply("") != nil {
		t.Error("the empty text is a reply")
	}
}

func TestHostname(t *testing.T) {
	for raw, want := range map[Raw]string{
		"220 mx.example.com ESMTP Postfix\r\n":         "mx.example.com",
		"220-mx.example.com ESMTP\r\n220 hi\r\n":       "mx.example.com",
		"220  mx.example.com ESMTP\r\n":                "mx.example.com", // a leading blank
		"220 mail ESMTP\r\n":                           "mail",
		"250-mail\r\n250 HELP\r\n":                     "mail",
		"250 mail Hello probe\r\n":                     "mail",
		"220 [192.0.2.1] ESMTP\r\n":                    "[192.0.2.1]",
		"220 [IPv6:2001:db8::1] ready\r\n":             "[IPv6:2001:db8::1]",
		"220 under_score.example.com\r\n":              "under_score.example.com",
		"220 ESMTP ready\r\n":                          "",
		"220 Welcome to our server\r\n":                "",
		"250 OK\r\n":                                   "",
		"220 ***2***0***\r\n":                          "",
		"220 <script>.example.com\r\n":                 "",
		"220 ... ESMTP\r\n":                            "",
		"220 Microsoft ESMTP MAIL Service\r\n":         "Microsoft", // RFC 5321 says that this is the domain
		"220\r\n":                                      "",
		"220 -dash.example.com\r\n":                    "",
		Raw("220 " + strings.Repeat("a.", 200) + "\n"): "",
	} {
		if got := ParseReply(raw).Hostname(); got != want {
			t.Errorf("Hostname of %q = %q, want %q", raw, got, want)
		}
	}
	if (*Reply)(nil).Hostname() != "" {
		t.Error("no reply has a name")
	}
}

// chunks is a connection that delivers one chunk with each read and then fails.
type chunks struct {
	net.Conn
	list []string
	err  error
}

func (c *chunks) Read(p []byte) (int, error) {
	if len(c.list) == 0 {
		return 0, c.err
	}
	n := copy(p, c.list[0])
	if c.list[0] = c.list[0][n:]; c.list[0] == "" {
		c.list = c.list[1:]
	}
	return n, nil
}

// read reads a reply that comes in chunks, on a wire as Probe makes it.
func read(err error, list ...string) (*Reply, *wire, error) {
	w := new(Prober).newWire(&chunks{list: list, err: err})
	r, err := w.reply()
	return r, w, err
}

func TestWireReply(t *testing.T) {
	long := strings.Repeat("x", maxLine-4)
	tests := []struct {
		name, in string
		raw      string // of the reply
		rest     string // left for the next
		err      error
	}{
		{"joined", "220 a\r\n250 b\r\n", "220 a\r\n", "250 b\r\n", nil},
		{"bare LF", "220-a\n220 b\n", "220-a\n220 b\n", "", nil},
		{"blank lines first", "\r\n\r\n220 a\r\n", "\r\n\r\n220 a\r\n", "", nil},
		{"stray line within", "220-a\r\nstray\r\n220 b\r\n", "220-a\r\nstray\r\n220 b\r\n", "", nil},
		{"stray line first", "welcome\r\n220 a\r\n", "welcome\r\n220 a\r\n", "", errNoReply},
		{"line ending missing", "554 go away", "554 go away", "", nil},
		{"half a reply", "220-a\r\n220-b\r\n", "220-a\r\n220-b\r\n", "", io.EOF},
		{"half a code", "22", "22", "", io.EOF},
		{"hyphen at the end", "220-a", "220-a", "", io.EOF},
		{"nothing", "", "", "", io.EOF},
		{"TLS alert", "\x15\x03\x01\x00\x02\x02\x28", "\x15\x03\x01\x00\x02\x02\x28", "", errNoReply},
		{"longest line", "220 " + long + "\n", "220 " + long + "\n", "", nil},
		{"line too long", "220 x" + long + "\n", "220 x" + long + "\n", "", errTooLong},
		{"most lines", strings.Repeat("220-\n", maxLines-1) + "220 \n", strings.Repeat("220-\n", maxLines-1) + "220 \n", "", nil},
		{"too many lines", strings.Repeat("220-\n", maxLines) + "220 \n", strings.Repeat("220-\n", maxLines) + "220 \n", "", errTooLong},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			r, w, err := read(io.EOF, tt.in)
			var raw Raw
			if r != nil {
				raw = r.Raw
			}
			if string(raw) != tt.raw || string(w.buf) != tt.rest || !errors.Is(err, tt.err) {
				t.Errorf("got %.40q, rest %.40q, error %v", raw, w.buf, err)
			}
		})
	}
}

// However the network cuts a reply up or joins it to the next, it is the same.
func TestWireReplySplit(t *testing.T) {
	for _, in := range []string{
		"220-mx.example.com ESMTP\r\n220-\r\n220 ready\r\n250 next\r\n",
		"\n220-mixed\n250 endings\r\n421 next\r\n",
		"500\r\nEHLO",
	} {
		whole, w, err := read(io.EOF, in)
		if err != nil {
			t.Fatal(err)
		}
		rest := string(w.buf)
		for i := range in {
			r, w, err := read(io.EOF, in[:i], in[i:])
			if err != nil || r.Raw != whole.Raw || !strings.HasPrefix(rest, string(w.buf)) {
				t.Errorf("split at %d: %q, rest %q, error %v", i, r.Raw, w.buf, err)
			}
		}
		r, _, err := read(io.EOF, strings.Split(in, "")...)
		if err != nil || r.Raw != whole.Raw {
			t.Errorf("byte by byte: %q, error %v", r.Raw, err)
		}
	}
}

// A server that never stops is cut off at the bound, and the buffer that it
// needed is not kept.
func TestWireBounded(t *testing.T) {
	for _, endless := range []string{"220-gigabytes of lines\r\n", "220 no line ending, ever ", strings.Repeat("220-", 2000) + "\n", strings.Repeat(strings.Repeat("220-", 1000)+"\n", 100)} {
		p := new(Prober)
		w := p.newWire(&chunks{list: slices.Repeat([]string{endless}, 1<<15)})
		r, err := w.reply()
		if !errors.Is(err, errTooLong) || r == nil || len(r.Raw) > maxReply || cap(w.buf) > maxReply {
			t.Errorf("%.10q: %d bytes read, buffer of %d, error %v", endless, len(r.Raw), cap(w.buf), err)
		}
		p.release(w)
		if again := p.newWire(nil); cap(again.buf) != bufferSize {
			t.Errorf("%.10q: a buffer of %d bytes is kept", endless, cap(again.buf))
		}
	}
}

func FuzzReply(f *testing.F) {
	f.Add("220-mx.example.com\r\n220 ESMTP\r\n250 next", uint8(3))
	f.Add("220\n", uint8(1))
	f.Add("SSH-2.0-x\r\n", uint8(2))
	f.Add("\r\n554-\x00\xff\r\n55", uint8(7))
	f.Fuzz(func(t *testing.T, in string, n uint8) {
		whole, w, err := read(os.ErrDeadlineExceeded, in)
		var raw, rest = "", string(w.buf)
		if whole != nil {
			raw = string(whole.Raw)
		}
		if !strings.HasPrefix(in, raw+rest) || errors.Is(err, os.ErrDeadlineExceeded) && raw+rest != in { // other errors come before the end
			t.Fatalf("%q became %q and %q", in, raw, rest)
		}
		if err == nil && (whole.Code < 200 || whole.Code > 599) {
			t.Fatalf("a complete reply with code %d", whole.Code)
		}
		whole.Hostname()
		ParseCapabilities(whole)

		var list []string
		for rest := in; rest != ""; {
			i := min(int(n)+1, len(rest))
			list = append(list, rest[:i])
			rest = rest[i:]
		}
		split, _, splitErr := read(os.ErrDeadlineExceeded, list...)
		if err == nil && (splitErr != nil || split.Raw != whole.Raw) {
			t.Fatalf("%q in pieces of %d: error %v", in, n+1, splitErr)
		}
	})
}
