package advisory

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// osvEntry is an entry in the OSV format: https://ossf.github.io/osv-schema/.
type osvEntry struct {
	ID        string   `json:"id"`
	Aliases   []string `json:"aliases"`
	Summary   string   `json:"summary"`
	Published string   `json:"published"`
	Modified  string   `json:"modified"`
	Withdrawn string   `json:"withdrawn"`
	Affected  []struct {
		Package struct {
			Ecosystem string `json:"ecosystem"`
			Name      string `json:"name"`
		} `json:"package"`
		Ranges []struct {
			Type   string              `json:"type"`
			Events []map[string]string `json:"events"`
		} `json:"ranges"`
	} `json:"affected"`
	Database struct {
		Severity string `json:"severity"` // as GitHub gives it
	} `json:"database_specific"`
}

// osv converts the entries about known products. Those about the packages of a
// distribution have revisions of that distribution, which no banner shows.
func (u *Update) osv(entries []osvEntry) error {
	u.Kind = kindOSV
	slugs := map[string]string{} // ecosystem/name to slug
	for slug, p := range u.products {
		for _, name := range p.OSV {
			slugs[name] = slug
		}
	}
	for i := range entries {
		if entries[i].ID == "" {
			return fmt.Errorf("entry %d is none of OSV: it has no id", i+1)
		}
		u.setDate(entries[i].Modified)
	}
	for i := range entries {
		u.Read++
		if entries[i].Withdrawn == "" {
			u.osvEntry(&entries[i], slugs)
		}
	}
	return nil
}

func (u *Update) osvEntry(e *osvEntry, slugs map[string]string) {
	affected := e.affected(slugs)
	if len(affected) == 0 {
		return
	}
	i := slices.IndexFunc(append([]string{e.ID}, e.Aliases...), isCVE)
	if i < 0 {
		u.skip(e.ID, "it has no CVE id")
		return
	}
	cve := append([]string{e.ID}, e.Aliases...)[i]
	for _, slug := range slices.Sorted(maps.Keys(affected)) {
		ranges, err := u.products[slug].convertRanges(affected[slug])
		if err != nil {
			u.skip(cve, "%s: %v", slug, err)
			continue
		}
		a, known := u.known(slug, cve)
		a.Ranges = ranges
		if !known {
			a.Title, a.Published = clip(strings.Join(strings.Fields(e.Summary), " "), maxTitle), strings.SplitN(e.Published, "T", 2)[0]
			a.Severity = osvSeverity(e.Database.Severity)
		}
		u.put(slug, u.source(), a)
	}
}

func isCVE(id string) bool { return strings.HasPrefix(id, "CVE-") }

// osvSeverity reads GitHub's word.
func osvSeverity(word string) Severity {
	s := Severity(strings.ToLower(word))
	switch {
	case s == "moderate":
		return Medium
	case s.Rank() == 0:
		return ""
	}
	return s
}

// affected returns the ranges by slug. Ranges of commits are passed over.
func (e *osvEntry) affected(slugs map[string]string) map[string][]span {
	ranges := map[string][]span{}
	for _, a := range e.Affected {
		slug, known := slugs[a.Package.Ecosystem+"/"+a.Package.Name]
		if !known {
			continue
		}
		for _, r := range a.Ranges {
			if r.Type == "SEMVER" || r.Type == "ECOSYSTEM" {
				ranges[slug] = append(ranges[slug], osvSpans(r.Events)...)
			}
		}
	}
	return ranges
}

// osvSpans turns the events of a range, which come in order, into spans: each
// "introduced" begins one, and "fixed" or "last_affected" ends it.
func osvSpans(events []map[string]string) (spans []span) {
	var open *span
	for _, e := range events {
		switch {
		case e["introduced"] != "":
			if open != nil {
				spans = append(spans, *open)
			}
			open = &span{}
			if e["introduced"] != "0" {
				open.introduced = e["introduced"]
			}
		case open != nil && (e["fixed"] != "" || e["last_affected"] != ""):
			open.fixed, open.last = e["fixed"], e["last_affected"]
			spans = append(spans, *open)
			open = nil
		}
	}
	if open != nil {
		spans = append(spans, *open) // no end: convertRanges says so
	}
	return spans
}
