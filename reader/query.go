package reader

import (
	"fmt"
	"slices"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/storage"
)

// Sizes of pages.
const (
	DefaultLimit = 50
	MaxLimit     = 10_000
)

// Query asks for entries. Zero fields ask for everything; several values of one
// field are alternatives, several fields all have to match. The singular and the
// plural form of a field are one: what stands in either counts.
type Query struct {
	// Entity and Entities name entities; none means all that are known.
	Entity   string
	Entities []string
	// ObjectID and ObjectIDs are canonical keys (annals.ObjectID), former ones
	// included: an object is found under every key it had.
	ObjectID  string
	ObjectIDs []string
	Types     []annals.EntryType
	// Actor and Actors are ids of actors.
	Actor  string
	Actors []string
	// Transaction and Hashes name revisions by their hash, or by eight or more
	// characters of its beginning.
	Transaction string
	Hashes      []string
	// Since is inclusive, Until exclusive.
	Since, Until time.Time
	// Field and Fields name changed columns.
	Field  string
	Fields []string
	// Ascending asks for the oldest first.
	Ascending bool
	// Limit is the size of a page: DefaultLimit where it is 0, at most MaxLimit.
	Limit int
	// Cursor is the Next of the page before. Only Limit, Since and Until may have
	// changed since then.
	Cursor string
}

// storage is the query as storages take it, without a place to go on from.
func (q *Query) storage() (storage.Query, error) {
	limit := q.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	if limit < 0 || limit > MaxLimit {
		return storage.Query{}, faulty("limit %d is not within 1 and %d", q.Limit, MaxLimit)
	}
	for _, t := range q.Types {
		if !t.Valid() {
			return storage.Query{}, faulty("unknown type %q", t)
		}
	}
	return storage.Query{
		Entities:  both(q.Entity, q.Entities),
		ObjectIDs: both(q.ObjectID, q.ObjectIDs),
		Types:     both("", q.Types),
		Actors:    both(q.Actor, q.Actors),
		Hashes:    both(q.Transaction, q.Hashes),
		Since:     q.Since, Until: q.Until,
		Fields:    both(q.Field, q.Fields),
		Ascending: q.Ascending, Limit: limit,
	}, nil
}

// both joins the two forms of a field, sorted, each value once.
func both[T ~string](one T, many []T) []T {
	all := slices.Clone(many)
	if one != "" {
		all = append(all, one)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func faulty(format string, args ...any) error {
	return &annals.Error{
		Op: "read", Subject: "query",
		Err: fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), annals.ErrConfig),
	}
}
