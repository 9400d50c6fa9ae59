package capture

import (
	"github.com/seed-162b1470/annals"
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
