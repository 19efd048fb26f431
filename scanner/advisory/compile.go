package advisory

import (
	"fmt"
	"io/fs"
	"slices"
	"time"

	"github.com/mxsweep/mxsweep/scanner/version"
)

// A product is a file made ready for comparing: versions parsed, dates read.
type product struct {
	file
	latest     *version.Version
	lines      []line
	builds     []build // oldest first
	advisories []advisory
	needs      []need // of all advisories, each once
	memory     memory
}

type line struct {
	fileLine
	numbers version.Line
	eol     time.Time // zero if supported or not known
	ext     time.Time // end of paid support; zero if none
	latest  *version.Version
}

type build struct {
	version version.Version
	name    string
}

// load reads and compiles the file of one product.
func load(fsys fs.FS, slug string) (*product, error) {
	p := &product{}
	name := slug + ".yaml"
	if err := readFile(fsys, name, &p.file); err != nil {
		return nil, err
	}
	if p.Product != slug {
		return nil, fmt.Errorf("%s: product %q is not the name of the file", name, p.Product)
	}
	if err := p.compile(); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return p, nil
}

func (p *product) compile() error {
	if !slices.Contains(version.Schemes(), p.Scheme) {
		return fmt.Errorf("%w %q", version.ErrUnknownScheme, p.Scheme)
	}
	if p.Latest != nil {
		latest, err := version.Parse(p.Scheme, p.Latest.Version)
		if err != nil {
			return err
		}
		p.latest = &latest
	}
	for _, l := range p.Lines {
		compiled, err := p.compileLine(l)
		if err != nil {
			return fmt.Errorf("line %s: %w", l.Line, err)
		}
		p.lines = append(p.lines, compiled)
	}
	for _, b := range p.Builds {
		v, err := version.Parse(p.Scheme, b.Version)
		if err != nil {
			return err
		}
		p.builds = append(p.builds, build{v, b.Name})
	}
	if err := p.compileAdvisories(); err != nil {
		return err
	}
	return p.listNeeds()
}

func (p *product) compileLine(l fileLine) (line, error) {
	numbers, err := version.ParseLine(p.Scheme, l.Line)
	if err != nil {
		return line{}, err
	}
	c := line{fileLine: l, numbers: numbers}
	if c.latest, err = p.bound(l.Latest); err != nil {
		return line{}, err
	}
	if l.EOL != "" && l.EOL != eolSupported && l.EOL != eolEnded {
		if c.eol, err = time.Parse(time.DateOnly, l.EOL); err != nil {
			return line{}, err
		}
	}
	if l.Extended != "" {
		if c.ext, err = time.Parse(time.DateOnly, l.Extended); err != nil {
			return line{}, err
		}
	}
	return c, nil
}

// The words a line's eol may be instead of a date.
const (
	eolSupported = "supported"
	eolEnded     = "ended"
)

// bound parses a version that may be missing.
func (p *product) bound(s string) (*version.Version, error) {
	if s == "" {
		return nil, nil
	}
	v, err := version.Parse(p.Scheme, s)
	return &v, err
}
