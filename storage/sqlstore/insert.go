package sqlstore

import (
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// insertRows makes an INSERT of rows with a placeholder for each value. Columns
// that are null in all of them are left out: most rows have several, and a
// placeholder costs as much as a value.
func insertRows(d dialect.Dialect, t layout.Table, rows [][]any) *builder {
	b := &builder{d: d}
	columns := columnsOf(t)
	var filled []int
	var names []string
	for i, name := range columns {
		for _, row := range rows {
			if row[i] != nil {
				filled, names = append(filled, i), append(names, name)
				break
			}
		}
	}
	b.insertInto(t.Name, names)
	b.text(" VALUES ")
	b.args = make([]any, 0, len(rows)*len(filled))
	for n, row := range rows {
		b.text([]string{"(", ", ("}[min(n, 1)])
		for m, i := range filled {
			if m > 0 {
				b.text(", ")
			}
			b.bind(row[i])
		}
		b.text(")")
	}
	return b
}
