package sqlstore

import (
	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
)

// deleteByID implements cleaning.
func (sqlite) deleteByID(b *builder, table annals.Table, ids []int64) {
	deleteIn(b, table, layout.ColID, ids)
}

func (sqlite) deleteReceipts(b *builder, receipts []receiptKey) {
	table := annals.Table{Name: layout.RevisionEntityTable}
	deleteIn(b, table, layout.ColRevision, revisionsOf(receipts))
}

// takeLock: a statement that may write takes the write lock, rows or not.
func (d sqlite) takeLock() string {
	return "DELETE FROM " + d.Table(annals.Table{Name: layout.CleanTable}) + " WHERE 0"
}

func (sqlite) literal(s string) string { return quoted(s) }

func deleteIn(b *builder, table annals.Table, column string, ids []int64) {
	b.text("DELETE FROM ")
	b.table(table)
	b.text(" WHERE ")
	b.name(column)
	b.text(" IN (")
	for i, id := range ids {
		if i > 0 {
			b.text(", ")
		}
		b.bind(id)
	}
	b.text(")")
}
