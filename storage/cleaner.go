package storage

import (
	"context"
	"database/sql"
	"time"

	"github.com/seed-162b1470/annals/dialect"
)

// Cleaner is the ability to remove what is old.
type Cleaner interface {
	Marked
	// Cleaning begins a run of retention on conn, over every entity that the
	// storage has ever had. A storage without annals' tables gives an error that
	// matches annals.ErrSchema.
	Cleaning(ctx context.Context, conn Conn) (Cleaning, error)
}

// Conn is a *sql.Conn or a *sql.DB.
type Conn interface {
	dialect.Execer
	BeginTx(ctx context.Context, opts *sql.TxOptions) (*sql.Tx, error)
}

// Cleaning is one run of retention. It is not safe for concurrent use, and one run
// at a time works on a database: the caller has a lock.
//
// Whatever it removes it removes the oldest first, in transactions of its own that
// are short and make no writer wait for their end. An interrupted run has
// removed a beginning of each entity's story, and goes on when it is repeated.
type Cleaning interface {
	// Count tells how many entries of the entity are strictly older than before.
	Count(ctx context.Context, entity string, before time.Time) (int64, error)
	// Mark says that entries of m.Entity older than m.Before are about to be
	// removed, and commits that. Where an earlier mark says as much it stays alone.
	Mark(ctx context.Context, m Mark) error
	// Remove removes the oldest entries. The entity has to be marked.
	Remove(ctx context.Context, s Sweep) (Swept, error)
	// RemoveRevisions goes through a part of the revisions and removes those that no
	// entry names.
	RemoveRevisions(ctx context.Context, s RevisionSweep) (RevisionsSwept, error)
	// SQL returns a script that removes the same in one go, for people to read.
	SQL(m Mark, entities ...string) string
}

// Sweep says which entries go.
type Sweep struct {
	Entity string
	// From is where the sweep before ended, the zero time for the first.
	From time.Time
	// Before is the cut-off: what is strictly older goes.
	Before time.Time
	// Limit is the most entries to remove, 1 or more.
	Limit int
	// NotBefore is when locks may be taken that keep every writer out.
	NotBefore time.Time
}

// Swept is what a sweep did.
type Swept struct {
	// Entries that were removed; less than the limit where none is left.
	Entries int
	// Last is the time of the last of them.
	Last time.Time
	Turn
}

// Turn tells of the locks that a sweep had; it is zero where it took none.
type Turn struct {
	// Held is how long locks were held, Released when they were let go.
	Held     time.Duration
	Released time.Time
	// Alone tells that nobody else has written since the turn before, where the
	// database says so.
	Alone bool
}

// RevisionSweep says which revisions go: those created strictly before Before that
// no entry of any entity names.
type RevisionSweep struct {
	Before time.Time
	// After is the number behind which the sweep begins, 0 for the first.
	After int64
	// Limit is how many numbers are gone through, 1 or more.
	Limit int
	// NotBefore is when locks may be taken that keep every writer out.
	NotBefore time.Time
	// DryRun counts only, as if the entries of these entities that are older than
	// Before were gone.
	DryRun   bool
	Entities []string
}

// RevisionsSwept is what a sweep of revisions did.
type RevisionsSwept struct {
	Revisions int
	Turn
	// Last is the number to go on behind, Done tells that there is none.
	Last int64
	Done bool
}
