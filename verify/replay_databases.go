package verify

import (
	"context"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/journal"
)

// instant begins a transaction that reads one state of the database, whose settings make
// the same texts as triggers do.
func instant(d dialect.Dialect) []string {
	switch d.Name() {
	case dialect.MySQLName:
		return []string{
			"SET TRANSACTION ISOLATION LEVEL REPEATABLE READ",
			"START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY",
		}
	case dialect.SQLiteName:
		return []string{"BEGIN"}
	}
	return []string{
		"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", "SET LOCAL datestyle = 'ISO, MDY'",
		"SET LOCAL intervalstyle = 'postgres'", "SET LOCAL bytea_output = 'hex'", "SET LOCAL timezone = 'UTC'",
		"SET LOCAL lc_monetary = 'C'", "SET LOCAL extra_float_digits = 1",
	}
}

// ownRows is what a table's name follows so that its rows are its own: those of tables
// that inherit are theirs, those of partitions the partitioned table's.
func ownRows(
	ctx context.Context, q dialect.Queryer, d dialect.Dialect, t annals.Table,
) (only string, err error) {
	if d.Name() != dialect.PostgresName {
		return "", nil
	}
	err = each(ctx, q, "table "+t.String(),
		"SELECT CASE relkind WHEN 'p' THEN '' ELSE 'ONLY ' END FROM pg_catalog.pg_class "+
			"WHERE oid = $1::text::pg_catalog.regclass", []any{d.Table(t)},
		func(scan func(...any) error) error { return scan(&only) })
	return only, err
}

// distinct writes that two values of a column, of the type of its copy, are not the
// same, as their canonical forms would be compared.
func distinct(d dialect.Dialect, c *journal.Column, a, b string) string {
	switch d.Name() {
	case dialect.MySQLName:
		switch c.Kind {
		case dialect.KindBool, dialect.KindInteger, dialect.KindDecimal, dialect.KindFloat32, dialect.KindFloat64,
			dialect.KindDate, dialect.KindTime, dialect.KindTimestamp, dialect.KindInstant, dialect.KindBits:
			return "NOT (" + a + " <=> " + b + ")"
		}
		return "NOT (CAST(" + a + " AS BINARY) <=> CAST(" + b + " AS BINARY))"
	case dialect.SQLiteName:
		return "(typeof(" + a + ") <> typeof(" + b + ") OR (" + a + " COLLATE BINARY) IS NOT " + b + ")"
	}
	switch c.Kind {
	case dialect.KindBool, dialect.KindInteger, dialect.KindDecimal, dialect.KindDate, dialect.KindTime,
		dialect.KindTimestamp, dialect.KindInstant, dialect.KindBytes, dialect.KindSent:
		return "(" + a + ") IS DISTINCT FROM " + b
	}
	return "(" + a + `)::text COLLATE "C" IS DISTINCT FROM ` + b + `::text COLLATE "C"`
}

// asText reads a JSON column as the text that it was, or came to be.
func asText(d dialect.Dialect, column string) string {
	if d.Name() == dialect.PostgresName {
		return column + "::text"
	}
	return column
}
