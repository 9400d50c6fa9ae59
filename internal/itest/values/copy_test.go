package values

import (
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestCopy: a column of the type that Column.Base names, filled from the
// original, gives the same values. Journals rest on it. Where it holds the bytes of
// the original's binary form, the original's column decodes them.
func TestCopy(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		samples, _ := samplesFor(t, db)
		d := detect(t, db)
		c := connect(t, db, session{open: same, set: writing[db.Dialect]})
		for _, tab := range create(t, db, samples) {
			copied := tab
			copied.name = tab.name + " copy"
			name, column := d.Quote(copied.name), d.Quote(tab.column.Name)
			run(t, c, "CREATE TABLE "+name+" (id int PRIMARY KEY, "+column+" "+nullable(db, tab)+")",
				"INSERT INTO "+name+" (id, "+column+") SELECT id, "+copied.source(d)+" FROM "+d.Quote(tab.name))
			live, err := catalog.Load(t.Context(), c, d, annals.Table{Name: copied.name})
			if err != nil {
				t.Fatal(err)
			}
			if tab.column.Kind != dialect.KindSent {
				copied.column = live.Columns[1]
				compare(t, session{name: "copy as " + tab.column.Base}, tab,
					read(t, d, c, tab, false), read(t, d, c, copied, false))
				continue
			}
			compare(t, session{name: "copy of bytes"}, tab, read(t, d, c, tab, false),
				readAs(t, d, c, copied, "pg_catalog.encode(s."+column+", 'hex')"))
		}
	})
}

// source is what a copy is filled with.
func (tab table) source(d dialect.Dialect) string {
	column := d.Quote(tab.column.Name)
	if tab.column.Kind == dialect.KindSent {
		return "pg_catalog.decode(" + d.ReadExpr(tab.column, column) + ", 'hex')"
	}
	return column
}

// nullable is the type of a copied column that may be null: MySQL's TIMESTAMP
// may not unless that is said.
func nullable(db *testdb.DB, tab table) string {
	if db.Dialect == "mysql" {
		return tab.column.Base + " NULL"
	}
	return tab.column.Base
}
