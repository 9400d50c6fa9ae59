package auditor

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/schema"
	"github.com/seed-162b1470/annals/verify"
)

// VerifyOptions limit a verification; the zero value checks everything.
type VerifyOptions struct {
	// Source and Storage name the only ones to check; "" means all.
	Source, Storage string
	// Replay proves as well that history leads to the rows that are there: it reads
	// every audited table.
	Replay bool
}

// Verify looks for what is or will be missed, and returns every finding: errors
// first. It reads only. The error is of what could not be looked at; the findings
// of the other checks come along.
func (a *Auditor) Verify(ctx context.Context, o VerifyOptions) ([]verify.Finding, error) {
	// Tables may have changed since they were last met.
	a.Refresh()
	checks := []verify.Check{verify.Built{Faults: a.file.Unbuilt()}}
	for _, name := range slices.Sorted(maps.Keys(a.sources)) {
		s := a.sources[name]
		if o.Source == "" || o.Source == name {
			checks = append(checks, a.sourceChecks(s)...)
			if o.Replay {
				checks = append(checks, a.replay(s))
			}
		}
	}
	tables, err := a.schemaCheck(ctx, o)
	if err == nil {
		checks = append(checks, tables)
	}
	found, failed := verify.Run(ctx, checks...)
	if o.Source != "" {
		found = slices.DeleteFunc(found, func(f verify.Finding) bool {
			return f.Source != "" && f.Source != o.Source
		})
	}
	return found, errors.Join(failed, err)
}

func (a *Auditor) sourceChecks(s *source) []verify.Check {
	var named []annals.Entity
	for _, name := range slices.Sorted(maps.Keys(a.file.Entities)) {
		if e := a.file.Entities[name].Entity(name); e.Source == s.name && name != config.Wildcard {
			named = append(named, e)
		}
	}
	all, wildcard := a.file.Entities[config.Wildcard]
	orm := s.cfg.Capture == config.CaptureORM
	checks := []verify.Check{
		verify.Tables{DB: s.db, Registry: s.registry, Entities: named},
		verify.Coverage{
			DB: s.db, Registry: s.registry, All: wildcard && all.Source == s.name, Own: isOwn,
		},
		verify.Writers{Source: s.name, ORM: orm, Raw: s.cfg.Raw},
		verify.Exceptions{Source: s.name, Dialect: s.dialect, ORM: orm},
	}
	if !s.fillsMirror() {
		return checks
	}
	j, err := a.Journal(s.name)
	var st *store
	if err == nil {
		st, err = a.mirrorOf(s)
	}
	if err != nil {
		return append(checks, unchecked{"triggers of source " + s.name, err})
	}
	of := verify.Journal{Journal: j, DB: s.db, StorageDB: st.db, Dialect: s.dialect}
	return append(checks, verify.Triggers{Journal: j}, of, verify.Integrity{Journal: of})
}

// unchecked is a check that cannot be made.
type unchecked struct {
	name string
	err  error
}

// Name implements verify.Check.
func (c unchecked) Name() string { return c.name }

// Run implements verify.Check.
func (c unchecked) Run(context.Context) ([]verify.Finding, error) { return nil, c.err }

// schemaCheck is about the entities whose tables are sound; the faults of others
// are findings of their own.
func (a *Auditor) schemaCheck(ctx context.Context, o VerifyOptions) (verify.Check, error) {
	entities, unsound := a.Entities(ctx)
	routes, err := a.routesOf(entities)
	if err != nil {
		return nil, err
	}
	manager, err := a.manager(ctx, planning{routes: routes, entriesOnly: unsound != nil})
	if err != nil {
		return nil, err
	}
	return verify.Schema{
		Manager: manager,
		SourceOf: func(entity string) string {
			e, _ := a.entity(entity)
			return e.Source
		},
		Only: func(p schema.Plan) bool {
			if p.Source {
				return o.Storage == "" && (o.Source == "" || o.Source == p.Storage)
			}
			return o.Storage == "" || o.Storage == p.Storage
		},
	}, nil
}

// replay is the check that history leads to the rows of a source.
func (a *Auditor) replay(s *source) verify.Check {
	if s.fillsMirror() {
		j, err := a.Journal(s.name)
		if err != nil {
			return unchecked{"history of source " + s.name, err}
		}
		return verify.ReplayMirror{
			Journal: verify.Journal{Journal: j, DB: s.db, StorageDB: s.db, Dialect: s.dialect}, Pool: s.db,
		}
	}
	return verify.ReplayEntries{
		Source: s.name, Pool: s.db, Dialect: s.dialect, Registry: s.registry, Key: keyOf,
		Table: func(e annals.Entity) (annals.Table, bool) {
			if s.cfg.Delivery != config.DeliveryDirect {
				return annals.Table{}, false // what is on its way is not told yet
			}
			decision, err := a.router.Route(e)
			if err != nil || len(decision.Storages) != 1 || a.storages[decision.Storages[0]] == nil {
				return annals.Table{}, false
			}
			return a.storages[decision.Storages[0]].table(e), true
		},
	}
}
