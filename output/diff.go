package output

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/mxsweep/mxsweep/scanner"
)

// A ChangeKind says what became of a service or domain from one scan to the
// next.
type ChangeKind string

// The kinds of changes. Not to be reached is not to be gone: a server that
// timed out, a name that could not be resolved and a target that was not asked
// for leave it open whether anything changed.
const (
	ChangeNew     ChangeKind = "new"           // it was not there, as far as was seen
	ChangeGone    ChangeKind = "gone"          // seen to be gone: refused, or not in the DNS any more
	ChangeChanged ChangeKind = "changed"       // it was reached both times and differs
	ChangeReached ChangeKind = "reached-again" // reached now, and not the time before
	ChangeMissed  ChangeKind = "not-reached"   // reached the time before, and not now
)

// changeKinds are the kinds in the order in which they are told.
func changeKinds() []ChangeKind {
	return []ChangeKind{ChangeChanged, ChangeNew, ChangeGone, ChangeMissed, ChangeReached}
}

// A Change is what is different about one service or domain.
type Change struct {
	Type    string        `json:"type"` // "change"
	Kind    ChangeKind    `json:"kind"`
	Object  string        `json:"object"` // "service" or "domain"
	Host    string        `json:"host"`   // name probed, or the domain
	IP      string        `json:"ip"`
	Port    int           `json:"port"` // 0 for a domain
	Domains []string      `json:"domains"`
	Reason  string        `json:"reason"` // of anything but "changed"
	Fields  []FieldChange `json:"fields"` // of "changed"; what is known of a service that is new or gone

	order string
}

// A FieldChange is one fact that differs. Facts that one of the scans did not
// see are not compared.
type FieldChange struct {
	Field   string   `json:"field"`
	Old     string   `json:"old"` // "" for lists
	New     string   `json:"new"`
	Added   []string `json:"added"` // for lists
	Removed []string `json:"removed"`
}

// A DiffSide is one of the two scans.
type DiffSide struct {
	Name       string    `json:"name"` // of the file
	From       time.Time `json:"from"` // of its records; null without any
	To         time.Time `json:"to"`
	Services   int       `json:"services"` // endpoints in it
	Domains    int       `json:"domains"`
	Version    string    `json:"version"`    // of mxsweep
	Advisories string    `json:"advisories"` // date of the data
	Rules      int       `json:"rules"`      // fingerprints
}

// A Diff is the difference between the records of two scans.
type Diff struct {
	Old, New  DiffSide
	Changes   []Change // by kind as [ChangeKind] lists them, then by name
	Same      int      // services and domains reached both times without any difference
	Unreached int      // reached neither time
	Notes     []string // what was wrong with the inputs, and what to keep in mind
}

// Compare reads the records of two scans, plain or gzip NDJSON, and returns
// what differs.
func Compare(oldName string, old io.Reader, newName string, new io.Reader) (*Diff, error) {
	before, after := newSnapshots(oldName), newSnapshots(newName)
	if err := before.read(old); err != nil {
		return nil, err
	}
	if err := after.read(new); err != nil {
		return nil, err
	}
	d := &Diff{Old: before.side(), New: after.side(), Notes: append(append([]string{}, before.notes...), after.notes...)}
	if d.Old.Services+d.Old.Domains == 0 || d.New.Services+d.New.Domains == 0 {
		return nil, fmt.Errorf("nothing to compare: %s and %s must both hold records", oldName, newName)
	}
	if d.Old.Advisories != d.New.Advisories || d.Old.Rules != d.New.Rules || d.Old.Version != d.New.Version {
		d.Notes = append(d.Notes, "the scans were judged with different knowledge: software and findings may differ for that reason alone; \"mxsweep assess\" judges stored records anew")
	}
	d.services(before, after)
	d.domains(before, after)
	slices.SortStableFunc(d.Changes, func(a, b Change) int {
		kinds := changeKinds()
		return cmp.Or(cmp.Compare(slices.Index(kinds, a.Kind), slices.Index(kinds, b.Kind)), strings.Compare(b.Object, a.Object), strings.Compare(a.order, b.order))
	})
	return d, nil
}

// Differs reports whether there is anything to tell.
func (d *Diff) Differs() bool { return len(d.Changes) > 0 }

