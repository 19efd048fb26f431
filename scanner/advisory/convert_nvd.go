package advisory

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// nvdCVE is an entry of NVD's CVE API 2.0 and of its yearly files:
// https://nvd.nist.gov/developers/vulnerabilities.
type nvdCVE struct {
	ID             string                 `json:"id"`
	Published      string                 `json:"published"`
	Status         string                 `json:"vulnStatus"`
	ExploitAdded   string                 `json:"cisaExploitAdd"`
	Descriptions   []nvdText              `json:"descriptions"`
	Metrics        map[string][]nvdMetric `json:"metrics"`
	Configurations []struct {
		Operator string
		Nodes    []nvdNode
	} `json:"configurations"`
}

type nvdText struct {
	Lang  string `json:"lang"`
	Value string `json:"value"`
}

type nvdMetric struct {
	Type     string `json:"type"`
	Severity string `json:"baseSeverity"` // of version 2
	Data     struct {
		Version  string  `json:"version"`
		Score    float64 `json:"baseScore"`
		Severity string  `json:"baseSeverity"`
		Vector   string  `json:"attackVector"`
	} `json:"cvssData"`
}

type nvdNode struct {
	Negate  bool       `json:"negate"`
	Matches []nvdMatch `json:"cpeMatch"`
}

type nvdMatch struct {
	Vulnerable     bool   `json:"vulnerable"`
	Criteria       string `json:"criteria"`
	StartIncluding string `json:"versionStartIncluding"`
	StartExcluding string `json:"versionStartExcluding"`
	EndIncluding   string `json:"versionEndIncluding"`
	EndExcluding   string `json:"versionEndExcluding"`
}

// nvd converts the entries about known products.
func (u *Update) nvd(timestamp string, entries []json.RawMessage) error {
	u.Kind = kindNVD
	u.setDate(timestamp)
	slugs := map[string]string{} // vendor:product to slug
	for slug, p := range u.products {
		for _, cpe := range p.CPE {
			slugs[cpe] = slug
		}
	}
	for _, raw := range entries {
		var e struct {
			CVE nvdCVE `json:"cve"`
		}
		if err := json.Unmarshal(raw, &e); err != nil {
			return fmt.Errorf("entry %d of the file: %w", u.Read+1, err)
		}
		u.Read++
		if e.CVE.Status != "Rejected" {
			u.nvdEntry(&e.CVE, slugs)
		}
	}
	return nil
}

func (u *Update) nvdEntry(c *nvdCVE, slugs map[string]string) {
	affected, with := c.affected(slugs)
	for _, slug := range slices.Sorted(maps.Keys(affected)) {
		ranges, err := u.products[slug].convertRanges(affected[slug])
		a, known := u.known(slug, c.ID)
		switch {
		case err != nil:
			u.skip(c.ID, "%s: %v", slug, err)
		case len(ranges) > 0:
			a.Ranges = ranges
		}
		if len(a.Ranges) == 0 {
			continue
		}
		c.describe(&a)
		if !known {
			a.Title, a.Published = c.title(), strings.SplitN(c.Published, "T", 2)[0]
			if len(with) > 0 {
				a.Conditions = "together with " + strings.Join(with, ", ")
			}
		}
		u.put(slug, u.source(), a)
	}
}

// affected returns the ranges by slug, and what else a configuration asks for.
func (c *nvdCVE) affected(slugs map[string]string) (ranges map[string][]span, with []string) {
	ranges = map[string][]span{}
	for _, config := range c.Configurations {
		ours, others := false, []string{}
		for _, node := range config.Nodes {
			for _, m := range node.Matches {
				part := strings.Split(strings.ReplaceAll(m.Criteria, `\:`, " "), ":")
				if len(part) < 7 || node.Negate {
					continue
				}
				name := part[3] + ":" + part[4]
				slug, known := slugs[name]
				switch {
				case known && m.Vulnerable:
					ours = true
					ranges[slug] = append(ranges[slug], m.span(part[5], part[6]))
				case !known && !slices.Contains(others, name):
					others = append(others, name)
				}
			}
		}
		if ours && config.Operator == "AND" {
			with = append(with, others[:min(len(others), 3)]...)
		}
	}
	return ranges, with
}

// span returns the versions a criterion means: its bounds, or the one version
// that its name holds.
func (m *nvdMatch) span(version, update string) span {
	s := span{introduced: m.StartIncluding, fixed: m.EndExcluding, last: m.EndIncluding}
	switch {
	case m.StartExcluding != "":
		s.fault = "a range that begins after a version: " + m.StartExcluding
	case version != "*" && version != "-" && (update == "*" || update == "-"):
		s = span{introduced: version, last: version}
	case version != "*" || s.fixed == "" && s.last == "":
		s.fault = "a version that is not told by numbers: " + version + " " + update
	}
	return s
}

// describe takes over score and exploitation.
func (c *nvdCVE) describe(a *fileAdvisory) {
	a.KEV = a.KEV || c.ExploitAdded != ""
	for _, version := range []string{"cvssMetricV31", "cvssMetricV30", "cvssMetricV40", "cvssMetricV2"} {
		metrics := c.Metrics[version]
		if len(metrics) == 0 {
			continue
		}
		m := metrics[max(0, slices.IndexFunc(metrics, func(m nvdMetric) bool { return m.Type == "Primary" }))]
		a.CVSS, a.CVSSVersion = m.Data.Score, m.Data.Version
		severity := Severity(strings.ToLower(cmp.Or(m.Data.Severity, m.Severity)))
		a.Severity = ""
		if severity.Rank() > 0 {
			a.Severity = severity
		}
		if m.Data.Vector == "LOCAL" || m.Data.Vector == "PHYSICAL" {
			a.Scope = "local"
		}
		return
	}
}

// maxTitle bounds the titles taken from descriptions, which can be long.
const maxTitle = 120

func (c *nvdCVE) title() string {
	for _, d := range c.Descriptions {
		if d.Lang == "en" {
			return clip(strings.Join(strings.Fields(d.Value), " "), maxTitle)
		}
	}
	return ""
}
