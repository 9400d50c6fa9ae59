package dialect

import (
	"strings"

	"github.com/seed-162b1470/annals"
)

// sqlite is SQLite 3.38 and later.
type sqlite struct{}

var _ Dialect = sqlite{}

// SQLite returns the dialect of SQLite.
func SQLite() Dialect { return sqlite{} }

// Name implements Dialect.
func (sqlite) Name() string { return SQLiteName }

// Quote implements Dialect. It uses grave accents: SQLite takes a double-quoted
// name that does not exist for a string, so a missing column would be read as
// its own name instead of failing.
func (sqlite) Quote(name string) string { return quoteWith(name, '`') }

// Table implements Dialect.
func (d sqlite) Table(t annals.Table) string { return tableOf(d, t) }

// Placeholder implements Dialect.
func (sqlite) Placeholder(int) string { return "?" }

// Limits implements Dialect.
func (sqlite) Limits() Limits { return Limits{Parameters: 32766} }

// Features implements Dialect.
func (sqlite) Features() Features {
	return Features{Returning: true, TransactionalDDL: true, ValuesIn: true, LastInsertID: true}
}

// SQLite's result codes, https://sqlite.org/rescode.html. The low byte is the
// primary code.
const (
	sqliteError    = 1
	sqlitePerm     = 3
	sqliteBusy     = 5
	sqliteLocked   = 6
	sqliteReadOnly = 8
	sqliteCantOpen = 14
	sqliteTooBig   = 18
	sqliteAuth     = 23

	sqliteConstraintPrimaryKey = 1555
	sqliteConstraintUnique     = 2067
	sqliteConstraintRowID      = 2579
)

// Classify implements Dialect.
func (sqlite) Classify(err error) Class {
	code, text, ok := resultCode(err)
	if !ok {
		return classifyTransport(err)
	}
	switch code {
	case sqliteConstraintPrimaryKey, sqliteConstraintUnique, sqliteConstraintRowID:
		return ClassDuplicate
	}
	switch code & 0xff {
	case sqliteBusy, sqliteLocked:
		return ClassRetryable
	case sqlitePerm, sqliteReadOnly, sqliteAuth:
		return ClassAccess
	case sqliteCantOpen:
		return ClassUnreachable
	case sqliteTooBig:
		return ClassTooLarge
	case sqliteError:
		return classifySQLiteNames(text)
	}
	return ClassUnknown
}

// classifySQLiteNames tells a missing table from a missing column. Both have
// the code of every faulty statement, so the words are all there is; SQLite has
// them in English only and has not changed them since version 3.0.
func classifySQLiteNames(text string) Class {
	switch {
	case strings.Contains(text, "no such table: "):
		return ClassMissingTable
	case strings.Contains(text, "no such column: "),
		strings.Contains(text, " has no column named "):
		return ClassMissingColumn
	}
	return ClassUnknown
}
