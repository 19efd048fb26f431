package resolver

import (
	"bufio"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// A found list is one of many open ports, as a program writes it.
type foundList struct {
	name, head, line, foot string
	n                      int
}

// write makes the file and returns its size.
func (l *foundList) write(t *testing.T, path string) int64 {
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	fmt.Fprint(w, l.head)
	for i := range l.n {
		fmt.Fprintf(w, l.line, fmt.Sprintf("10.%d.%d.%d", i>>16, i>>8&255, i&255))
	}
	fmt.Fprint(w, l.foot)
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	return info.Size()
}

// What other programs found is read as it comes: a file of many megabytes takes
// no more memory than one of a few lines.
func TestNeighborMemoryIsConstant(t *testing.T) {
	for _, c := range []foundList{
		{"masscan -oL", "#masscan\n", "open tcp 25 %s 1795840465\n", "# end\n", 300_000},
		{"masscan -oJ", "[\n", `{   "ip": "%s",   "timestamp": "1795840441", "ports": [ {"port": 25, "proto": "tcp", "status": "open", "reason": "syn-ack", "ttl": 64} ] }` + "\n,\n", "]\n", 20_000},
		{"masscan -oD", "", `{"ip":"%s","timestamp":"1795840433","port":25,"proto":"tcp","rec_type":"status","data":{"status":"open","reason":"syn-ack","ttl":64}}` + "\n", "", 20_000},
		{"nmap -oG", "", "Host: %s ()\tPorts: 25/open/tcp//smtp///\n", "", 20_000},
		{"nmap -oX", "<?xml version=\"1.0\"?>\n<nmaprun>", `<host><address addr="%s" addrtype="ipv4"/><ports><port protocol="tcp" portid="25"><state state="open"/></port></ports></host>`, "</nmaprun>\n", 20_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "found")
			size := c.write(t, path)
			n, grown := 0, int64(0)
			before := heap()
			for in, err := range Inputs(t.Context(), InputOptions{}, File(path)) {
				if err != nil {
					t.Fatal(in, err)
				}
				if n++; n%(c.n/5) == 0 {
					grown = max(grown, heap()-before)
				}
			}
			if n != c.n || grown > 1<<20 {
				t.Errorf("%d targets of %d in %d bytes; the heap grew by %d bytes", n, c.n, size, grown)
			}
			t.Logf("%d bytes read, the heap grew by %d at most", size, grown)
		})
	}
}

// heap is what is in use now.
func heap() int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
