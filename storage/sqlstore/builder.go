package sqlstore

import (
	"slices"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// builder makes a statement by appending only. Values never become text: each
// is bound, and its placeholder written at the same moment.
type builder struct {
	d    dialect.Dialect
	sql  strings.Builder
	args []any
}

func (b *builder) text(parts ...string) {
	for _, p := range parts {
		b.sql.WriteString(p)
	}
}

// number writes an integer of annals' own (a limit, the ordinal of a branch):
// planners look at limits, and prepared statements hide what is bound.
func (b *builder) number(n int) { b.sql.WriteString(strconv.Itoa(n)) }

// numbers writes "ref IN (…)" of numbers of annals' own.
func (b *builder) numbers(ref string, ids []int64) {
	b.text(ref, " IN (")
	for i, id := range ids {
		b.text([]string{"", ", "}[min(i, 1)], strconv.FormatInt(id, 10))
	}
	b.text(")")
}

func (b *builder) name(name string) { b.sql.WriteString(b.d.Quote(name)) }

func (b *builder) table(t annals.Table) { b.sql.WriteString(b.d.Table(t)) }

// names writes a comma-separated list of columns, each behind prefix ("e.").
func (b *builder) names(prefix string, names []string) {
	for i, n := range names {
		if i > 0 {
			b.sql.WriteString(", ")
		}
		b.sql.WriteString(prefix)
		b.name(n)
	}
}

// bind adds a value and writes its placeholder.
func (b *builder) bind(v any) {
	b.args = append(b.args, v)
	b.sql.WriteString(b.d.Placeholder(len(b.args)))
}

// binds writes a comma-separated list of values.
func (b *builder) binds(values []any) {
	for i, v := range values {
		if i > 0 {
			b.sql.WriteString(", ")
		}
		b.bind(v)
	}
}

// value writes a value. The type of an entry is written out where it is one of
// the few there are: PostgreSQL has to see a rare type to choose its index, and
// a prepared statement would hide it.
func (b *builder) value(v any) {
	if t, ok := v.(annals.EntryType); ok {
		if t.Valid() {
			b.text("'", string(t), "'")
			return
		}
		v = clean(string(t))
	}
	b.bind(v)
}

// in writes "ref IN (…)", or an equality where there is one value.
func (b *builder) in(ref string, values []any) {
	if len(values) == 1 {
		b.text(ref, " = ")
		b.value(values[0])
		return
	}
	b.text(ref, " IN (")
	for i, v := range values {
		if i > 0 {
			b.text(", ")
		}
		b.value(v)
	}
	b.text(")")
}

// insertInto writes the head of an INSERT.
func (b *builder) insertInto(t annals.Table, columns []string) {
	b.text("INSERT INTO ")
	b.table(t)
	b.text(" (")
	b.names("", columns)
	b.text(")")
}

// texts makes arguments of texts, each fit to be sent, sorted and once.
func texts(values []string) []any {
	sorted := slices.Sorted(slices.Values(values))
	var out []any
	for _, v := range slices.Compact(sorted) {
		out = append(out, clean(v))
	}
	return out
}

// types makes arguments of types, sorted and once.
func types(values []annals.EntryType) []any {
	sorted := slices.Sorted(slices.Values(values))
	var out []any
	for _, v := range slices.Compact(sorted) {
		out = append(out, v)
	}
	return out
}
