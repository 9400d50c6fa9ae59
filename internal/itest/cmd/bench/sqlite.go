package main

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gorm.io/driver/sqlite"
	"gorm.io/gorm"
	modernc "modernc.org/sqlite"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

type sqliteEngine struct{ dir string }

func (sqliteEngine) kind() string                         { return "sqlite" }
func (sqliteEngine) scheme() string                       { return dialect.SQLiteName }
func (sqliteEngine) title() string                        { return "SQLite" }
func (sqliteEngine) wire() bool                           { return false }
func (sqliteEngine) variants() []string                   { return []string{""} }
func (sqliteEngine) close() error                         { return nil }
func (sqliteEngine) prepares(string) bool                 { return false }
func (sqliteEngine) create(context.Context, string) error { return nil }

func (e sqliteEngine) file(name string) string { return filepath.Join(e.dir, name+".db") }

func (e sqliteEngine) drop(_ context.Context, name string) (err error) {
	for _, suffix := range []string{"", "-wal", "-shm"} {
		if gone := os.Remove(e.file(name) + suffix); !errors.Is(gone, os.ErrNotExist) {
			err = errors.Join(err, gone)
		}
	}
	return err
}

func (e sqliteEngine) connector(name, _ string, _ *tracer) (driver.Connector, error) {
	return sqliteConnector(e.file(name) + "?_pragma=busy_timeout(5000)" +
		"&_pragma=journal_mode(WAL)&_pragma=synchronous(NORMAL)&_pragma=foreign_keys(1)"), nil
}

// sqliteConnector is the driver's DSN.
type sqliteConnector string

func (c sqliteConnector) Connect(context.Context) (driver.Conn, error) {
	return c.Driver().Open(string(c))
}

func (sqliteConnector) Driver() driver.Driver { return &modernc.Driver{} }

func (sqliteEngine) dialector(db *sql.DB) gorm.Dialector {
	return &sqlite.Dialector{DriverName: "sqlite", Conn: db}
}

func (sqliteEngine) about() []string {
	queries := []string{"SELECT sqlite_version()"}
	for _, s := range []string{"journal_mode", "synchronous", "cache_size", "page_size"} {
		queries = append(queries, "SELECT '"+s+"=' || "+s+" FROM pragma_"+s)
	}
	return queries
}

func (sqliteEngine) settle(...string) []string {
	return []string{"ANALYZE", "PRAGMA wal_checkpoint(TRUNCATE)"}
}

// pour stores row after row by one statement, in one transaction.
func (sqliteEngine) pour(ctx context.Context, p *place, rows pouring) error {
	tx, err := p.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := pourIn(ctx, tx, rows); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

func pourIn(ctx context.Context, tx *sql.Tx, rows pouring) (err error) {
	insert, err := tx.PrepareContext(ctx, rows.insert(1))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, insert.Close()) }()
	for _, row := range rows.rows {
		values := slices.Clone(row)
		for n, v := range values {
			if t, ok := v.(time.Time); ok {
				values[n] = t.Format(layout.InstantFormat)
			}
		}
		if _, err := insert.ExecContext(ctx, values...); err != nil {
			return err
		}
	}
	return nil
}

// extra: receipts, two for the numbers and, where rows are read before they
// change, the write lock. None of them travels.
func (sqliteEngine) extra(work) int { return 5 }

func (sqliteEngine) remark() string {
	return "Limit here: four statements more for the receipts, the numbers and `last_insert_rowid()`,\n" +
		"and one that takes the write lock ahead of a read. Nothing travels: a statement is a call\n" +
		"in the process."
}
