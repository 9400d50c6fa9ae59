package mirrorstore

import (
	"context"
	"database/sql"
	"encoding/hex"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
)

// postgres is PostgreSQL 13 and later.
type postgres struct{ dialect.Dialect }

func (postgres) numbered() bool { return false }

func (postgres) same(b *builder, ref, value string) (sorted bool) {
	b.text(ref, " = ")
	b.bind(value)
	return false
}

// past compares rows, which PostgreSQL turns into one seek in the index.
func (postgres) past(b *builder, refs []string, op string, values []any) {
	compareRows(b, refs, op, values)
}

func compareRows(b *builder, refs []string, op string, values []any) {
	b.text("(", strings.Join(refs, ", "), ") ", op, " (")
	for i, v := range values {
		b.text([]string{"", ", "}[min(i, 1)])
		b.bind(v)
	}
	b.text(")")
}

// ids keeps the text of the statement the same, however many there are: drivers
// keep a plan for each.
func (postgres) ids(b *builder, ref string, ids []int64) {
	list := []byte{'{'}
	for i, id := range ids {
		if i > 0 {
			list = append(list, ',')
		}
		list = strconv.AppendInt(list, id, 10)
	}
	b.text(ref, " = ANY (")
	b.bind(string(append(list, '}')))
	b.text("::text::bigint[])")
}

func (postgres) each() string { return " CROSS JOIN " }

func (postgres) half(ref string) string { return ref + " / 2" }

func (postgres) sameValue(a, b string, c dialect.Column) (expr string, ok bool) {
	return a + " = " + b, c.Kind == dialect.KindInteger || c.Type == "uuid"
}

func (postgres) operands(c dialect.Column, v json.RawMessage) ([]operand, verdict) {
	one := func(value any, as string) ([]operand, verdict) {
		return []operand{{value: value, after: "::text::" + as}}, bindable
	}
	text, isText := asText(v)
	switch {
	case c.Kind == dialect.KindInteger && typeIs(c, "smallint", "integer", "bigint"):
		n, ok := asInt(v)
		if !ok {
			return nil, never
		}
		return one(strconv.FormatInt(n, 10), "bigint")
	case c.Kind == dialect.KindBool:
		if s := string(v); s == "true" || s == "false" {
			return one(s, "boolean")
		}
		return nil, never
	case c.Kind == dialect.KindBytes:
		raw, ok := asBytes(v)
		if !ok {
			return nil, unknown
		}
		return []operand{{before: "decode(", value: hex.EncodeToString(raw), after: "::text, 'hex')"}}, bindable
	case c.Kind == dialect.KindFloat64:
		if _, ok := asFloat(v); !ok {
			return nil, unknown
		}
		return one(string(v), "double precision")
	case !isText:
		return nil, unknown
	case strings.IndexByte(text, 0) >= 0:
		return nil, never
	}
	return pgText(c, v, text, one)
}

// pgText is about columns whose values are JSON strings.
func pgText(
	c dialect.Column, v json.RawMessage, text string,
	one func(value any, as string) ([]operand, verdict),
) ([]operand, verdict) {
	as := ""
	switch c.Kind {
	case dialect.KindDecimal:
		if decimalText.MatchString(text) {
			as = "numeric"
		}
	case dialect.KindDate:
		if _, ok := asTime(v, dateLayout); ok {
			as = "date"
		}
	case dialect.KindTimestamp:
		if _, ok := asTime(v, timestampLayout); ok {
			as = "timestamp"
		}
	case dialect.KindInstant:
		if _, ok := asInstant(v); ok {
			as = "timestamptz"
		}
	default:
		switch {
		case typeIs(c, "text", "character varying"):
			as = "text"
		case typeIs(c, "character"):
			as = "bpchar"
		case c.Type == "uuid" && uuidText.MatchString(text):
			as = "uuid"
		case c.Type == "uuid":
			return nil, never
		}
	}
	if as == "" {
		return nil, unknown
	}
	return one(text, as)
}

func (d postgres) deleteByID(b *builder, table annals.Table, key string, ids []int64) {
	b.text("DELETE FROM ")
	b.table(table)
	b.text(" WHERE ")
	d.ids(b, d.Quote(key), ids)
}

func (postgres) ahead(ctx context.Context, s *Store) (ahead, error) { return aheadBySnapshot(ctx, s) }

// next implements ahead: the receipts of transactions that this snapshot sees and
// the one before did not. Both statements read by the same snapshot.
func (w *snapshots) next(ctx context.Context) ([]journal.Receipt, func(), error) {
	tx, err := w.store.cfg.DB.BeginTx(ctx, &sql.TxOptions{
		Isolation: sql.LevelRepeatableRead, ReadOnly: true,
	})
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = tx.Rollback() }() // it has only read
	now, err := w.snapshot(ctx, tx)
	if err != nil {
		return nil, nil, err
	}
	b := &builder{d: w.store.cfg.Dialect}
	b.text("SELECT r.id, r.revision, r.entity, r.type, r.entries, ", w.store.syntax.Instant("r.created_at"), " FROM ")
	b.table(annals.Table{Name: layout.RevisionTable})
	b.text(" AS v JOIN ")
	b.table(annals.Table{Name: layout.RevisionEntityTable})
	b.text(" AS r ON r.revision = v.id WHERE v.xid >= pg_snapshot_xmin(")
	b.bind(w.seen)
	b.text("::text::pg_snapshot)::text::bigint AND NOT pg_visible_in_snapshot(v.xid::text::xid8, ")
	b.bind(w.seen)
	b.text("::text::pg_snapshot) ORDER BY r.id")
	out, err := scanReceipts(ctx, w.store, tx, b)
	return out, func() { w.seen = now }, err
}
