package auditor

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/schema"
	"github.com/seed-162b1470/annals/storage/mirrorstore"
	"github.com/seed-162b1470/annals/track"
)

func (s *store) isMirror() bool { return s.cfg.Layout == config.LayoutMirror }

// newMirror is the store of the mirror layout.
func (a *Auditor) newMirror(s *store) (backend, error) {
	return mirrorstore.New(mirrorstore.Config{
		Name: s.name, DB: s.db, Dialect: s.dialect, Now: a.cfg.Now,
		Today: func(entity string) *annals.Entity {
			if e, ok := a.entity(entity); ok {
				return &e
			}
			return nil
		},
	})
}

// copyTable names the copy of a table in a mirror.
func (s *store) copyTable(t *track.Table) annals.Table {
	if t.Entity != nil {
		return s.table(*t.Entity)
	}
	return layout.AuditTable(t.Live.Name, s.cfg.TablePrefix, s.cfg.Suffix(), s.dialect.Limits())
}

// Journals returns the journals of all sources whose triggers deliver directly, in
// the order of the sources' names.
func (a *Auditor) Journals(context.Context) ([]*journal.Journal, error) {
	var journals []*journal.Journal
	for _, name := range slices.Sorted(maps.Keys(a.sources)) {
		if !a.sources[name].fillsMirror() {
			continue
		}
		j, err := a.Journal(name)
		if err != nil {
			return nil, err
		}
		journals = append(journals, j)
	}
	return journals, nil
}

// Journal returns the journal of a source whose triggers deliver directly; "" names
// the only source.
func (a *Auditor) Journal(name string) (*journal.Journal, error) {
	s, err := a.source(name)
	if err != nil {
		return nil, err
	}
	if !s.fillsMirror() {
		return nil, &annals.Error{
			Op: "find triggers of", Subject: "source " + s.name,
			Err: fmt.Errorf("capture is %s, delivery %s: %w", s.cfg.Capture, s.cfg.Delivery, annals.ErrConfig),
			Remedy: fmt.Sprintf("set capture: %s and delivery: %s for triggers", config.CaptureTrigger,
				config.DeliveryDirect),
		}
	}
	st, err := a.mirrorOf(s)
	if err != nil {
		return nil, err
	}
	return journal.New(journal.Config{
		Source: s.name, DB: s.db, Dialect: s.dialect, Registry: s.registry,
		Storage: st.name, StorageDB: st.db, CopyTable: st.copyTable, LostRows: a.lostRows,
		ContextRow: s.cfg.Context == config.ContextRow, Now: a.cfg.Now,
	})
}

// fillsMirror reports whether triggers write the source's changes into a mirror.
func (s *source) fillsMirror() bool {
	return s.cfg.Capture == config.CaptureTrigger && s.cfg.Delivery == config.DeliveryDirect
}

// mirrorOf is the one storage that the triggers of a source fill.
func (a *Auditor) mirrorOf(s *source) (*store, error) {
	names := a.file.StoragesOf(s.name)
	if len(names) == 1 && a.storages[names[0]] != nil && a.storages[names[0]].isMirror() {
		return a.storages[names[0]], nil
	}
	return nil, &annals.Error{
		Op: "find the storage of", Subject: "source " + s.name, Err: annals.ErrConfig,
		Remedy: "route all its entities to one storage of layout mirror, not to " + strings.Join(names, ", "),
	}
}

func (a *Auditor) lostRows(entity string) bool {
	e, ok := a.entity(entity)
	return ok && e.LostRows
}

// copies lists what the sources of a mirror copy into it.
func (a *Auditor) copies(ctx context.Context, st *store) ([]schema.Copy, error) {
	journals, err := a.Journals(ctx)
	if err != nil {
		return nil, err
	}
	var copies []schema.Copy
	for _, j := range journals {
		if j.Storage() != st.name {
			continue
		}
		shapes, err := j.Shapes(ctx)
		if err != nil {
			return nil, err
		}
		for i := range shapes {
			c, err := a.copyOf(j, &shapes[i])
			if err != nil {
				return nil, err
			}
			copies = append(copies, c)
		}
	}
	return copies, nil
}

func (a *Auditor) copyOf(j *journal.Journal, s *journal.CopyTable) (schema.Copy, error) {
	t := &s.Target
	c := schema.Copy{
		Name: t.Name, Source: j.Source(), Table: t.Table.Live.Name, Shape: s.Shape, Join: t.Join,
	}
	switch {
	case t.Table.Entity != nil:
		// Config.Route may send an entity elsewhere; its triggers cannot follow.
		decision, err := a.router.Route(*t.Table.Entity)
		if err != nil {
			return c, err
		}
		if !slices.Equal(decision.Storages, []string{j.Storage()}) {
			return c, &annals.Error{
				Op: "route", Subject: "entity " + t.Name, Err: annals.ErrConfig,
				Remedy: fmt.Sprintf("triggers of source %s fill storage %s, and the route names %s",
					j.Source(), j.Storage(), strings.Join(decision.Storages, ", ")),
			}
		}
	case len(t.Table.Links) > 0:
		c.Parent = t.Table.Links[0].Owner.Entity
	}
	rows, err := t.Seed(0)
	if err != nil {
		return c, err
	}
	for _, r := range rows {
		c.Columns = append(c.Columns, schema.CopyColumn{
			Name: r.Column, Copy: r.Copy, SourceType: r.SourceType, Codec: r.Codec,
		})
	}
	return c, nil
}

// Captured says how the changes of a source are noticed.
type Captured struct {
	// Source is its name, Dialect one of the names of package dialect.
	Source, Dialect string
	// Capture and Context are as in annals.yaml; Context is "" where the application
	// captures.
	Capture, Context string
}

// CaptureOf tells how the changes of a source are noticed, for plugins that bind who
// acts where triggers write; "" names the only source.
func (a *Auditor) CaptureOf(source string) (Captured, error) {
	s, err := a.source(source)
	if err != nil {
		return Captured{}, err
	}
	return Captured{
		Source: s.name, Dialect: s.dialect.Name(), Capture: s.cfg.Capture, Context: s.cfg.Context,
	}, nil
}
