package journal

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/nearest"
	"github.com/seed-162b1470/annals/lock"
	"github.com/seed-162b1470/annals/schema"
)

// Installed is a trigger of annals, as it is or as it should be.
type Installed struct {
	// Target is the name of its target; Table the table that it is on, which on
	// PostgreSQL may be a partition.
	Target string
	Table  annals.Table
	// Name is the trigger's, Function that of what it calls where there is one.
	Name     string
	Function annals.Table
	// Operation is what it fires for, Form "row" or "statement".
	Operation annals.Operation
	Form      string
	// Enabled: it fires for every session.
	Enabled bool
	// Version and Hash are those of its text.
	Version int
	Hash    string
	// Definer is whose rights it has.
	Definer string
}

// The forms of triggers.
const (
	FormRow       = "row"
	FormStatement = "statement"
)

// CreateScript returns what installs the triggers of the named targets, or of all,
// and records their rules and columns. Run again it changes nothing.
func (j *Journal) CreateScript(ctx context.Context, names ...string) (Script, error) {
	steps, err := j.createSteps(ctx, j.open(), names)
	return scriptOf(steps), err
}

// DropScript returns what removes the triggers of the named targets, or every
// trigger of annals, also those of entities that are no longer configured.
func (j *Journal) DropScript(ctx context.Context, names ...string) (Script, error) {
	steps, err := j.dropSteps(ctx, j.open(), names)
	return scriptOf(steps), err
}

// Create installs what CreateScript returns, under the lock that schema work takes.
// progress, where not nil, is told of each statement that was executed.
func (j *Journal) Create(ctx context.Context, progress func(Statement), names ...string) error {
	return j.locked(ctx, func(r *runner) error {
		steps, err := j.createSteps(ctx, j.on(r.conn), names)
		if err != nil {
			return err
		}
		r.progress = progress
		return r.run(ctx, steps)
	})
}

// Drop executes what DropScript returns, under the lock that schema work takes.
func (j *Journal) Drop(ctx context.Context, progress func(Statement), names ...string) error {
	return j.locked(ctx, func(r *runner) error {
		steps, err := j.dropSteps(ctx, j.on(r.conn), names)
		if err != nil {
			return err
		}
		r.progress = progress
		return r.run(ctx, steps)
	})
}

// Installed lists the live triggers of annals on the source that write into this
// storage, by table and operation.
func (j *Journal) Installed(ctx context.Context) ([]Installed, error) {
	return j.gen.installed(ctx, j.open())
}

// Wanted lists what should be installed, in the form of Installed; Definer is
// empty, since anybody with the rights may install them.
func (j *Journal) Wanted(ctx context.Context) ([]Installed, error) {
	targets, err := j.targets(ctx, j.open())
	if err != nil {
		return nil, err
	}
	return j.gen.wanted(ctx, j.open(), targets)
}

func (j *Journal) createSteps(ctx context.Context, q queryers, names []string) ([]step, error) {
	targets, err := j.targets(ctx, q)
	if err != nil {
		return nil, err
	}
	known := make([]string, len(targets))
	for i := range targets {
		known[i] = targets[i].Name
	}
	if err := checkNames(names, known); err != nil {
		return nil, err
	}
	if len(names) > 0 {
		targets = slices.DeleteFunc(targets, func(t Target) bool {
			return !slices.Contains(names, t.Name)
		})
	}
	if err := checkRenamed(targets); err != nil {
		return nil, err
	}
	steps, err := j.gen.create(ctx, q, targets, len(names) == 0)
	if err != nil {
		return nil, err
	}
	return j.withRenamed(ctx, q, targets, known, steps)
}

func (j *Journal) dropSteps(ctx context.Context, q queryers, names []string) ([]step, error) {
	triggers, err := j.gen.installed(ctx, q)
	if err != nil {
		return nil, err
	}
	if len(names) > 0 {
		var known []string
		for _, t := range triggers {
			known = append(known, t.Target)
		}
		// An entity without triggers is not unknown: there is nothing to drop.
		targets, err := j.targets(ctx, q)
		for i := range targets {
			known = append(known, targets[i].Name)
		}
		if unknown := checkNames(names, known); unknown != nil {
			return nil, errors.Join(unknown, err)
		}
		triggers = slices.DeleteFunc(triggers, func(t Installed) bool {
			return !slices.Contains(names, t.Target)
		})
	}
	return j.gen.drop(ctx, q, triggers, len(names) == 0)
}

