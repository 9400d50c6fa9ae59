package sqlstore

import (
	"context"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

var _ storage.Bounded = (*Store)(nil)

// Reach implements storage.Bounded. Each way into each table is walked along its
// index, and the nearest of the places where these walks end is the answer.
func (s *Store) Reach(
	ctx context.Context, q storage.Query, n int,
) (at annals.Position, ok bool, err error) {
	q = leading(q)
	branches, err := s.branches(ctx, q)
	if err != nil {
		return at, false, err
	}
	q.Limit = 1
	size := s.branchesAtOnce(branches, q)
	for from := 0; from < len(branches); from += size {
		b := &builder{d: s.cfg.Dialect}
		b.text("SELECT ", s.eng.instant("u."+b.d.Quote(layout.ColCreatedAt)), ", ")
		b.names("u.", orderColumns()[1:])
		b.text(" FROM (")
		s.union(b, branches[from:min(from+size, len(branches))], func(_ int, br branch) {
			s.branch(b, q, br, term{ordinal: br.entity, columns: orderColumns()})
			b.text(" OFFSET ")
			b.number(max(0, n/len(branches)-1))
		})
		b.text(") AS u")
		err := query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
			var p annals.Position
			var instant string
			err := scan(&instant, &p.Source, &p.Seq, &p.Part)
			if err == nil {
				p.CreatedAt, err = parseInstant(instant)
			}
			if !ok || p.Before(at) == q.Ascending {
				at, ok = p, true
			}
			return err
		})
		if err != nil {
			return at, false, s.explain(ctx, q, err)
		}
	}
	return at, ok, nil
}

// leading is what of a query leads an index, as branches takes it, and its bounds.
func leading(q storage.Query) storage.Query {
	out := storage.Query{
		Entities: q.Entities, Since: q.Since, Until: q.Until, Before: q.Before, After: q.After,
		Ascending: q.Ascending,
	}
	switch {
	case len(q.ObjectIDs) > 0:
		out.ObjectIDs = q.ObjectIDs
	case len(q.Hashes) > 0:
		out.Hashes = q.Hashes
	case len(q.Actors) > 0:
		out.Actors = q.Actors
	default:
		out.Types = q.Types
	}
	return out
}
