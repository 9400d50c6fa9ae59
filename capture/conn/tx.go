// Package conn wraps a pool and its transactions, so that a capture sees the
// true commit, rollback and savepoints of everything that runs through them,
// whoever asked for it.
package conn

import (
	"context"
	"database/sql"
	"errors"
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
	// the commit into a rollback and is what Commit returns. Where it matches
	// ErrAborted, Commit returns what the database says to the commit.
	Committing(ctx context.Context, tx Raw) error
	// Committed and RolledBack run after it ended, one of them, once.
	Committed()
	RolledBack()
	// Savepoint, RollbackTo and Release follow the statements of those names,
	// after they succeeded.
	Savepoint(name string)
	RollbackTo(name string)
	Release(name string)
	// Pending reports whether anything was captured that Committing has not
	// written or whose transaction has not ended.
	Pending() bool
	// Undone follows Committing where what it wrote was undone, and the transaction
	// goes on; Stands, where it goes on with it.
	Undone()
	Stands()
}

// ErrAborted means that the database will commit nothing of the transaction,
// because a statement of the program failed in it.
var ErrAborted = errors.New("transaction is aborted")

// Tx is a watched transaction. Like *sql.Tx it may be used by several
// goroutines, one statement at a time.
type Tx struct {
	raw     Raw
	db      *sql.DB
	ctx     context.Context //nolint:containedctx // Commit takes none, as in database/sql
	watcher Watcher
	syntax  Syntax

	// find is Lost's. turn holds the captured statement that runs; over is closed at
	// the end.
	find func(context.Context, Raw, error) bool
	turn chan struct{}
	over chan struct{}

	mu   sync.Mutex
	done bool
	// outside: a statement has ended the transaction, and each one commits by itself
	// now. lost is the error with which the database rolled it back; refuses: with
	// changes that were captured.
	outside, refuses bool
	lost             error
	ends             []func()
}

// NewTx watches raw, begun under ctx on db (nil where it is not known), which
// reads SQL as syntax says.
func NewTx(ctx context.Context, raw Raw, db *sql.DB, w Watcher, syntax Syntax) *Tx {
	return &Tx{
		raw: raw, db: db, ctx: ctx, watcher: w, syntax: syntax,
		turn: make(chan struct{}, 1), over: make(chan struct{}),
	}
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
	after, err := t.Around(ctx, query)
	if err != nil {
		return nil, err
	}
	rows, err := t.raw.QueryContext(ctx, query, args...)
	after(err)
	return rows, err
}

// QueryRowContext runs a query for one row in the transaction.
func (t *Tx) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	after, err := t.Around(ctx, query)
	if err != nil {
		return FailedRow(ctx, err)
	}
	row := t.raw.QueryRowContext(ctx, query, args...)
	after(row.Err())
	return row
}

// ExecContext runs a statement in the transaction.
func (t *Tx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	after, err := t.Around(ctx, query)
	if err != nil {
		return nil, err
	}
	res, err := t.raw.ExecContext(ctx, query, args...)
	after(err)
	return res, err
}

// Commit lets the watcher write, then commits. Where the watcher refuses, the
// transaction is rolled back and its error returned.
func (t *Tx) Commit() error {
	if t.end() {
		return t.raw.Commit()
	}
	defer t.runEnds()
	if err := t.refusal(); err != nil {
		_ = t.raw.Rollback() // of nothing: frees the connection
		return err
	}
	// A cancelled context has rolled the transaction back already; Commit says
	// so in database/sql's own words.
	if t.ctx.Err() == nil {
		if err := t.watcher.Committing(t.ctx, t.raw); err != nil {
			if t.ctx.Err() != nil {
				t.watcher.RolledBack()
				return t.raw.Commit()
			}
			if errors.Is(err, ErrAborted) {
				return t.giveUp(err)
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

// giveUp ends a transaction that cannot commit in the way that the program would
// have met without a watcher.
func (t *Tx) giveUp(refused error) error {
	err := t.raw.Commit()
	t.watcher.RolledBack()
	if err == nil {
		return refused // so that nobody takes it for done
	}
	return err
}

// Rollback rolls back.
func (t *Tx) Rollback() error {
	if t.end() {
		return t.raw.Rollback()
	}
	defer t.runEnds()
	err := t.raw.Rollback()
	t.watcher.RolledBack()
	return err
}

// end marks the transaction as ended and reports whether it was before.
func (t *Tx) end() (was bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if was, t.done = t.done, true; !was {
		close(t.over)
	}
	return was
}
