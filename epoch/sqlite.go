package epoch

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// sqlite makes itself the writer at the beginning of a batch, so that nothing changes
// until its end: receipts are numbered in the order of the rows, and both are taken by
// the same condition.
type sqlite struct{}

func (sqlite) open(context.Context, *sql.Conn) error  { return nil }
func (sqlite) close(context.Context, *sql.Conn) error { return nil }

func (sqlite) begin(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE")
	return err
}

func (sqlite) prepare(context.Context, dialect.Queryer, *plan) error { return nil }
func (sqlite) hold(context.Context, *sql.Conn, *plan) error          { return nil }

func (e sqlite) insert(ctx context.Context, conn *sql.Conn, b batch) (int64, error) {
	b.text = func(s string) expr { return bound(s) }
	count := &query{d: b.d}
	count.add("SELECT COUNT(*), (", e.base(layout.RevisionEntityTable), "), (", e.base(layout.RevisionTable),
		") + 1 FROM ", b.inTable(), " WHERE ")
	b.within(count, e, b.span)
	count.add("1 = 1")
	var there, base, revision int64
	if err := one(ctx, conn, count, &there, &base, &revision); err != nil || there == 0 {
		return 0, err
	}
	var written [3]int64
	for i, write := range []func(*query, batch, numbers){e.receipts, e.revision, e.rows} {
		q := &query{d: b.d}
		write(q, b, numbers{bound(b.since), bound(revision), bound(base)})
		done, err := conn.ExecContext(ctx, q.sql.String(), q.args...)
		if err != nil {
			return 0, err
		}
		if written[i], err = done.RowsAffected(); err != nil || written[0] == 0 {
			return 0, err
		}
		// Where every row of the batch has its receipt, none has to be asked again.
		b.all = written[0] == there
	}
	if written[0] != written[2] {
		return 0, fmt.Errorf("%d receipts for %d rows of %s", written[0], written[2], b.target.Source)
	}
	return written[2], nil
}

// numbers are what a batch is told by: what is told already, its revision, and the last
// receipt before it.
type numbers struct{ since, revision, base expr }

// base is the last number that a table's rows have had.
func (sqlite) base(table string) string {
	return "SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = '" + table + "'"
}

// revision is a microsecond behind the clock: a statement of the same millisecond would
// take it for its own.
func (sqlite) revision(q *query, b batch, n numbers) {
	p := b.plan
	q.add("INSERT INTO ", p.own(layout.RevisionTable),
		" (id, source, transaction_hash, managed, comment, created_at) VALUES (").
		add(n.revision(q)).add(", ").
		add(b.text(p.source)(q)).
		add(", printf('%012x', CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER)) || ",
			"lower(hex(randomblob(10))), 0, ").
		add(b.text(p.comment())(q)).
		add(", ", strings.Replace(sqliteNow, "'000Z'", "'001Z'", 1), ")")
}

// sqliteNow is layout.InstantFormat; the clock has three digits.
const sqliteNow = "strftime('%Y-%m-%dT%H:%M:%f', 'now') || '000Z'"

func (e sqlite) receipts(q *query, b batch, n numbers) {
	p := b.plan
	q.add("INSERT INTO ", p.own(layout.RevisionEntityTable),
		" (id, revision, entity, type, entries, created_at) SELECT ").add(n.base(q)).
		add(" + ROW_NUMBER() OVER (ORDER BY ", strings.Join(p.keyRefs(e), ", "), "), ").
		add(n.revision(q)).add(", ").add(b.text(p.target.Name)(q)).
		add(", 'epoch', 1, ", sqliteNow, " FROM ", p.inTable())
	b.where(q, e, n.since)
}

func (e sqlite) rows(q *query, b batch, n numbers) {
	p := b.plan
	columns, values := p.copied()
	q.add("INSERT INTO ", p.copy(), " (annals_id, annals_revision_entity_id, annals_seq, annals_image, ",
		"annals_ordinal")
	for _, c := range columns {
		q.add(", ", c)
	}
	q.add(") SELECT 2 * annals_n + 1, annals_n, annals_n, 'after', 1")
	for _, c := range columns {
		q.add(", ", c)
	}
	q.add(" FROM (SELECT ").add(n.base(q)).
		add(" + ROW_NUMBER() OVER (ORDER BY ", strings.Join(p.keyRefs(e), ", "), ") AS annals_n")
	for i, v := range values {
		q.add(", ", v, " AS ", columns[i])
	}
	q.add(" FROM ", p.inTable())
	b.where(q, e, n.since)
	q.add(")")
}

func (e sqlite) next(*plan) string {
	return "SELECT (" + e.base(layout.RevisionEntityTable) + ") + 1"
}

func (sqlite) sorted(_ keyColumn, ref string) string { return ref }

// read tells the storage class, since a value is compared by it.
func (sqlite) read(_ keyColumn, ref string) string {
	return "CASE typeof(" + ref + ") WHEN 'integer' THEN 'i' || " + ref +
		" WHEN 'real' THEN 'r' || printf('%!.20g', " + ref + ") WHEN 'text' THEN 't' || hex(" + ref +
		") WHEN 'blob' THEN 'b' || hex(" + ref + ") END"
}

func (sqlite) typed(_ keyColumn, text string) string { return text }

func (sqlite) arg(c keyColumn, text string) (any, error) {
	var v any
	err := fmt.Errorf("not a key of column %q that was remembered", c.Name)
	if text == "" {
		return nil, err
	}
	switch rest := text[1:]; text[0] {
	case 'i':
		v, err = strconv.ParseInt(rest, 10, 64)
	case 'r':
		v, err = strconv.ParseFloat(rest, 64)
	case 't':
		var b []byte
		b, err = hex.DecodeString(rest)
		v = string(b)
	case 'b':
		v, err = hex.DecodeString(rest)
	}
	return v, err
}

func (sqlite) rowValues() bool { return true }
func (sqlite) now() string     { return sqliteNow }

func (sqlite) truth(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
