package retention

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/lock"
	"github.com/seed-162b1470/annals/storage"
)

// LockName is the lock that a run holds on a storage's database.
const LockName = "annals clean"

// DefaultBatch is the most entries that go in one transaction, unless Options says
// otherwise. It becomes less by itself where a database is slow.
const DefaultBatch = 1000

// Target is one storage with what is to be cleaned in it.
type Target struct {
	Storage string
	DB      *sql.DB
	Dialect dialect.Dialect
	// Cleaner is the storage's store.
	Cleaner storage.Cleaner
	// Entities whose entries go. All others keep every row.
	Entities []string
}

// Options say what goes and who is told.
type Options struct {
	// Before is the cut-off: entries strictly older go. It must not lie in the future.
	Before time.Time
	// Actor is who runs it, for the marks.
	Actor string
	// Batch is the most entries in one transaction; default DefaultBatch.
	Batch int
	// Progress is told of every batch, in the goroutine of the run. Nil is fine.
	Progress func(Progress)
	// Now is the clock; default time.Now.
	Now func() time.Time
}

// Progress says how far a run is.
type Progress struct {
	Storage string
	// Entity whose entries went; empty for revisions.
	Entity string
	// Removed went in this batch, Done of Total so far. Total is 0 for revisions, of
	// which only the run itself finds out how many there are.
	Removed     int
	Done, Total int64
	// Held is how long the batch had locks.
	Held time.Duration
}

// Result is what went, or would go, in one storage.
type Result struct {
	Storage string
	// Counts are in the order of the target's entities, each there once.
	Counts    []Count
	Revisions int64
}

// Count is a number of entries.
type Count struct {
	Entity  string
	Entries int64
}

// Entries is the sum of all counts.
func (r *Result) Entries() (n int64) {
	for _, c := range r.Counts {
		n += c.Entries
	}
	return n
}

// ErrInterrupted is the family of a run that was stopped between two batches.
var ErrInterrupted = errors.New("interrupted")

func (o Options) checked() (Options, error) {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Batch == 0 {
		o.Batch = DefaultBatch
	}
	problem := ""
	switch {
	case o.Before.IsZero():
		problem = "there is no cut-off"
	case o.Before.After(o.Now()):
		problem = "the cut-off lies in the future, so that nothing would be kept"
	case o.Batch < 1:
		problem = "a batch has at least one entry"
	}
	if problem != "" {
		return o, &annals.Error{
			Op: "clean", Subject: "entries", Err: fmt.Errorf("%s: %w", problem, annals.ErrConfig),
		}
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o, nil
}

// Plan counts what Run would remove, and changes nothing.
func Plan(ctx context.Context, targets []Target, o Options) ([]Result, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	var out []Result
	for _, t := range targets {
		c, err := t.Cleaner.Cleaning(ctx, t.DB)
		if err != nil {
			return nil, t.fail("count old entries", err)
		}
		r, err := t.count(ctx, c, o)
		if err != nil {
			return nil, t.fail("count old entries", err)
		}
		w := &worker{target: t, options: o, cleaning: c, pace: &pace{size: o.Batch, most: o.Batch}}
		if err := w.revisions(ctx, &r); err != nil {
			return nil, t.fail("count old revisions", err)
		}
		out = append(out, r)
	}
	return out, nil
}

// SQL returns a script for each target that removes in one go what Run removes in
// small steps: for people to read.
func SQL(ctx context.Context, targets []Target, o Options) ([]string, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	var out []string
	for _, t := range targets {
		c, err := t.Cleaner.Cleaning(ctx, t.DB)
		if err != nil {
			return nil, t.fail("plan", err)
		}
		m := storage.Mark{Before: o.Before, At: o.Now(), Actor: o.Actor}
		out = append(out, c.SQL(m, t.Entities...))
	}
	return out, nil
}

// Run removes the entries of each target that are older than the cut-off, then the
// revisions that no entry names any more. Where ctx is done it ends behind the batch
// that it is in. The results tell what is gone, also beside an error: one that matches
// ErrInterrupted, annals.ErrLocked where another run is at work, annals.ErrSchema
// where annals' tables are missing, or annals.ErrConfig for faults of the options.
func Run(ctx context.Context, targets []Target, o Options) ([]Result, error) {
	o, err := o.checked()
	if err != nil {
		return nil, err
	}
	out := make([]Result, 0, len(targets))
	for _, t := range targets {
		r, err := t.run(ctx, o)
		if err == nil || len(r.Counts) > 0 { // else it has not begun
			out = append(out, r)
		}
		if err != nil {
			return out, t.fail("clean", err)
		}
	}
	return out, nil
}

func (t *Target) fail(op string, err error) error {
	return fmt.Errorf("%s in storage %s: %w", op, t.Storage, err)
}

func (t *Target) run(ctx context.Context, o Options) (r Result, err error) {
	r.Storage = t.Storage
	if err := ctx.Err(); err != nil {
		return r, interrupted(err)
	}
	l, err := lock.Acquire(ctx, t.DB, t.Dialect, LockName)
	if err != nil {
		return r, err
	}
	// The lock's own connection: the work cannot outlive the lock.
	defer func() { err = errors.Join(err, l.Release(ctx)) }()
	c, err := t.Cleaner.Cleaning(ctx, l.Conn())
	if err != nil {
		return r, err
	}
	planned, err := t.count(ctx, c, o)
	if err != nil {
		return r, err
	}
	w := &worker{
		target: *t, options: o, cleaning: c, lock: l, pace: newPace(t.Dialect, o.Batch),
	}
	for _, count := range planned.Counts {
		done, err := w.entity(ctx, count)
		r.Counts = append(r.Counts, Count{Entity: count.Entity, Entries: done})
		if err != nil {
			return r, err
		}
	}
	return r, w.revisions(ctx, &r)
}

func (t *Target) count(ctx context.Context, c storage.Cleaning, o Options) (Result, error) {
	r := Result{Storage: t.Storage}
	for _, entity := range t.Entities {
		n, err := c.Count(ctx, entity, o.Before)
		if err != nil {
			return r, err
		}
		r.Counts = append(r.Counts, Count{Entity: entity, Entries: n})
	}
	return r, nil
}

func interrupted(cause error) error { return fmt.Errorf("%w: %w", ErrInterrupted, cause) }
