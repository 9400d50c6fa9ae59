package epoch

import (
	"context"
	"database/sql"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// mysql takes three statements for a batch, each with a snapshot of its own (READ
// COMMITTED): the first locks the rows, the second gives each that has none yet a
// receipt, whose number is the row's, the third copies the rows and pairs them with the
// receipts by their place. No row that was locked changes in between, and one that
// comes anew has an insert of its own, which both of the others see.
//
// Locks within INSERT … SELECT would not do: they see rows that are newer than the
// snapshot in which their receipts are looked for.
type mysql struct {
	maria bool
	// zone and mode are what the session had.
	zone, mode string
	// level is the isolation of batches.
	level string
}

// mysqlMode is what triggers run with: strict, so that nothing is cut, with every date
// that a table may hold.
const mysqlMode = "STRICT_ALL_TABLES,ALLOW_INVALID_DATES,NO_AUTO_VALUE_ON_ZERO,NO_BACKSLASH_ESCAPES"

// open pins what changes values: TIMESTAMP goes through the session's zone, and some
// modes refuse dates that are in the table already. Binary logs of statements
// demand REPEATABLE READ.
func (e *mysql) open(ctx context.Context, conn *sql.Conn) error {
	q := (&query{}).add("SELECT @@time_zone, @@sql_mode, @@log_bin, @@binlog_format")
	var logged int
	var format string
	if err := one(ctx, conn, q, &e.zone, &e.mode, &logged, &format); err != nil {
		return fmt.Errorf("read the session's settings: %w", err)
	}
	e.level = "READ COMMITTED"
	if logged != 0 && strings.EqualFold(format, "STATEMENT") {
		e.level = "REPEATABLE READ"
	}
	return e.set(ctx, conn, "+00:00", mysqlMode)
}

func (e *mysql) close(ctx context.Context, conn *sql.Conn) error {
	return e.set(ctx, conn, e.zone, e.mode)
}

func (*mysql) set(ctx context.Context, conn *sql.Conn, zone, mode string) error {
	if _, err := conn.ExecContext(ctx, "SET time_zone = ?, sql_mode = ?", zone, mode); err != nil {
		return fmt.Errorf("set the session's zone and mode: %w", err)
	}
	return nil
}

func (e *mysql) begin(ctx context.Context, conn *sql.Conn) error {
	for _, s := range []string{
		"SET TRANSACTION ISOLATION LEVEL " + e.level, "START TRANSACTION READ WRITE",
	} {
		if _, err := conn.ExecContext(ctx, s); err != nil {
			return err
		}
	}
	return nil
}

// prepare reads the collations of the key: what a text is compared by.
func (*mysql) prepare(ctx context.Context, on dialect.Queryer, p *plan) error {
	for i := range p.key {
		q := &query{d: p.d}
		q.add("SELECT COALESCE(CHARACTER_SET_NAME, '') AS cs, COALESCE(COLLATION_NAME, '') AS coll ",
			"FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ").add(q.arg(p.target.Source.Schema)).
			add(" AND TABLE_NAME = ").add(q.arg(p.target.Source.Name)).
			add(" AND COLUMN_NAME = ").add(q.arg(p.key[i].Name))
		c := &p.key[i]
		if err := one(ctx, on, q, &c.charset, &c.collation); err != nil {
			return fmt.Errorf("read the collation of column %s: %w", c.Name, err)
		}
	}
	return nil
}

// hold reads from the table, whose metadata lock then keeps DDL away.
func (*mysql) hold(ctx context.Context, conn *sql.Conn, p *plan) error {
	_, err := conn.ExecContext(ctx, "SELECT 1 FROM "+p.table()+" LIMIT 0")
	return err
}

func (e *mysql) insert(ctx context.Context, conn *sql.Conn, b batch) (int64, error) {
	b.text = func(s string) expr { return bound(s) }
	since := bound(b.since)
	locked := &query{d: b.d}
	e.lock(locked, b)
	var rows int64
	if err := one(ctx, conn, locked, &rows); err != nil || rows == 0 {
		return 0, err
	}
	var written [3]int64
	var revision int64
	for i, write := range []func(*query, batch, expr, expr){e.revision, e.receipts, e.rows} {
		q := &query{d: b.d}
		write(q, b, since, bound(revision))
		done, err := conn.ExecContext(ctx, q.sql.String(), q.args...)
		if err != nil {
			return 0, err
		}
		if written[i], err = done.RowsAffected(); err != nil {
			return 0, err
		}
		if i == 0 {
			if revision, err = done.LastInsertId(); err != nil {
				return 0, err
			}
		}
		if i == 1 && written[i] == 0 {
			return 0, e.unused(ctx, conn, b, revision)
		}
	}
	if written[1] != written[2] {
		return 0, fmt.Errorf("%d receipts for %d rows of %s", written[1], written[2], b.target.Source)
	}
	return written[2], nil
}

// unused takes back a revision that has nothing to tell.
func (*mysql) unused(ctx context.Context, conn *sql.Conn, b batch, revision int64) error {
	q := &query{d: b.d}
	q.add("DELETE FROM ", b.own(layout.RevisionTable), " WHERE id = ").add(q.arg(revision))
	_, err := conn.ExecContext(ctx, q.sql.String(), q.args...)
	return err
}

// lock locks the rows of the batch: shared, by the primary key, where that is the key;
// through another index, a shared lock of its records would let updates of other
// columns pass.
func (e *mysql) lock(q *query, b batch) {
	p := b.plan
	primary := slices.Equal(p.target.Table.Live.Key, p.target.Table.Key)
	q.add("SELECT COUNT(*) FROM ", p.inTable())
	if primary {
		q.add(" FORCE INDEX (PRIMARY)")
	}
	q.add(" WHERE ")
	p.within(q, e, b.span)
	q.add("1 = 1")
	switch {
	case !primary:
		q.add(" FOR UPDATE")
	case e.maria:
		q.add(" LOCK IN SHARE MODE")
	default:
		q.add(" FOR SHARE")
	}
	if !b.wait {
		q.add(" NOWAIT")
	}
}

func (*mysql) revision(q *query, b batch, _, _ expr) {
	p := b.plan
	q.add("INSERT INTO ", p.own(layout.RevisionTable), " (source, transaction_hash, managed, comment, ",
		"db_user, created_at) VALUES (").
		add(b.text(p.source)(q)).
		add(", CONCAT(LPAD(LOWER(HEX(CAST(UNIX_TIMESTAMP(SYSDATE(3)) * 1000 AS UNSIGNED))), 12, '0'), ",
			"LEFT(MD5(CONCAT(UUID(), CONNECTION_ID(), RAND())), 20)), 0, ").
		add(b.text(p.comment())(q)).
		add(", USER(), ", mysqlNow, ")")
}

// mysqlNow is the clock in UTC, also in the middle of a statement.
const mysqlNow = "SYSDATE(6)"

func (e *mysql) receipts(q *query, b batch, since, revision expr) {
	p := b.plan
	q.add("INSERT INTO ", p.own(layout.RevisionEntityTable),
		" (revision, entity, type, entries, created_at) SELECT ").add(revision(q)).
		add(", ").add(b.text(p.target.Name)(q)).
		add(", 'epoch', 1, ", mysqlNow, " FROM ", p.inTable())
	b.where(q, e, since)
	q.add(" ORDER BY ", strings.Join(p.keyRefs(e), ", "))
}

func (e *mysql) rows(q *query, b batch, since, revision expr) {
	p := b.plan
	columns, values := p.copied()
	q.add("INSERT INTO ", p.copy(), " (annals_id, annals_revision_entity_id, annals_seq, annals_image, ",
		"annals_ordinal")
	for _, c := range columns {
		q.add(", ", c)
	}
	q.add(") SELECT 2 * r.id + 1, r.id, r.id, 'after', 1")
	for _, v := range values {
		q.add(", ", v)
	}
	order := strings.Join(p.keyRefs(e), ", ")
	// A row without a receipt has no number, and fails.
	q.add(" FROM (SELECT s.*, ROW_NUMBER() OVER (ORDER BY ", order, ") AS annals_n FROM ", p.inTable())
	b.where(q, e, since)
	q.add(") s LEFT JOIN (SELECT id, ROW_NUMBER() OVER (ORDER BY id) AS annals_n FROM ",
		p.own(layout.RevisionEntityTable), " WHERE revision = ").add(revision(q)).
		add(") r ON s.annals_n = r.annals_n ORDER BY s.annals_n")
}

func (*mysql) next(p *plan) string {
	return "SELECT COALESCE(MAX(id), 0) + 1 FROM " + p.own(layout.RevisionEntityTable)
}

// sorted: ENUM and SET sort by number and compare with texts by text.
func (*mysql) sorted(c keyColumn, ref string) string {
	if t := strings.ToLower(c.Type); strings.HasPrefix(t, "enum") || strings.HasPrefix(t, "set") {
		return "(" + ref + " + 0)"
	}
	return ref
}

// read gives binary strings in hexadecimal, numbers that are no integers with all their
// digits.
func (e *mysql) read(c keyColumn, ref string) string {
	ref = e.sorted(c, ref)
	switch mysqlClass(c) {
	case classBytes:
		return "HEX(" + ref + ")"
	case classFloat:
		return "CAST((" + ref + " + 0e0) AS CHAR)"
	case classBits:
		return "CAST((" + ref + " + 0) AS CHAR)"
	}
	return "CONVERT(CAST(" + ref + " AS CHAR) USING utf8mb4)"
}

// typed gives the value its type back: numbers are compared with texts as floats.
func (*mysql) typed(c keyColumn, text string) string {
	switch mysqlClass(c) {
	case classBytes:
		return "UNHEX(" + text + ")"
	case classFloat:
		return "(" + text + " + 0e0)"
	case classBits, classUnsigned:
		return "CAST(" + text + " AS UNSIGNED)"
	case classSigned:
		return "CAST(" + text + " AS SIGNED)"
	case classDecimal:
		return "CAST(" + text + " AS DECIMAL(65,30))"
	}
	if c.collation != "" {
		return "CONVERT(" + text + " USING " + c.charset + ") COLLATE " + c.collation
	}
	return "CAST(" + text + " AS " + strings.ToUpper(mysqlTime(c)) + ")"
}

// mysqlTime is the type of a date or time with all its digits.
func mysqlTime(c keyColumn) string {
	switch t, _, _ := strings.Cut(strings.ToLower(c.Type), "("); t {
	case "date":
		return t
	case "time":
		return "time(6)"
	case "datetime", "timestamp":
		return "datetime(6)"
	}
	return "char"
}

// The classes of key columns.
const (
	classText = iota
	classBytes
	classFloat
	classBits
	classUnsigned
	classSigned
	classDecimal
)

func mysqlClass(c keyColumn) int {
	t := strings.ToLower(c.Type)
	switch {
	case strings.HasPrefix(t, "enum"), strings.HasPrefix(t, "set"), strings.HasPrefix(t, "year"):
		return classUnsigned
	case c.Kind == dialect.KindBytes:
		return classBytes
	case c.Kind == dialect.KindFloat32, c.Kind == dialect.KindFloat64:
		return classFloat
	case c.Kind == dialect.KindBits:
		return classBits
	case c.Kind == dialect.KindInteger && strings.Contains(t, "unsigned"):
		return classUnsigned
	case c.Kind == dialect.KindInteger, c.Kind == dialect.KindBool:
		return classSigned
	case c.Kind == dialect.KindDecimal:
		return classDecimal
	}
	return classText
}

func (*mysql) arg(_ keyColumn, text string) (any, error) { return text, nil }
func (*mysql) rowValues() bool                           { return false }
func (*mysql) now() string                               { return mysqlNow }

func (*mysql) truth(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// mysqlText is a text as a literal under mysqlMode, whatever the client's character set.
func mysqlText(s string) string {
	plain := strings.IndexFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) < 0
	if plain {
		return "_utf8mb4'" + strings.ReplaceAll(s, "'", "''") + "'"
	}
	return "CONVERT(X'" + hex.EncodeToString([]byte(s)) + "' USING utf8mb4)"
}
