package advisory_test

import (
	"fmt"
	"time"

	"github.com/mxsweep/mxsweep/scanner/advisory"
)

func ExampleSet_Service() {
	set, err := advisory.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range set.Service(&advisory.Facts{
		Time:     time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC),
		Port:     25,
		Software: advisory.Software{Product: "OpenSMTPD", Slug: "opensmtpd", Version: "6.6.1p1"},
	}) {
		fmt.Println(f.Severity, f.ID)
		fmt.Println("\t" + f.Evidence)
	}
	// Output:
	// critical known-exploited
	// 	OpenSMTPD 6.6.1p1 may be affected by 1 advisory, going by its version; worst: CVE-2020-7247 (Shell metacharacters in MAIL FROM run as root)
	// critical known-vulnerabilities
	// 	OpenSMTPD 6.6.1p1 may be affected by 4 advisories, going by its version; worst: CVE-2020-8794 (Out-of-bounds read in client code, code execution)
	// high end-of-life
	// 	OpenSMTPD 6.6.1p1: support of OpenSMTPD 6.6 ended on 2020-10-18
}
