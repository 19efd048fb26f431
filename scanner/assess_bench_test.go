package scanner

import (
	"testing"
	"time"

	"github.com/mxsweep/mxsweep/scanner/smtp"
)

// BenchmarkFindings measures what judging a record costs with all the data, for
// software that many advisories are about: facts, findings, and the comparison
// with the rest of the fleet. The goal is 10 µs; classification comes on top and
// is measured in its own package.
func BenchmarkFindings(b *testing.B) {
	k, err := (&Scanner{}).knowledge()
	if err != nil {
		b.Fatal(err)
	}
	for name, banner := range map[string]string{
		"unknown":  "220 mx.example.com ESMTP\r\n",
		"postfix":  "220 mx.example.com ESMTP Postfix (Debian/GNU)\r\n",
		"exim":     "220 mx.example.com ESMTP Exim 4.92 Tue, 24 Nov 2026 02:00:00 +0000\r\n",
		"exchange": "220 mx.example.com Microsoft ESMTP MAIL Service, Version: 6.0.3790.4675 ready at Tue, 24 Nov 2026 02:00:00 +0000\r\n",
	} {
		b.Run(name, func(b *testing.B) {
			v := &Service{Timestamp: time.Date(2026, 11, 24, 2, 0, 0, 0, time.UTC), Host: "mx.example.com", Port: 25, Status: StatusSuccess, Banner: smtp.Raw(banner)}
			v.EHLO = &EHLO{Raw: "250-mx.example.com\r\n250-SIZE 52428800\r\n250-CHUNKING\r\n250 STARTTLS\r\n"}
			v.Parse()
			v.Software, v.Provider = k.fingerprints.Classify(v.Signals())
			var f fleet
			b.ReportAllocs()
			for b.Loop() {
				v.Findings = k.advisories.Service(v.facts())
				f.add(v)
			}
		})
	}
}
