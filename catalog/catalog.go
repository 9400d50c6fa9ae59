// Package catalog reads what live tables look like: columns, keys, foreign
// keys, unique keys, triggers. It reads the database's own catalogue through
// whatever connection it is given, so that it also works inside a transaction.
package catalog

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// ErrNoTable means that the table does not exist, or is not visible.
var ErrNoTable = errors.New("table does not exist")

// Table is a live table.
type Table struct {
	// Name as the database has it, with its schema resolved where the database
	// has schemas and the name was given without one only if Resolved is asked.
	Name annals.Table
	// Columns in table order, generated ones included.
	Columns []dialect.Column
	// Key names the primary key's columns in key order; nil where there is none.
	Key []string
	// Uniques are the unique keys other than the primary key whose members are
	// plain columns, partial ones excluded.
	Uniques [][]string
	// OpaqueUniques counts unique indexes over expressions or with a predicate.
	OpaqueUniques int
	ForeignKeys   []ForeignKey
	Triggers      []Trigger
	// Transactional is false for an engine that cannot roll back (MyISAM).
	Transactional bool
	// Engine is the storage engine's name where the database has several.
	Engine string
	// View is true for a view (or anything else that is not a base table).
	View bool
}

// ForeignKey leads from columns of its table to columns of another.
type ForeignKey struct {
	Name              string
	Columns           []string
	References        annals.Table
	ReferencedColumns []string
	// OnDelete and OnUpdate: "NO ACTION", "RESTRICT", "CASCADE", "SET NULL",
	// "SET DEFAULT".
	OnDelete, OnUpdate string
}

// Trigger is a trigger on a table.
type Trigger struct {
	Name, Event, Timing string
}

// Column returns the column of that name.
func (t *Table) Column(name string) (dialect.Column, bool) {
	for _, c := range t.Columns {
		if c.Name == name {
			return c, true
		}
	}
	return dialect.Column{}, false
}

// Load reads one table. The name is exact, as the database stores it. A table
// that is not there gives ErrNoTable, wrapped.
func Load(
	ctx context.Context, q dialect.Queryer, d dialect.Dialect, name annals.Table,
) (*Table, error) {
	tables, err := load(ctx, q, d, []annals.Table{name})
	if err != nil {
		return nil, err
	}
	return tables[0], nil
}

// List names the base tables of the connection's own schema (PostgreSQL: the
// first schema of the search path; MySQL: the current database; SQLite: main),
// without system tables, sorted, each without Schema.
func List(ctx context.Context, q dialect.Queryer, d dialect.Dialect) ([]annals.Table, error) {
	return list(ctx, q, d)
}

// LoadAll reads several tables at once, in the order of names. A table that is
// not there gives ErrNoTable, wrapped.
func LoadAll(
	ctx context.Context, q dialect.Queryer, d dialect.Dialect, names []annals.Table,
) ([]*Table, error) {
	if len(names) == 0 {
		return nil, nil
	}
	return load(ctx, q, d, names)
}

// Identify returns the table that a name leads to, spelled as the database
// stores it: without Schema where that is the connection's own, with it where the
// name was found elsewhere. A partition is the partitioned table at the root
// (PostgreSQL). Where nothing is found it gives ErrNoTable, wrapped.
func Identify(
	ctx context.Context, q dialect.Queryer, d dialect.Dialect, name annals.Table,
) (annals.Table, error) {
	found, err := readerOf(d).identify(ctx, q, name)
	if err != nil {
		return annals.Table{}, unreachable(d, err)
	}
	if found.IsZero() {
		return annals.Table{}, missing(name)
	}
	return found, nil
}

// Referrers names the tables that have a foreign key which leads, over others or
// not, to a table of the connection's own schema or of one of the schemas, as
// Identify spells them. Tables that the account may not see are missing (MySQL).
func Referrers(
	ctx context.Context, q dialect.Queryer, d dialect.Dialect, schemas ...string,
) ([]annals.Table, error) {
	links, err := readerOf(d).referrers(ctx, q)
	if err != nil {
		return nil, unreachable(d, fmt.Errorf("list foreign keys: %w", err))
	}
	reached := map[annals.Table]bool{}
	for grown := true; grown; {
		grown = false
		for _, l := range links {
			leads := l.to.Schema == "" || slices.Contains(schemas, l.to.Schema) || reached[l.to]
			if leads && !reached[l.from] {
				reached[l.from], grown = true, true
			}
		}
	}
	return slices.SortedFunc(maps.Keys(reached), func(a, b annals.Table) int {
		return cmp.Or(cmp.Compare(a.Schema, b.Schema), cmp.Compare(a.Name, b.Name))
	}), nil
}
