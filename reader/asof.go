package reader

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
)

// AsOf tells how an object was at a time. A column's value is what its last entry
// until then left, else what its next entry since then found, else what the source
// has now (Config.Live), else it is not known.
//
// The object is the one that had the key at that time; where none had, the one that
// had it before and was given another key, or the one that was given it later.
// annals.ErrNotFound where nothing at all is known of it.
func (r *Reader) AsOf(
	ctx context.Context, entity, objectID string, t time.Time,
) (State, error) {
	l, err := r.line(ctx, entity)
	if err != nil {
		return State{}, err
	}
	t = t.Truncate(time.Microsecond).UTC()
	s := State{Entity: entity, ObjectID: objectID, At: t, Exists: Unknown}
	cleaned, err := l.cleaned(ctx)
	if err != nil {
		return s, err
	}
	if t.Before(cleaned) {
		s.CleanedBefore = cleaned
	}
	// Every entry until t lies before this place, every other behind it.
	err = l.state(ctx, &s, annals.Position{CreatedAt: t.Add(time.Microsecond)})
	return s, err
}

// behind is the place right behind an entry.
func behind(at annals.Position) annals.Position {
	at.Part++
	return at
}

// state fills s with what its object was right before a place.
func (l *line) state(ctx context.Context, s *State, at annals.Position) error {
	last, err := l.anchor(ctx, s, at)
	if err != nil {
		return err
	}
	if last != nil {
		s.Entry = last
		if gone, err := l.gone(ctx, last, at); err != nil || gone {
			s.Exists = Absent
			return err
		}
		err := l.back(ctx, s.ObjectID, at, false, func(e *annals.Entry) bool {
			s.tally(e, FromBefore)
			return true
		})
		if err != nil {
			return err
		}
		s.Exists = Exists
		if s.SoftRemoved = last.Type == annals.Remove; s.SoftRemoved {
			s.Exists = Absent
		}
	}
	if last == nil && s.Exists == Absent && !s.SoftRemoved {
		return nil // what comes after is of another row
	}
	return l.after(ctx, s, at, last == nil)
}

// gone reports whether the row that an entry tells of had been removed, by itself
// or with its whole table.
func (l *line) gone(ctx context.Context, last *annals.Entry, at annals.Position) (bool, error) {
	if ends(last) {
		return true, nil
	}
	t, err := l.truncated(ctx, at)
	return t != nil && last.Cursor().Before(t.Cursor()), err
}

// anchor finds the last entry before a place of the object that s names, and the
// key that it had there. Where there is none it says in s.Exists what the next entry
// tells: Absent before an insert.
func (l *line) anchor(
	ctx context.Context, s *State, at annals.Position,
) (*annals.Entry, error) {
	last, err := l.one(ctx, s.ObjectID, place{before: at})
	if err != nil {
		return nil, err
	}
	if last != nil && moved(last, s.ObjectID) {
		// It had the key earlier: follow it to the key it had then.
		_, _, err = l.forth(ctx, last.ObjectID, last.Cursor(), func(e *annals.Entry) bool {
			if !e.Cursor().Before(at) {
				return false
			}
			last = e
			return true
		})
		s.ObjectID = last.ObjectID
	}
	if err != nil || last != nil {
		return last, err
	}
	for range maxKeys {
		next, err := l.one(ctx, s.ObjectID, place{after: at, ascending: true})
		if err != nil || next == nil {
			return nil, err
		}
		switch from := next.PreviousObjectID; {
		case moved(next, s.ObjectID):
			s.Exists = Exists
		case from != "" && from != s.ObjectID:
			// It was given the key later: go back to the one it had then.
			s.ObjectID = from
			before, err := l.one(ctx, from, place{before: at})
			switch {
			case err != nil:
				return nil, err
			case before == nil:
				continue
			case moved(before, from):
				s.Exists = Absent // the key was another row's, and free then
				return nil, nil
			}
			return before, nil
		case next.Type == annals.Insert && isSoft(next):
			s.Exists, s.SoftRemoved = Absent, true
			return nil, nil
		case next.Type == annals.Insert:
			s.Exists = Absent
		case next.Type == annals.Epoch:
			s.Exists = Unknown
		default:
			s.Exists = Exists
		}
		break
	}
	if s.Exists == Exists && !s.CleanedBefore.IsZero() {
		s.Exists = Unknown
	}
	return nil, nil
}

