package capture

import (
	"context"
	"errors"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/track"
)

// RawPolicy says what becomes of raw SQL that writes to audited tables.
type RawPolicy string

// The policies. None is RawObserve.
const (
	// RawObserve records the statement, without its values and without rows.
	RawObserve RawPolicy = "observe"
	// RawRefuse fails it before it runs.
	RawRefuse RawPolicy = "refuse"
	// RawAllow lets it pass unrecorded.
	RawAllow RawPolicy = "allow"
)

// Raw returns the source's policy.
func (s *Source) Raw() RawPolicy {
	switch s.cfg.Raw {
	case RawRefuse, RawAllow:
		return s.cfg.Raw
	}
	return RawObserve
}

// Active reports whether anything is captured now.
func (s *Source) Active() bool { return s.cfg.Switch.Active() }

// Owner is an audited entity whose data a table holds.
type Owner struct {
	Entity string
	// Cascade: the table is reached by a foreign key of another.
	Cascade bool
	// Through is the table that joins the entity to others, where it was written and the
	// entity's own was not.
	Through string
	rules   *annals.Entity
}

// Gives reports whether the entity keeps entries of a type.
func (o *Owner) Gives(t annals.EntryType) bool { return o.rules == nil || o.rules.Gives(t) }

// Owners returns the audited entities whose data a table holds: its own, or the
// two that a join table connects. A table that is not there has none. With
// cascade come those of the tables that TRUNCATE … CASCADE empties too. columns
// are the names of the live tables and of their columns.
func (s *Source) Owners(ctx context.Context, q dialect.Queryer, name annals.Table, cascade bool,
) (owners []Owner, columns []string, err error) {
	o := &ownerSearch{source: s, q: q, seen: map[annals.Table]bool{}}
	if err := o.visit(ctx, name, cascade, false); err != nil {
		return nil, nil, err
	}
	return o.owners, o.columns, nil
}

type ownerSearch struct {
	source  *Source
	q       dialect.Queryer
	seen    map[annals.Table]bool
	owners  []Owner
	columns []string
}

func (o *ownerSearch) visit(
	ctx context.Context, name annals.Table, cascade, reached bool,
) error {
	registry := o.source.registry
	name, err := registry.Canonical(ctx, o.q, name)
	if err != nil || o.seen[name] || o.source.temporary(name) {
		return err
	}
	o.seen[name] = true
	t, err := registry.Table(ctx, o.q, name)
	if errors.Is(err, catalog.ErrNoTable) {
		return nil // the database is going to say so
	}
	if err != nil {
		return err
	}
	if t != nil {
		o.add(t, reached)
	}
	if !cascade {
		return nil
	}
	refs, err := registry.References(ctx, o.q, name)
	for _, ref := range refs {
		if err == nil {
			err = o.visit(ctx, ref.Table.Name, true, true)
		}
	}
	return err
}

func (o *ownerSearch) add(t *track.Table, reached bool) {
	o.columns = append(o.columns, t.Live.Name.Name)
	for _, c := range t.Live.Columns {
		o.columns = append(o.columns, c.Name)
	}
	one := func(owner Owner) {
		known := slices.IndexFunc(o.owners, func(k Owner) bool { return k.Entity == owner.Entity })
		switch {
		case known >= 0 && owner.Through == "":
			o.owners[known].Through = ""
		case known < 0 && o.source.cfg.Switch.Allows(owner.Entity):
			o.owners = append(o.owners, owner)
		}
	}
	if t.Entity != nil {
		one(Owner{Entity: t.Entity.Name, Cascade: reached, rules: t.Entity})
		return
	}
	for _, l := range t.Links {
		for _, end := range []track.End{l.Owner, l.Target} {
			if end.Audited {
				one(Owner{
					Entity: end.Entity, Cascade: reached, Through: t.Live.Name.Name,
					rules: &annals.Entity{Operations: end.Operations},
				})
			}
		}
	}
}

// Everything is the object id of entries about a table as a whole.
const Everything = track.Everything

// RecordStatement adds an entry of raw SQL, which ran under ctx, to each of the
// owners of what it wrote.
func (u *Unit) RecordStatement(ctx context.Context, owners []Owner, st diff.Statement) error {
	kind := annals.Statement
	if st.Operation == string(annals.OpTruncate) {
		kind = annals.Truncate
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.labels.forget() // its rows were not seen
	var entries []annals.Entry
	for i := range owners {
		o := &owners[i]
		if !o.Gives(kind) {
			continue
		}
		if kind == annals.Truncate {
			st.Table = o.Through
		}
		d := diff.Diff{Flags: diff.Flags{Cascade: o.Cascade}, Statement: &st}
		entries = append(entries, annals.Entry{
			Entity: o.Entity, Source: u.cfg.Source, Type: kind, ObjectID: Everything,
			Diffs: d.Append(nil), CreatedAt: u.now(), SchemaVersion: annals.SchemaVersion,
		})
	}
	if entries = u.cfg.Switch.load().filter(entries); len(entries) == 0 {
		return nil
	}
	if err := u.bind(ctx, entries[0].CreatedAt); err != nil {
		return err
	}
	blame := u.blame(ctx)
	extra, _ := annals.ExtraFrom(ctx)
	for _, e := range entries {
		e.Blame, e.ExtraData = blame, extra
		u.size += len(e.Diffs)
		u.pending = append(u.pending, captured{ctx: ctx, entries: []annals.Entry{e}})
	}
	return nil
}
