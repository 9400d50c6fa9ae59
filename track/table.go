// Package track has the Tracker: it turns mutations into entries by the rules
// of their entity. It is pure Go, and the only place where a mutation becomes
// an entry, for every capture alike.
package track

import (
	"fmt"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
)

// Table is a live table as the Tracker sees it: its entity and the relations
// that its rows make. It is immutable after Resolve.
type Table struct {
	Live *catalog.Table
	// Entity is nil where rows give no entry of their own: join tables and the
	// children of relations that are not audited themselves.
	Entity *annals.Entity
	// Key is the entity's key, as its rules or the catalogue have it.
	Key []string
	// Links are the relations that rows of this table make: those of the
	// configuration by name, then those that a capture learnt by name.
	Links []Link
}

// Link is a relation whose rows lie in a table: a join table's row links its two
// ends, a child's row links its parent to itself.
type Link struct {
	// Name is "owner.field".
	Name string
	// Owner is the end whose entry comes first; for a child's row its parent.
	Owner, Target End
	// JoinTable is the join table's name; empty for a parent and its children.
	JoinTable string
	// TypeColumn and TypeValue narrow the rows that make the link; empty for all.
	TypeColumn, TypeValue string
}

// End is one side of a link.
type End struct {
	Entity string
	Table  annals.Table
	// Field is the relation's name at that end; empty where none is declared.
	Field string
	// Key names the end's key columns; Columns are the linking row's columns
	// that hold them, in the same order.
	Key, Columns []string
	// Audited ends get an entry, of the types in Operations where there are any.
	Audited    bool
	Operations []annals.EntryType
}

// Kept returns the positions of the columns that images of the table have:
// those that the rules keep.
func (t *Table) Kept() []int {
	kept := make([]int, 0, len(t.Live.Columns))
	for i, c := range t.Live.Columns {
		if t.Entity == nil || t.Entity.Keeps(c.Name) {
			kept = append(kept, i)
		}
	}
	return kept
}

// Masked reports whether the values of a column must not be kept.
func (t *Table) Masked(column string) bool {
	return t.Entity != nil && t.Entity.Masks(column)
}

// Check reports what makes a table impossible to audit, or its rules wrong:
// errors that match annals.ErrNoKey, annals.ErrNotTransactional or
// annals.ErrConfig. path leads to the entity in the configuration.
func Check(e annals.Entity, live *catalog.Table, path string) error {
	if live.View {
		return &annals.Error{
			Op: "audit", Subject: "entity " + e.Name, Err: annals.ErrConfig,
			Remedy: live.Name.String() + " is not a base table: name the tables below it",
		}
	}
	if !live.Transactional {
		return &annals.Error{
			Op: "audit", Subject: "entity " + e.Name, Err: annals.ErrNotTransactional,
			Remedy: fmt.Sprintf("table %s uses engine %s: convert it (ALTER TABLE … ENGINE=InnoDB)"+
				" or exclude it", live.Name, live.Engine),
		}
	}
	if len(e.Key) == 0 && len(live.Key) == 0 {
		return &annals.Error{
			Op: "audit", Subject: "entity " + e.Name, Err: annals.ErrNoKey,
			Remedy: fmt.Sprintf("give table %s a primary key, or name its key columns under %s.key",
				live.Name, path),
		}
	}
	if err := checkKeyType(e, live); err != nil {
		return err
	}
	return checkColumns(e, live, path)
}

func checkColumns(e annals.Entity, live *catalog.Table, path string) error {
	var faults []annals.Fault
	check := func(key string, columns ...string) {
		for _, c := range columns {
			if c == "" {
				continue
			}
			if _, ok := live.Column(c); !ok {
				faults = append(faults, annals.Fault{
					Path:    path + "." + key,
					Problem: fmt.Sprintf("table %s has no column %q", live.Name, c),
					Remedy:  "its columns are " + strings.Join(columnNames(live), ", "),
				})
			}
		}
	}
	check("key", e.Key...)
	check("label", e.Label)
	check("only", e.Only...)
	check("ignore", e.Ignore...)
	check("mask", e.Mask...)
	check("soft_delete", e.SoftDelete)
	check("discriminator", e.Discriminator)
	key := e.Key
	if len(key) == 0 {
		key = live.Key
	}
	need := func(why, remedy string, columns ...string) {
		for _, c := range columns {
			if c == "" || (e.Keeps(c) && !e.Masks(c)) {
				continue
			}
			faults = append(faults, annals.Fault{
				Path: path, Problem: fmt.Sprintf("%s column %q is ignored or masked", why, c),
				Remedy: remedy,
			})
		}
	}
	need("key", "entries name their object by its key", key...)
	need("label", "", e.Label)
	need("soft-delete", "", e.SoftDelete)
	need("discriminator", "", e.Discriminator)
	if len(faults) > 0 {
		return &annals.ConfigError{Faults: faults}
	}
	return nil
}

func columnNames(t *catalog.Table) []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}
