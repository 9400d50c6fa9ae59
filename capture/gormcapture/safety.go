package gormcapture

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"reflect"

	"gorm.io/gorm"
)

// noteFailure lets the transaction of a statement that failed find out whether the
// database has rolled it back.
func noteFailure(db *gorm.DB) {
	if db.Error == nil || db.Statement == nil {
		return
	}
	if tx, ok := watched(db.Statement.ConnPool); ok {
		tx.Failed(db.Statement.Context, db.Error)
	}
}

// orAbandon runs f, which executes a statement's SQL. A panic in it, as of a
// driver.Valuer of the program, goes on, but leaves nothing open behind.
func orAbandon[T any](s *statement, f func() (T, error)) (T, error) {
	returned := false
	defer func() {
		if !returned {
			s.abandon()
		}
	}()
	v, err := f()
	returned = true
	return v, err
}

// errAbandoned is why the transaction of one statement is rolled back.
var errAbandoned = errors.New("panic")

// abandon gives up a statement in the middle.
func (s *statement) abandon() {
	defer s.letGo()
	if c, ok := s.work.(io.Closer); ok {
		_ = c.Close() // the panic tells what is wrong
	}
	if alone := s.alone; alone != nil {
		s.alone = nil
		go func() { _ = alone(errAbandoned) }() // as below
	}
	if tx, ok := s.tx.(gorm.TxCommitter); ok && s.own {
		// database/sql may never let go of a transaction that a panic went through.
		go func() { _ = tx.Rollback() }()
	}
}

// tryValues has the program's own values make those for the database once, before
// annals opens a transaction: database/sql cannot end one in which that panics.
func (s *statement) tryValues(args []any) {
	if _, ok := rawTx(s.tx); ok {
		return // the program's transaction, and its own affair
	}
	for _, a := range args {
		if named, ok := a.(sql.NamedArg); ok {
			a = named.Value
		}
		v, ok := a.(driver.Valuer)
		if r := reflect.ValueOf(a); ok && (r.Kind() != reflect.Pointer || !r.IsNil()) {
			_, _ = v.Value() // whose error the statement is going to meet
		}
	}
}

// letGo lets the next captured statement of the transaction run.
func (s *statement) letGo() {
	if s.release != nil {
		s.release()
		s.release = nil
	}
}

// undoPoint is set before a statement in a transaction that annals did not begin
// and so cannot keep from committing.
const undoPoint = "annals_statement"

// protect makes it possible to undo a statement that could not be recorded.
func (s *statement) protect(ctx context.Context) error {
	if !s.immediate || s.own {
		return nil
	}
	if _, err := s.raw.ExecContext(ctx, "SAVEPOINT "+undoPoint); err != nil {
		return fmt.Errorf("set a savepoint before the audited statement: %w", err)
	}
	s.undo = true
	return nil
}

// settle undoes a statement whose capture failed with err, and returns err.
func (s *statement) settle(ctx context.Context, err error) error {
	if !s.undo {
		return err
	}
	s.undo = false
	ctx = context.WithoutCancel(ctx)
	if err != nil {
		if _, undo := s.raw.ExecContext(ctx, "ROLLBACK TO SAVEPOINT "+undoPoint); undo != nil {
			return errors.Join(err, fmt.Errorf("undo the statement: %w", undo))
		}
	}
	_, release := s.raw.ExecContext(ctx, "RELEASE SAVEPOINT "+undoPoint)
	if s.ran && err == nil && release != nil {
		return fmt.Errorf("release the savepoint before the audited statement: %w", release)
	}
	return err // of a statement that failed, the database has said what it has to
}
