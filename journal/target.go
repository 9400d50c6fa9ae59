package journal

import (
	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/track"
)

// Target is a table whose rows triggers copy.
type Target struct {
	// Name is the entity's; of a table that gives no entries of its own (a join
	// table, a child that is not audited) its annals.Table.String().
	Name string
	// Table is the live table with its rules.
	Table *track.Table
	// Source is the live table, Copy what its rows are copied into. Both have their
	// Schema wherever the database has schemas.
	Source, Copy annals.Table
	// Join tells a join table, Parent the entity that owns it.
	Join   bool
	Parent string
	// Columns are the kept columns in table order.
	Columns []Column
	// LostRows asks for the rows that TRUNCATE removes, besides its marker.
	LostRows bool
	// former is the name that the storage knows the target by, where it has another one
	// now.
	former string
}

// Column is a kept column of a target.
type Column struct {
	// Column as the live table has it.
	dialect.Column
	// Copy is the name of its column in the copy, SQL that column's type; of a masked
	// one annals_m_<column> and a boolean.
	Copy, SQL string
	// Masked columns are never copied: of them is kept whether they are not null, or
	// have changed.
	Masked bool
}

// Key returns the copy's columns that hold the table's key, in key order.
func (t *Target) Key() []string { return t.copied(t.Table.Key) }

// copied returns the copy's columns of columns of the table; of those that are not
// kept nothing.
func (t *Target) copied(columns []string) []string {
	out := make([]string, 0, len(columns))
	for _, name := range columns {
		for i := range t.Columns {
			if t.Columns[i].Name == name {
				out = append(out, t.Columns[i].Copy)
			}
		}
	}
	return out
}
