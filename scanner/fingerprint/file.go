package fingerprint

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"go.yaml.in/yaml/v4"
)

// A file is one fingerprint file as written; the package comment explains each
// key to the people who write them.
type file struct {
	name string // path, for messages
	slug string // name without directory and ".yaml"
	at   places

	Product     string        `yaml:"product"`
	Vendor      string        `yaml:"vendor"`
	CPE         string        `yaml:"cpe"`
	Class       string        `yaml:"class"`
	Versions    string        `yaml:"versions"`
	Family      string        `yaml:"family"`
	Candidates  []string      `yaml:"candidates"`
	Asks        []string      `yaml:"asks"`
	Source      string        `yaml:"source"`
	Provider    *fileProvider `yaml:"provider"`
	Rules       []fileRule    `yaml:"rules"`
	Transcripts []transcript  `yaml:"transcripts"`
}

// A fileProvider names the operator that host names betray.
type fileProvider struct {
	Name     string   `yaml:"name"`
	MX       []string `yaml:"mx"`
	Hosts    []string `yaml:"hosts"`
	Source   string   `yaml:"source"`
	Examples []string `yaml:"examples"`
	Never    []string `yaml:"never"`
}

// A fileRule is one rule with its tests.
type fileRule struct {
	ID       string    `yaml:"id"`
	Signal   string    `yaml:"signal"`
	Kind     string    `yaml:"kind"`
	Weight   int       `yaml:"weight"`
	Pattern  string    `yaml:"pattern"`
	Version  string    `yaml:"version"`
	Update   string    `yaml:"update"`
	OS       string    `yaml:"os"`
	Source   string    `yaml:"source"`
	Examples []example `yaml:"examples"`
	Never    []string  `yaml:"never"`
}

// An example is the text of one signal and what the whole set must make of it.
type example struct {
	Text    string `yaml:"text"`
	Version string `yaml:"version"`
	Update  string `yaml:"update"`
	OS      string `yaml:"os"`
	Source  string `yaml:"source"`
}

// A transcript is a whole conversation and what the whole set must make of it.
type transcript struct {
	Source  string            `yaml:"source"`
	Sent    string            `yaml:"sent"`
	Signals map[string]string `yaml:"signals"`
	Unsure  bool              `yaml:"unsure"`
	Version string            `yaml:"version"`
	Update  string            `yaml:"update"`
	OS      string            `yaml:"os"`
}

// readFiles decodes every .yaml file at the top of fsys, sorted by name, and
// returns the sound ones. The error joins one error per fault, each beginning
// with file and line.
func readFiles(fsys fs.FS) ([]*file, error) {
	names, err := fs.Glob(fsys, "*.yaml")
	if err != nil {
		return nil, err
	}
	var files []*file
	var faults []error
	if len(names) == 0 {
		faults = append(faults, errors.New("there is no file <product>.yaml"))
	}
	others, _ := fs.Glob(fsys, "*.yml") // the pattern is sound
	for _, name := range others {
		faults = append(faults, fmt.Errorf("%s:1: the name must end in .yaml", name))
	}
	for _, name := range names {
		f, err := readFile(fsys, name)
		if err != nil {
			faults = append(faults, err)
			continue
		}
		files = append(files, f)
	}
	return files, errors.Join(faults...)
}

// readFile decodes and checks one file.
func readFile(fsys fs.FS, name string) (*file, error) {
	data, err := fs.ReadFile(fsys, name)
	if err != nil {
		return nil, err
	}
	f, err := decodeFile(name, data)
	if err != nil {
		return nil, err
	}
	return f, errors.Join(f.faults()...)
}

// decodeFile decodes one file. A key it does not know, a key given twice and a
// second document are errors, so that a misspelling cannot switch a rule off.
func decodeFile(name string, data []byte) (*file, error) {
	f := &file{name: name, slug: strings.TrimSuffix(path.Base(name), ".yaml")}
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, fmt.Errorf("%s:1: empty file", name)
	}
	if err := yaml.Load(data, f, yaml.WithKnownFields()); err != nil {
		return nil, yamlError(name, err)
	}
	var root yaml.Node
	if err := yaml.Load(data, &root); err != nil {
		return nil, yamlError(name, err)
	}
	f.at = locate(&root)
	return f, nil
}

// yamlError puts file and line in front of the decoder's message.
func yamlError(name string, err error) error {
	var many *yaml.LoadErrors
	var one *yaml.LoadError
	var list []*yaml.LoadError
	switch {
	case errors.As(err, &many):
		list = many.Errors
	case errors.As(err, &one):
		list = []*yaml.LoadError{one}
	default:
		return fmt.Errorf("%s:1: %w", name, err)
	}
	l := &faultList{name: name}
	for _, e := range list {
		l.add(e.Mark.Line, "%s", e.Message)
	}
	return errors.Join(l.faults...)
}

// places are the line numbers of the parts of a file.
type places struct {
	rules, transcripts []int
	examples           [][]int
}

