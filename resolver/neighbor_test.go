package resolver

import (
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/mxsweep/mxsweep/scanner"
)

// targetsIn returns the text of every target of a list, and "bad" and the reason
// with the place for every one that is none.
func targetsIn(t *testing.T, source Source) []string {
	t.Helper()
	var got []string
	for in, err := range Inputs(t.Context(), InputOptions{}, source) {
		switch bad, ok := errors.AsType[*scanner.InputError](err); {
		case ok:
			got = append(got, "bad "+bad.Source+" "+bad.Text)
		case err != nil:
			got = append(got, "end "+err.Error())
		default:
			got = append(got, in.Text)
		}
	}
	return got
}

// The files are what the programs wrote about a network of two machines, of
// which one has ports 25 and 587 open and the other 25: nmap 7.93, masscan
// 1.3.2, zmap 2.1.1.
func TestInputsOfPrograms(t *testing.T) {
	found := []string{"192.0.2.10:25", "192.0.2.10:587", "192.0.2.11:25"}
	for file, want := range map[string][]string{
		"nmap.gnmap": found, "nmap.xml": found,
		"nmap6.gnmap": {"[2001:db8::10]:25"}, "nmap6.xml": {"[2001:db8::10]:25"},
		"masscan.list": found, "masscan.ndjson": found, "masscan.json": found, "masscan.gnmap": found,
		"zmap.txt": {"192.0.2.10", "192.0.2.11"}, "zmap.csv": {"192.0.2.10:25", "192.0.2.11:25"}, "zmap-closed.csv": nil,
	} {
		got := targetsIn(t, File(filepath.Join("testdata", "neighbors", file)))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", file, got, want)
		}
	}
}

