package annals

import (
	"errors"
	"fmt"
	"strings"
)

// Families of errors. Test with errors.Is; the concrete types below say more.
var (
	// ErrConfig: the configuration or a name in it is wrong.
	ErrConfig = errors.New("configuration fault")
	// ErrUnknownEntity: no such entity. It is a configuration fault.
	ErrUnknownEntity = fmt.Errorf("unknown entity: %w", ErrConfig)
	// ErrNoKey: a table without a primary key cannot be audited.
	ErrNoKey = fmt.Errorf("table has no primary key: %w", ErrConfig)
	// ErrNotTransactional: the table's engine knows no transactions.
	ErrNotTransactional = fmt.Errorf("table is not transactional: %w", ErrConfig)
	// ErrSchema: annals' own tables are missing or old; "annals schema update"
	// mends that.
	ErrSchema = errors.New("audit schema is not in place")
	// ErrCapture: a change could not be recorded, so it must not commit.
	ErrCapture = errors.New("capture failed")
	// ErrRawSQL: raw SQL that writes to audited tables is refused by the
	// configuration, or cannot be recorded.
	ErrRawSQL = fmt.Errorf("raw SQL refused: %w", ErrCapture)
	// ErrEntryTooLarge: an entry is over the size limit.
	ErrEntryTooLarge = fmt.Errorf("entry too large: %w", ErrCapture)
	// ErrConcurrentChange: rows changed under the capture; try again.
	ErrConcurrentChange = fmt.Errorf("rows changed concurrently: %w", ErrCapture)
	// ErrCursor: a page cursor is damaged or belongs to another query.
	ErrCursor = errors.New("foreign cursor")
	// ErrNotFound: what was asked for by name is not there.
	ErrNotFound = errors.New("not found")
	// ErrForbidden: the reader may not see an entity that was asked for by name.
	ErrForbidden = errors.New("forbidden")
	// ErrLocked: another run holds the lock.
	ErrLocked = errors.New("locked by another run")
	// ErrUnreachable: a database did not answer.
	ErrUnreachable = errors.New("database unreachable")
)

// Error says what was done, to what, why it failed and what to do next. Secrets
// never stand in it.
type Error struct {
	// Op is the action, as in "capture update"; Subject its object, as in
	// "entity post"; Remedy the next step for the person who reads it.
	Op, Subject, Remedy string
	Err                 error
}

// Error implements error: "op subject: cause; remedy".
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString(e.Op)
	if e.Subject != "" {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(e.Subject)
	}
	if e.Err != nil {
		if b.Len() > 0 {
			b.WriteString(": ")
		}
		b.WriteString(e.Err.Error())
	}
	if e.Remedy != "" {
		b.WriteString("; ")
		b.WriteString(e.Remedy)
	}
	return b.String()
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Fault is one thing wrong in a configuration: where, what, and what to write
// instead.
type Fault struct {
	// Path leads to the value, as in "entities.post.label".
	Path, Problem, Remedy string
}

// String returns "path: problem (remedy)".
func (f Fault) String() string {
	s := f.Path + ": " + f.Problem
	if f.Path == "" {
		s = f.Problem
	}
	if f.Remedy != "" {
		s += "; " + f.Remedy
	}
	return s
}

// ConfigError holds every fault of a configuration.
type ConfigError struct {
	Faults []Fault
}

// Error lists the faults, a line each.
func (e *ConfigError) Error() string {
	lines := make([]string, len(e.Faults))
	for i, f := range e.Faults {
		lines[i] = f.String()
	}
	return strings.Join(lines, "\n")
}

// Unwrap makes errors.Is(err, ErrConfig) true.
func (e *ConfigError) Unwrap() error { return ErrConfig }

// LockedError names who holds a lock. It matches ErrLocked.
type LockedError struct {
	Lock, Holder string
}

// Error names the lock and its holder.
func (e *LockedError) Error() string {
	return fmt.Sprintf("lock %q is held by %s; wait for that run to end", e.Lock, e.Holder)
}

// Unwrap makes errors.Is(err, ErrLocked) true.
func (e *LockedError) Unwrap() error { return ErrLocked }
