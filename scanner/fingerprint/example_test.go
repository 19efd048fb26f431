package fingerprint_test

import (
	"fmt"

	"github.com/mxsweep/mxsweep/scanner/fingerprint"
)

func ExampleSet_Classify() {
	set, err := fingerprint.Default()
	if err != nil {
		fmt.Println(err)
		return
	}
	software, provider := set.Classify(&fingerprint.Signals{
		Greeting: "220 mx1.example.com ESMTP Sendmail 8.15.2/8.15.2/Debian-22; Tue, 6 Feb 2024 10:00:00 GMT\r\n",
		MX:       "mx1.example.com",
	})
	fmt.Println(software.Product, software.Version, software.Update, software.OS)
	fmt.Printf("%q\n", provider)
	fmt.Println(software.Evidence[0].Rule, software.CPE)
	// Output:
	// Sendmail 8.15.2 22 Debian
	// ""
	// sendmail/greeting cpe:2.3:a:sendmail:sendmail:8.15.2:*:*:*:*:*:*:*
}