// after adds what later entries found, and what the source has now.
func (l *line) after(ctx context.Context, s *State, at annals.Position, alone bool) error {
	some, open := false, true
	key, alive, err := l.forth(ctx, s.ObjectID, at, func(e *annals.Entry) bool {
		some = true
		if e.Type == annals.Epoch {
			// How the row was until its baseline is not known.
			s.unknown(e)
			open = false
			return false
		}
		s.tally(e, FromAfter)
		return true
	})
	if err != nil {
		return err
	}
	told := !alone || some || s.Exists != Unknown || !s.CleanedBefore.IsZero()
	if !open || !alive {
		return nil
	}
	if t, err := l.truncated(ctx, annals.Position{CreatedAt: endOfTime()}); err != nil ||
		t != nil && !t.Cursor().Before(at) {
		return err
	}
	found, err := l.live(ctx, s, key)
	if err != nil {
		return err
	}
	if !told && !found {
		return noEntry(s.Entity, s.ObjectID)
	}
	if found && !told {
		s.Exists = Exists // and has never changed since
	}
	return nil
}

// endOfTime is behind every entry, in every database.
func endOfTime() time.Time { return time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC) }

// live adds what the source has now of columns that no entry tells of.
func (l *line) live(ctx context.Context, s *State, key string) (found bool, err error) {
	if l.r.cfg.Live == nil || !l.info.Audited {
		return false, nil
	}
	row, err := l.r.cfg.Live(ctx, s.Entity, key)
	if errors.Is(err, annals.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("read object %s of entity %s as it is now: %w", key, s.Entity, err)
	}
	for _, column := range slices.Sorted(maps.Keys(row)) {
		s.take(column, row[column], FromLive)
	}
	return row != nil, nil
}

// Compare tells what became of an object between two of its entries: the changes
// that lead from right behind the first to right behind the second, its key's
// changes followed. The zero Position is before everything. Where to lies before
// from, old and new are exchanged. annals.ErrNotFound where the object has no entry
// of insert, update, remove or epoch at such a place.
func (r *Reader) Compare(
	ctx context.Context, entity, objectID string, from, to annals.Position,
) ([]diff.Change, error) {
	back := to.Before(from)
	if back {
		from, to = to, from
	}
	l, err := r.line(ctx, entity)
	if err != nil {
		return nil, err
	}
	s := State{Entity: entity, ObjectID: objectID}
	if _, err := l.anchor(ctx, &s, behind(to)); err != nil {
		return nil, err
	}
	var entries []annals.Entry
	reached := from.IsZero()
	err = l.back(ctx, s.ObjectID, behind(to), true, func(e *annals.Entry) bool {
		if at := e.Cursor(); !from.Before(at) {
			reached = reached || at == from
			return false
		}
		entries = append(entries, *e)
		return true
	})
	if err != nil {
		return nil, err
	}
	if from != to && (len(entries) == 0 || entries[0].Cursor() != to) || !reached {
		return nil, noEntry(entity, objectID)
	}
	slices.Reverse(entries)
	changes, err := fold(entries)
	if back {
		for i := range changes {
			changes[i].Old, changes[i].New = changes[i].New, changes[i].Old
		}
	}
	return changes, err
}

// fold makes one set of changes of several, in order.
func fold(entries []annals.Entry) ([]diff.Change, error) {
	all := map[string]diff.Change{}
	for i := range entries {
		d, err := diff.Parse(entries[i].Diffs)
		if err != nil {
			return nil, fmt.Errorf("read entry %s/%d: %w", entries[i].Source, entries[i].Seq, err)
		}
		for _, c := range d.Changes {
			if first, ok := all[c.Column]; ok {
				c.Old = first.Old
			}
			all[c.Column] = c
		}
	}
	out := []diff.Change{}
	for _, column := range slices.Sorted(maps.Keys(all)) {
		// A masked value may have changed though both sides look alike.
		if c := all[column]; !bytes.Equal(c.Old, c.New) || diff.IsMasked(c.Old) {
			out = append(out, c)
		}
	}
	return out, nil
}
