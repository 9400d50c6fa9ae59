package schema

import (
	"context"
	"database/sql"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

const (
	// Only a column INTEGER PRIMARY KEY numbers rows. A table whose text speaks of a
	// collation needs a closer look.
	sqliteTypes = `SELECT m.name, x.name, upper(x.type),
x.pk = 1 AND upper(x.type) = 'INTEGER' AND NOT EXISTS (
    SELECT 1 FROM pragma_table_xinfo(m.name, ?) y WHERE y.pk = 2),
lower(m.sql) LIKE '%collate%' FROM %schema% m
JOIN pragma_table_xinfo(m.name, ?) x WHERE m.type = 'table' AND lower(m.name) IN `

	// The unary plus keeps the collation and lets no index answer.
	sqliteCompares = `EXPLAIN SELECT 1 FROM %table% WHERE +%column% = ?`
)

// readFit reads what tells whether tables fit.
func (f sqliteFlavour) readFit(
	ctx context.Context, q dialect.Queryer, w window, s *space,
) error {
	if !s.exists {
		return nil
	}
	type place struct{ table, column string }
	var collated []place
	names := w
	names.tables = nil
	for _, t := range w.tables {
		names.tables = append(names.tables, foldASCII(t))
	}
	list, args := names.among(f.d)
	query := strings.ReplaceAll(sqliteTypes, "%schema%", f.d.Quote(w.schema)+".sqlite_schema")
	args = append([]any{w.schema}, args...)
	err := eachRow(ctx, q, query+list, args, func(scan func(...any) error) error {
		var table, column string
		l := liveColumn{size: -1, digits: -1, collation: "BINARY", exact: true, sorted: true}
		var special bool
		if err := scan(&table, &column, &l.declared, &l.auto, &special); err != nil {
			return err
		}
		l.kind = dialect.Affinity(l.declared)
		s.relations[w.fold(table)].types[foldASCII(column)] = l
		if special && l.kind != "integer" {
			collated = append(collated, place{table, column})
		}
		return nil
	})
	if err != nil {
		return err
	}
	for _, c := range collated {
		r := s.relations[w.fold(c.table)]
		l := r.types[foldASCII(c.column)]
		query := strings.NewReplacer("%table%", f.d.Table(annals.Table{Schema: w.schema, Name: c.table}),
			"%column%", f.d.Quote(c.column)).Replace(sqliteCompares)
		if l.collation, err = sqliteCollation(ctx, q, query); err != nil {
			return err
		}
		l.exact = l.collation == "BINARY"
		l.sorted = l.exact
		r.types[foldASCII(c.column)] = l
	}
	return nil
}

// sqliteCollation reads by which collation a comparison is made off its program:
// no table of SQLite's tells a column's.
func sqliteCollation(ctx context.Context, q dialect.Queryer, query string) (string, error) {
	collation := "BINARY"
	err := eachRow(ctx, q, query, []any{""}, func(scan func(...any) error) error {
		var opcode string
		var p4, rest sql.NullString
		var number sql.NullInt64
		err := scan(&number, &opcode, &number, &number, &number, &p4, &number, &rest)
		if name, _, ok := strings.Cut(p4.String, "-"); ok && (opcode == "Ne" || opcode == "Eq") {
			collation = strings.ToUpper(name)
		}
		return err
	})
	return collation, err
}

// tableFlaws: every table of SQLite knows transactions.
func (sqliteFlavour) tableFlaws(annals.Table, *relation) []flaw { return nil }

func (f sqliteFlavour) columnFlaw(
	_ annals.Table, c layout.Column, live liveColumn,
) (flaw, bool) {
	const remedy = "SQLite alters no columns: rename the table, let annals make a new one, " +
		"and copy the rows with INSERT … SELECT"
	switch {
	case c.Auto && !live.auto:
		return numberless(c, remedy)
	case c.Auto:
	case c.Type == layout.Raw:
		if !takes(f.d, c, live.declared) {
			return wrongType(c, live, f.columnType(bare(c)), remedy)
		}
	case !sqliteHolds(c, live):
		return wrongType(c, live, f.columnType(bare(c)), remedy)
	case c.Exact && !live.exact, c.Sorted && !live.sorted:
		return wrongCollation(c, live, remedy)
	}
	return flaw{}, false
}

func (sqliteFlavour) drawsCopies() bool                { return false }
func (sqliteFlavour) room(t layout.Table) layout.Table { return t }

func (sqliteFlavour) indexable(_ *layout.Table, i layout.Index) layout.Index { return i }

// widen is never needed: a type is an affinity.
func (sqliteFlavour) widen(annals.Table, layout.Column, liveColumn) (string, bool) {
	return "", false
}

// sqliteHolds reports whether a live column leaves every value of c as it is.
func sqliteHolds(c layout.Column, live liveColumn) bool {
	switch c.Type {
	case layout.BigInt, layout.Integer, layout.SmallInt, layout.Boolean:
		return live.kind != "text" && live.kind != "real"
	case layout.JSON, layout.Instant:
		// Neither an object nor an instant looks like a number.
		return live.kind != "integer" && live.kind != "real"
	default:
		return live.kind == "text" || live.kind == "none"
	}
}
