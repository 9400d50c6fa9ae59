package conn

import (
	"context"

	"github.com/seed-162b1470/annals/capture/claim"
	"github.com/seed-162b1470/annals/dialect"
)

// MySQL is the syntax of MySQL and MariaDB.
func MySQL() Syntax {
	return Syntax{
		hash: true, code: true, backslash: true, either: true, doubleText: true,
		begin: "START TRANSACTION", autocommit: "SELECT @@SESSION.autocommit",
	}
}

// mysqlBinder binds by variables of the session, which know nothing of transactions.
// A statement by itself needs none: it is bound by its number.
type mysqlBinder struct{ dialect dialect.Dialect }

func (mysqlBinder) bind(ctx context.Context, s *session, c claim.Claim) error {
	return s.say(ctx, claim.MySQLSet(c))
}

func (mysqlBinder) clear(ctx context.Context, s *session) error {
	return s.say(ctx, claim.MySQLClear)
}

func (mysqlBinder) unbind(context.Context, *session) error { return nil }
func (mysqlBinder) lasts() bool                            { return true }
func (mysqlBinder) wraps() bool                            { return false }
func (mysqlBinder) refuses() bool                          { return true }
func (mysqlBinder) commitsItself(error) bool               { return false }

// lost: a deadlock has ended the transaction. What the program goes on to write
// commits by itself, under a number of its own.
func (b mysqlBinder) lost(_ context.Context, s *session, err error) bool {
	if b.dialect.Classify(err) == dialect.ClassRetryable {
		s.left = s.left || s.tx.bound
		s.tx.bound = false
	}
	return false
}

// mysqlRowBinder binds by a revision that it inserts itself.
type mysqlRowBinder struct{ schema string }

func (b mysqlRowBinder) bind(ctx context.Context, s *session, c claim.Claim) error {
	return s.say(ctx, claim.MySQLBind(b.schema, c))
}

func (b mysqlRowBinder) unbind(ctx context.Context, s *session) error {
	return s.say(ctx, claim.MySQLUnbind(b.schema))
}

func (mysqlRowBinder) lasts() bool                           { return false }
func (mysqlRowBinder) clear(context.Context, *session) error { return nil }
func (mysqlRowBinder) wraps() bool                           { return true }
func (mysqlRowBinder) refuses() bool                         { return true }
func (mysqlRowBinder) commitsItself(error) bool              { return false }

// lost: see mysqlBinder.
func (b mysqlRowBinder) lost(_ context.Context, s *session, err error) bool {
	if s.tx != nil && dialect.MySQL(true).Classify(err) == dialect.ClassRetryable {
		s.tx.bound = false
	}
	return false
}
