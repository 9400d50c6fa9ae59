package mirrorstore

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// mysql is MariaDB 10.6 and MySQL 8.
type mysql struct{ dialect.Dialect }

func (mysql) numbered() bool { return true }

// same spells equality as a range: for "=" the optimizer takes the index by that
// column alone, and reads all that lies before the page.
func (mysql) same(b *builder, ref, value string) (sorted bool) {
	b.text(ref, " >= ")
	b.bind(value)
	b.text(" AND ", ref, " <= ")
	b.bind(value)
	return true
}

// past spells the comparison of rows out, as ranges that do not overlap: MySQL and
// MariaDB scan the whole index for "(a, b) < (?, ?)".
func (mysql) past(b *builder, refs []string, op string, values []any) {
	strict := op[:1]
	b.text("(")
	for i := range refs {
		b.text([]string{"", " OR "}[min(i, 1)], "(")
		for j := range i {
			b.text(refs[j], " = ")
			b.bind(values[j])
			b.text(" AND ")
		}
		sign := strict
		if i == len(refs)-1 {
			sign = op
		}
		b.text(refs[i], " ", sign, " ")
		b.bind(values[i])
		b.text(")")
	}
	b.text(")")
}

func (mysql) ids(b *builder, ref string, ids []int64) { numbers(b, ref, ids) }

// numbers writes them out: they are annals' own.
func numbers(b *builder, ref string, ids []int64) {
	b.text(ref, " IN (")
	for i, id := range ids {
		b.text([]string{"", ", "}[min(i, 1)], strconv.FormatInt(id, 10))
	}
	b.text(")")
}

func (mysql) each() string { return " STRAIGHT_JOIN " }

func (mysql) half(ref string) string { return ref + " DIV 2" }

// longest is how many digits stand before and behind the point of a decimal that
// the server compares.
const (
	longestWhole    = 35
	longestFraction = 30
)

func (mysql) sameValue(a, b string, c dialect.Column) (expr string, ok bool) {
	return a + " = " + b, c.Kind == dialect.KindInteger
}

func (mysql) operands(c dialect.Column, v json.RawMessage) ([]operand, verdict) {
	one := func(value any) ([]operand, verdict) { return []operand{{value: value}}, bindable }
	text, isText := asText(v)
	switch c.Kind {
	case dialect.KindInteger:
		if n, ok := asInt(v); ok {
			return one(n)
		}
		if n, err := strconv.ParseUint(string(v), 10, 64); err == nil {
			return one(n)
		}
		return nil, never
	case dialect.KindBytes:
		raw, ok := asBytes(v)
		if !ok || !typeIs(c, "binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob") {
			return nil, unknown
		}
		return one(raw)
	case dialect.KindDecimal:
		whole, fraction, _ := strings.Cut(strings.TrimPrefix(text, "-"), ".")
		if !decimalText.MatchString(text) || len(whole) > longestWhole || len(fraction) > longestFraction {
			return nil, unknown
		}
		return []operand{{before: "CAST(", value: text, after: " AS DECIMAL(65,30))"}}, bindable
	case dialect.KindDate:
		if _, ok := asTime(v, dateLayout); ok {
			return one(text)
		}
	case dialect.KindTimestamp:
		if t, ok := asTime(v, timestampLayout); ok {
			return one(t.Format("2006-01-02 15:04:05.000000"))
		}
	default:
		if isText && typeIs(c, "varchar", "char", "tinytext", "text", "mediumtext", "longtext", "enum") &&
			c.Kind != dialect.KindJSON {
			return one(text)
		}
	}
	return nil, unknown
}

// deleteByID reads the numbers first, each of which leads to one row: for a list of
// them the planner may prefer to read a table whole, and would lock the gaps where
// new rows are born.
func (d mysql) deleteByID(b *builder, table annals.Table, key string, ids []int64) {
	b.text("DELETE e FROM (")
	for i, id := range ids {
		b.text([]string{"SELECT ", " UNION ALL SELECT "}[min(i, 1)], strconv.FormatInt(id, 10), " AS id")
	}
	b.text(") AS k STRAIGHT_JOIN ")
	b.table(table)
	b.text(" AS e FORCE INDEX (PRIMARY) ON e.", d.Quote(key), " = k.id")
}

func (mysql) ahead(ctx context.Context, s *Store) (ahead, error) { return aheadByNumber(ctx, s) }
