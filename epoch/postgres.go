package epoch

import (
	"context"
	"database/sql"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// postgres copies a batch by one statement: it locks rows FOR SHARE, which an UPDATE of
// columns that are no key waits for (it does not for KEY SHARE), draws each row's number
// above the lock, and writes revision, receipt and rows.
type postgres struct{}

// pgPinned are settings that change the text of values, and how statements are planned:
// by indexes, whatever statistics say of tables that have just been filled, and anew
// each time, since the copy grows.
var pgPinned = [][2]string{
	{"datestyle", "ISO, MDY"},
	{"timezone", "UTC"},
	{"intervalstyle", "postgres"},
	{"bytea_output", "hex"},
	{"extra_float_digits", "1"},
	{"lc_monetary", "C"},
	{"plan_cache_mode", "force_custom_plan"},
	{"enable_seqscan", "off"},
	{"enable_hashjoin", "off"},
	{"enable_mergejoin", "off"},
	{"enable_material", "off"},
	{"jit", "off"},
}

func (postgres) open(context.Context, *sql.Conn) error  { return nil }
func (postgres) close(context.Context, *sql.Conn) error { return nil }

func (postgres) begin(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"); err != nil {
		return err
	}
	settings := make([]string, len(pgPinned))
	for i, p := range pgPinned {
		settings[i] = "set_config('" + p[0] + "', '" + p[1] + "', true)"
	}
	_, err := conn.ExecContext(ctx, "SELECT "+strings.Join(settings, ", "))
	return err
}

// prepare: rows of tables that inherit are theirs, rows of partitions the partitioned
// table's.
func (postgres) prepare(ctx context.Context, on dialect.Queryer, p *plan) error {
	q := &query{d: p.d}
	q.add("SELECT relkind::text FROM pg_catalog.pg_class WHERE oid = ").add(q.arg(p.table())).
		add("::text::pg_catalog.regclass")
	var kind string
	if err := one(ctx, on, q, &kind); err != nil {
		return err
	}
	if kind != "p" {
		p.only = "ONLY "
	}
	return nil
}

func (postgres) hold(ctx context.Context, conn *sql.Conn, p *plan) error {
	_, err := conn.ExecContext(ctx, "LOCK TABLE "+p.only+p.table()+" IN ROW EXCLUSIVE MODE")
	return err
}

func (e postgres) insert(ctx context.Context, conn *sql.Conn, b batch) (int64, error) {
	q := &query{d: b.d}
	b.text = func(s string) expr {
		return func(q *query) string { return q.arg(s) + "::text" }
	}
	e.statement(q, b, bound(b.since))
	done, err := conn.ExecContext(ctx, q.sql.String(), q.args...)
	if err != nil {
		return 0, err
	}
	return done.RowsAffected()
}

// statement writes the statement that does a batch.
func (e postgres) statement(q *query, b batch, since expr) {
	p := b.plan
	columns, values := p.copied()
	q.add("WITH annals_locked AS MATERIALIZED (SELECT s.* FROM ", p.inTable())
	b.where(q, e, since)
	q.add(" ORDER BY ", strings.Join(p.keyRefs(e), ", "), " FOR SHARE OF s")
	if !b.wait {
		q.add(" NOWAIT")
	}
	q.add("), annals_rows AS MATERIALIZED (SELECT nextval(", e.sequence(p), ") AS annals_n, ",
		"(row_number() OVER ())::integer AS annals_o")
	for i, v := range values {
		q.add(", ", v, " AS ", columns[i])
	}
	q.add(" FROM annals_locked s), annals_rev AS (INSERT INTO ", p.own(layout.RevisionTable),
		" (id, source, transaction_hash, xid, managed, comment, db_user, application, client_addr, created_at) ",
		"SELECT f.n, ").
		add(b.text(p.source)(q)).
		add(", lpad(to_hex(floor(date_part('epoch', clock_timestamp()) * 1000)::bigint), 12, '0') || '",
			p.digits(), "' || lpad(to_hex(f.n), 12, '0'), txid_current(), false, ").
		add(b.text(p.comment())(q)).
		add(", session_user, nullif(left(current_setting('application_name'), 255), ''), ",
			"host(inet_client_addr()), clock_timestamp() ",
			"FROM (SELECT min(annals_n) AS n FROM annals_rows) f WHERE f.n IS NOT NULL RETURNING id), ",
			"annals_receipt AS (INSERT INTO ", p.own(layout.RevisionEntityTable),
			" (id, revision, entity, type, entries, created_at) SELECT id, id, ").
		add(b.text(p.target.Name)(q)).
		add(", 'epoch', (SELECT count(*) FROM annals_rows), clock_timestamp() FROM annals_rev RETURNING id) ",
			"INSERT INTO ", p.copy(), " (annals_id, annals_revision_entity_id, annals_seq, annals_image, ",
			"annals_ordinal")
	for _, c := range columns {
		q.add(", ", c)
	}
	q.add(") SELECT 2 * n.annals_n + 1, r.id, n.annals_n, 'after', n.annals_o")
	for _, c := range columns {
		q.add(", n.", c)
	}
	q.add(" FROM annals_rows n, annals_receipt r")
}

func (e postgres) next(p *plan) string { return "SELECT nextval(" + e.sequence(p) + ")" }

func (postgres) sorted(_ keyColumn, ref string) string { return ref }
func (postgres) read(_ keyColumn, ref string) string   { return ref + "::text" }
func (postgres) typed(c keyColumn, text string) string { return text + "::text::" + c.Type }

func (postgres) arg(_ keyColumn, text string) (any, error) { return text, nil }
func (postgres) rowValues() bool                           { return true }
func (postgres) now() string                               { return "clock_timestamp()" }

func (postgres) truth(b bool) string {
	if b {
		return "true"
	}
	return "false"
}
