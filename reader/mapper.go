package reader

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"sync"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
)

// Mapper knows a program's own types: which object a struct is, and how it is
// filled. An ORM's adapter implements it, as gormcapture.Mapper does.
type Mapper interface {
	// Object returns entity and object id of what v, a pointer to a struct, stands
	// for. A type that it does not know gives an error that matches
	// annals.ErrUnknownEntity.
	Object(ctx context.Context, v any) (entity, objectID string, err error)
	// Fill sets the fields of v, a pointer to a struct, for the columns given, whose
	// values are canonical JSON (docs/formats/values.md). Columns without a field are
	// left out; so are masked values, whose fields keep what they have.
	Fill(ctx context.Context, v any, columns map[string]json.RawMessage) error
}

// mappers are those of a reader.
type mappers struct {
	mu   sync.RWMutex
	list []Mapper
}

// Map adds a mapper. The first that knows a type is asked.
func (r *Reader) Map(m Mapper) {
	r.mappers.mu.Lock()
	defer r.mappers.mu.Unlock()
	r.mappers.list = append(r.mappers.list, m)
}

// object asks the mappers what v stands for.
func (r *Reader) object(
	ctx context.Context, v any,
) (m Mapper, entity, objectID string, err error) {
	r.mappers.mu.RLock()
	list := slices.Clone(r.mappers.list)
	r.mappers.mu.RUnlock()
	err = &annals.Error{
		Op: "find", Subject: fmt.Sprintf("the entity of %T", v), Err: annals.ErrUnknownEntity,
		Remedy: "give the reader a mapper (Reader.Map), as gormcapture does for its models",
	}
	for _, m := range list {
		if entity, objectID, err = m.Object(ctx, v); err == nil {
			return m, entity, objectID, nil
		}
	}
	return nil, "", "", err
}

// Version is an object as it was, in the program's own type.
type Version[T any] struct {
	// Value has a field set for each column that is known.
	Value T
	// Entry is the one that made this version; nil where AsOf found none before.
	Entry *annals.Entry
	// Exists is Absent for the version that a removal left: Value is then as it last
	// was.
	Exists Existence
	// Unknown are columns whose values are not known or not kept; their fields have
	// the zero value.
	Unknown []string
}

// Oldest returns the oldest version of the object that of stands for: its fields
// of the key say which. Of itself is not changed. annals.ErrNotFound where the
// object has no entry.
func Oldest[T any](ctx context.Context, r *Reader, of *T) (Version[T], error) {
	for v, err := range History(ctx, r, of) {
		return v, err
	}
	return Version[T]{}, noVersion(of)
}

// Newest returns the newest version of the object that of stands for.
func Newest[T any](ctx context.Context, r *Reader, of *T) (Version[T], error) {
	var out Version[T]
	m, l, s, err := open(ctx, r, of)
	if err != nil {
		return out, err
	}
	var last *annals.Entry
	if last, err = l.anchor(ctx, &s, annals.Position{CreatedAt: endOfTime()}); err != nil {
		return out, err
	}
	if last == nil {
		return out, noVersion(of)
	}
	err = l.back(ctx, s.ObjectID, behind(last.Cursor()), false, func(e *annals.Entry) bool {
		s.tally(e, sideOf(e, e.Cursor() == last.Cursor()))
		return true
	})
	if err != nil {
		return out, err
	}
	return version[T](ctx, m, &s, last)
}

// sideOf: a removal tells by its old values how the object last was.
func sideOf(e *annals.Entry, last bool) Known {
	if last && ends(e) {
		return FromAfter
	}
	return FromBefore
}

// AsOf returns the object that of stands for as it was at a time; see Reader.AsOf.
func AsOf[T any](ctx context.Context, r *Reader, of *T, t time.Time) (Version[T], error) {
	m, entity, id, err := r.object(ctx, of)
	if err != nil {
		return Version[T]{}, err
	}
	s, err := r.AsOf(ctx, entity, id, t)
	if err != nil {
		return Version[T]{}, err
	}
	v, err := version[T](ctx, m, &s, s.Entry)
	v.Exists = s.Exists
	return v, err
}

