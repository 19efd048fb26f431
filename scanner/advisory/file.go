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
	Product    string         `yaml:"product,omitempty"`  // slug, the name of the file
	Name       string         `yaml:"name,omitempty"`     // for people
	Scheme     string         `yaml:"scheme,omitempty"`   // of package version
	CPE        []string       `yaml:"cpe,omitempty"`      // vendor:product, what NVD calls it
	OSV        []string       `yaml:"osv,omitempty"`      // ecosystem/package, what OSV calls it
	Packaged   bool           `yaml:"packaged,omitempty"` // distributions ship it and add fixes under an unchanged version
	Latest     *fileLatest    `yaml:"latest,omitempty"`
	Lines      []fileLine     `yaml:"lines,omitempty"`
	Packages   []filePackage  `yaml:"packages,omitempty"`
	Builds     []fileBuild    `yaml:"builds,omitempty"`
	Advisories []fileAdvisory `yaml:"advisories,omitempty"`
}

// fileLatest is the newest stable release.
type fileLatest struct {
	Version  string `yaml:"version,omitempty"`
	Released string `yaml:"released,omitempty"`
	Source   string `yaml:"source,omitempty"`
}

// fileLine is a release line: all versions that begin with the numbers of Line.
type fileLine struct {
	Line           string `yaml:"line,omitempty"`
	Name           string `yaml:"name,omitempty"` // where people call it otherwise, e.g. "Exchange 2016"
	Released       string `yaml:"released,omitempty"`
	EOL            string `yaml:"eol,omitempty"`      // YYYY-MM-DD, "supported", "ended" (date not known); "" if not known
	Extended       string `yaml:"extended,omitempty"` // end of paid support
	Latest         string `yaml:"latest,omitempty"`   // newest version of the line
	LatestReleased string `yaml:"latest_released,omitempty"`
	Note           string `yaml:"note,omitempty"`
	Source         string `yaml:"source,omitempty"`
}

// filePackage is a distribution's package in which some CVEs are fixed though
// its upstream version is in their range.
type filePackage struct {
	System   string   `yaml:"system,omitempty"`   // "Debian 12"
	Upstream string   `yaml:"upstream,omitempty"` // version that the banner shows
	Revision string   `yaml:"revision,omitempty"` // first package version with the fixes, upstream part included
	Fixes    []string `yaml:"fixes,omitempty"`
}

// fileBuild names a build that only shows numbers.
type fileBuild struct {
	Version  string `yaml:"version,omitempty"`
	Name     string `yaml:"name,omitempty"`
	Released string `yaml:"released,omitempty"`
}

type fileAdvisory struct {
	CVE         string      `yaml:"cve,omitempty"`
	Title       string      `yaml:"title,omitempty"`
	Severity    Severity    `yaml:"severity,omitempty"` // of the score
	CVSS        float64     `yaml:"cvss,omitempty"`
	CVSSVersion string      `yaml:"cvss_version,omitempty"`
	KEV         bool        `yaml:"kev,omitempty"`
	Published   string      `yaml:"published,omitempty"`
	Scope       string      `yaml:"scope,omitempty"`      // "local" or "web" where SMTP is not the way in
	Conditions  string      `yaml:"conditions,omitempty"` // for people
	Usual       bool        `yaml:"usual,omitempty"`      // the conditions hold in most installations
	Needs       []string    `yaml:"needs,omitempty"`      // EHLO keywords without which it cannot be reached: "CHUNKING", "AUTH NTLM"
	Ranges      []fileRange `yaml:"ranges,omitempty"`
	Note        string      `yaml:"note,omitempty"`
	Sources     []string    `yaml:"sources,omitempty"`
}

// fileRange is an interval of affected versions, with a version inside and one
// outside as its test. Exactly one of Fixed and LastAffected is set.
type fileRange struct {
	Introduced   string `yaml:"introduced,omitempty"`    // inclusive; "" is the first ever
	Fixed        string `yaml:"fixed,omitempty"`         // exclusive
	LastAffected string `yaml:"last_affected,omitempty"` // inclusive
	VulnerableAt string `yaml:"vulnerable_at,omitempty"`
	SafeAt       string `yaml:"safe_at,omitempty"`
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
		return yamlError(name, err)
	}
	var more any
	if err := decoder.Decode(&more); !errors.Is(err, io.EOF) {
		return fmt.Errorf("%s: more than one document", name)
	}
	return nil
}
