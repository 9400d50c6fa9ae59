package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/seed-162b1470/annals/capture/claim"
)

func (sqliteEngine) floors() []floor {
	f := []floor{
		{name: "empty"},
		{name: bareInserts},
		{name: bareCopy, copies: true},
		{name: indexedCopy, copies: true},
	}
	f[1].statements = []string{"CREATE TABLE " + bareTable + " (n int)"}
	f[2].statements = sqliteCopy()
	f[3].statements = append(sqliteCopy(), copyIndexes()...)
	for c := range changes {
		for i, body := range []string{"SELECT 1;", bare(c), copyImages(c), copyImages(c)} {
			f[i].statements = append(f[i].statements, fmt.Sprintf(
				"CREATE TRIGGER bench_%s AFTER %s ON %s BEGIN %s END", c, c, table, body))
		}
	}
	return f
}

func sqliteCopy() []string {
	return []string{
		"CREATE TABLE " + copyTable + " (annals_id INTEGER PRIMARY KEY, " +
			"annals_revision_entity_id bigint, annals_seq bigint, annals_image varchar(6), " +
			"annals_ordinal int, id integer, name text, code text, status text, body text, " +
			"quantity integer, position integer, price decimal(12,2), active numeric, " +
			"attributes json, created_at datetime, updated_at datetime)",
	}
}

// probe reads the time of this process, in which SQLite works, and the length of the
// log, which is not brought back into the file while it is measured.
func (e sqliteEngine) probe(ctx context.Context, p *place, conn *sql.Conn) (probe, error) {
	_, err := conn.ExecContext(ctx, "PRAGMA wal_autocheckpoint = 0")
	return probe{
		cpu: ownTime,
		log: func(context.Context) (int64, error) {
			info, err := os.Stat(e.file(p.name) + "-wal")
			if errors.Is(err, fs.ErrNotExist) {
				return 0, nil
			}
			if err != nil {
				return 0, err
			}
			return info.Size(), nil
		},
	}, err
}

func (sqliteEngine) empty(table string) string { return "DELETE FROM " + table }

func (sqliteEngine) bind(c claim.Claim) (query string, args []any) {
	return claim.SQLiteInsert(c)
}

func (sqliteEngine) unbind() string { return claim.SQLiteDelete() }

func (sqliteEngine) statementTriggers() bool { return false }

// waiters: there is one lock, of the whole file.
func (sqliteEngine) waiters() string { return "" }

func (sqliteEngine) revisions(n int) string {
	return fmt.Sprintf("INSERT INTO annals_revision "+
		"(source, transaction_hash, managed, user_name, created_at) "+
		"WITH RECURSIVE s (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < %d) "+
		"SELECT 'app', 'x' || n, 0, 'not orm', "+
		"strftime('%%Y-%%m-%%dT%%H:%%M:%%S.000000Z', 1700000000 + n, 'unixepoch') FROM s", n)
}

func (sqliteEngine) dropIndex(name, _ string) string {
	return "DROP INDEX " + name
}
