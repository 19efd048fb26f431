package dnstest_test

import (
	"fmt"
	"testing"

	"github.com/mxsweep/mxsweep/resolver/dnstest"
)

func TestBare(t *testing.T) {
	zone := ""
	for i := range 20 {
		zone += fmt.Sprintf("d%d.example. MX 10 mx.d%[1]d.example.\nmx.d%[1]d.example. A 192.0.2.%[1]d\n", i)
	}
	s, err := dnstest.NewServer(zone)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	name := func(i int) string { return fmt.Sprintf("d%d.example", i) }
	if err := dnstest.Bare(s.Addr(), name, 20, 5); err != nil {
		t.Error(err)
	}
	if err := dnstest.Bare(s.Addr(), name, 21, 5); err == nil {
		t.Error("a domain without MX is no error")
	}
}