// Count returns the number of changes of a kind.
func (d *Diff) Count(kind ChangeKind) (n int) {
	for i := range d.Changes {
		if d.Changes[i].Kind == kind {
			n++
		}
	}
	return n
}

func (d *Diff) services(before, after *snapshots) {
	for key, o := range before.services {
		n := after.services[key]
		switch {
		case n == nil && o.answered():
			kind, reason := after.absent(key, o)
			d.addService(kind, reason, key, o, nil)
		case n == nil:
		case o.answered() && n.answered():
			d.addService(ChangeChanged, "", key, o, n)
		case o.answered() && n.status == scanner.StatusRefused:
			d.addService(ChangeGone, "the connection is refused now", key, o, nil)
		case o.answered():
			d.addService(ChangeMissed, n.why(), key, o, nil)
		case n.answered() && o.status == scanner.StatusRefused:
			d.addService(ChangeNew, "the connection was refused", key, nil, n)
		case n.answered():
			d.addService(ChangeReached, "the time before: "+o.why(), key, nil, n)
		default:
			d.Unreached++
		}
	}
	for key, n := range after.services {
		if before.services[key] != nil || !n.answered() {
			continue
		}
		switch kind, reason := before.absent(key, n); {
		case kind == ChangeMissed && strings.HasSuffix(reason, reasonNoRecord):
			d.addService(ChangeNew, "the time before: "+reason, key, nil, n)
		case kind == ChangeMissed:
			d.addService(ChangeReached, "the time before: "+reason, key, nil, n)
		default:
			d.addService(ChangeNew, "", key, nil, n)
		}
	}
}

func (d *Diff) addService(kind ChangeKind, reason string, key endpointKey, o, n *snapshot) {
	fields := compareServices(o, n)
	if kind == ChangeChanged && len(fields) == 0 {
		d.Same++
		return
	}
	c := Change{Type: "change", Kind: kind, Object: "service", Host: key.host, Port: int(key.port), Reason: reason, Fields: fields, order: key.String()}
	if key.addr.IsValid() {
		c.IP = key.addr.String()
	}
	for _, s := range []*snapshot{o, n} {
		if s != nil {
			c.Domains = append(c.Domains, s.domains...)
		}
	}
	slices.Sort(c.Domains)
	c.Domains = append([]string{}, slices.Compact(c.Domains)...)
	c.order += " " + c.IP
	d.Changes = append(d.Changes, c)
}

func (d *Diff) domains(before, after *snapshots) {
	for _, name := range slices.Sorted(maps.Keys(before.domains)) {
		o, n := before.domains[name], after.domains[name]
		switch {
		case n == nil:
			d.addDomain(ChangeMissed, reasonNoRecord, name, nil)
		case failedLookup(o.status) && failedLookup(n.status):
			d.Unreached++
		case failedLookup(n.status):
			d.addDomain(ChangeMissed, string(n.status), name, nil)
		case failedLookup(o.status):
			d.addDomain(ChangeReached, "the time before: "+string(o.status), name, nil)
		case n.status == scanner.StatusNXDomain && o.status != n.status:
			d.addDomain(ChangeGone, string(n.status), name, nil)
		case o.status == scanner.StatusNXDomain && o.status != n.status:
			d.addDomain(ChangeNew, "the time before: "+string(o.status), name, nil)
		default:
			d.addDomain(ChangeChanged, "", name, compareDomains(o, n))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after.domains)) {
		if before.domains[name] == nil {
			d.addDomain(ChangeNew, "the time before: "+reasonNoRecord, name, nil)
		}
	}
}

func (d *Diff) addDomain(kind ChangeKind, reason, name string, fields []FieldChange) {
	if kind == ChangeChanged && len(fields) == 0 {
		d.Same++
		return
	}
	d.Changes = append(d.Changes, Change{Type: "change", Kind: kind, Object: "domain", Host: name, Domains: []string{name}, Reason: reason, Fields: fields, order: name})
}

// failedLookup tells whether a status leaves it open what the DNS holds.
func failedLookup(s scanner.Status) bool {
	switch s {
	case scanner.StatusServFail, scanner.StatusDNSRefused, scanner.StatusDNSTimeout, scanner.StatusCancelled, scanner.StatusLocal:
		return true
	}
	return false
}
