package pgxcapture

import (
	"context"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/seed-162b1470/annals/capture/claim"
)

// state is what the levels of a transaction share.
type state struct {
	db   *DB
	said *claim.Transaction
	ctx  context.Context //nolint:containedctx // it may say who acts; nil where it did
	// bound: the database has been told; late: by a statement of its own, so that a
	// savepoint may undo it.
	bound, late bool
}

// tx is a transaction, or a savepoint of one.
type tx struct {
	pgx.Tx
	state *state
	inner bool
}

// write binds a transaction that was begun with nothing to bind, right before it
// writes.
func (t *tx) write(ctx context.Context) error {
	all := []context.Context{ctx}
	if t.state.ctx != nil {
		all = []context.Context{t.state.ctx, ctx}
	}
	more, err := t.state.said.Take(all...)
	if err != nil {
		return err
	}
	if t.state.said.Claim().IsZero() || (t.state.bound && !more) {
		return nil
	}
	if _, err := t.Tx.Exec(ctx, t.state.db.bindText(t.state.said.Claim())); err != nil {
		return err
	}
	t.state.bound, t.state.late = true, true
	return nil
}

// Begin sets a savepoint.
func (t *tx) Begin(ctx context.Context) (pgx.Tx, error) {
	below, err := t.Tx.Begin(ctx)
	if err != nil {
		return nil, err
	}
	return &tx{Tx: below, state: t.state, inner: true}, nil
}

// Commit commits, or releases the savepoint.
func (t *tx) Commit(ctx context.Context) error {
	err := t.Tx.Commit(ctx)
	if !t.inner {
		end(t.state.said, err, false)
	}
	return err
}

// Rollback rolls back.
func (t *tx) Rollback(ctx context.Context) error {
	err := t.Tx.Rollback(ctx)
	switch {
	case err != nil && t.inner: // released before, as a deferred Rollback finds it
	case t.inner:
		t.state.bound = t.state.bound && !t.state.late
	default:
		t.state.said.RolledBack()
	}
	return err
}

// Exec runs a statement.
func (t *tx) Exec(ctx context.Context, query string, args ...any) (pgconn.CommandTag, error) {
	writes := t.state.db.syntax.Changes(query)
	if writes {
		if err := t.write(ctx); err != nil {
			return pgconn.CommandTag{}, err
		}
	}
	tag, err := t.Tx.Exec(ctx, query, args...)
	if err == nil && writes && (!counted(tag) || tag.RowsAffected() > 0) {
		t.state.said.Wrote()
	}
	return tag, err
}

// Query runs a query.
func (t *tx) Query(ctx context.Context, query string, args ...any) (pgx.Rows, error) {
	if t.state.db.syntax.Changes(query) {
		if err := t.write(ctx); err != nil {
			return failed(err), err
		}
		t.state.said.Wrote()
	}
	return t.Tx.Query(ctx, query, args...)
}

// QueryRow runs a query for one row.
func (t *tx) QueryRow(ctx context.Context, query string, args ...any) pgx.Row {
	found, _ := t.Query(ctx, query, args...) // the rows tell of the error
	return row{found}
}

// SendBatch sends a batch.
func (t *tx) SendBatch(ctx context.Context, b *pgx.Batch) pgx.BatchResults {
	if _, writes := t.state.db.place(b); writes {
		if err := t.write(ctx); err != nil {
			return failedBatch{err}
		}
		t.state.said.Wrote()
	}
	return t.Tx.SendBatch(ctx, b)
}

// CopyFrom copies rows into a table.
func (t *tx) CopyFrom(
	ctx context.Context, table pgx.Identifier, columns []string, src pgx.CopyFromSource,
) (int64, error) {
	if err := t.write(ctx); err != nil {
		return 0, err
	}
	n, err := t.Tx.CopyFrom(ctx, table, columns, src)
	if err == nil && n > 0 {
		t.state.said.Wrote()
	}
	return n, err
}
