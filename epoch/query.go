package epoch

import (
	"strings"

	"github.com/seed-162b1470/annals/dialect"
)

// query is a statement with its parameters, made from front to back.
type query struct {
	d    dialect.Dialect
	sql  strings.Builder
	args []any
}

func (q *query) add(parts ...string) *query {
	for _, p := range parts {
		q.sql.WriteString(p)
	}
	return q
}

// arg binds a value and returns its placeholder, which has to be added before the next.
func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return q.d.Placeholder(len(q.args))
}

// expr writes an expression into a query: a placeholder, or what stands for it in a
// script.
type expr func(q *query) string

// is is an expression that needs no parameter.
func is(text string) expr { return func(*query) string { return text } }

// bound binds a value.
func bound(v any) expr { return func(q *query) string { return q.arg(v) } }

// span is a piece of the table in key order: behind from, up to to. Nil is no end; in a
// script, noFrom and noTo are conditions under which there is none.
type span struct {
	from, to     []expr
	noFrom, noTo string
}

// compare writes that the columns are behind the values (op is ">"), or not ("<=").
// Row values say the same; where they make no use of an index, the comparison is
// written out.
func compare(q *query, columns []string, op string, values []expr, rowValues bool) {
	if len(columns) == 1 {
		q.add(columns[0], " ", op, " ").add(values[0](q))
		return
	}
	if rowValues {
		q.add("(", strings.Join(columns, ", "), ") ", op, " (")
		for i, v := range values {
			if i > 0 {
				q.add(", ")
			}
			q.add(v(q))
		}
		q.add(")")
		return
	}
	// The first column alone is what an index is entered by.
	strict := op[:1]
	q.add(columns[0], " ", strict, "= ").add(values[0](q))
	q.add(" AND (")
	for i := range columns {
		if i > 0 {
			q.add(" OR ")
		}
		q.add("(")
		for j := range i {
			q.add(columns[j], " = ").add(values[j](q)).add(" AND ")
		}
		last := strict
		if i == len(columns)-1 {
			last = op
		}
		q.add(columns[i], " ", last, " ").add(values[i](q)).add(")")
	}
	q.add(")")
}
