package mirrorstore

import (
	"context"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// builder makes a statement by appending only. Values never become text: each is
// bound, and its placeholder written at the same moment.
type builder struct {
	d     dialect.Dialect
	sql   strings.Builder
	args  []any
	where bool
}

func (b *builder) text(parts ...string) {
	for _, p := range parts {
		b.sql.WriteString(p)
	}
}

// number writes an integer of annals' own: a limit, an ordinal.
func (b *builder) number(n int64) { b.sql.WriteString(strconv.FormatInt(n, 10)) }

func (b *builder) table(t annals.Table) { b.sql.WriteString(b.d.Table(t)) }

// col is a column behind what its table is called.
func (b *builder) col(table, name string) string { return table + "." + b.d.Quote(name) }

// bind adds a value and writes its placeholder.
func (b *builder) bind(v any) {
	b.args = append(b.args, v)
	b.sql.WriteString(b.d.Placeholder(len(b.args)))
}

// and begins a further condition.
func (b *builder) and() {
	b.text([]string{" WHERE ", " AND "}[boolInt(b.where)])
	b.where = true
}

// in writes "ref IN (…)" or an equality.
func (b *builder) in(ref string, values []string) {
	if len(values) == 1 {
		b.text(ref, " = ")
		b.bind(values[0])
		return
	}
	b.text(ref, " IN (")
	for i, v := range values {
		b.text([]string{"", ", "}[min(i, 1)])
		b.bind(v)
	}
	b.text(")")
}

func boolInt(b bool) int {
	if b {
		return 1
	}
	return 0
}

// query runs b and calls row for each row of its result.
func query(
	ctx context.Context, q dialect.Queryer, b *builder, row func(scan func(...any) error) error,
) error {
	rows, err := q.QueryContext(ctx, b.sql.String(), b.args...)
	if err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // Err tells what went wrong while reading
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
}
