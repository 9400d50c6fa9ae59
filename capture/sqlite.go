package capture

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
)

// sqliteTemporary reports whether a table, by its canonical name, is SQLite's and
// of one connection only.
func sqliteTemporary(d dialect.Dialect, t annals.Table) bool {
	return d.Name() == dialect.SQLiteName && t.Schema == "temp"
}

// keyExpr reads a key column so that its value can be bound again as it is
// stored. SQLite's drivers make times and truth values of what is declared so;
// the sign before a column makes it an expression, which has no declared type.
func keyExpr(d dialect.Dialect, ref string) string {
	if d.Name() == dialect.SQLiteName {
		return "+" + ref
	}
	return ref
}

// comparesByReferenced reports whether the collation of the referenced column, and
// not that of the foreign key's, decides which rows refer to which.
func comparesByReferenced(d dialect.Dialect) bool {
	return d.Name() == dialect.SQLiteName
}

// sqliteChildren reads the rows that refer to rows of parent by a foreign key. What
// stands left of the sign decides how SQLite compares.
func (r *Reader) sqliteChildren(
	ctx context.Context, q dialect.Queryer, parent *Reader, rows []Row, fk catalog.ForeignKey,
) (all []Row, err error) {
	own, other := r.d.Quote("child"), r.d.Quote("parent")
	on := make([]string, len(fk.Columns))
	for i, column := range fk.Columns {
		on[i] = other + "." + r.d.Quote(fk.ReferencedColumns[i]) + " = " +
			own + "." + r.d.Quote(column)
	}
	from := "SELECT " + r.Columns(own) + " FROM " + r.d.Table(parent.table.Live.Name) + " AS " +
		other + " CROSS JOIN " + r.d.Table(r.table.Live.Name) + " AS " + own +
		" ON " + strings.Join(on, " AND ") + " WHERE "
	for chunk := range slices.Chunk(rows, Chunk) {
		size := 1
		for size < len(chunk) {
			size *= 10
		}
		var args []any
		for i := range size {
			args = append(args, chunk[min(i, len(chunk)-1)].Key...)
		}
		found, err := q.QueryContext(ctx,
			from+InOf(r.d, other, parent.table.Key, size, 1), args...)
		if err != nil {
			return nil, fmt.Errorf("read rows of %s: %w", r.table.Live.Name, &QueryError{err})
		}
		read, err := r.Scan(found, 0)
		if err != nil {
			return nil, fmt.Errorf("read rows of %s: %w", r.table.Live.Name, err)
		}
		all = append(all, read...)
	}
	return all, nil
}
