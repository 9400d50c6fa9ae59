package gormcapture

import (
	"context"
	"database/sql"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/capture/claim"
	"github.com/seed-162b1470/annals/capture/conn"
	"github.com/seed-162b1470/annals/dialect"
)

// engine is what databases do differently when rows are inserted. There is one
// implementation per file: postgres.go, mysql.go, sqlite.go.
type engine interface {
	// syntax is how the database reads SQL.
	syntax() conn.Syntax
	// scratch reports whether raw SQL into a table is GORM's own business.
	scratch(t annals.Table) bool
	// mark is an expression for RETURNING that is true for a row that was
	// inserted and false for one that was there; "" where there is none.
	mark(ctx context.Context, s *statement) (string, error)
	// returnsMet: RETURNING also tells of rows that an upsert left as they were.
	returnsMet() bool
	// lockMet is the locking clause for rows that an upsert may meet. harmless
	// upserts leave such rows as they are.
	lockMet(harmless bool) string
	// lockAgain is the locking clause with which rows are read again after a
	// statement, where a plain read could show them older than the locked one
	// before it.
	lockAgain() string
	// ended asks, after the error of a statement, whether the database has rolled
	// the whole transaction back.
	ended(ctx context.Context, tx dialect.Execer, class dialect.Class, err error) bool
	// lockInner is the locking clause with which sub-queries of a locking read see
	// what those of an UPDATE or DELETE see; empty where they do anyway.
	lockInner() string
	// targets: an upsert meets rows by the unique key that it names only.
	targets() bool
	// rewrites: the database may store a key in another form than it was given.
	rewrites() bool
	// typed is SQL round an expression that gives it the type of a column.
	typed(c dialect.Column) (before, after string)
	// stored is SQL that makes of a placeholder what a column would hold.
	stored(c dialect.Column, placeholder string) string
	// rule is what a table's own keys do with rows that are in the way of others,
	// in capitals; empty where they refuse the others.
	rule(ctx context.Context, s *statement) (string, error)
	// result is what the driver would have said of an INSERT that ran with a
	// RETURNING of its keys instead of without.
	result(ctx context.Context, q dialect.Queryer, in *insert, s *statement) (sql.Result, error)
	// bind is the statement that tells the triggers of a transaction a claim, unbind
	// the one that takes it back before the commit, if any. lasts: what is bound stays
	// when the transaction goes back to a savepoint.
	bind(b *binding, c claim.Claim) (query string, args []any)
	unbind(b *binding) string
	lasts(b *binding) bool
}

func engineOf(d dialect.Dialect) engine {
	switch d.Name() {
	case dialect.PostgresName:
		return postgres{}
	case dialect.MySQLName:
		return mysql{}
	}
	return sqlite{}
}

// syntaxOf is how a source's database reads SQL.
func syntaxOf(d dialect.Dialect) conn.Syntax {
	return engineOf(d).syntax().With(d.Features().ImplicitCommits...)
}

// counted is the result of an INSERT that ran with a RETURNING.
type counted struct {
	affected, lastID int64
	err              error
}

// LastInsertId implements sql.Result.
func (c counted) LastInsertId() (int64, error) { return c.lastID, c.err }

// RowsAffected implements sql.Result.
func (c counted) RowsAffected() (int64, error) { return c.affected, nil }
