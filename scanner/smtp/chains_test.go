package smtp

import (
	"crypto/x509"
	"encoding/binary"
	"testing"
	"testing/synctest"
	"time"
)

// A judgment does not outlive its time, and what is kept does not grow.
func TestChainsKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var known chains
		sent := func(n int) []*x509.Certificate {
			return []*x509.Certificate{{Raw: binary.BigEndian.AppendUint32(nil, uint32(n))}}
		}
		first := known.get(sent(0), x509.NewCertPool())
		if known.get(sent(0), nil) != first {
			t.Error("not kept")
		}
		<-time.After(maxAge)
		if known.get(sent(0), nil) == first {
			t.Error("kept for too long")
		}
		for n := range 3 * maxKept {
			known.get(sent(n), x509.NewCertPool())
			if len(known.kept) > maxKept {
				t.Fatalf("%d are kept", len(known.kept))
			}
		}
	})
}
