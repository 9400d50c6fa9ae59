package main

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/seed-162b1470/annals/capture/claim"
)

// The floors of PostgreSQL have the cheaper of both forms: a trigger for each row
// costs less for one, a trigger for each statement less for many.
func (postgresEngine) floors() []floor {
	f := []floor{
		{name: "empty, for each row"},
		{name: "empty, for each statement"},
		{name: bareInserts},
		{name: bareCopy, copies: true},
		{name: indexedCopy, copies: true},
	}
	f[2].statements = []string{"CREATE TABLE " + bareTable + " (n int)"}
	f[3].statements = postgresCopy()
	f[4].statements = append(postgresCopy(), copyIndexes()...)
	for c := range changes {
		f[0].statements = append(f[0].statements, postgresTrigger(c, false, "")...)
		f[1].statements = append(f[1].statements, postgresTrigger(c, true, "")...)
		f[2].statements = append(f[2].statements, postgresTrigger(c, false, bare(c))...)
		copying := postgresTrigger(c, true, postgresImages(c))
		f[3].statements = append(f[3].statements, copying...)
		f[4].statements = append(f[4].statements, copying...)
	}
	return f
}

func postgresCopy() []string {
	return []string{
		"CREATE TABLE " + copyTable + " AS SELECT 0::bigint AS annals_revision_entity_id, " +
			"0::bigint AS annals_seq, ''::varchar(6) AS annals_image, 0 AS annals_ordinal, " +
			strings.Join(itemColumns, ", ") + " FROM " + table + " LIMIT 0",
		"ALTER TABLE " + copyTable + " ADD COLUMN annals_id bigserial PRIMARY KEY",
	}
}

// postgresImages is one INSERT for all rows of a statement; the number of its
// transaction stands for that of a receipt.
func postgresImages(c change) string {
	const receipt = "xact"
	before := "SELECT " + imageOf("o", receipt, "before") + " FROM old_rows o"
	after := "SELECT " + imageOf("n", receipt, "after") + " FROM new_rows n"
	rows := map[change]string{
		inserted: after, updated: before + " UNION ALL " + after, deleted: before,
	}[c]
	return "INSERT INTO " + copyTable + " (" + copyColumns() + ") " + rows + ";"
}

// postgresTrigger makes a function and its trigger.
func postgresTrigger(c change, statement bool, body string) []string {
	name := "bench_" + c.String()
	level := "FOR EACH ROW"
	if statement {
		level = "REFERENCING " + map[change]string{
			inserted: "NEW TABLE AS new_rows",
			updated:  "OLD TABLE AS old_rows NEW TABLE AS new_rows",
			deleted:  "OLD TABLE AS old_rows",
		}[c] + " FOR EACH STATEMENT"
	}
	declare := ""
	if strings.Contains(body, "xact") {
		declare = "DECLARE xact bigint := pg_current_xact_id()::text::bigint; "
	}
	return []string{
		fmt.Sprintf("CREATE FUNCTION %s() RETURNS trigger LANGUAGE plpgsql AS "+
			"$$ %sBEGIN %s RETURN NULL; END $$", name, declare, body),
		fmt.Sprintf("CREATE TRIGGER %s AFTER %s ON %s %s EXECUTE FUNCTION %s()", name, c, table,
			level, name),
	}
}

// probe reads the time of the session's own process.
func (postgresEngine) probe(ctx context.Context, p *place, conn *sql.Conn) (probe, error) {
	var pid int
	err := conn.QueryRowContext(ctx, "SELECT pg_backend_pid()").Scan(&pid)
	return probe{
		cpu: threadTime(pid),
		log: asked(p.db, "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"),
	}, err
}

func (postgresEngine) empty(table string) string { return "TRUNCATE " + table }

func (postgresEngine) bind(c claim.Claim) (query string, args []any) {
	return claim.PostgresSet(c), nil
}

func (postgresEngine) unbind() string { return "" }

func (postgresEngine) statementTriggers() bool { return true }

func (postgresEngine) waiters() string {
	return "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() " +
		"AND backend_type = 'client backend' AND wait_event_type = 'Lock' AND wait_event <> 'extend'"
}

func (postgresEngine) revisions(n int) string {
	return fmt.Sprintf("INSERT INTO annals_revision "+
		"(id, source, transaction_hash, xid, managed, user_name, created_at) "+
		"SELECT n - 1 - %[1]d, 'app', 'x' || n, n, false, 'not orm', now() - interval '1 year' "+
		"FROM generate_series(1, %[1]d) n", n)
}

func (postgresEngine) dropIndex(name, _ string) string {
	return "DROP INDEX " + name
}