// locate reads the line numbers off the node tree; the decoder proper forgets
// them.
func locate(root *yaml.Node) places {
	var p places
	for _, r := range items(root, "rules") {
		p.rules = append(p.rules, r.Line)
		var lines []int
		for _, e := range items(r, "examples") {
			lines = append(lines, e.Line)
		}
		p.examples = append(p.examples, lines)
	}
	for _, t := range items(root, "transcripts") {
		p.transcripts = append(p.transcripts, t.Line)
	}
	return p
}

// items returns the elements of the list under key.
func items(n *yaml.Node, key string) []*yaml.Node {
	if n.Kind == yaml.DocumentNode && len(n.Content) == 1 {
		n = n.Content[0]
	}
	if n.Kind != yaml.MappingNode {
		return nil
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == key {
			return n.Content[i+1].Content
		}
	}
	return nil
}

// A faultList gathers what is wrong with one file.
type faultList struct {
	name   string
	faults []error
}

// add records a fault at a line; line 0 is about the file as a whole.
func (l *faultList) add(line int, format string, args ...any) {
	l.faults = append(l.faults, fmt.Errorf("%s:%d: %s", l.name, max(line, 1), fmt.Sprintf(format, args...)))
}

// faults checks everything that can be said of a file by itself.
func (f *file) faults() []error {
	l := &faultList{name: f.name}
	f.checkHead(l)
	f.checkProvider(l)
	seen := make(map[string]bool)
	for i := range f.Rules {
		r := &f.Rules[i]
		if seen[r.ID] {
			l.add(f.at.rules[i], "rule id %q is used twice", r.ID)
		}
		seen[r.ID] = true
		f.checkRule(l, f.at.rules[i], r)
	}
	for i, t := range f.Transcripts {
		for name := range t.Signals {
			if _, ok := parseSignal(name); !ok {
				l.add(f.at.transcripts[i], "unknown signal %q; expected one of %s", name, strings.Join(signalNames(), ", "))
			}
		}
		if t.Source == "" && f.Source == "" {
			l.add(f.at.transcripts[i], "transcript has no source")
		}
	}
	return l.faults
}

func (f *file) checkHead(l *faultList) {
	if !isSlug(f.slug) {
		l.add(0, "file name %q: expected lower case letters, digits and single dashes, then .yaml", f.name)
	}
	if f.Product == "" && len(f.Rules) > 0 {
		l.add(0, "product is missing")
	}
	if !slices.Contains(Classes(), f.Class) {
		l.add(0, "class %q: expected one of %s", f.Class, strings.Join(Classes(), ", "))
	}
	if f.Versions != "" && !slices.Contains(schemes(), f.Versions) {
		l.add(0, "versions %q: expected one of %s", f.Versions, strings.Join(schemes(), ", "))
	}
	if f.CPE != "" && !isCPEPrefix(f.CPE) {
		l.add(0, "cpe %q: expected cpe:2.3:PART:VENDOR:PRODUCT in lower case", f.CPE)
	}
	for _, a := range f.Asks {
		if !slices.Contains(questions(), a) {
			l.add(0, "asks %q: expected one of %s", a, strings.Join(questions(), ", "))
		}
	}
	if len(f.Rules) == 0 && f.Provider == nil {
		l.add(0, "file has neither rules nor a provider")
	}
}

func (f *file) checkProvider(l *faultList) {
	p := f.Provider
	if p == nil {
		return
	}
	if p.Name == "" {
		l.add(0, "provider has no name")
	}
	if p.Source == "" && f.Source == "" {
		l.add(0, "provider has no source")
	}
	for _, s := range slices.Concat(p.MX, p.Hosts) {
		if !isHostSuffix(s) {
			l.add(0, "provider host %q: expected a lower case domain name of two labels or more", s)
		}
	}
	if len(p.MX)+len(p.Hosts) > 0 && len(p.Examples) == 0 {
		l.add(0, "provider has no examples")
	}
}

func (f *file) checkRule(l *faultList, line int, r *fileRule) {
	if !isSlug(r.ID) {
		l.add(line, "rule id %q: expected lower case letters, digits and single dashes", r.ID)
	}
	if _, ok := parseSignal(r.Signal); !ok {
		l.add(line, "signal %q: expected one of %s", r.Signal, strings.Join(signalNames(), ", "))
	}
	if _, ok := parseKind(r.Kind); !ok && r.Kind != "" {
		l.add(line, "kind %q: expected claim or behavior, or leave it out", r.Kind)
	}
	if r.Weight < minWeight || r.Weight > maxWeight {
		l.add(line, "weight %d: expected %d to %d", r.Weight, minWeight, maxWeight)
	}
	if r.Source == "" && f.Source == "" {
		l.add(line, "rule has no source, nor has the file")
	}
	if len(r.Examples) == 0 {
		l.add(line, "rule has no examples")
	}
	if _, err := parsePattern(r); err != nil {
		l.add(line, "pattern: %v", err)
	}
}
