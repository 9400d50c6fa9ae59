package mirrorstore

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// sqlite is SQLite 3.38 and later.
type sqlite struct{ dialect.Dialect }

func (sqlite) numbered() bool { return true }

func (sqlite) same(b *builder, ref, value string) (sorted bool) {
	b.text(ref, " = ")
	b.bind(value)
	return false
}

func (sqlite) past(b *builder, refs []string, op string, values []any) {
	compareRows(b, refs, op, values)
}

func (sqlite) ids(b *builder, ref string, ids []int64) { numbers(b, ref, ids) }

// each: SQLite does not change the order of a CROSS JOIN.
func (sqlite) each() string { return " CROSS JOIN " }

func (sqlite) half(ref string) string { return ref + " / 2" }

// sameValue passes over the column's collation. A number and a text are never equal
// in columns of one affinity.
func (sqlite) sameValue(a, b string, c dialect.Column) (expr string, ok bool) {
	return a + " = " + b + " COLLATE BINARY", c.Kind == dialect.KindDynamic
}

// operands are of the value's own type; the column's affinity does the rest.
func (sqlite) operands(c dialect.Column, v json.RawMessage) ([]operand, verdict) {
	if c.Kind != dialect.KindDynamic {
		return nil, unknown
	}
	if n, ok := asInt(v); ok {
		return []operand{{value: n}}, bindable
	}
	if f, ok := asFloat(v); ok {
		return []operand{{value: f}}, bindable
	}
	if text, ok := asText(v); ok && strings.IndexByte(text, 0) < 0 {
		return []operand{{value: text}}, bindable
	}
	if raw, ok := asBytes(v); ok { // or a text that is no UTF-8
		return []operand{{value: raw}, {before: "CAST(", value: raw, after: " AS TEXT)"}}, bindable
	}
	return nil, unknown
}

func (d sqlite) deleteByID(b *builder, table annals.Table, key string, ids []int64) {
	b.text("DELETE FROM ")
	b.table(table)
	b.text(" WHERE ")
	numbers(b, d.Quote(key), ids)
}

func (sqlite) ahead(ctx context.Context, s *Store) (ahead, error) { return aheadByNumber(ctx, s) }
