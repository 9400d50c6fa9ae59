package conn

import (
	"context"

	"github.com/seed-162b1470/annals"
)

// guard is the savepoint that tells whether a transaction still stands: its end
// takes all savepoints with it.
const guard = "annals_guard"

// Around does before a statement what the transaction needs: where the statement
// ends the transaction, or may, the watcher writes first. after must run once the
// statement has, with its error. Tx does so for its own statements; others, as
// prepared ones, run on it by another way.
func (t *Tx) Around(ctx context.Context, query string) (after func(error), err error) {
	if err := t.refusal(); err != nil {
		return nil, err
	}
	controls := t.syntax.Controls(query)
	var a around
	for _, c := range controls {
		a.ends = a.ends || t.syntax.Ends(c)
		a.calls = a.calls || t.syntax.mayEnd(c)
	}
	if a.ends || a.calls {
		if a.guarded, err = t.write(ctx); err != nil {
			return nil, err
		}
	}
	return func(err error) {
		ctx := context.WithoutCancel(ctx)
		switch {
		case a.guarded:
			t.settle(ctx, controls, a, err)
		case err == nil:
			t.note(controls)
		}
		t.Failed(ctx, err)
	}, nil
}

// around is what is known of a text of statements.
type around struct {
	// ends: one ends the transaction if it works. calls: one may do so, or roll it
	// back, by what it calls.
	ends, calls bool
	// guarded: something was written behind the guard.
	guarded bool
}

// write lets the watcher write, behind a guard where the statement may fail or
// work without having ended the transaction.
func (t *Tx) write(ctx context.Context) (guarded bool, err error) {
	if len(t.syntax.implicit) == 0 || !t.watcher.Pending() || t.Outside() {
		return false, t.watcher.Committing(ctx, t.raw)
	}
	if _, err := t.raw.ExecContext(ctx, "SAVEPOINT "+guard); err != nil {
		return false, err
	}
	if err := t.watcher.Committing(ctx, t.raw); err != nil {
		_, rollback := t.raw.ExecContext(context.WithoutCancel(ctx), "ROLLBACK TO SAVEPOINT "+guard)
		return false, joinRollback(err, rollback)
	}
	return true, nil
}

// settle finds out what became of a transaction, and of what was written in it.
func (t *Tx) settle(ctx context.Context, controls []Control, a around, err error) {
	if err != nil && !a.calls {
		// It either did nothing or failed behind the commit that precedes it.
		if _, gone := t.raw.ExecContext(ctx, "ROLLBACK TO SAVEPOINT "+guard); gone == nil {
			t.watcher.Undone()
			return
		}
		t.setOutside(true)
		t.watcher.Committed()
		return
	}
	_, gone := t.raw.ExecContext(ctx, "RELEASE SAVEPOINT "+guard)
	switch {
	case gone == nil:
		t.watcher.Stands()
	case a.ends && err == nil:
		t.note(controls)
	default:
		// Which way it ended is not known. The entries went the same.
		t.setOutside(true)
		t.watcher.RolledBack()
	}
}

// note tells the watcher what statements did.
func (t *Tx) note(controls []Control) {
	for _, c := range controls {
		switch c.Action {
		case Saves:
			t.watcher.Savepoint(c.Name)
		case RollsBackTo:
			t.watcher.RollbackTo(c.Name)
			t.runEnds()
		case Releases:
			t.watcher.Release(c.Name)
		case RollsBack:
			t.setOutside(true)
			t.watcher.RolledBack()
		default:
			if t.syntax.Ends(c) {
				t.setOutside(c.Action != Begins)
				t.watcher.Committed()
			}
		}
	}
}

// Outside reports whether a statement has ended the transaction, so that each one
// commits by itself now.
func (t *Tx) Outside() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.outside
}

func (t *Tx) setOutside(outside bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outside = outside
}

// Lost sets what finds out, by a statement's error and from the database, whether
// the whole transaction is gone. It must be set before the transaction is used.
func (t *Tx) Lost(find func(ctx context.Context, tx Raw, err error) bool) { t.find = find }

// Failed looks whether the error of a statement means that the database has
// rolled the transaction back. What was captured then did not happen, and nothing
// more can be captured: the transaction takes no statement and does not commit.
func (t *Tx) Failed(ctx context.Context, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if err == nil || t.find == nil || t.done || t.outside || t.lost != nil ||
		!t.find(context.WithoutCancel(ctx), t.raw, err) {
		return
	}
	t.lost, t.refuses = err, t.watcher.Pending()
	t.watcher.RolledBack()
}

// Err is why nothing can be captured any more, nil while it can.
func (t *Tx) Err() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.lost == nil {
		return nil
	}
	return &annals.Error{
		Op: "go on in", Subject: "a transaction that the database has rolled back", Err: t.lost,
		Remedy: "run the whole transaction again",
	}
}

// refusal is the error of whatever runs after captured changes were lost.
func (t *Tx) refusal() error {
	t.mu.Lock()
	refuses := t.refuses
	t.mu.Unlock()
	if !refuses {
		return nil
	}
	return t.Err()
}

// AtEnd has f run when the transaction ends, and when it goes back to a savepoint.
func (t *Tx) AtEnd(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.ends = append(t.ends, f)
}

func (t *Tx) runEnds() {
	t.mu.Lock()
	ends := t.ends
	t.mu.Unlock()
	for _, f := range ends {
		f()
	}
}

// Take waits until no other captured statement runs in the transaction; release
// lets the next one in.
func (t *Tx) Take(ctx context.Context) (release func(), err error) {
	select {
	case t.turn <- struct{}{}:
		return func() { <-t.turn }, nil
	case <-t.over:
		return func() {}, nil // the database is going to say so
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
}
