// Package dialect holds what differs between the databases, one value for each:
// quoting, placeholders, limits, features, error classes and the codec of
// values. No other package asks which database it talks to, except for the
// per-dialect SQL files, which are chosen by Name.
package dialect

import (
	"context"
	"database/sql"
	"encoding/json"

	"github.com/seed-162b1470/annals"
)

// Names of the dialects; also the schemes of DSNs. MariaDB is a MySQL.
const (
	PostgresName = "postgres"
	MySQLName    = "mysql"
	SQLiteName   = "sqlite"
)

// Queryer is the part of *sql.DB, *sql.Conn and *sql.Tx that reads.
type Queryer interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// Execer is the part of *sql.DB, *sql.Conn and *sql.Tx that reads and writes.
type Execer interface {
	Queryer
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// Dialect is one database. Values are immutable and safe for concurrent use.
type Dialect interface {
	// Name is one of the names above.
	Name() string
	// Quote quotes one identifier, whatever characters it holds.
	Quote(name string) string
	// Table quotes a table name with its schema where it has one.
	Table(t annals.Table) string
	// Placeholder is the marker of the n-th parameter, from 1.
	Placeholder(n int) string
	Limits() Limits
	Features() Features
	// Classify tells what kind of failure err is, by type and code. SQLite alone
	// has one code for every fault of a statement's names; there the fixed
	// beginning of its message, which no language setting changes, decides.
	Classify(err error) Class
	Codec
}

// Codec turns stored values into their one JSON form (docs/formats/values.md),
// whatever the session's settings are.
type Codec interface {
	// ReadExpr is the SQL expression that reads column c for Decode; ref is the
	// quoted (and where needed qualified) column reference.
	ReadExpr(c Column, ref string) string
	// Decode returns the canonical JSON of v, which database/sql gave for
	// ReadExpr when scanned into an any. It keeps no reference to v.
	Decode(c Column, v any) (json.RawMessage, error)
}

// Column is a column of a live table as the codec needs to know it. Package
// catalog makes it.
type Column struct {
	Name string
	// Type is the type as the database prints it: "numeric(10,2)", "int(10)
	// unsigned"; on SQLite as declared, perhaps empty.
	Type string
	// Base is the type that a copy of the column has: Type without what belongs
	// to the source's own objects. A domain becomes its base type; an enum, a
	// composite and a type of an extension become text, arrays of them text[].
	// A copy of that type, loaded again, gives the same JSON for the same value;
	// but one of a column of KindSent is bytea, holds the bytes that ReadExpr gives
	// in hexadecimal, and is decoded with the original's Column.
	Base string
	// Kind decides the form of its values.
	Kind Kind
	// Elem is the element of an array, the subtype of a range or multirange, or
	// what a value of KindSent is made of; else nil.
	Elem *Column
	// Fields are the attributes of a composite, in order.
	Fields []Column
	// Bits is the width of a bit column where the driver does not tell.
	Bits int
	// Charset and Collation are those of a text column where each has its own (MySQL).
	Charset, Collation string
	// Nullable, Generated (computed or identity always), AutoIncrement and
	// Default (its expression, "" for none) are as in the catalogue.
	Nullable, Generated, AutoIncrement bool
	Default                            string
}

// Limits are the bounds of a database.
type Limits struct {
	// Identifier is the most that a name may have, in bytes where Bytes is set,
	// else in characters. Zero means no limit.
	Identifier int
	Bytes      bool
	// Parameters is the most placeholders in a statement.
	Parameters int
}

// Features are abilities that some databases lack.
type Features struct {
	// Sequences: CREATE SEQUENCE and NEXTVAL. Returning: INSERT … RETURNING.
	Sequences, Returning bool
	// RowLocks: SELECT … FOR UPDATE. SkipLocked: its SKIP LOCKED.
	RowLocks, SkipLocked bool
	// KeyLocks: FOR NO KEY UPDATE, which lets foreign key checks pass.
	KeyLocks bool
	// TransactionalDDL: schema changes roll back.
	TransactionalDDL bool
	// Schemas: a database holds several schemas (PostgreSQL); on MySQL a schema
	// is another database of the server.
	Schemas bool
	// WritingCTE: INSERT inside WITH (PostgreSQL).
	WritingCTE bool
	// ValuesIn: row values compare as "(a, b) IN (VALUES (1, 2), …)" only (SQLite).
	ValuesIn bool
	// HiddenTables: the catalogue leaves out tables on which the account has no
	// rights (MySQL).
	HiddenTables bool
	// LastInsertID: the driver tells the key that an INSERT made.
	LastInsertID bool
	// ImplicitCommits are first keywords, in capitals, of statements that commit
	// the transaction they run in (MySQL's schema statements).
	ImplicitCommits []string
	// MariaDB tells MariaDB from MySQL; per-dialect SQL files ask it.
	MariaDB bool
}

// Class is a kind of database error.
type Class int

// The classes.
const (
	ClassUnknown Class = iota
	// ClassDuplicate: a unique key is violated.
	ClassDuplicate
	// ClassMissingTable: a table that a statement names does not exist.
	ClassMissingTable
	// ClassMissingColumn: likewise a column.
	ClassMissingColumn
	// ClassMissingDatabase: the database of the connection does not exist.
	ClassMissingDatabase
	// ClassAccess: the account lacks a right, or the password is wrong.
	ClassAccess
	// ClassRetryable: a deadlock, a serialization failure or a lock timeout.
	ClassRetryable
	// ClassUnreachable: the server does not answer, or the connection broke.
	ClassUnreachable
	// ClassTooLarge: a value or packet is over the server's limit.
	ClassTooLarge
	// ClassAborted: an earlier statement failed, and the database runs none until
	// the transaction is rolled back.
	ClassAborted
)
