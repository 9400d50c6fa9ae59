package reader

import (
	"context"
	"fmt"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/storage"
)

// maxKeys bounds how many changes of its key an object is followed through.
const maxKeys = 10_000

// line walks along the story of one row, whichever keys it had.
type line struct {
	r    *Reader
	info EntityInfo
	asks []ask
}

func (r *Reader) line(ctx context.Context, entity string) (*line, error) {
	q := Query{Entities: []string{entity}, Types: rowTypes()}
	asks, _, err := r.prepare(ctx, &q)
	if err != nil {
		return nil, err
	}
	seen, err := r.look(ctx)
	if err != nil {
		return nil, err
	}
	info, _ := seen.find(entity)
	return &line{r: r, info: info, asks: asks}, nil
}

// rowTypes are the entries that tell of a row's columns.
func rowTypes() []annals.EntryType {
	return []annals.EntryType{annals.Insert, annals.Update, annals.Remove, annals.Epoch}
}

// entries passes on the entries that name a key, as object id or former one.
func (l *line) entries(
	ctx context.Context, key string, at place, yield func(*annals.Entry) bool,
) error {
	asks := make([]ask, len(l.asks))
	for i, a := range l.asks {
		a.query.ObjectIDs = []string{key}
		asks[i] = a
	}
	if at.limit == 0 {
		at.limit = historyPage
	}
	return l.r.tellAll(ctx, asks, at, func(e annals.Entry) bool { return yield(&e) })
}

// one returns the first entry behind a place, nil where there is none.
func (l *line) one(ctx context.Context, key string, at place) (found *annals.Entry, err error) {
	at.limit = 1
	err = l.entries(ctx, key, at, func(e *annals.Entry) bool {
		found = e
		return false
	})
	return found, err
}

// moved reports whether an entry takes a row away from a key.
func moved(e *annals.Entry, key string) bool {
	return e.ObjectID != key && e.PreviousObjectID == key
}

// back passes on the entries of the row that has a key, from before a place back to
// the one that begins it, that one included. With lives it goes on to the rows that
// had the key earlier.
func (l *line) back(ctx context.Context, key string, before annals.Position, lives bool,
	yield func(*annals.Entry) bool,
) error {
	first := true
	for range maxKeys {
		next := ""
		err := l.entries(ctx, key, place{before: before}, func(e *annals.Entry) bool {
			if !lives && !first && (moved(e, key) || ends(e)) {
				return false // another row
			}
			first = false
			if !yield(e) || !lives && begins(e) {
				return false
			}
			if e.ObjectID == key && e.PreviousObjectID != "" && e.PreviousObjectID != key {
				next, before = e.PreviousObjectID, e.Cursor()
				return false
			}
			return true
		})
		if err != nil || next == "" {
			return err
		}
		key = next
	}
	return nil
}

// forth passes on the entries of the row that has a key, from behind a place to the
// one that ends it, that one included. It returns the row's last key, and whether
// the row may still be there.
func (l *line) forth(ctx context.Context, key string, after annals.Position,
	yield func(*annals.Entry) bool,
) (last string, alive bool, err error) {
	alive = true
	for range maxKeys {
		next := ""
		err := l.entries(ctx, key, place{after: after, ascending: true}, func(e *annals.Entry) bool {
			switch {
			case moved(e, key):
				next, after = e.ObjectID, e.Cursor()
				yes := yield(e)
				if !yes {
					key, next = e.ObjectID, ""
				}
				return false
			case begins(e) || e.PreviousObjectID != "" && e.PreviousObjectID != key:
				// Another row has come to the key; how this one went was not seen.
				alive = false
				if begins(e) && e.Type == annals.Epoch {
					yield(e)
				}
				return false
			}
			if ends(e) {
				alive = false
				yield(e)
				return false
			}
			return yield(e)
		})
		if err != nil || next == "" {
			return key, alive, err
		}
		key = next
	}
	return key, alive, nil
}

// truncated returns the last truncation of the entity's table before a place, nil
// where there is none. Those of tables that connect it with others took no object.
func (l *line) truncated(ctx context.Context, before annals.Position) (*annals.Entry, error) {
	asks := make([]ask, len(l.asks))
	for i, a := range l.asks {
		a.query.ObjectIDs, a.query.Types = []string{"*"}, []annals.EntryType{annals.Truncate}
		asks[i] = a
	}
	for {
		found, _, err := l.r.page(ctx, asks, place{before: before, limit: 10})
		if err != nil || len(found) == 0 {
			return nil, err
		}
		for i := range found {
			d, err := diff.Parse(found[i].Diffs)
			if err != nil {
				return nil, fmt.Errorf("read truncation of entity %s: %w", l.info.Name, err)
			}
			if d.Statement == nil || d.Statement.Table == "" {
				return &found[i], nil
			}
			before = found[i].Cursor()
		}
	}
}

// cleaned returns the latest mark of retention on the entity: before it, entries
// may be gone.
func (l *line) cleaned(ctx context.Context) (before time.Time, err error) {
	for _, a := range l.asks {
		marked, ok := storage.As[storage.Marked](a.Store)
		if !ok {
			continue
		}
		marks, err := marked.Marks(ctx, l.info.Name)
		if err != nil {
			return before, inStorage(a.Name, err)
		}
		for _, m := range marks {
			if m.Before.After(before) {
				before = m.Before
			}
		}
	}
	return before, nil
}
