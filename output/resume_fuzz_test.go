package output

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/mxsweep/mxsweep/scanner"
)

// FuzzReadBack goes on with whatever is in the file that is to be resumed: what
// comes of it can be read back, record for record.
func FuzzReadBack(f *testing.F) {
	f.Add([]byte(`{"type":"run","seed":1}` + "\n" + `{"type":"service","input":"a","ip":"192.0.2.1","port":25}` + "\n" + `{"type":"domain","input":"a"}` + "\n" + `{"type":"serv`))
	f.Add([]byte(`{"type":"progress","input":"x","done":7,"total":5,"pending":[1,18446744073709551615],"settled":[2],"unwritten":{"":9}}` + "\n\x00\x00\n" + `{"type":"summary"}`))
	f.Add(compressed(f, `{"type":"run"}`+"\n"+`{"type":"summary","interrupted":true}`+"\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		path := filepath.Join(t.TempDir(), "x.ndjson")
		if err := os.WriteFile(path, data, 0o666); err != nil {
			t.Fatal(err)
		}
		read := func() (*Stored, int, error) {
			n, ledger := 0, scanner.NewLedger()
			s, err := ReadBack(path, func(r *scanner.Result) error { n++; ledger.Add(r); return nil })
			return s, n, err
		}
		s, n, err := read()
		if err != nil {
			return
		}
		if s.Complete {
			s.Close()
			return
		}
		w, _, err := s.Continue()
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Write(&scanner.Result{Domain: &scanner.Domain{Type: "domain", Input: "new"}}); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		again, m, err := read()
		if err != nil || m != n+1 || again.Torn != 0 || again.Lost != 0 {
			text, _ := os.ReadFile(path)
			t.Fatalf("%d records became %d (%v): %q", n, m, err, bytes.Clone(text))
		}
		again.Close()
	})
}