func checkNames(names, known []string) error {
	for _, name := range names {
		if slices.Contains(known, name) {
			continue
		}
		return &annals.Error{
			Op: "find", Subject: "entity " + name, Err: annals.ErrUnknownEntity,
			Remedy: nearest.DidYouMean(name, known),
		}
	}
	return nil
}

// compareInstalled orders by table and name.
func compareInstalled(a, b Installed) int {
	return cmp.Or(cmp.Compare(a.Table.Schema, b.Table.Schema), cmp.Compare(a.Table.Name, b.Table.Name),
		cmp.Compare(a.Name, b.Name))
}

func scriptOf(steps []step) Script {
	var s Script
	for i := range steps {
		s = append(s, steps[i].script()...)
	}
	return s
}

// locked calls f with a runner on the lock's own connection.
func (j *Journal) locked(ctx context.Context, f func(*runner) error) (err error) {
	l, err := lock.Acquire(ctx, j.cfg.DB, j.cfg.Dialect, schema.LockName)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Release(ctx)) }()
	return f(&runner{conn: l.Conn(), d: j.cfg.Dialect})
}

// A table is asked for its lock this often, and left to its writers in between.
const (
	lockAttempts = 20
	lockPause    = 250 * time.Millisecond
)

// runner executes steps on one connection.
type runner struct {
	conn     *sql.Conn
	d        dialect.Dialect
	progress func(Statement)
}

func (r *runner) run(ctx context.Context, steps []step) error {
	for i := range steps {
		if err := r.retry(ctx, &steps[i]); err != nil {
			return err
		}
	}
	return nil
}

// retry runs a step until its lock is to be had.
func (r *runner) retry(ctx context.Context, s *step) error {
	for n := 1; ; n++ {
		err := r.step(ctx, s)
		if err == nil || r.d.Classify(err) != dialect.ClassRetryable || n == lockAttempts {
			return explain(r.d, s.subject, err)
		}
		select {
		case <-ctx.Done():
			return explain(r.d, s.subject, errors.Join(err, ctx.Err()))
		case <-time.After(lockPause):
		}
	}
}

func (r *runner) step(ctx context.Context, s *step) error {
	for _, st := range s.script() {
		if st.SQL == "" {
			continue
		}
		if _, err := r.conn.ExecContext(ctx, st.SQL); err != nil {
			r.undo(context.WithoutCancel(ctx), s)
			if st.Comment != "" {
				err = fmt.Errorf("%s: %w", st.Comment, err)
			}
			return err
		}
	}
	if r.progress != nil {
		for _, st := range s.body {
			r.progress(st)
		}
	}
	return nil
}

// undo takes back what a step began. Where it fails the connection is broken, and the
// server undoes.
func (r *runner) undo(ctx context.Context, s *step) {
	if s.undo != "" {
		_, _ = r.conn.ExecContext(ctx, s.undo)
	}
	for _, st := range s.restore {
		_, _ = r.conn.ExecContext(ctx, st.SQL)
	}
}

// explain says whose triggers could not be installed or dropped.
func explain(d dialect.Dialect, subject string, err error) error {
	if err == nil {
		return nil
	}
	e := &annals.Error{Op: "change triggers of", Subject: subject, Err: err}
	switch d.Classify(err) {
	case dialect.ClassMissingTable, dialect.ClassMissingColumn:
		e.Err = fmt.Errorf("%w: %w", annals.ErrSchema, err)
		e.Remedy = "run annals schema update first"
	case dialect.ClassAccess:
		e.Remedy = "use an account that owns the table and annals' tables"
	case dialect.ClassRetryable:
		e.Remedy = "end the long transaction that uses the table, and run again"
	case dialect.ClassUnreachable:
		e.Err = fmt.Errorf("%w: %w", annals.ErrUnreachable, err)
		e.Remedy = "check that the database runs and the DSN is right"
	default:
		// The cause speaks for itself.
	}
	return e
}
