package auditor

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/schema"
)

// planning is what a schema manager is made for.
type planning struct {
	routes   []RouteInfo
	progress func(schema.Progress)
	// entriesOnly leaves mirrors out: their copies can be told only where all audited
	// tables are sound.
	entriesOnly bool
}

// manager is the schema manager of what is routed, and of the sources' stamps.
func (a *Auditor) manager(ctx context.Context, p planning) (*schema.Manager, error) {
	targets, err := a.storageTargets(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(a.sources)) {
		s := a.sources[name]
		stamped, err := s.stamped(ctx, p.routes)
		if err != nil {
			return nil, err
		}
		if len(stamped) == 0 {
			continue
		}
		// Indexes in a database that is a storage too are planned with it.
		beside := slices.IndexFunc(targets, func(t schema.Target) bool { return t.DB == s.db })
		if beside >= 0 {
			targets[beside].Stamped = append(targets[beside].Stamped, stamped...)
			continue
		}
		targets = append(targets, schema.Target{
			Name: name, Source: true, DB: s.db, Dialect: s.dialect, Stamped: stamped,
			Description: config.RedactDSN(s.cfg.DSN),
		})
	}
	return schema.New(schema.Config{Targets: targets, Progress: p.progress, Now: a.cfg.Now})
}

func (a *Auditor) storageTargets(ctx context.Context, p planning) ([]schema.Target, error) {
	targets := make([]schema.Target, 0, len(a.storages))
	for _, name := range slices.Sorted(maps.Keys(a.storages)) {
		s := a.storages[name]
		if s.isMirror() && p.entriesOnly {
			continue
		}
		set, err := layout.ParseIndexSet(s.cfg.Indexes)
		if err != nil {
			return nil, err
		}
		t := schema.Target{
			Name: name, DB: s.db, Dialect: s.dialect, Indexes: set,
			Description: config.RedactDSN(s.cfg.DSN), Mirror: s.isMirror(),
		}
		if t.Mirror {
			if t.Copies, err = a.copies(ctx, s); err != nil {
				return nil, err
			}
			targets = append(targets, t)
			continue
		}
		for _, r := range p.routes {
			if slices.Contains(r.Storages, name) {
				t.Entities = append(t.Entities, schema.EntityTable{
					Entity: r.Entity, Audit: s.table(r.Entity),
				})
			}
		}
		targets = append(targets, t)
	}
	return targets, nil
}

// stamped lists the source's audited tables that have stamps, unless it wants no
// indexes for them.
func (s *source) stamped(ctx context.Context, routes []RouteInfo) ([]annals.Entity, error) {
	if !s.cfg.StampIndexes() {
		return nil, nil
	}
	var stamped []annals.Entity
	for _, r := range routes {
		if r.Entity.Source != s.name {
			continue
		}
		t, err := s.registry.Table(ctx, s.db, r.Entity.Table)
		if errors.Is(err, catalog.ErrNoTable) || (err == nil && t == nil) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("read the stamps of source %s: %w", s.name, err)
		}
		if hasStamps(t.Live) {
			stamped = append(stamped, r.Entity)
		}
	}
	return stamped, nil
}

func hasStamps(t *catalog.Table) bool {
	return !slices.ContainsFunc(layout.StampColumns(), func(column string) bool {
		_, ok := t.Column(column)
		return !ok
	})
}
