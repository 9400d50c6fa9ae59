package verify

import (
	"context"
	"fmt"

	"github.com/seed-162b1470/annals/dialect"
)

func versionQuery(d dialect.Dialect) string {
	switch d.Name() {
	case dialect.MySQLName:
		return "SELECT VERSION() AS v"
	case dialect.SQLiteName:
		return "SELECT sqlite_version()"
	}
	return "SELECT current_setting('server_version')"
}

// clockQuery gives seconds since 1970.
func clockQuery(d dialect.Dialect) string {
	switch d.Name() {
	case dialect.MySQLName:
		return "SELECT UNIX_TIMESTAMP(SYSDATE(6)) + 0e0 AS t"
	case dialect.SQLiteName:
		return "SELECT (julianday('now') - 2440587.5) * 86400.0"
	}
	return "SELECT extract(epoch FROM clock_timestamp())::float8"
}

const pgOld = `
SELECT pid::text, coalesce(usename, '')::text || ', ' || coalesce(application_name, ''),
  extract(epoch FROM clock_timestamp() - xact_start)::float8
FROM pg_catalog.pg_stat_activity
WHERE datname = current_database() AND pid <> pg_catalog.pg_backend_pid()
AND backend_type = 'client backend' AND xact_start < clock_timestamp() - interval '%d seconds' ORDER BY 3 DESC`

const pgStuck = `
SELECT a.pid::text, 'session ' || (SELECT pg_catalog.string_agg(b::text, ', ')
    FROM unnest(pg_catalog.pg_blocking_pids(a.pid)) b),
  extract(epoch FROM clock_timestamp() - a.query_start)::float8
FROM pg_catalog.pg_stat_activity a
WHERE a.datname = current_database() AND a.wait_event_type = 'Lock'
AND pg_catalog.cardinality(pg_catalog.pg_blocking_pids(a.pid)) > 0
AND a.query_start < clock_timestamp() - interval '%d seconds' ORDER BY 3 DESC`

func (d *doctor) postgresSessions(ctx context.Context) {
	d.sessions(ctx, ExamTransactions, fmt.Sprintf(pgOld, int(longTransaction.Seconds())), noOld(), d.old)
	d.sessions(ctx, ExamBlocked, fmt.Sprintf(pgStuck, int(blockedFor.Seconds())), noBlocked, d.stuck)
}

const myOld = `
SELECT CAST(t.trx_mysql_thread_id AS CHAR) AS id, COALESCE(CONCAT(p.user, ', ', p.host), 'not known') AS who,
  TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) + 0e0 AS seconds
FROM information_schema.INNODB_TRX t LEFT JOIN information_schema.PROCESSLIST p ON p.id = t.trx_mysql_thread_id
WHERE t.trx_mysql_thread_id <> CONNECTION_ID() AND TIMESTAMPDIFF(SECOND, t.trx_started, NOW()) > %d
ORDER BY seconds DESC`

const myStuck = `
SELECT CAST(trx_mysql_thread_id AS CHAR) AS id, 'a lock' AS who,
  TIMESTAMPDIFF(SECOND, trx_wait_started, NOW()) + 0e0 AS seconds
FROM information_schema.INNODB_TRX WHERE trx_state = 'LOCK WAIT'
AND TIMESTAMPDIFF(SECOND, trx_wait_started, NOW()) >= %d ORDER BY seconds DESC`

func (d *doctor) mysqlSessions(ctx context.Context) {
	d.sessions(ctx, ExamTransactions, fmt.Sprintf(myOld, int(longTransaction.Seconds())), noOld(), d.old)
	d.sessions(ctx, ExamBlocked, fmt.Sprintf(myStuck, int(blockedFor.Seconds())), noBlocked, d.stuck)
}

// sqliteWriter asks whether it could write: nobody tells who else does.
func (d *doctor) sqliteWriter(ctx context.Context) {
	conn, err := d.DB.Conn(ctx)
	if err != nil {
		d.unseen(ExamBlocked, err)
		return
	}
	defer conn.Close()
	if _, err = conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err == nil {
		_, err = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
	}
	switch {
	case err == nil:
		d.say(Fine, ExamBlocked, noBlocked, "")
	case d.Dialect.Classify(err) == dialect.ClassRetryable:
		d.say(Note, ExamBlocked, "another transaction writes for longer than this connection waits",
			"end that transaction")
	default:
		d.say(Error, ExamRights, "it cannot be written: "+err.Error(),
			"give the program's user the right to write the file and its folder")
	}
}
