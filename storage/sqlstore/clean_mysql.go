package sqlstore

import (
	"context"
	"encoding/hex"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// InnoDB locks what a DELETE reads, and the gaps between, where new rows are born:
// a row that is looked up by its whole primary key is locked alone, but for a list of
// keys the planner may prefer to read a table whole that has become small. So
// the keys are a table of their own, read first, and each leads to one row.

// deleteByID implements cleaning.
func (d mysql) deleteByID(b *builder, table annals.Table, ids []int64) {
	b.text("DELETE e FROM (")
	for i, id := range ids {
		// A bound number would be a text to MySQL, for which there is no index.
		b.text([]string{"SELECT ", " UNION ALL SELECT "}[min(i, 1)], strconv.FormatInt(id, 10), " AS id")
	}
	d.each(b, table)
	b.text("e.id = k.id")
}

// deleteReceipts names whole keys: a part of one is a range.
func (d mysql) deleteReceipts(b *builder, receipts []receiptKey) {
	b.text("DELETE e FROM (")
	for i, k := range receipts {
		b.text([]string{"SELECT ", " UNION ALL SELECT "}[min(i, 1)],
			strconv.FormatInt(k.revision, 10), " AS revision")
		d.bindText(b, k.entity, " AS entity")
		d.bindText(b, k.typ, " AS type")
	}
	d.each(b, annals.Table{Name: layout.RevisionEntityTable})
	b.text("e.revision = k.revision AND e.entity = k.entity AND e.type = k.type")
}

// bindText binds a text that compares as the column does: by bytes.
func (d mysql) bindText(b *builder, text, as string) {
	collation := "utf8mb4_0900_bin"
	if d.Features().MariaDB {
		collation = "utf8mb4_nopad_bin"
	}
	b.text(", CONVERT(")
	b.bind(text)
	b.text(" USING utf8mb4) COLLATE ", collation, as)
}

func (mysql) each(b *builder, table annals.Table) {
	b.text(") AS k STRAIGHT_JOIN ")
	b.table(table)
	b.text(" AS e FORCE INDEX (PRIMARY) ON ")
}

func (mysql) takeLock() string { return "" }

func (mysql) prepare(
	_ context.Context, conn storage.Conn,
) (storage.Conn, finish, error) {
	return conn, func(context.Context) (int64, error) { return 0, nil }, nil
}

// literal avoids the backslash, whose meaning depends on NO_BACKSLASH_ESCAPES.
func (mysql) literal(s string) string {
	if strings.Contains(s, `\`) {
		return "_utf8mb4 x'" + hex.EncodeToString([]byte(s)) + "'"
	}
	return quoted(s)
}
