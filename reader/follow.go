package reader

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

// followed is how many entries Follow remembers to have shown, of those that two
// storages may give.
const followed = 100_000

// Follow shows the newest entries that q asks for, q.Limit of them (DefaultLimit
// where it is 0, none where it is -1), oldest first, and then each entry as it is
// committed, until ctx ends or the loop does. Until and Cursor cannot be followed.
//
// Nothing is missed and nothing shown twice. A transaction that commits late is
// shown late: its entries may lie before others that were shown earlier. The
// bounds of this are those of the storages (storage.Follower; for SQL storages see
// sqlstore.Store.Tail), and that an entry which lies in two storages is known as
// the same among the last 100,000. Entities that are added meanwhile, and
// revoked roles, are noticed by the next call.
func (r *Reader) Follow(ctx context.Context, q Query) iter.Seq2[annals.Entry, error] {
	return func(yield func(annals.Entry, error) bool) {
		err := r.follow(ctx, q, func(e annals.Entry) bool { return yield(e, nil) })
		if err != nil {
			yield(annals.Entry{}, err)
		}
	}
}

// identity tells entries apart, in whichever storage they lie.
type identity struct {
	entity, source string
	seq            int64
	part           int
}

func (r *Reader) follow(ctx context.Context, q Query, yield func(annals.Entry) bool) error {
	none := q.Limit == -1
	if none {
		q.Limit = 0
	}
	if !q.Until.IsZero() || q.Cursor != "" || q.Related {
		return faulty("what ends (until, a cursor) and what is related cannot be followed")
	}
	q.Ascending, q.Scan = false, 0
	asks, at, err := r.prepare(ctx, &q)
	if err != nil {
		return err
	}
	tails, err := r.tails(ctx, asks)
	if err != nil {
		return err
	}
	seen := &memory{known: map[identity]bool{}}
	if !none {
		// The tails stand, so that what commits from here on is in both or in them.
		entries, _, err := r.page(ctx, asks, at)
		if err != nil {
			return err
		}
		slices.Reverse(entries)
		for _, e := range entries {
			if seen.add(&e); !yield(e) {
				return nil
			}
		}
	}
	return r.watch(ctx, asks, tails, func(e annals.Entry) bool { return !seen.add(&e) || yield(e) })
}

func (r *Reader) tails(ctx context.Context, asks []ask) ([]storage.Tail, error) {
	tails := make([]storage.Tail, len(asks))
	err := each(ctx, asks, func(ctx context.Context, i int, a ask) error {
		follower, ok := storage.As[storage.Follower](a.Store)
		if !ok {
			return &annals.Error{
				Op: "follow", Subject: "storage " + a.Name, Err: annals.ErrConfig,
				Remedy: "it cannot be followed; name others",
			}
		}
		var err error
		tails[i], err = follower.Tail(ctx, a.query)
		return inStorage(a.Name, err)
	})
	return tails, err
}

// watch looks again and again.
func (r *Reader) watch(
	ctx context.Context, asks []ask, tails []storage.Tail, yield func(annals.Entry) bool,
) error {
	for {
		found := make([][]annals.Entry, len(tails))
		err := each(ctx, tails, func(ctx context.Context, i int, t storage.Tail) error {
			var err error
			found[i], err = t.Next(ctx)
			if keep := asks[i].keep; keep != nil {
				found[i] = slices.DeleteFunc(found[i], func(e annals.Entry) bool { return !keep(&e) })
			}
			return inStorage(asks[i].Name, err)
		})
		// What one storage gave is shown, though another failed: it comes once.
		for _, e := range merge(found, true) {
			if !yield(e) {
				return nil
			}
		}
		if err != nil {
			return err
		}
		if err := r.cfg.Wait(ctx); err != nil {
			return fmt.Errorf("follow entries: %w", err)
		}
	}
}

func waitASecond(ctx context.Context) error {
	timer := time.NewTimer(time.Second)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}

// memory remembers the last entries that were shown.
type memory struct {
	known map[identity]bool
	order []identity
}

// add reports whether an entry is new.
func (m *memory) add(e *annals.Entry) bool {
	id := identity{e.Entity, e.Source, e.Seq, e.Part}
	if m.known[id] {
		return false
	}
	m.known[id] = true
	m.order = append(m.order, id)
	if len(m.order) > followed {
		delete(m.known, m.order[0])
		m.order = m.order[1:]
	}
	return true
}
