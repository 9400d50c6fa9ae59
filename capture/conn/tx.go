// Package conn wraps a pool and its transactions, so that a capture sees the
// true commit, rollback and savepoints of everything that runs through them,
// whoever asked for it.
package conn

import (
	"context"
	"database/sql"
	"sync"
)

// Pool is what a pool offers that statements run on; *sql.DB, *sql.Conn and
// *sql.Tx are such.
type Pool interface {
	PrepareContext(ctx context.Context, query string) (*sql.Stmt, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

// Raw is a transaction to wrap; *sql.Tx is one.
type Raw interface {
	Pool
	Commit() error
	Rollback() error
	StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt
}

// Watcher is told what happens to one transaction. Calls never overlap.
type Watcher interface {
	// Committing runs inside the transaction, before its commit; an error turns
	// the commit into a rollback and is what Commit returns.
	Committing(ctx context.Context, tx Raw) error
	// Committed and RolledBack run after it ended, one of them, once.
	Committed()
	RolledBack()
	// Savepoint, RollbackTo and Release follow the statements of those names,
	// after they succeeded.
	Savepoint(name string)
	RollbackTo(name string)
	Release(name string)
}

// Tx is a watched transaction. Like *sql.Tx it may be used by several
// goroutines, one statement at a time.
type Tx struct {
	raw     Raw
	db      *sql.DB
	ctx     context.Context //nolint:containedctx // Commit takes none, as in database/sql
	watcher Watcher
	syntax  Syntax

	mu   sync.Mutex
	done bool
}

// NewTx watches raw, begun under ctx on db (nil where it is not known), which
// reads SQL as syntax says.
func NewTx(ctx context.Context, raw Raw, db *sql.DB, w Watcher, syntax Syntax) *Tx {
	return &Tx{raw: raw, db: db, ctx: ctx, watcher: w, syntax: syntax}
}

// Watcher returns the watcher of the transaction.
func (t *Tx) Watcher() Watcher { return t.watcher }

// Raw returns the transaction below.
func (t *Tx) Raw() Raw { return t.raw }

// Context returns the context under which the transaction was begun.
func (t *Tx) Context() context.Context { return t.ctx }

// GetDBConn returns the pool of the transaction; sql.ErrConnDone where it is
// not known.
func (t *Tx) GetDBConn() (*sql.DB, error) {
	if t.db == nil {
		return nil, sql.ErrConnDone
	}
	return t.db, nil
}

// PrepareContext prepares a statement in the transaction.
func (t *Tx) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return t.raw.PrepareContext(ctx, query)
}

// StmtContext binds a prepared statement to the transaction.
func (t *Tx) StmtContext(ctx context.Context, stmt *sql.Stmt) *sql.Stmt {
	return t.raw.StmtContext(ctx, stmt)
}

// QueryContext runs a query in the transaction.
func (t *Tx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if err := t.before(ctx, query); err != nil {
		return nil, err
	}
	rows, err := t.raw.QueryContext(ctx, query, args...)
	if err == nil {
		t.after(query)
	}
	return rows, err
}

// QueryRowContext runs a query for one row in the transaction.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return t.raw.QueryRowContext(ctx, query, args...)
}

// ExecContext runs a statement in the transaction.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if err := t.before(ctx, query); err != nil {
		return nil, err
	}
	res, err := t.raw.ExecContext(ctx, query, args...)
	if err == nil {
		t.after(query)
	}
	return res, err
}

// before lets the watcher write what must be in the transaction when query is
// about to commit it.
func (t *Tx) before(ctx context.Context, query string) error { return t.Ready(ctx, query) }

// Ready does before a statement that runs on this transaction by another way, as
// a prepared statement, what the transaction does before its own: where the
// statement commits, the watcher writes what must be in the transaction by then.
func (t *Tx) Ready(ctx context.Context, query string) error {
	for _, c := range t.syntax.Controls(query) {
		if t.syntax.Ends(c) {
			return t.watcher.Committing(ctx, t.raw)
		}
	}
	return nil
}

// after tells the watcher what query did.
func (t *Tx) after(query string) { t.Note(query) }

// Note tells the watcher of a transaction control statement that ran
// successfully on this transaction by another way, as a prepared statement.
// Noting the same statement twice is harmless.
func (t *Tx) Note(query string) {
	for _, c := range t.syntax.Controls(query) {
		t.note(c)
	}
}

func (t *Tx) note(c Control) {
	switch c.Action {
	case Saves:
		t.watcher.Savepoint(c.Name)
	case RollsBackTo:
		t.watcher.RollbackTo(c.Name)
	case Releases:
		t.watcher.Release(c.Name)
	case RollsBack:
		t.watcher.RolledBack()
	default:
		if t.syntax.Ends(c) {
			t.watcher.Committed()
		}
	}
}

// Commit lets the watcher write, then commits. Where the watcher refuses, the
// transaction is rolled back and its error returned.
func (t *Tx) Commit() error {
	if t.end() {
		return t.raw.Commit()
	}
	// A cancelled context has rolled the transaction back already; Commit says
	// so in database/sql's own words.
	if t.ctx.Err() == nil {
		if err := t.watcher.Committing(t.ctx, t.raw); err != nil {
			if t.ctx.Err() != nil {
				t.watcher.RolledBack()
				return t.raw.Commit()
			}
			rollback := t.raw.Rollback()
			t.watcher.RolledBack()
			return joinRollback(err, rollback)
		}
	}
	if err := t.raw.Commit(); err != nil {
		t.watcher.RolledBack()
		return err
	}
	t.watcher.Committed()
	return nil
}

// Rollback rolls back.
func (t *Tx) Rollback() error {
	if t.end() {
		return t.raw.Rollback()
	}
	err := t.raw.Rollback()
	t.watcher.RolledBack()
	return err
}

// end marks the transaction as ended and reports whether it was before.
func (t *Tx) end() (was bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	was, t.done = t.done, true
	return was
}
