package output_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"

	"github.com/mxsweep/mxsweep/output"
	"github.com/mxsweep/mxsweep/scanner"
	"github.com/mxsweep/mxsweep/scanner/fingerprint"
)

func Example() {
	found := scanner.Result{Service: &scanner.Service{
		Host: "mx.example.com", IP: netip.MustParseAddr("192.0.2.1"), Port: 25, Status: scanner.StatusSuccess,
		Banner:   "220 mx.example.com ESMTP Exim 4.98\r\n",
		Software: fingerprint.Software{Product: "Exim", Version: "4.98"},
	}}

	// As a line of text.
	w, err := output.New(os.Stdout, output.Text, output.Options{Width: func() int { return 80 }})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := w.Write(&found); err != nil {
		fmt.Println(err)
	}
	if err := w.Close(); err != nil {
		fmt.Println(err)
	}

	// As NDJSON, and back.
	file := bytes.NewReader(output.AppendResult(nil, &found))
	for r, err := range output.NewReader(file).Results() {
		if err != nil {
			fmt.Println(err)
			continue
		}
		fmt.Printf("%q\n", r.Service.Banner)
	}
	// Output:
	// 192.0.2.1:25          mx.example.com           Exim 4.98               TLS ?
	// "220 mx.example.com ESMTP Exim 4.98\r\n"
}

func ExampleEscape() {
	fmt.Println(output.Escape("220 \x1b[2Jmx \u202eexample\xff"))
	// Output: 220 \x1b[2Jmx \u202eexample\xff
}
