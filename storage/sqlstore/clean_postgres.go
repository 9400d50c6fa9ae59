package sqlstore

import (
	"context"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// deleteByID implements cleaning. Inserting waits for no row that is being deleted.
func (postgres) deleteByID(b *builder, table annals.Table, ids []int64) {
	b.text("DELETE FROM ")
	b.table(table)
	b.text(" WHERE id = ANY (")
	b.bind(idArray(ids))
	b.text("::text::bigint[])")
}

func (postgres) deleteReceipts(b *builder, receipts []receiptKey) {
	b.text("DELETE FROM ")
	b.table(annals.Table{Name: layout.RevisionEntityTable})
	b.text(" WHERE revision = ANY (")
	b.bind(idArray(revisionsOf(receipts)))
	b.text("::text::bigint[])")
}

func idArray(ids []int64) string {
	out := []byte{'{'}
	for i, id := range ids {
		if i > 0 {
			out = append(out, ',')
		}
		out = strconv.AppendInt(out, id, 10)
	}
	return string(append(out, '}'))
}

func (postgres) takeLock() string { return "" }

func (postgres) prepare(
	_ context.Context, conn storage.Conn,
) (storage.Conn, finish, error) {
	return conn, func(context.Context) (int64, error) { return 0, nil }, nil
}

// literal is right whatever standard_conforming_strings says.
func (postgres) literal(s string) string {
	quoted := quoted(s)
	if strings.Contains(s, `\`) {
		return "E" + strings.ReplaceAll(quoted, `\`, `\\`)
	}
	return quoted
}

// quoted doubles the quotes.
func quoted(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }
