package sqlstore

import (
	"context"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// fewMoves is how many changes of key a table may have for them all to be looked
// through.
const fewMoves = 1000

// Moves implements storage.Mover. Most tables have few changes of key or none,
// which the index on former ids tells at once: the entries of an object, of which
// there may be many, are not read for it. Only where there are more than a thousand
// the object leads.
func (s *Store) Moves(ctx context.Context, q storage.Query) ([]annals.Entry, error) {
	tables, err := s.allMoves(ctx, q)
	if err != nil {
		return nil, s.explain(ctx, q, err)
	}
	var out []annals.Entry
	many := storage.Query{
		ObjectIDs: q.ObjectIDs, Where: []storage.Condition{{On: storage.OnMove}},
		Ascending: true, Limit: fewMoves,
	}
	for _, f := range tables {
		switch {
		case f.n > fewMoves:
			many.Entities = append(many.Entities, q.Entities[f.entity])
		case len(f.values) > 0:
			byID := storage.Query{Entities: q.Entities, Ascending: true, Limit: len(f.values)}
			some, err := s.findIn(ctx, byID, []branch{f.branch}, "")
			if err != nil {
				return nil, s.explain(ctx, q, err)
			}
			out = append(out, some...)
		}
	}
	if len(many.Entities) == 0 {
		return out, nil
	}
	some, err := s.Find(ctx, many)
	return append(out, some...), err
}

// found are changes of key in one table: those of the objects that are asked for,
// and how many were looked through.
type found struct {
	branch
	n int
}

// allMoves looks through the changes of key of each entity, one more than are few
// where there are many.
func (s *Store) allMoves(ctx context.Context, q storage.Query) ([]found, error) {
	all := make([]found, len(q.Entities))
	for n, entity := range q.Entities {
		table, err := s.audit(ctx, entity)
		if err != nil {
			return nil, err
		}
		all[n].branch = branch{entity: n, table: table, column: layout.ColID}
	}
	columns := []string{layout.ColID, layout.ColObjectID, layout.ColPreviousObjectID}
	for part := range slices.Chunk(all, maxBranches) {
		branches := make([]branch, len(part))
		for i := range part {
			branches[i] = part[i].branch
		}
		b := &builder{d: s.cfg.Dialect}
		b.text("SELECT n, ")
		b.names("", columns)
		b.text(" FROM (")
		s.union(b, branches, func(_ int, br branch) {
			b.text("SELECT ")
			b.number(br.entity)
			b.text(" AS n, ")
			b.names("", columns)
			b.text(" FROM ")
			b.table(br.table.Name)
			b.text(" WHERE ")
			b.name(layout.ColPreviousObjectID)
			b.text(" IS NOT NULL ORDER BY ")
			b.name(layout.ColPreviousObjectID) // the index that has them, and no other
			b.text(" LIMIT ")
			b.number(fewMoves + 1)
		})
		b.text(") AS u")
		err := query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
			var n int
			var id int64
			var object, former string
			if err := scan(&n, &id, &object, &former); err != nil {
				return err
			}
			all[n].n++
			if slices.Contains(q.ObjectIDs, object) || slices.Contains(q.ObjectIDs, former) {
				all[n].values = append(all[n].values, id)
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return all, nil
}

var _ storage.Mover = (*Store)(nil)
