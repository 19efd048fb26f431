package version_test

import (
	"fmt"

	"github.com/mxsweep/mxsweep/scanner/version"
)

func ExampleCompare() {
	shown, err := version.Parse("exim", "4.99_5")
	if err != nil {
		fmt.Println(err)
		return
	}
	newest, err := version.Parse("exim", "4.100.1")
	if err != nil {
		fmt.Println(err)
		return
	}
	order, err := version.Compare(shown, newest)
	fmt.Println(order, err)

	_, err = version.Parse("exim", "125302")
	fmt.Println(err)
	// Output:
	// -1 <nil>
	// cannot compare version "125302": not of the form of scheme "exim"
}
