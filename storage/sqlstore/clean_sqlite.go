package sqlstore

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
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

// prepare keeps checkpoints out of the commit: what a batch has written to the
// write-ahead log is brought into the database behind it, in small helpings, by the
// cleaner and not by a writer whose commit finds the log full.
func (sqlite) prepare(
	ctx context.Context, conn storage.Conn,
) (storage.Conn, finish, error) {
	closed, ours := func() error { return nil }, true
	if db, ok := conn.(*sql.DB); ok { // a setting is one connection's
		own, err := db.Conn(ctx)
		if err != nil {
			return nil, nil, err
		}
		conn, closed, ours = own, own.Close, false
	}
	every, err := pragma(ctx, conn, "wal_autocheckpoint")
	if err == nil {
		_, err = pragma(ctx, conn, "wal_autocheckpoint = 0")
	}
	if err != nil {
		return nil, nil, errors.Join(err, closed())
	}
	return conn, func(ctx context.Context) (version int64, err error) {
		ctx = context.WithoutCancel(ctx) // the setting must not stay
		_, err = pragma(ctx, conn, "wal_autocheckpoint = "+strconv.FormatInt(every, 10))
		// A passive checkpoint waits for nobody and keeps nobody waiting.
		_, failed := pragma(ctx, conn, "wal_checkpoint(PASSIVE)")
		if ours {
			var unknown error
			version, unknown = pragma(ctx, conn, "data_version")
			failed = errors.Join(failed, unknown)
		}
		return version, errors.Join(err, failed, closed())
	}, nil
}

// pragma returns the first column of what it says.
func pragma(ctx context.Context, conn dialect.Queryer, text string) (n int64, err error) {
	rows, err := conn.QueryContext(ctx, "PRAGMA "+text)
	if err != nil {
		return 0, fmt.Errorf("pragma %s: %w", text, err)
	}
	defer rows.Close()
	for rows.Next() {
		into := []any{&n, new(any), new(any)}
		columns, err := rows.Columns()
		if err == nil {
			err = rows.Scan(into[:len(columns)]...)
		}
		if err != nil {
			return 0, err
		}
	}
	return n, rows.Err()
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
