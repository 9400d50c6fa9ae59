package dialect

import (
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
)

// postgres is PostgreSQL 13 and later.
type postgres struct{}

var _ Dialect = postgres{}

// Postgres returns the dialect of PostgreSQL.
func Postgres() Dialect { return postgres{} }

// Name implements Dialect.
func (postgres) Name() string { return PostgresName }

// Quote implements Dialect.
func (postgres) Quote(name string) string { return quoteWith(name, '"') }

// Table implements Dialect.
func (d postgres) Table(t annals.Table) string { return tableOf(d, t) }

// Placeholder implements Dialect.
func (postgres) Placeholder(n int) string { return "$" + strconv.Itoa(n) }

// Limits implements Dialect.
func (postgres) Limits() Limits {
	return Limits{Identifier: 63, Bytes: true, Parameters: 65535}
}

// Features implements Dialect.
func (postgres) Features() Features {
	return Features{
		Sequences: true, Returning: true, RowLocks: true, SkipLocked: true, KeyLocks: true,
		TransactionalDDL: true, Schemas: true, WritingCTE: true,
	}
}

// Classify implements Dialect.
func (postgres) Classify(err error) Class {
	switch state := sqlState(err); state {
	case "":
		return classifyTransport(err)
	case "23505":
		return ClassDuplicate
	case "42P01":
		return ClassMissingTable
	case "42703":
		return ClassMissingColumn
	case "3D000":
		return ClassMissingDatabase
	case "42501":
		return ClassAccess
	case "40001", "40P01", "55P03":
		return ClassRetryable
	case "57P01", "57P02", "57P03", "57P05", "53300":
		// Shut down, crashed, starting up, idle too long, too many connections.
		return ClassUnreachable
	case "22001":
		return ClassTooLarge
	case "25P02":
		return ClassAborted
	default:
		return classifyStateClass(state)
	}
}

// classifyStateClass goes by the first two characters, the class of a SQLSTATE.
func classifyStateClass(state string) Class {
	switch {
	case strings.HasPrefix(state, "08"):
		return ClassUnreachable
	case strings.HasPrefix(state, "28"):
		return ClassAccess
	case strings.HasPrefix(state, "54"):
		return ClassTooLarge
	}
	return ClassUnknown
}

// quoteWith puts name between two marks and doubles the marks within.
func quoteWith(name string, mark byte) string {
	q := string(mark)
	return q + strings.ReplaceAll(name, q, q+q) + q
}

// tableOf quotes a table with its schema where it has one.
func tableOf(d Dialect, t annals.Table) string {
	if t.Schema == "" {
		return d.Quote(t.Name)
	}
	return d.Quote(t.Schema) + "." + d.Quote(t.Name)
}
