package fingerprint

import (
	"bufio"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
)

// A heldOut is a greeting, with whatever else was shown, that was collected
// from public sources by someone who did not see the rules, and kept from those
// who wrote them.
type heldOut struct {
	ID      int    `json:"id"`
	Banner  string `json:"banner"`
	EHLO    string `json:"ehlo"`
	HELO    string `json:"helo"`
	Help    string `json:"help"`
	Unknown string `json:"unknown_command"`
	Quit    string `json:"quit"`
	MX      struct {
		Name string `json:"name"`
	} `json:"mx"`
	Truth  string `json:"truth"` // "unknown": naming a product is guessing
	Expect struct {
		Slug        string   `json:"slug"`
		SlugAny     []string `json:"slug_any"`
		NotSlug     []string `json:"not_slug"`
		Version     string   `json:"version"`
		VersionAny  []string `json:"version_any"`
		Provider    string   `json:"provider"`
		ProviderAny []string `json:"provider_any"`
	} `json:"expect"`
}

func (h *heldOut) signals() *Signals {
	return &Signals{Greeting: h.Banner, EHLO: h.EHLO, HELO: h.HELO, Help: h.Help, Unknown: h.Unknown, Quit: h.Quit, MX: h.MX.Name}
}

// right reports whether a product may be said of a greeting, and whether saying
// nothing is right, too.
func (h *heldOut) right(slug string) bool {
	if slices.Contains(h.Expect.NotSlug, slug) {
		return false
	}
	if h.Expect.SlugAny != nil {
		return slices.Contains(h.Expect.SlugAny, slug)
	}
	return slug == h.Expect.Slug
}

// runBy reports whether a provider's name is one of those that the collector
// allowed, in whole or in part: names of companies are spelled in many ways.
func (h *heldOut) runBy(provider string) bool {
	return slices.ContainsFunc(append(h.Expect.ProviderAny, h.Expect.Provider), func(want string) bool {
		want, got := strings.ToLower(want), strings.ToLower(provider)
		return want == got && slices.Contains(h.Expect.ProviderAny, "") ||
			want != "" && got != "" && (strings.Contains(want, got) || strings.Contains(got, want))
	})
}

func readHeldOut(t *testing.T) []heldOut {
	t.Helper()
	f, err := os.Open("testdata/heldout.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var all []heldOut
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var h heldOut
		if err := json.Unmarshal(lines.Bytes(), &h); err != nil {
			t.Fatal(err)
		}
		all = append(all, h)
	}
	if err := lines.Err(); err != nil || len(all) < 400 {
		t.Fatalf("%d records, %v", len(all), err)
	}
	return all
}

// TestHeldOut holds the set to what is demanded of it: on greetings that the
// authors of the rules did not see, no wrong name, and 97 % of products and
// versions.
func TestHeldOut(t *testing.T) {
	set, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	var known, named, versions, versionsRight, providers, providersRight int
	for _, h := range readHeldOut(t) {
		sw, provider := set.Classify(h.signals())
		if sw.Slug != "" && !h.right(sw.Slug) {
			t.Errorf("%d: %q is called %s (%.2f)", h.ID, h.Banner, sw.Slug, sw.Confidence)
		}
		if h.Truth != "unknown" {
			known++
			if h.right(sw.Slug) {
				named++
			} else {
				t.Logf("%d: %q is not recognized as %s", h.ID, h.Banner, h.Expect.Slug)
			}
		}
		if h.Expect.Version != "" {
			versions++
			if sw.Version == h.Expect.Version || slices.Contains(h.Expect.VersionAny, sw.Version) {
				versionsRight++
			} else {
				t.Logf("%d: %q: version %q, want %q", h.ID, h.Banner, sw.Version, h.Expect.Version)
			}
		}
		if h.Expect.Provider != "" || h.Expect.ProviderAny != nil {
			providers++
			if h.runBy(provider) {
				providersRight++
			} else {
				t.Logf("%d: %q: provider %q, want %q %q", h.ID, h.Banner, provider, h.Expect.Provider, h.Expect.ProviderAny)
			}
		}
	}
	t.Logf("products %d of %d, versions %d of %d, providers %d of %d", named, known, versionsRight, versions, providersRight, providers)
	if named*100 < known*97 || versionsRight*100 < versions*97 || providersRight*100 < providers*95 {
		t.Errorf("products %d of %d, versions %d of %d, providers %d of %d: less than 97, 97 and 95 %%",
			named, known, versionsRight, versions, providersRight, providers)
	}
}
