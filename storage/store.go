// Package storage is the contract of a place that keeps entries. Engines live
// in the packages below it; storagetest is the suite that each of them passes.
package storage

import (
	"context"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// Store keeps entries and finds them again. It is safe for concurrent use.
type Store interface {
	// Write stores a batch in one transaction of the store's own, all or
	// nothing. It is idempotent by (source, seq, part) for entries and by hash
	// for revisions, because a relay repeats whole batches. A missing audit
	// table gives an error that matches annals.ErrSchema, an entry over the size
	// limit one that matches annals.ErrEntryTooLarge.
	Write(ctx context.Context, b Batch) error
	// Find returns entries that match q, newest first by annals.Position (oldest
	// first where q.Ascending), at most q.Limit of them, each with its Revision.
	// No match is an empty slice, not an error. An entity of q without an audit
	// table gives an error that matches annals.ErrSchema.
	Find(ctx context.Context, q Query) ([]annals.Entry, error)
	// Revision returns the revision of that hash; annals.ErrNotFound otherwise.
	Revision(ctx context.Context, hash string) (annals.Revision, error)
	// Receipts tells which entities the revision of that hash touched.
	Receipts(ctx context.Context, hash string) ([]Receipt, error)
	// Close frees what the store itself opened.
	Close() error
}

// Direct is the ability to store within a transaction of the source.
type Direct interface {
	// WriteTx stores one revision and its entries through tx, which the caller
	// commits. The entries' Seq hold 1, 2, … for the first, second, … mutation
	// of the transaction, without gaps; WriteTx draws as many numbers from the
	// source's sequence and puts them in their place. It fills in rev.ID. On an
	// error the caller must roll tx back.
	WriteTx(ctx context.Context, tx dialect.Execer, rev *annals.Revision,
		entries []annals.Entry) error
}

// Parts is the ability of a Direct storage to store one revision in several calls,
// so that a large transaction need not be held in memory.
type Parts interface {
	// WritePart is WriteTx for some of the entries of a transaction; their Seq
	// begin with 1 each time. The first call, where rev.ID is 0, stores the
	// revision. No receipt is stored yet.
	WritePart(ctx context.Context, tx dialect.Execer, rev *annals.Revision,
		entries []annals.Entry) error
	// WriteReceipts ends a revision that was stored in parts: receipts for all its
	// entries, each entity and type once.
	WriteReceipts(ctx context.Context, tx dialect.Execer, rev *annals.Revision,
		receipts []Receipt) error
}

// HashFinder is the ability to look revisions up by the beginning of their hash.
type HashFinder interface {
	// Hashes returns the hashes that begin with prefix, ascending, at most limit
	// of them.
	Hashes(ctx context.Context, prefix string, limit int) ([]string, error)
}

// Counter is the ability to count without reading.
type Counter interface {
	// Count returns how many entries match q, whose Limit is the most that is
	// counted. Before and After count too. A query with conditions that have to be
	// compared in Go (Condition.Exact says which do not) is counted all the same.
	Count(ctx context.Context, q Query) (int, error)
}

// Mover is the ability to find changes of key fast.
type Mover interface {
	// Moves returns the entries that gave an object of q another key, or an object one
	// of q's keys, in no order. Of q it takes Entities and ObjectIDs. Where there are
	// more than a thousand it may return the first thousand.
	Moves(ctx context.Context, q Query) ([]annals.Entry, error)
}

// Bounded is the ability to tell how far a number of entries reaches.
type Bounded interface {
	// Reach returns a place in the order of q that some n entries lead up to, among
	// those behind q's place that q's index leads to, whether they match or not; ok
	// is false where there are no more than that. Find with that place as a bound
	// looks at about n entries.
	Reach(ctx context.Context, q Query, n int) (at annals.Position, ok bool, err error)
}

// Follower is the ability to tell what was committed since.
type Follower interface {
	// Tail begins behind what can be seen now. q is what to look for; its places,
	// limit and order are ignored.
	Tail(ctx context.Context, q Query) (Tail, error)
}

// Tail waits at the end of a storage. It is not safe for concurrent use.
type Tail interface {
	// Next returns the entries that became visible since the call before, oldest
	// first, each once: those of a transaction that committed late too, although
	// they lie before others that were returned earlier. None is an empty slice.
	Next(ctx context.Context) ([]annals.Entry, error)
}

// Marked is the ability to tell what retention took.
type Marked interface {
	// Marks returns the marks of the entities, all marks where none is named,
	// oldest first. A storage that was never cleaned has none.
	Marks(ctx context.Context, entities ...string) ([]Mark, error)
}

// Mark says that retention removed the entries of an entity that were strictly
// older than Before.
type Mark struct {
	Entity string
	Before time.Time
	// At is when it was set, Actor who ran it.
	At    time.Time
	Actor string
}

// Batch is what is stored at once.
type Batch struct {
	Revisions []annals.Revision
	Entries   []annals.Entry
}

// Receipt is annals.Receipt.
type Receipt = annals.Receipt

// Query selects entries. Zero fields select everything; several values of one
// field are alternatives, several fields all have to match. All values are
// bound, never put into SQL.
type Query struct {
	// Entities to look in; at least one. Unknown names are the caller's fault.
	Entities []string
	// ObjectIDs also match entries whose previous object id it was.
	ObjectIDs []string
	Types     []annals.EntryType
	Actors    []string
	Hashes    []string
	// Since is inclusive, Until exclusive.
	Since, Until time.Time
	// Fields: entries whose changes name one of these columns.
	Fields []string
	// Sources are where entries come from.
	Sources []string
	// Where are conditions that all have to hold.
	Where []Condition
	// Before and After are places in the order, exclusive: only older, only
	// newer entries.
	Before, After annals.Position
	// Ascending turns the order round.
	Ascending bool
	// Limit is required, 1 or more.
	Limit int
}

// As finds the first T in s or in what s wraps (by an Unwrap() Store method).
func As[T any](s Store) (T, bool) {
	for s != nil {
		if t, ok := s.(T); ok {
			return t, true
		}
		w, ok := s.(interface{ Unwrap() Store })
		if !ok {
			break
		}
		s = w.Unwrap()
	}
	var zero T
	return zero, false
}
