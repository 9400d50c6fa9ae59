package auditor

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/retention"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

// Retention returns every SQL storage, sorted by name, with all entities that it
// holds entries of: those that are no longer configured too. Storages that share a
// database share its registry as well; an entity is then of the storage that it is
// routed to, and one that is not configured of the first. With sources, only their
// entities.
func (a *Auditor) Retention(
	ctx context.Context, sources ...string,
) ([]retention.Target, error) {
	var targets []retention.Target
	for _, name := range slices.Sorted(maps.Keys(a.storages)) {
		s := a.storages[name]
		registered, err := s.registered(ctx)
		if err != nil {
			return nil, fmt.Errorf("read the registry of storage %s: %w", name, err)
		}
		t := retention.Target{Storage: name, DB: s.db, Dialect: s.dialect, Cleaner: s.entries}
		for _, r := range registered {
			if a.holds(s, r) && (len(sources) == 0 || slices.Contains(sources, r.Source)) {
				t.Entities = append(t.Entities, r.Entity)
			}
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// holds reports whether a registered entity is a storage's own, or one of another
// storage in the same database.
func (a *Auditor) holds(s *store, r sqlstore.Registered) bool {
	var routed []string
	if a.audits(r) {
		e, _ := a.entity(r.Entity)
		if decision, err := a.router.Route(e); err == nil {
			routed = decision.Storages
		}
	}
	if slices.Contains(routed, s.name) {
		return true
	}
	first := s.name
	for name, other := range a.storages {
		if other.db != s.db {
			continue
		}
		if slices.Contains(routed, name) {
			return false
		}
		first = min(first, name)
	}
	return first == s.name
}

// audits reports whether the configuration has a rule for a registered entity.
func (a *Auditor) audits(r sqlstore.Registered) bool {
	if _, ok := a.file.Entities[r.Entity]; ok && r.Entity != config.Wildcard {
		return true
	}
	return a.remembered(r).Audited
}
