package output

import (
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkSQLite writes services, one after the other, as a scan or convert
// does; a transaction is as old as in a real run.
func BenchmarkSQLite(b *testing.B) {
	w, err := Create(filepath.Join(b.TempDir(), "fleet.db"), false, Options{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	records := aRun("a", "3.5")
	if err := w.Write(&records[0]); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := w.Write(&records[1]); err != nil {
			b.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "rows/s")
}
