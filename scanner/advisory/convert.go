package advisory

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v4"
)

// An Update is what [Set.Convert] has taken from a file of advisories.
type Update struct {
	Kind    string // "NVD 2.0", "CISA KEV" or "OSV"
	Date    string // of the file, as YYYY-MM-DD; "" if it does not say
	Read    int    // entries in the file
	Changed int    // advisories that are new or say something new
	// Skipped are entries about known products that could not be used, and
	// why, at most 1000.
	Skipped []string

	set      *Set
	products map[string]*product       // by slug, those of the set
	changed  map[string][]fileAdvisory // by slug
}

// maxSkipped bounds Update.Skipped.
const maxSkipped = 1000

func (u *Update) skip(id, format string, args ...any) {
	if len(u.Skipped) < maxSkipped {
		u.Skipped = append(u.Skipped, clip(id+": "+fmt.Sprintf(format, args...), maxEvidence))
	}
}

// Convert reads advisories in the form of NVD's CVE API 2.0, CISA's catalog of
// known exploited vulnerabilities, or OSV (one entry, a list or {"vulns": [...]}),
// all JSON, for the products that the set knows. What the set says already of a
// CVE stays where the file is silent: KEV only says what is exploited, and only
// the curated data knows which EHLO keywords an advisory needs.
func (s *Set) Convert(text []byte) (*Update, error) {
	u := &Update{set: s, products: map[string]*product{}, changed: map[string][]fileAdvisory{}}
	for _, slug := range s.Products() {
		p, err := s.products[slug]()
		if err != nil {
			return nil, err
		}
		u.products[slug] = p
	}
	var head struct {
		Vulnerabilities []json.RawMessage `json:"vulnerabilities"`
		Vulns           []osvEntry        `json:"vulns"`
		Format          string            `json:"format"`
		Timestamp       string            `json:"timestamp"`
		CatalogVersion  string            `json:"catalogVersion"`
		DateReleased    string            `json:"dateReleased"`
		ID              string            `json:"id"`
	}
	if trimmed := strings.TrimSpace(string(text[:min(len(text), 64)])); strings.HasPrefix(trimmed, "[") {
		var list []osvEntry
		if err := json.Unmarshal(text, &list); err != nil {
			return nil, fmt.Errorf("not a list of OSV entries: %w", err)
		}
		return u, u.osv(list)
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, fmt.Errorf("not JSON of NVD, KEV or OSV: %w", err)
	}
	switch {
	case head.CatalogVersion != "":
		return u, u.kev(head.DateReleased, head.Vulnerabilities)
	case head.Vulnerabilities != nil:
		return u, u.nvd(head.Timestamp, head.Vulnerabilities)
	case head.Vulns != nil:
		return u, u.osv(head.Vulns)
	case head.ID != "":
		var one osvEntry
		if err := json.Unmarshal(text, &one); err != nil {
			return nil, fmt.Errorf("not an OSV entry: %w", err)
		}
		return u, u.osv([]osvEntry{one})
	}
	return nil, errors.New("neither NVD 2.0, CISA KEV nor OSV: there is no \"vulnerabilities\", \"vulns\" or \"id\"")
}

// known returns what the set says of a CVE of a product, or a new advisory.
func (u *Update) known(slug, cve string) (a fileAdvisory, found bool) {
	p := u.products[slug]
	if i := indexCVE(p.Advisories, cve); i >= 0 {
		a = p.Advisories[i]
		a.Ranges, a.Sources = slices.Clone(a.Ranges), slices.Clone(a.Sources)
		return a, true
	}
	return fileAdvisory{CVE: cve}, false
}

// put takes over an advisory that passes the checks of a data file.
func (u *Update) put(slug, source string, a fileAdvisory) {
	if !slices.Contains(a.Sources, source) {
		a.Sources = append(a.Sources, source)
	}
	if _, err := u.products[slug].compileAdvisory(&a); err != nil {
		u.skip(a.CVE, "%v", err)
		return
	}
	u.changed[slug] = append(u.changed[slug], a)
	u.Changed++
}

// setDate takes the day from a time in any of the forms of the three sources.
func (u *Update) setDate(text string) {
	day, _, _ := strings.Cut(text, "T")
	if _, err := time.Parse(time.DateOnly, day); err == nil {
		u.Date = max(u.Date, day)
	}
}

// source names where the facts come from, for the data file.
func (u *Update) source() string { return strings.TrimSpace(u.Kind + " " + u.Date) }

// Files returns the product files of a data directory with the update in them,
// by name: those of old (the directory as it is; may be nil) that change, and
// new ones. About.yaml is among them if the update brings the advisories up to
// a later date, which KEV alone does not.
func (u *Update) Files(old fs.FS) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, slug := range slices.Sorted(maps.Keys(u.changed)) {
		name := slug + ".yaml"
		p := u.products[slug]
		var before file
		if err := readOld(old, name, &before); err != nil {
			return nil, err
		}
		next := mergeFiles(&before, &file{Name: p.Name, Advisories: u.changed[slug]})
		next.Product, next.Scheme = slug, p.Scheme
		text, err := yaml.Marshal(&next)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		files[name] = text
	}
	if u.Date > u.set.date && u.Kind != kindKEV {
		files[aboutFile] = []byte("# Written by \"mxsweep data update\" from " + u.source() + ".\ndate: " + u.Date + "\n")
	}
	return files, nil
}

func readOld(old fs.FS, name string, into *file) error {
	if old == nil {
		return nil
	}
	if err := readFile(old, name, into); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// The kinds of files that can be converted.
const (
	kindNVD = "NVD 2.0"
	kindKEV = "CISA KEV"
	kindOSV = "OSV"
)

// kev marks the advisories that are being exploited. The catalog has no
// versions, so it cannot add one.
func (u *Update) kev(released string, entries []json.RawMessage) error {
	u.Kind = kindKEV
	u.setDate(released)
	exploited := map[string]bool{}
	for _, raw := range entries {
		var e struct {
			CVE string `json:"cveID"`
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("entry %d of the catalog: %w", u.Read+1, err)
		}
		u.Read++
		exploited[e.CVE] = true
	}
	for _, slug := range u.set.Products() {
		for i := range u.products[slug].Advisories {
			if a := &u.products[slug].Advisories[i]; exploited[a.CVE] && !a.KEV {
				changed, _ := u.known(slug, a.CVE)
				changed.KEV = true
				u.put(slug, u.source(), changed)
			}
		}
	}
	return nil
}
