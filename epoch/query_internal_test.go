package epoch

import (
	"slices"
	"testing"

	"github.com/seed-162b1470/annals/dialect"
)

// A comparison of several columns is written as row values, or written out; parameters
// are bound as often as they occur, in order.
func TestCompare(t *testing.T) {
	for _, test := range []struct {
		d         dialect.Dialect
		columns   []string
		op        string
		rowValues bool
		want      string
		args      []any
	}{
		{dialect.Postgres(), []string{"a"}, ">", true, "a > $1", []any{1}},
		{dialect.Postgres(), []string{"a", "b"}, "<=", true, "(a, b) <= ($1, $2)", []any{1, 2}},
		{
			dialect.MySQL(true),
			[]string{"a", "b"},
			">", false,
			"a >= ? AND ((a > ?) OR (a = ? AND b > ?))",
			[]any{1, 1, 1, 2},
		},
		{
			dialect.MySQL(true),
			[]string{"a", "b", "c"},
			"<=", false,
			"a <= ? AND ((a < ?) OR (a = ? AND b < ?) OR (a = ? AND b = ? AND c <= ?))",
			[]any{1, 1, 1, 2, 1, 2, 3},
		},
	} {
		q := &query{d: test.d}
		values := make([]expr, len(test.columns))
		for i := range values {
			values[i] = bound(i + 1)
		}
		compare(q, test.columns, test.op, values, test.rowValues)
		if got := q.sql.String(); got != test.want || !slices.Equal(q.args, test.args) {
			t.Errorf("got %s with %v\nwant %s with %v", got, q.args, test.want, test.args)
		}
	}
}

// Keys of SQLite keep their storage class on the way through a text.
func TestSQLiteKeys(t *testing.T) {
	for text, want := range map[string]any{
		"i-5": int64(-5), "r2.5": 2.5, "t6974277320": "it's ", "t": "", "i9007199254740993": int64(9007199254740993),
	} {
		if got, err := (sqlite{}).arg(keyColumn{}, text); err != nil || got != want {
			t.Errorf("%s: %#v, %v; want %#v", text, got, err, want)
		}
	}
	for _, text := range []string{"", "x1", "i", "tzz", "rx"} {
		if got, err := (sqlite{}).arg(keyColumn{}, text); err == nil {
			t.Errorf("%q: %#v", text, got)
		}
	}
}
