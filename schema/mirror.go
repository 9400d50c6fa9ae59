package schema

import (
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
)

// Copy is a table whose rows triggers copy into a storage of the mirror layout.
type Copy struct {
	// Name of the target: the entity's, or the table's where its rows give no entries
	// of their own. Source is the database that is audited.
	Name, Source string
	// Table is the audited table, Shape the copy, as layout.Copy gives it.
	Table annals.Table
	Shape layout.Table
	// Join tells a join table. Parent is the entity whose entries the rows give where
	// they give none of their own.
	Join   bool
	Parent string
	// Columns are the columns that are copied, and into what.
	Columns []CopyColumn
}

// CopyColumn says which column of a copy holds a column of its table.
type CopyColumn struct {
	Name, Copy string
	// SourceType is the column's type as the database prints it, Codec what else
	// decoding needs: JSON, "" for nothing.
	SourceType, Codec string
}

// copier is what differs between the databases in the mirror layout.
type copier interface {
	// drawsCopies: copies are numbered by the sequence, elsewhere by their receipts.
	drawsCopies() bool
	// room makes a copy's shape one that a row of the database has room for.
	room(t layout.Table) layout.Table
	// indexable cuts columns of an index that the database cannot index whole.
	indexable(t *layout.Table, i layout.Index) layout.Index
	// widen makes a live column one of c by the catalogue alone; ok is false where it
	// is that already, or takes every value of it.
	widen(t annals.Table, c layout.Column, live liveColumn) (sql string, ok bool)
}

func checkCopies(t Target) []annals.Fault {
	var faults []annals.Fault
	seen := map[string]bool{}
	for _, c := range t.Copies {
		at := "entities." + c.Name
		if c.Name == "" || seen[c.Name] {
			faults = append(faults, annals.Fault{
				Path: at, Problem: "the name of a copied table is empty or there twice",
			})
		}
		seen[c.Name] = true
		names := []string{c.Name, c.Source, c.Table.Schema, c.Table.Name, c.Shape.Name.Schema, c.Shape.Name.Name}
		for _, column := range c.Shape.Columns {
			names = append(names, column.Name)
		}
		for _, name := range names {
			if p := nameProblem(name); p != "" {
				faults = append(faults, annals.Fault{Path: at, Problem: p})
			}
		}
		if tooLong(c.Name, 255) || tooLong(c.Source, 64) {
			faults = append(faults, annals.Fault{
				Path: at, Problem: "a copied table's name has at most 255 characters, a source's 64",
			})
		}
		if p := lengthProblem(c.Shape.Name, t.Dialect.Limits()); p != "" {
			faults = append(faults, annals.Fault{
				Path: at + ".audit_table", Problem: p, Remedy: "choose a shorter one",
			})
		}
	}
	return faults
}

// what names the kind of an entity's table.
func (w *wanted) what() string {
	if w.copied != nil {
		return "copy"
	}
	return "audit table"
}

// marks are columns by which a table is known that the registry does not know.
func (w *wanted) marks() []string {
	if w.copied != nil {
		return []string{layout.ColCopyReceipt, layout.ColCopySeq, layout.ColCopyImage, layout.ColCopyOrdinal}
	}
	return []string{layout.ColType, layout.ColObjectID, layout.ColDiffs}
}

// checkLayout refuses receipts of the other layout: the two share names, not shapes.
func (p *planner) checkLayout(w *wanted, live *relation) error {
	if w.entity != nil || w.shape.Name.Name != layout.RevisionEntityTable {
		return nil
	}
	has, wants := "entries", "mirror"
	if live.columns[layout.ColID] {
		has, wants = wants, has
	}
	if (wants == "mirror") != p.target.Mirror {
		return nil
	}
	return conflict(p.target, w.label(),
		fmt.Sprintf("the tables of a storage of layout %s are here, and this one has layout %s", has, wants),
		"give one of the two a place of its own: a schema (PostgreSQL: ?search_path=… in the DSN), "+
			"a database on the same server (MySQL, MariaDB) or a file (SQLite)")
}
