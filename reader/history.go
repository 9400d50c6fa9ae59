package reader

import (
	"context"
	"fmt"
	"iter"

	"github.com/seed-162b1470/annals"
)

// HistoryOptions say how a story is told.
type HistoryOptions struct {
	// NewestFirst turns it round; it begins with the oldest entry otherwise.
	NewestFirst bool
	// Types and Fields keep only such entries, as in Query.
	Types  []annals.EntryType
	Fields []string
	// PageSize is how many entries are asked for at a time, up to MaxLimit; 0
	// means 500.
	PageSize int
}

// historyPage is how many entries History asks for at a time.
const historyPage = 500

// History tells the story of one object, all of it, page by page as it is read.
// An error ends it. It can be ranged over again, which asks again.
func (r *Reader) History(
	ctx context.Context, entity, objectID string, o HistoryOptions,
) iter.Seq2[annals.Entry, error] {
	if o.PageSize == 0 {
		o.PageSize = historyPage
	}
	// The lists are what asks for the object of an empty key, too.
	q := Query{
		Entities: []string{entity}, ObjectIDs: []string{objectID}, Types: o.Types,
		Fields: o.Fields, Ascending: !o.NewestFirst, Limit: o.PageSize,
	}
	return func(yield func(annals.Entry, error) bool) {
		if err := r.tell(ctx, q, func(e annals.Entry) bool { return yield(e, nil) }); err != nil {
			yield(annals.Entry{}, err)
		}
	}
}

// tell passes on every entry of q until yield has enough.
func (r *Reader) tell(ctx context.Context, q Query, yield func(annals.Entry) bool) error {
	asks, at, err := r.prepare(ctx, &q)
	if err != nil {
		return err
	}
	return r.tellAll(ctx, asks, at, yield)
}

// tellAll passes on every entry behind a place until yield has enough.
func (r *Reader) tellAll(
	ctx context.Context, asks []ask, at place, yield func(annals.Entry) bool,
) error {
	for more := true; more; {
		var entries []annals.Entry
		var err error
		if entries, more, err = r.page(ctx, asks, at); err != nil {
			return err
		}
		for _, e := range entries {
			if !yield(e) {
				return nil
			}
		}
		if more {
			at.goOn(entries[len(entries)-1].Cursor())
		}
	}
	return nil
}

// Oldest returns the first entry of an object; annals.ErrNotFound where it has
// none.
func (r *Reader) Oldest(ctx context.Context, entity, objectID string) (annals.Entry, error) {
	return r.first(ctx, entity, objectID, HistoryOptions{PageSize: 1})
}

// Newest returns the last entry of an object; annals.ErrNotFound where it has
// none.
func (r *Reader) Newest(ctx context.Context, entity, objectID string) (annals.Entry, error) {
	return r.first(ctx, entity, objectID, HistoryOptions{PageSize: 1, NewestFirst: true})
}

// Next returns the entry of an object that follows a place (Entry.Cursor);
// annals.ErrNotFound where there is none.
func (r *Reader) Next(
	ctx context.Context, entity, objectID string, at annals.Position,
) (annals.Entry, error) {
	return r.neighbour(ctx, entity, objectID, place{after: at, ascending: true, limit: 1})
}

// Previous returns the entry of an object before a place; annals.ErrNotFound where
// there is none.
func (r *Reader) Previous(
	ctx context.Context, entity, objectID string, at annals.Position,
) (annals.Entry, error) {
	return r.neighbour(ctx, entity, objectID, place{before: at, limit: 1})
}

func (r *Reader) neighbour(
	ctx context.Context, entity, objectID string, at place,
) (annals.Entry, error) {
	q := Query{Entities: []string{entity}, ObjectIDs: []string{objectID}}
	asks, _, err := r.prepare(ctx, &q)
	if err != nil {
		return annals.Entry{}, err
	}
	found, _, err := r.page(ctx, asks, at)
	if err != nil {
		return annals.Entry{}, err
	}
	if len(found) == 0 {
		return annals.Entry{}, noEntry(entity, objectID)
	}
	return found[0], nil
}

func (r *Reader) first(
	ctx context.Context, entity, objectID string, o HistoryOptions,
) (annals.Entry, error) {
	for e, err := range r.History(ctx, entity, objectID, o) {
		return e, err
	}
	return annals.Entry{}, noEntry(entity, objectID)
}

func noEntry(entity, objectID string) error {
	return &annals.Error{
		Op: "read", Subject: fmt.Sprintf("history of entity %s, object %s", entity, objectID),
		Err: fmt.Errorf("no entry: %w", annals.ErrNotFound),
	}
}