func TestNeighborLines(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"naabu", "mx.example.com:25\n192.0.2.1:465\n[2001:db8::1]:25\n", []string{"mx.example.com:25", "192.0.2.1:465", "[2001:db8::1]:25"}},
		{"naabu -cdn", "192.0.2.1:25 [cloudflare]\n", []string{"192.0.2.1:25"}},
		{"naabu -json", `{"host":"mx.example.com","ip":"192.0.2.1","timestamp":"2026-11-01T10:00:00Z","port":25,"protocol":"tcp","tls":false}
{"ip":"192.0.2.2","timestamp":"2026-11-01T10:00:00Z","port":53,"protocol":"udp","tls":false}
{"ip":"2001:db8::1","timestamp":"2026-11-01T10:00:00Z","port":465,"protocol":"tcp","tls":true,"product":"Exim smtpd #1"}`, []string{"mx.example.com:25", "[2001:db8::1]:465"}},
		{"masscan -oL", "#masscan\nopen tcp 25 192.0.2.1 1700000000\nclosed tcp 25 192.0.2.2 1700000000\nopen udp 53 192.0.2.1 1700000000\n" +
			"banner tcp 25 192.0.2.1 1700000000 smtp 220 mx ESMTP #1\x0a\nopen tcp 25 2001:db8::1 1700000000\n# end\n", []string{"192.0.2.1:25", "[2001:db8::1]:25"}},
		{"masscan -oD with banners", `{"ip":"192.0.2.1","timestamp":"1700000000","port":25,"proto":"tcp","rec_type":"status","data":{"status":"open","reason":"syn-ack","ttl":52}}
{"ip":"192.0.2.1","timestamp":"1700000000","port":25,"proto":"tcp","rec_type":"banner","data":{"service_name":"smtp","banner":"220 mx"}}
{"ip":"192.0.2.2","timestamp":"1700000000","port":25,"proto":"tcp","rec_type":"status","data":{"status":"closed","reason":"rst-ack","ttl":52}}`, []string{"192.0.2.1:25"}},
		{"zmap, header of one column", "saddr\n192.0.2.1\n192.0.2.2\n", []string{"192.0.2.1", "192.0.2.2"}},
		{"zmap, without header", "192.0.2.1,25,synack,1\n192.0.2.2,25,rst,0\n", []string{"192.0.2.1"}},
		{"zmap, columns in another order", "classification,success,saddr\nsynack,1,192.0.2.1\nrst,0,192.0.2.2\nx,1,mx.example\n", []string{"192.0.2.1", "bad l:4 x,1,mx.example"}},
		{"no row of zmap", "192.0.2.1,192.0.2.2\na.example,b.example\n,\n", []string{"bad l:1 192.0.2.1,192.0.2.2", "bad l:2 a.example,b.example"}},
		{"nmap -oG -sV", "Host: 192.0.2.1 (mx.example.com)\tPorts: 25/open/tcp//smtp//Exim smtpd 4.96, #1/, 110/filtered/tcp//pop3///, 587/open/tcp//smtp///\tIgnored State: closed (1)\n",
			[]string{"192.0.2.1:25", "192.0.2.1:587"}},
		{"dnsx -resp", "example.com [MX] [mx1.example.com] \nexample.org [MX] [mx.example.org] \nexample.com [MX] [mx2.example.com] \n", []string{"example.com", "example.org"}},
		{"dnsx -resp, in colors", "example.com [\x1b[35mMX\x1b[0m] [\x1b[32mmx1.example.com\x1b[0m] \n", []string{"example.com"}},
		{"dnsx -resp-only", "mx1.example.com\nmx2.example.com\n", []string{"mx1.example.com", "mx2.example.com"}},
		{"dnsx -json", `{"host":"example.com","ttl":300,"resolver":["192.0.2.53:53"],"mx":["mx1.example.com"],"status_code":"NOERROR","timestamp":"2026-11-01T10:00:00Z"}`, []string{"example.com"}},
		{"mixed, and mistakes", "open tcp 99999 192.0.2.1 1\n{\"port\":25}\n{\"host\":\nHost: \nopen tcp\nb.example\n",
			[]string{"bad l:1 192.0.2.1:99999", `bad l:2 {"port":25}`, `bad l:3 {"host":`, "bad l:4 Host:", "bad l:5 open tcp", "b.example"}},
		{"XML that breaks off", "\ufeff<?xml version=\"1.0\"?>\n<nmaprun>\n<host><address addr=\"192.0.2.1\" addrtype=\"ipv4\"/><ports><port protocol=\"tcp\" portid=\"25\"><state state=\"open\"/></port>\n",
			[]string{"192.0.2.1:25", "bad l:4 <nmaprun>"}},
		{"XML with a bad port", "<?xml version=\"1.0\"?>\n<h>\n<address addr=\"192.0.2.1\" addrtype=\"ipv4\"/><port protocol=\"tcp\" portid=\"0\"><state state=\"open\"/></port></h>", []string{"bad l:3 192.0.2.1:0"}},
		{"XML too deep", "<?xml version=\"1.0\"?>" + strings.Repeat("<a>", maxXMLDepth+1), []string{"bad l:1 <nmaprun>"}},
		{"XML tag too long", "<?xml version=\"1.0\"?>\n<a b=\"" + strings.Repeat("x", maxXMLToken) + "\"/>", []string{"bad l:2 <nmaprun>"}},
		{"no XML", "<a@example.com>\nb.example\n", []string{"bad l:1 <a@example.com>", "b.example"}},
		{"a longer line", "Host: 192.0.2.1 ()\tPorts: " + strings.Repeat("1/closed/tcp/////, ", 1000) + "25/open/tcp/////\n", []string{"192.0.2.1:25"}},
	} {
		if got := targetsIn(t, Reader("l", iotest.HalfReader(strings.NewReader(c.text)))); !slices.Equal(got, c.want) {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestXMLReadError(t *testing.T) {
	r := io.MultiReader(strings.NewReader("<?xml version=\"1.0\"?>\n<nmaprun>"), iotest.ErrReader(errors.New("broken pipe")))
	if got, want := targetsIn(t, Reader("l", r)), []string{"end l: broken pipe"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// What must be left alone is never guessed at: a line that another program wrote
// is an error there, whatever it says.
func TestExclusionsOfPrograms(t *testing.T) {
	for _, text := range []string{"closed tcp 25 192.0.2.1 1", "Host: 192.0.2.1 ()\tStatus: Up", `{"ip":"192.0.2.1","port":53,"protocol":"udp"}`, "<?xml version=\"1.0\"?>", "saddr,sport"} {
		if _, err := ReadExclusions(t.Context(), Reader("x", strings.NewReader(text))); err == nil {
			t.Errorf("%q is taken for an exclusion", text)
		}
	}
}

func BenchmarkNeighbor(b *testing.B) {
	for name, format := range map[string]string{
		"list":   "open tcp 25 192.0.%d.%d 1700000000\n",
		"ndjson": `{"ip":"192.0.%d.%d","timestamp":"1795840433","port":25,"proto":"tcp","rec_type":"status","data":{"status":"open","reason":"syn-ack","ttl":64}}` + "\n",
	} {
		var text strings.Builder
		for i := range 1 << 16 {
			fmt.Fprintf(&text, format, i>>8, i&0xff)
		}
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				for _, err := range Inputs(b.Context(), InputOptions{}, Reader("l", strings.NewReader(text.String()))) {
					if err != nil {
						b.Fatal(err)
					}
					n++
				}
			}
			b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "lines/s")
		})
	}
}
