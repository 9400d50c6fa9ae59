package reader

import (
	"context"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

// maxMoves is how many changes of key one question follows.
const maxMoves = 1000

// elsewhere makes the questions about what is told of objects under their other
// keys: the former ones of what came to a key that is asked for, and the later ones
// of what left it. Each key counts for the time that the object had it, since
// another may have had it before or after.
func (r *Reader) elsewhere(
	ctx context.Context, q *Query, infos []EntityInfo, sq storage.Query,
) ([]ask, error) {
	asks := r.spread(q, infos, storage.Query{ObjectIDs: sq.ObjectIDs})
	found := make([][]annals.Entry, len(asks))
	err := each(ctx, asks, func(ctx context.Context, i int, a ask) error {
		var err error
		found[i], err = a.moves(ctx)
		return inStorage(a.Name, err)
	})
	if err != nil {
		return nil, err
	}
	moves := map[string][]annals.Entry{}
	for i, e := range merge(found, true) {
		if i < maxMoves && e.PreviousObjectID != "" && e.PreviousObjectID != e.ObjectID {
			moves[e.Entity] = append(moves[e.Entity], e)
		}
	}
	var out []ask
	for _, info := range infos {
		if len(moves[info.Name]) == 0 {
			continue
		}
		w := r.walk(q, info, sq.ObjectIDs)
		for i := range moves[info.Name] {
			if err := w.from(ctx, &moves[info.Name][i]); err != nil {
				return nil, err
			}
		}
		out = append(out, r.during(q, info, sq, w.spans)...)
	}
	return out, nil
}

// moves returns the changes of key of the objects that are asked for.
func (a *ask) moves(ctx context.Context) ([]annals.Entry, error) {
	if mover, ok := storage.As[storage.Mover](a.Store); ok {
		return mover.Moves(ctx, a.query)
	}
	q := a.query
	q.Where, q.Ascending, q.Limit = onMove(), true, maxMoves
	return a.Store.Find(ctx, q)
}

func onMove() []storage.Condition { return []storage.Condition{{On: storage.OnMove}} }

// walk goes from key to key and notes when each was had.
type walk struct {
	*line
	// known are the keys that are asked for anyway.
	known []string
	spans map[string][]span
	left  int
}

// walk asks for nothing but what begins and ends the time of a key: moves, inserts
// and removes.
func (r *Reader) walk(q *Query, info EntityInfo, known []string) *walk {
	infos := []EntityInfo{info}
	lives := []annals.EntryType{annals.Insert, annals.Remove}
	return &walk{
		line: &line{r: r, info: info, asks: slices.Concat(
			r.spread(q, infos, storage.Query{Where: onMove()}),
			r.spread(q, infos, storage.Query{Types: lives}),
		)},
		known: known, spans: map[string][]span{}, left: maxMoves,
	}
}

// from follows an object from one of its changes of key, both ways.
func (w *walk) from(ctx context.Context, e *annals.Entry) error {
	came, left := slices.Contains(w.known, e.ObjectID), slices.Contains(w.known, e.PreviousObjectID)
	switch {
	case came && !left:
		return w.before(ctx, e)
	case left && !came:
		return w.since(ctx, e)
	}
	return nil
}

// before notes the keys that an object had until a change of key.
func (w *walk) before(ctx context.Context, e *annals.Entry) error {
	for e != nil && w.left > 0 && !slices.Contains(w.known, e.PreviousObjectID) {
		w.left--
		key, s := e.PreviousObjectID, span{to: e.Cursor()}
		next, err := w.boundary(ctx, key, place{before: s.to})
		if err != nil {
			return err
		}
		e = nil
		switch {
		case next == nil: // its beginning is not recorded
		case moved(next, key) || ends(next):
			s.from = behind(next.Cursor()) // another object's end
		default:
			s.from = next.Cursor()
			if next.PreviousObjectID != "" {
				e = next
			}
		}
		w.spans[key] = append(w.spans[key], s)
	}
	return nil
}

// since notes the keys that an object had from a change of key on.
func (w *walk) since(ctx context.Context, e *annals.Entry) error {
	for e != nil && w.left > 0 && !slices.Contains(w.known, e.ObjectID) {
		w.left--
		key, s := e.ObjectID, span{from: e.Cursor()}
		next, err := w.boundary(ctx, key, place{after: s.from, ascending: true})
		if err != nil {
			return err
		}
		e = nil
		switch {
		case next == nil: // it may still have it
		case moved(next, key):
			s.to, e = next.Cursor(), next
		case ends(next):
			s.to, s.last = next.Cursor(), next.TransactionHash
		default: // another object came to the key
			s.to = next.Cursor()
			s.to.Part--
		}
		w.spans[key] = append(w.spans[key], s)
	}
	return nil
}

// boundary returns the nearest entry in a direction that begins or ends the time
// in which an object had a key, nil where there is none.
func (w *walk) boundary(ctx context.Context, key string, at place) (found *annals.Entry, err error) {
	at.limit = 20 // most are not soft
	err = w.entries(ctx, key, at, func(e *annals.Entry) bool {
		moves := e.PreviousObjectID != "" && e.PreviousObjectID != e.ObjectID
		if moves || ends(e) || e.Type == annals.Insert && !isSoft(e) {
			found = e
		}
		return found == nil
	})
	return found, err
}