// History returns every version of the object that of stands for, oldest first,
// one for each entry that is about its row, its key's changes followed.
func History[T any](ctx context.Context, r *Reader, of *T) iter.Seq2[Version[T], error] {
	return func(yield func(Version[T], error) bool) {
		if err := tellVersions(ctx, r, of, func(v Version[T]) bool { return yield(v, nil) }); err != nil {
			yield(Version[T]{}, err)
		}
	}
}

func tellVersions[T any](
	ctx context.Context, r *Reader, of *T, yield func(Version[T]) bool,
) error {
	m, l, s, err := open(ctx, r, of)
	if err != nil {
		return err
	}
	var entries []annals.Entry
	if _, err := l.anchor(ctx, &s, annals.Position{CreatedAt: endOfTime()}); err != nil {
		return err
	}
	err = l.back(ctx, s.ObjectID, annals.Position{}, true, func(e *annals.Entry) bool {
		entries = append(entries, *e)
		return true
	})
	if err != nil {
		return err
	}
	slices.Reverse(entries)
	for i := range entries {
		e := &entries[i]
		if i == 0 || begins(e) {
			s.Columns = nil
			found(&s, entries[i:])
		}
		if !ends(e) {
			if err := s.apply(e); err != nil {
				return err
			}
		}
		v, err := version[T](ctx, m, &s, e)
		if err != nil {
			return err
		}
		if !yield(v) {
			return nil
		}
	}
	return nil
}

// found notes what later entries of the row found, for columns that its first entry
// does not name.
func found(s *State, entries []annals.Entry) {
	if begins(&entries[0]) {
		s.tally(&entries[0], FromBefore)
		entries = entries[1:]
	}
	for i := range entries {
		if begins(&entries[i]) {
			return
		}
		s.tally(&entries[i], FromAfter)
	}
}

// apply sets what an entry changed.
func (s *State) apply(e *annals.Entry) error {
	d, err := diff.Parse(e.Diffs)
	if err != nil {
		return fmt.Errorf("read entry %s/%d: %w", e.Source, e.Seq, err)
	}
	for _, c := range d.Changes {
		delete(s.Columns, c.Column)
	}
	s.tally(e, FromBefore)
	return nil
}

// open finds the line of the object that of stands for.
func open[T any](ctx context.Context, r *Reader, of *T) (Mapper, *line, State, error) {
	m, entity, id, err := r.object(ctx, of)
	if err != nil {
		return nil, nil, State{}, err
	}
	l, err := r.line(ctx, entity)
	return m, l, State{Entity: entity, ObjectID: id}, err
}

// version fills a value of the program's type.
func version[T any](
	ctx context.Context, m Mapper, s *State, e *annals.Entry,
) (Version[T], error) {
	v := Version[T]{Entry: e, Exists: Exists}
	if e != nil && e.Type == annals.Remove {
		v.Exists = Absent
	}
	known := map[string]json.RawMessage{}
	for _, column := range sortedKeys(s.Columns) {
		if c := s.Columns[column]; c.Known == NotKnown || c.Masked() {
			v.Unknown = append(v.Unknown, column)
		} else {
			known[column] = c.JSON
		}
	}
	if err := m.Fill(ctx, &v.Value, known); err != nil {
		return v, fmt.Errorf("fill %T from object %s of entity %s: %w", v.Value, s.ObjectID,
			s.Entity, err)
	}
	return v, nil
}

func noVersion(of any) error {
	return &annals.Error{
		Op: "read", Subject: fmt.Sprintf("history of a %T", of),
		Err: fmt.Errorf("no entry: %w", annals.ErrNotFound),
	}
}
