package schema

import (
	"regexp"
	"strconv"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// sqliteFlavour is the SQL of SQLite.
type sqliteFlavour struct{ d dialect.Dialect }

// createSchema: a schema is an attached file there.
func (sqliteFlavour) createSchema(string) (string, bool) { return "", false }

// createSequence is never asked for: SQLite has no sequences.
func (sqliteFlavour) createSequence(annals.Table) string { return "" }

func (f sqliteFlavour) columnType(c layout.Column) string {
	if c.Auto {
		// Without AUTOINCREMENT the number of the last row is given again after
		// its deletion.
		return "INTEGER PRIMARY KEY AUTOINCREMENT"
	}
	switch c.Type {
	case layout.BigInt:
		return "BIGINT" + notNull(c)
	case layout.Integer:
		return "INTEGER" + notNull(c)
	case layout.SmallInt:
		return "SMALLINT" + notNull(c)
	case layout.Boolean:
		return "BOOLEAN" + notNull(c)
	case layout.VarChar:
		return "VARCHAR(" + strconv.Itoa(c.Size) + ")" + notNull(c)
	case layout.Raw:
		if !plainType.MatchString(c.SQL) {
			return f.d.Quote(c.SQL) // a name makes the same affinity
		}
		return c.SQL
	case layout.JSON:
		return "TEXT" + notNull(c) + " CHECK (" + f.validJSON(c) + ")"
	default:
		return "TEXT" + notNull(c)
	}
}

// plainType is a type that can be written as it is; SQLite takes any text for one.
var plainType = regexp.MustCompile(`^(?i)((unsigned |native |double )?(big int|(tiny|small|medium|big)?int|` +
	`integer|int[248]|n?(var)?char|character( varying)?|varying character|text|[cb]lob|(var)?binary|` +
	`real|float|double|precision|numeric|decimal|bool(ean)?|date|time|datetime|timestamp|jsonb?|uuid)` +
	`( ?\([0-9]+ ?(, ?[0-9]+ ?)?\))?)?$`)

// validJSON names null, which is no valid JSON to some versions of SQLite.
func (f sqliteFlavour) validJSON(c layout.Column) string {
	column := f.d.Quote(c.Name)
	if c.Null {
		return column + " IS NULL OR json_valid(" + column + ")"
	}
	return "json_valid(" + column + ")"
}

func (sqliteFlavour) zero(c layout.Column) string {
	switch c.Type {
	case layout.BigInt, layout.Integer, layout.SmallInt, layout.Boolean:
		return "0"
	case layout.JSON:
		return "'{}'"
	case layout.Instant:
		return "'1970-01-01T00:00:00.000000Z'"
	default:
		return "''"
	}
}

func (sqliteFlavour) tableOptions() string { return "" }

// keyType: a number that is the key is the row's own, so that no index is needed.
func (f sqliteFlavour) keyType(c layout.Column) (string, bool) {
	if c.Auto {
		return f.columnType(c), true
	}
	if c.Type == layout.BigInt {
		return "INTEGER PRIMARY KEY", true
	}
	return f.columnType(c), false
}

func (sqliteFlavour) column(name string) string { return foldASCII(name) }

// implied: what comes with a table has names that nothing else may have.
func (sqliteFlavour) implied(layout.Table, func(string) bool) []string { return nil }

// createIndex: the schema stands before the index, and the table without one.
func (f sqliteFlavour) createIndex(t annals.Table, i layout.Index, _ bool) Statement {
	name := f.d.Table(annals.Table{Schema: t.Schema, Name: i.Name})
	sql := indexSQL(f.d, indexVerb(i), name, f.d.Quote(t.Name), i)
	if i.NotNull != "" {
		sql += " WHERE " + f.d.Quote(i.NotNull) + " IS NOT NULL"
	}
	return Statement{SQL: sql}
}

// mendIndex is never needed: no index of SQLite is invalid.
func (sqliteFlavour) mendIndex(annals.Table, string) Statement { return Statement{} }

func (sqliteFlavour) literal(s string) string { return quoteText(s) }

// begin takes the write lock at once: a transaction that asks for it later can
// find that another one has changed what it read.
func (sqliteFlavour) begin() []string { return []string{"BEGIN IMMEDIATE"} }
