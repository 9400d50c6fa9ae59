package main

import (
	"context"
	"database/sql"
	"fmt"

	"github.com/seed-162b1470/annals/capture/claim"
)

func (mariadbEngine) floors() []floor {
	f := []floor{
		{name: "empty"},
		{name: bareInserts},
		{name: bareCopy, copies: true},
		{name: indexedCopy, copies: true},
	}
	f[1].statements = []string{"CREATE TABLE " + bareTable + " (n int)"}
	f[2].statements = mariadbCopy()
	f[3].statements = append(mariadbCopy(), copyIndexes()...)
	for c := range changes {
		for i, body := range []string{"", bare(c), copyImages(c), copyImages(c)} {
			f[i].statements = append(f[i].statements, fmt.Sprintf(
				"CREATE TRIGGER bench_%s AFTER %s ON %s FOR EACH ROW BEGIN %s END", c, c, table, body))
		}
	}
	return f
}

func mariadbCopy() []string {
	return []string{
		"CREATE TABLE " + copyTable + " (annals_id bigint AUTO_INCREMENT PRIMARY KEY, " +
			"annals_revision_entity_id bigint, annals_seq bigint, annals_image varchar(6), " +
			"annals_ordinal int) AS SELECT * FROM " + table + " LIMIT 0",
	}
}

// probe reads the time of the session's own thread: what the server's other threads
// do, such as clearing away deleted rows, is nobody's.
func (mariadbEngine) probe(ctx context.Context, p *place, conn *sql.Conn) (probe, error) {
	var thread int
	err := conn.QueryRowContext(ctx, "SELECT TID FROM information_schema.PROCESSLIST "+
		"WHERE ID = CONNECTION_ID()").Scan(&thread)
	return probe{
		cpu: threadTime(thread),
		log: asked(p.db, "SELECT VARIABLE_VALUE FROM information_schema.GLOBAL_STATUS "+
			"WHERE VARIABLE_NAME = 'Innodb_lsn_current'"),
	}, err
}

func (mariadbEngine) empty(table string) string { return "TRUNCATE TABLE " + table }

func (mariadbEngine) bind(c claim.Claim) (query string, args []any) {
	return claim.MySQLSet(c), nil
}

func (mariadbEngine) unbind() string { return claim.MySQLClear }

func (mariadbEngine) statementTriggers() bool { return false }

// waiters: innodb_lock_wait_timeout=0 ends every statement that waits at all.
func (mariadbEngine) waiters() string { return "" }

// revisions are those of the session itself, a statement each, every other one.
func (mariadbEngine) revisions(n int) string {
	return fmt.Sprintf("INSERT INTO annals_revision "+
		"(source, transaction_hash, xid, managed, user_name, created_at) "+
		"SELECT 'app', CONCAT('x', seq), IF(seq %% 2, CONNECTION_ID(), seq << 20), FALSE, 'not orm', "+
		"UTC_TIMESTAMP(6) - INTERVAL 1 YEAR + INTERVAL seq SECOND FROM seq_1_to_%d", n)
}

func (mariadbEngine) dropIndex(name, table string) string {
	return "DROP INDEX " + name + " ON " + table
}
