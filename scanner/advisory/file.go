package advisory

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"go.yaml.in/yaml/v4"
)

// The types below are the form of data/<product>.yaml. Unknown keys are
// errors, so a misspelt one cannot hide a range.

type file struct {
	Product    string         `yaml:"product"`  // slug, the name of the file
	Name       string         `yaml:"name"`     // for people
	Scheme     string         `yaml:"scheme"`   // of package version
	Packaged   bool           `yaml:"packaged"` // distributions ship it and add fixes under an unchanged version
	Latest     *fileLatest    `yaml:"latest"`
	Lines      []fileLine     `yaml:"lines"`
	Packages   []filePackage  `yaml:"packages"`
	Builds     []fileBuild    `yaml:"builds"`
	Advisories []fileAdvisory `yaml:"advisories"`
}

// fileLatest is the newest stable release.
type fileLatest struct {
	Version  string `yaml:"version"`
	Released string `yaml:"released"`
	Source   string `yaml:"source"`
}

// fileLine is a release line: all versions that begin with the numbers of Line.
type fileLine struct {
	Line           string `yaml:"line"`
	Name           string `yaml:"name"` // where people call it otherwise, e.g. "Exchange 2016"
	Released       string `yaml:"released"`
	EOL            string `yaml:"eol"`      // YYYY-MM-DD, "supported", "ended" (date not known); "" if not known
	Extended       string `yaml:"extended"` // end of paid support
	Latest         string `yaml:"latest"`   // newest version of the line
	LatestReleased string `yaml:"latest_released"`
	Note           string `yaml:"note"`
	Source         string `yaml:"source"`
}

// filePackage is a distribution's package in which some CVEs are fixed though
// its upstream version is in their range.
type filePackage struct {
	System   string   `yaml:"system"`   // "Debian 12"
	Upstream string   `yaml:"upstream"` // version that the banner shows
	Revision string   `yaml:"revision"` // first package version with the fixes, upstream part included
	Fixes    []string `yaml:"fixes"`
}

// fileBuild names a build that only shows numbers.
type fileBuild struct {
	Version  string `yaml:"version"`
	Name     string `yaml:"name"`
	Released string `yaml:"released"`
}

type fileAdvisory struct {
	CVE         string      `yaml:"cve"`
	Title       string      `yaml:"title"`
	Severity    Severity    `yaml:"severity"` // of the score
	CVSS        float64     `yaml:"cvss"`
	CVSSVersion string      `yaml:"cvss_version"`
	KEV         bool        `yaml:"kev"`
	Published   string      `yaml:"published"`
	Scope       string      `yaml:"scope"`      // "local" or "web" where SMTP is not the way in
	Conditions  string      `yaml:"conditions"` // for people
	Usual       bool        `yaml:"usual"`      // the conditions hold in most installations
	Needs       []string    `yaml:"needs"`      // EHLO keywords without which it cannot be reached: "CHUNKING", "AUTH NTLM"
	Ranges      []fileRange `yaml:"ranges"`
	Note        string      `yaml:"note"`
	Sources     []string    `yaml:"sources"`
}

// fileRange is an interval of affected versions, with a version inside and one
// outside as its test. Exactly one of Fixed and LastAffected is set.
type fileRange struct {
	Introduced   string `yaml:"introduced"`    // inclusive; "" is the first ever
	Fixed        string `yaml:"fixed"`         // exclusive
	LastAffected string `yaml:"last_affected"` // inclusive
	VulnerableAt string `yaml:"vulnerable_at"`
	SafeAt       string `yaml:"safe_at"`
}

// about is the form of data/about.yaml.
type about struct {
	Date string `yaml:"date"` // YYYY-MM-DD
}

// readFile decodes one YAML document strictly. Errors name the file and line.
func readFile(fsys fs.FS, name string, into any) error {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return err
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	decoder.KnownFields(true)
	if err := decoder.Decode(into); err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	var more any
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: more than one document", name)
	}
	return nil
}
