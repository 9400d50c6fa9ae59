package conn

import (
	"context"
	"database/sql/driver"

	"github.com/seed-162b1470/annals/capture/claim"
	"github.com/seed-162b1470/annals/dialect"
)

// binder binds claims in the way of one database. There is one per database, in the
// file of its name.
type binder interface {
	// bind tells the database the claim of the open transaction; a second time it
	// says more than the first.
	bind(ctx context.Context, s *session, c claim.Claim) error
	// unbind takes back, before the commit, what would be committed.
	unbind(ctx context.Context, s *session) error
	// lasts: what is bound stays in the session until it is taken back by clear.
	lasts() bool
	clear(ctx context.Context, s *session) error
	// wraps: a statement by itself needs a transaction to be bound.
	wraps() bool
	// refuses texts of several statements.
	refuses() bool
	// lost reports, after the error of a statement, that the database has rolled the
	// transaction back.
	lost(ctx context.Context, s *session, err error) bool
	// commitsItself: the error says that a statement cannot run in a transaction.
	commitsItself(err error) bool
}

// beginner begins a transaction and binds its claim in one flight. It returns nil
// where it does not know how.
type beginner interface {
	begin(ctx context.Context, s *session, opts driver.TxOptions, c claim.Claim) (driver.Tx, error)
	// writes: what binds is a write itself, which a transaction that only reads does
	// without.
	writes() bool
}

// syntaxOf is how a database reads SQL.
func syntaxOf(d dialect.Dialect) Syntax {
	syntax := SQLite()
	switch d.Name() {
	case dialect.PostgresName:
		syntax = Postgres()
	case dialect.MySQLName:
		syntax = MySQL()
	}
	return syntax.With(d.Features().ImplicitCommits...)
}

// binderOf is the way of a database.
func binderOf(d dialect.Dialect, row bool, schema string) binder {
	switch d.Name() {
	case dialect.PostgresName:
		return postgresBinder{row, schema}
	case dialect.MySQLName:
		if row {
			return mysqlRowBinder{schema}
		}
		return mysqlBinder{d}
	}
	return &sqliteBinder{d}
}
