package conn

import (
	"context"
	"errors"
	"fmt"
)

// Alone begins a transaction for one statement that is captured, where a statement
// before it has ended the program's: it would commit by itself, and what is read before
// and written behind it belong to that commit. end must run once all of that is
// done; it commits, or rolls back where there is an error, and returns what went wrong. It
// is nil in a transaction, which ends when the program says so. Where the session does
// not commit by itself, the database has begun another transaction.
func (t *Tx) Alone(ctx context.Context) (end func(error) error, err error) {
	if !t.Outside() {
		return nil, nil //nolint:nilnil // nothing to do
	}
	if q := t.syntax.autocommit; q != "" {
		on := false
		if err := t.raw.QueryRowContext(ctx, q).Scan(&on); err != nil {
			return nil, fmt.Errorf("ask whether statements commit by themselves: %w", err)
		}
		if !on {
			return nil, nil //nolint:nilnil // nothing to do
		}
	}
	if _, err := t.raw.ExecContext(ctx, t.syntax.begin); err != nil {
		return nil, fmt.Errorf("begin transaction: %w", err)
	}
	t.setOutside(false)
	return func(cause error) error {
		return t.endAlone(context.WithoutCancel(ctx), cause)
	}, nil
}

func (t *Tx) endAlone(ctx context.Context, cause error) (err error) {
	defer t.forgive()
	if t.Outside() { // the statement has ended it itself
		if cause != nil {
			return nil
		}
		if _, err := t.raw.ExecContext(ctx, t.syntax.begin); err != nil {
			t.watcher.RolledBack()
			return fmt.Errorf("record a statement that has committed: %w", err)
		}
	}
	if cause == nil {
		if err = t.watcher.Committing(ctx, t.raw); err == nil {
			if _, err = t.raw.ExecContext(ctx, "COMMIT"); err == nil {
				t.watcher.Committed()
				return nil
			}
		}
	}
	_, rollback := t.raw.ExecContext(ctx, "ROLLBACK")
	t.watcher.RolledBack()
	return errors.Join(err, rollback)
}

// forgive: each statement stands for itself again. One that the database rolled back
// took nothing else with it.
func (t *Tx) forgive() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.outside, t.lost, t.refuses = true, nil, false
}
