package mirrorstore

import (
	"context"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/storage"
)

// Reach implements storage.Bounded. Receipts are walked along their index, with the
// rows that they count; of objects, whose rows are few, there is no bound.
func (s *Store) Reach(
	ctx context.Context, q storage.Query, n int,
) (at annals.Position, ok bool, err error) {
	if len(q.ObjectIDs) > 0 {
		return at, false, nil
	}
	err = s.current(ctx, func(l *journal.Ledger) error {
		lead := storage.Query{
			Entities: q.Entities, Hashes: q.Hashes, Actors: q.Actors, Types: q.Types, Since: q.Since,
			Until: q.Until, Before: q.Before, After: q.After, Ascending: q.Ascending, Limit: mostAtOnce,
		}
		a, err := s.ask(ctx, l, lead)
		if err != nil || a.none || len(a.wanted) == 0 {
			return err
		}
		at, ok, err = a.reach(ctx, n)
		return err
	})
	return at, ok, err
}

func (a *asking) reach(ctx context.Context, n int) (at annals.Position, ok bool, err error) {
	r := a.walk(a.wanted)
	rows := int64(0)
	for {
		if err := r.more(ctx); err != nil {
			return at, false, err
		}
		if len(r.ready) == 0 {
			return at, false, nil
		}
		for _, v := range r.ready {
			if rows += max(1, v.Entries); rows > int64(n) {
				at = annals.Position{
					CreatedAt: v.CreatedAt, Source: a.ledger.Sheet(v.Target).Source, Seq: v.ID,
				}
				if a.q.Ascending { // behind its last row, whatever number that has
					at.Seq = 1<<63 - 1
				}
				return at, true, nil
			}
		}
		r.ready = nil
	}
}
