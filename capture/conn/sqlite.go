package conn

import (
	"context"
	"errors"

	"github.com/seed-162b1470/annals/capture/claim"
	"github.com/seed-162b1470/annals/dialect"
)

// SQLite is SQLite's syntax.
func SQLite() Syntax { return Syntax{doubleText: true, begin: "BEGIN IMMEDIATE"} }

// savesBegin: a savepoint outside of a transaction begins one.
func (s Syntax) savesBegin() bool { return !s.fold && !s.hash }

// sqliteBinder binds by a row that is gone again before the commit. Where there are
// no triggers there is no table for it, and nothing to bind.
type sqliteBinder struct{ dialect dialect.Dialect }

// opened has the rows that a REPLACE removes fire triggers.
func (*sqliteBinder) opened(ctx context.Context, s *session) error {
	return s.say(ctx, "PRAGMA recursive_triggers = ON")
}

func (b *sqliteBinder) bind(ctx context.Context, s *session, c claim.Claim) error {
	query, args := claim.SQLiteInsert(c)
	err := s.say(ctx, query, args...)
	if b.dialect.Classify(err) == dialect.ClassMissingTable {
		return nil
	}
	return err
}

func (b *sqliteBinder) unbind(ctx context.Context, s *session) error {
	err := s.say(ctx, claim.SQLiteDelete())
	if b.dialect.Classify(err) == dialect.ClassMissingTable {
		return nil
	}
	return err
}

func (*sqliteBinder) lasts() bool                           { return false }
func (*sqliteBinder) clear(context.Context, *session) error { return nil }
func (*sqliteBinder) wraps() bool                           { return true }
func (*sqliteBinder) refuses() bool                         { return true }
func (*sqliteBinder) commitsItself(error) bool              { return false }

// lost asks by beginning a transaction, which SQLite refuses within one.
func (b *sqliteBinder) lost(ctx context.Context, s *session, err error) bool {
	var coded interface {
		error
		Code() int
	}
	if !errors.As(err, &coded) && b.dialect.Classify(err) == dialect.ClassUnknown {
		return false // nothing that the database said
	}
	if s.say(ctx, "BEGIN") != nil {
		return false
	}
	return s.say(ctx, "ROLLBACK") == nil
}
