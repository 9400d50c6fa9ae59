package schema

import (
	"context"
	"errors"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// Errors of this package; each stands in an *annals.Error that names subject
// and remedy.
var (
	// ErrConflict: a table that annals needs is, or would be, something else's.
	// It is a configuration fault.
	ErrConflict = fmt.Errorf("audit table conflict: %w", annals.ErrConfig)
	// ErrUnfit: a table that is there cannot hold what it is for, by its engine or by
	// the types of its columns. It is a conflict.
	ErrUnfit = fmt.Errorf("it cannot be written safely: %w", ErrConflict)
	// ErrStale: the database changed since the plan was made.
	ErrStale = errors.New("the plan no longer fits the database")
	// ErrRights: the account may not do what the plan needs.
	ErrRights = errors.New("the account lacks a right")
)

// ApplyError says how far the execution of a plan came.
type ApplyError struct {
	Storage string
	// Statement is the one that failed.
	Statement Statement
	// Done statements of Total are in effect. A plan that is executed again
	// after a new planning takes up from there.
	Done, Total int
	Err         error
}

// Error names the storage and the statement by its comment, not by its text.
func (e *ApplyError) Error() string {
	return fmt.Sprintf("apply plan to storage %s: %s: %v (%d of %d statements are in effect)",
		e.Storage, e.Statement.Comment, e.Err, e.Done, e.Total)
}

// Unwrap returns the cause.
func (e *ApplyError) Unwrap() error { return e.Err }

// conflict is an ErrConflict about a table.
func conflict(t *Target, subject, problem, remedy string) error {
	return &annals.Error{
		Op: "plan", Subject: subject + " in " + t.subject(),
		Err: fmt.Errorf("%s: %w", problem, ErrConflict), Remedy: remedy,
	}
}

// explain gives a database's error its family and its remedy.
func explain(t *Target, op, subject string, err error) error {
	e := &annals.Error{Op: op, Subject: subject, Err: err}
	if errors.Is(err, context.Canceled) {
		return e
	}
	switch t.Dialect.Classify(err) {
	case dialect.ClassAccess:
		e.Err = fmt.Errorf("%w: %w", ErrRights, err)
		e.Remedy = "let an account that may create tables there run it, or grant the right"
	case dialect.ClassUnreachable:
		e.Err = fmt.Errorf("%w: %w", annals.ErrUnreachable, err)
		e.Remedy = "check that the database runs and the DSN is right"
	case dialect.ClassMissingDatabase:
		e.Remedy = "create the database, or use --create-database"
	case dialect.ClassRetryable:
		e.Remedy = "another transaction holds the table; try again when it has ended"
	default:
		// The cause speaks for itself.
	}
	return e
}
