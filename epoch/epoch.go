// Package epoch gives rows that are older than their triggers a baseline: a receipt of
// type epoch with the row as it is, in the storage of the mirror layout.
//
// Each row without an insert since its triggers were created gets one, once. Rows are
// taken in key order, in batches: a batch locks its rows, so that no change that runs
// at the same time can come before its row's baseline, copies them by one INSERT …
// SELECT, and remembers in annals_epoch how far it came, in one transaction. A run that
// was interrupted, however hard, goes on behind the last batch. A row whose lock another
// transaction holds makes the batch smaller, until it waits for that row alone: a run
// never waits while it holds rows that others may want.
//
// The revision of a batch has no actor: managed is false, user_name null, the comment
// "Epoch <table>". SQL differs by database in the files that are named after one.
package epoch

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/nearest"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/lock"
)

// LockName is the lock that a run holds on the source's database.
const LockName = "annals epoch"

// DefaultBatch is the most rows of a transaction, unless Options says otherwise.
const DefaultBatch = 1000

// Source is an audited database with triggers.
type Source struct {
	Name    string
	DB      *sql.DB
	Dialect dialect.Dialect
	Journal *journal.Journal
}

// Options say what gets baselines and who is told.
type Options struct {
	// Entities are names of targets; none means all.
	Entities []string
	// Batch is the most rows in one transaction; default DefaultBatch.
	Batch int
	// Again asks for another baseline of each row, whatever is told of it. A run that was
	// interrupted is finished first, as what it was.
	Again bool
	// Progress is told of every batch, in the goroutine of the run. Nil is fine.
	Progress func(Progress)
}

// Progress says how far a run is.
type Progress struct {
	Source, Entity string
	// Copied rows in this batch, Done of Total rows looked at so far. Total is what
	// there was when the run began.
	Copied      int64
	Done, Total int64
	// Held is how long the batch had its locks. Waiting means that it took none: a row
	// is another transaction's.
	Held    time.Duration
	Waiting bool
}

// Result is what one entity got.
type Result struct {
	Source, Entity string
	Table          annals.Table
	// Rows got a baseline, in so many Batches, each a revision.
	Rows    int64
	Batches int
	// Already: a run was done before, and nothing was asked of the table.
	Already bool
}

// ErrChanged means that the columns that triggers copy changed during a run. Running
// again goes on.
var ErrChanged = errors.New("the copied columns changed meanwhile")

func (o Options) checked() (Options, error) {
	if o.Batch == 0 {
		o.Batch = DefaultBatch
	}
	if o.Batch < 1 {
		return o, &annals.Error{
			Op: "import epoch", Err: fmt.Errorf("a batch has at least one row: %w", annals.ErrConfig),
		}
	}
	if o.Progress == nil {
		o.Progress = func(Progress) {}
	}
	return o, nil
}

// Run gives the rows of each entity their baselines. The results tell what was done,
// also beside an error: one that matches annals.ErrUnknownEntity, annals.ErrLocked
// where another run is at work, annals.ErrSchema where annals' tables or triggers are
// missing, or ErrChanged.
func Run(ctx context.Context, s Source, o Options) (out []Result, err error) {
	o, err = o.checked()
	if err != nil {
		return nil, err
	}
	l, err := lock.Acquire(ctx, s.DB, s.Dialect, LockName)
	if err != nil {
		return nil, err
	}
	// The lock's own connection: the work cannot outlive the lock.
	defer func() { err = errors.Join(err, l.Release(ctx)) }()
	e := engineOf(s.Dialect)
	if err := e.open(ctx, l.Conn()); err != nil {
		return nil, s.fail("", err)
	}
	defer func() { err = errors.Join(err, e.close(context.WithoutCancel(ctx), l.Conn())) }()
	plans, err := s.plans(ctx, l.Conn(), o.Entities)
	if err != nil {
		return nil, err
	}
	for _, p := range plans {
		r := &run{source: s, options: o, conn: l.Conn(), engine: e, plan: p}
		done, err := r.run(ctx)
		out = append(out, done)
		if err != nil {
			return out, s.fail(p.target.Name, err)
		}
	}
	return out, nil
}

func (s Source) fail(entity string, err error) error {
	e := &annals.Error{Op: "import epoch", Subject: "source " + s.Name, Err: err}
	if entity != "" {
		e.Subject = "entity " + entity
	}
	var typed *annals.Error
	switch {
	case errors.As(err, &typed):
		return fmt.Errorf("%s of %s: %w", e.Op, e.Subject, err)
	case errors.Is(err, ErrChanged):
		e.Remedy = "run it again to go on"
	case s.Dialect.Classify(err) == dialect.ClassMissingTable,
		s.Dialect.Classify(err) == dialect.ClassMissingColumn:
		e.Err = fmt.Errorf("%w: %w", annals.ErrSchema, err)
		e.Remedy = "annals schema update --force, then annals trigger create --force"
	case s.Dialect.Classify(err) == dialect.ClassAccess:
		e.Remedy = "run it as the account that creates the triggers"
	}
	return e
}

// plans are what is to be done for the entities, all where none is named: each has to
// have its triggers, or what changes between the baseline and the triggers is lost.
func (s Source) plans(
	ctx context.Context, q dialect.Queryer, entities []string,
) ([]*plan, error) {
	targets, err := s.Journal.Targets(ctx)
	if err != nil {
		return nil, fmt.Errorf("find the tables of source %s: %w", s.Name, err)
	}
	names := make([]string, len(targets))
	for i := range targets {
		names[i] = targets[i].Name
	}
	for _, name := range entities {
		if !slices.Contains(names, name) {
			return nil, &annals.Error{
				Op: "find", Subject: fmt.Sprintf("entity %q", name), Err: annals.ErrUnknownEntity,
				Remedy: nearest.DidYouMean(name, names),
			}
		}
	}
	if err := s.triggered(ctx, entities); err != nil {
		return nil, err
	}
	var plans []*plan
	for i := range targets {
		t := &targets[i]
		if len(entities) > 0 && !slices.Contains(entities, t.Name) {
			continue
		}
		p, err := s.plan(ctx, q, t)
		if err != nil {
			return nil, err
		}
		plans = append(plans, p)
	}
	return plans, nil
}

// triggered refuses entities whose triggers are not all there, and able.
func (s Source) triggered(ctx context.Context, entities []string) error {
	wanted, err := s.Journal.Wanted(ctx)
	if err != nil {
		return err
	}
	installed, err := s.Journal.Installed(ctx)
	if err != nil {
		return err
	}
	for _, w := range wanted {
		if len(entities) > 0 && !slices.Contains(entities, w.Target) {
			continue
		}
		there := slices.ContainsFunc(installed, func(i journal.Installed) bool {
			return i.Name == w.Name && i.Table == w.Table && i.Enabled
		})
		if !there {
			return &annals.Error{
				Op: "import epoch", Subject: "entity " + w.Target,
				Err: fmt.Errorf("its triggers are not in place, and what changes before they are would be lost: %w",
					annals.ErrSchema),
				Remedy: "annals trigger create --force, then annals epoch import",
			}
		}
	}
	return nil
}
