// Package layout has the shapes of annals' own tables as data: names, columns,
// indexes. Package schema makes SQL of them, package sqlstore reads and writes
// them. The shapes are documented in docs/formats/entries.md and
// docs/formats/revisions.md.
package layout

import (
	"slices"

	"github.com/seed-162b1470/annals"
)

// Type is a column type, independent of the database.
type Type int

// The types.
const (
	BigInt Type = iota
	Integer
	SmallInt
	Boolean
	// VarChar has a length in characters and compares by bytes.
	VarChar
	// Text is unbounded.
	Text
	// JSON is JSONB, JSON, or TEXT with a json_valid check.
	JSON
	// Instant is a point in time, UTC, with microseconds: timestamptz,
	// DATETIME(6), or on SQLite a text of InstantFormat.
	Instant
	// Raw is a type of the database itself, in Column.SQL: the columns of copies.
	Raw
)

// InstantFormat is the Go layout of an Instant on SQLite, which has no type for
// it: of fixed width and in UTC, so that the texts sort as the instants do.
const InstantFormat = "2006-01-02T15:04:05.000000Z"

// Column of a table.
type Column struct {
	Name string
	Type Type
	// Size is the length of a VarChar, SQL the type of a Raw column as the database
	// writes it, character set and collation included.
	Size int
	SQL  string
	Null bool
	// Exact means that rows are found by the column: its text compares by bytes in
	// every table, also in one that annals did not make. Sorted means that pages are
	// in its order, too.
	Exact, Sorted bool
	// Auto numbers rows by itself; only for a single BigInt primary key. A
	// number is never given twice, not even after its row was deleted.
	Auto bool
}

// Index of a table. The columns of annals' own tables are ascending: every order
// that is asked for can be read backwards.
type Index struct {
	Name    string
	Columns []string
	Unique  bool
	// NotNull names a column: rows where it is null are left out where the
	// database has partial indexes.
	NotNull string
	// LastDesc makes the last column descending.
	LastDesc bool
	// Prefix are the lengths to which the columns are indexed, in their order, 0 for
	// the whole; nil for all of them whole. Package schema sets it where a database
	// cannot index them whole (MySQL, MariaDB).
	Prefix []int
}

// Table is the shape of a table.
type Table struct {
	Name    annals.Table
	Columns []Column
	// Key is the primary key.
	Key     []string
	Indexes []Index
}

// Column returns the column of that name.
func (t *Table) Column(name string) (Column, bool) {
	for _, c := range t.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return Column{}, false
}

// ColumnNames returns the names of the columns in table order, without those
// that number themselves: what an INSERT names.
func (t *Table) ColumnNames() []string {
	names := make([]string, 0, len(t.Columns))
	for _, c := range t.Columns {
		if !c.Auto {
			names = append(names, c.Name)
		}
	}
	return names
}

// IsKey reports whether the column is part of the primary key.
func (t *Table) IsKey(column string) bool { return slices.Contains(t.Key, column) }
