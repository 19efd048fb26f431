package scanner

import (
	"cmp"
	"crypto/rand"
	"encoding/hex"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/mxsweep/mxsweep/scanner/fingerprint"
)

// NewRun returns the record that an output begins with: the options of s, the
// version of the program and the flags that differ from their defaults. Run
// does not emit it, since only its caller knows the latter two.
func (s *Scanner) NewRun(version string, options map[string]string) *Run {
	r := &Run{
		Type: "run", Schema: SchemaVersion, ID: newID(), Timestamp: time.Now().UTC(),
		Version: version, Options: options, Seed: s.Seed, EHLODomain: s.EHLODomain, Check: s.Check,
	}
	if k, err := s.knowledge(); err == nil {
		r.Data = k.versions()
	}
	return r
}

func (k knowledge) versions() DataVersions {
	return DataVersions{Fingerprints: k.fingerprints.Rules(), FingerprintsDate: fingerprint.Date(), AdvisoriesDate: k.advisories.Date()}
}

func newID() string {
	var b [16]byte
	rand.Read(b[:]) // never fails
	return hex.EncodeToString(b[:])
}

// maxSoftware bounds the versions that are counted apart: what servers call
// themselves has no limit.
const maxSoftware = 10000

// sums count what the summary lists. The zero value is ready.
type sums struct {
	mu         sync.Mutex
	byStatus   map[Status]uint64
	bySoftware map[SoftwareCount]uint64 // Count is zero in the keys
	seen       map[string]bool
	coverage
}

// status counts one final outcome.
func (s *sums) status(status Status) { s.add(status, 1) }

// add counts several final outcomes.
func (s *sums) add(status Status, n uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.byStatus == nil {
		s.byStatus = make(map[Status]uint64)
	}
	s.byStatus[status] += n
}

// endpoint counts the final outcome of an endpoint.
func (s *sums) endpoint(port uint16, status Status, greeted bool) {
	s.status(status)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.coverage.add(port, status, greeted)
}

// software counts one endpoint that answered.
func (s *sums) software(product, version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.bySoftware == nil {
		s.bySoftware = make(map[SoftwareCount]uint64)
	}
	key := SoftwareCount{Product: product, Version: version}
	if _, ok := s.bySoftware[key]; !ok && len(s.bySoftware) >= maxSoftware {
		key.Version = ""
	}
	s.bySoftware[key]++
}

// first reports whether it is asked about text for the first time.
func (s *sums) first(text string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.seen == nil {
		s.seen = make(map[string]bool)
	}
	was := s.seen[text]
	s.seen[text] = true
	return !was
}

// summary returns the last record. All goroutines have ended by then.
func (e *engine) summary() *Summary {
	s := newSummary(e.stats.Snapshot(), &e.sums)
	s.Timestamp = time.Now().UTC()
	s.Interrupted = e.intake.Err() != nil || e.inputErr != nil
	s.DurationMS = max(0, time.Since(e.began).Milliseconds()) // the clock may have been set back since an earlier part
	s.Findings = e.s.fleetFindings(&e.fleet, s.Timestamp)
	return s
}

// newSummary returns a summary of the counts.
func newSummary(n Counts, sums *sums) *Summary {
	s := &Summary{
		Type:   "summary",
		Inputs: n.Inputs, BadInputs: n.BadInputs, Domains: n.Domains,
		Endpoints: n.Known, Contacted: n.Contacted, Connections: n.Connections,
		Answered: n.Answered, Silent: n.Silent, Services: n.Services,
		Covered: sums.covered, Port25Blocked: sums.blocked(),
		ByStatus:   maps.Clone(sums.byStatus),
		BySoftware: sums.softwareCounts(),
	}
	if s.ByStatus == nil {
		s.ByStatus = make(map[Status]uint64)
	}
	if n.Known > n.Done {
		s.ByStatus[StatusCancelled] += n.Known - n.Done
	}
	return s
}

// softwareCounts returns the most frequent versions, at most 1000.
func (s *sums) softwareCounts() []SoftwareCount {
	counts := make([]SoftwareCount, 0, len(s.bySoftware))
	for key, count := range s.bySoftware {
		key.Count = count
		counts = append(counts, key)
	}
	slices.SortFunc(counts, func(a, b SoftwareCount) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Product, b.Product), cmp.Compare(a.Version, b.Version))
	})
	return counts[:min(len(counts), 1000)]
}
