package journal

import (
	"errors"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

func TestMarker(t *testing.T) {
	t.Parallel()
	for _, target := range []string{
		"post", "", `a "b" \`, "two\nlines", "$annals$ */ -- '", "ü\u2028\x00", "</script>",
	} {
		text := "x\n" + marker("0123abcd", target) + "\nBEGIN"
		version, hash, got, ok := parseMarker(text)
		if !ok || version != Version || hash != "0123abcd" || got != target {
			t.Errorf("%q comes back as %d, %q, %q, %v", target, version, hash, got, ok)
		}
	}
	for _, text := range []string{"", "BEGIN", "-- annals trigger x ab \"t\"", "-- annals trigger 1 ab t"} {
		if _, _, _, ok := parseMarker(text); ok {
			t.Errorf("%q is taken for annals'", text)
		}
	}
}

func TestScript(t *testing.T) {
	t.Parallel()
	s := Script{
		{Comment: "first\nand second line", SQL: "BEGIN"},
		{SQL: "CREATE a // b", Compound: true},
		{Comment: "a note"},
		{Comment: "last", SQL: "COMMIT"},
	}
	const want = `-- first
-- and second line
BEGIN;
DELIMITER ///
CREATE a // b
///
DELIMITER ;

-- a note

-- last
COMMIT;
`
	if got := s.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestCutName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		room int
		lim  dialect.Limits
		want string
	}{
		{"abcdef", 0, dialect.Limits{Identifier: 6}, "abcdef"},
		{"abcdef", 2, dialect.Limits{Identifier: 6}, "abcd"},
		{"üüü", 1, dialect.Limits{Identifier: 6, Bytes: true}, "üü"},
		{"üüü", 1, dialect.Limits{Identifier: 3}, "üü"},
		{"abcdef", 9, dialect.Limits{}, "abcdef"},
	} {
		if got := cutName(c.name, c.room, c.lim); got != c.want {
			t.Errorf("%q with room for %d: %q, want %q", c.name, c.room, got, c.want)
		}
	}
}

// TestMapper: which columns of a copy take those of a table.
func TestMapper(t *testing.T) {
	t.Parallel()
	gen := postgresGenerator{&Journal{cfg: Config{Dialect: dialect.Postgres()}}}
	gone := int64(9)
	column := func(name, base string) Column {
		return Column{Column: dialect.Column{Name: name, Type: base, Base: base}}
	}
	masked := column("secret", "text")
	masked.Masked = true
	composite := column("pair", "bytea")
	composite.Kind, composite.Elem = dialect.KindSent, &dialect.Column{Kind: dialect.KindComposite}
	for _, c := range []struct {
		name   string
		known  []TargetColumn
		column Column
		want   string
	}{
		{"new", nil, column("a", "integer"), "a"},
		{"named like one of ours", nil, column("annals_seq", "integer"), "annals_seq_2"},
		{"masked", nil, masked, "annals_m_secret"},
		{"as it was", []TargetColumn{{Column: "a", Copy: "a_3", SourceType: "integer"}}, column("a", "integer"), "a_3"},
		{
			"wider",
			[]TargetColumn{{Column: "a", Copy: "a", SourceType: "character varying(1)"}},
			column("a", "character varying(2)"), "a",
		},
		{"retyped", []TargetColumn{{Column: "a", Copy: "a", SourceType: "integer"}}, column("a", "text"), "a_2"},
		{
			"retyped again", []TargetColumn{
				{Column: "a", Copy: "a", SourceType: "integer", UntilSeq: &gone}, {Column: "a", Copy: "a_2", SourceType: "text"},
			}, column("a", "integer"), "a_3",
		},
		{
			"a name used again",
			[]TargetColumn{{Column: "a", Copy: "a", SourceType: "integer", UntilSeq: &gone}},
			column("a", "integer"), "a_2",
		},
		{"another's place", []TargetColumn{{Column: "b", Copy: "a", SourceType: "integer"}}, column("a", "integer"), "a_2"},
		{"masked now", []TargetColumn{{Column: "secret", Copy: "secret", SourceType: "text"}}, masked, "annals_m_secret"},
		{"another composite", []TargetColumn{{Column: "pair", Copy: "pair", SourceType: "bytea"}}, composite, "pair_2"},
	} {
		columns := []Column{c.column}
		newMapper(dialect.Postgres(), gen, c.known).fill(columns)
		if columns[0].Copy != c.want {
			t.Errorf("%s: %q, want %q", c.name, columns[0].Copy, c.want)
		}
		rows, err := (&Target{Name: "t", Columns: columns}).Seed(5)
		if err != nil || len(rows) != 1 || rows[0].FromSeq != 5 || rows[0].Copy != c.want {
			t.Errorf("%s is seeded as %+v, %v", c.name, rows, err)
		}
		if _, err := ParseCodec(rows[0].Codec); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestCheckNames(t *testing.T) {
	t.Parallel()
	if err := checkNames([]string{"a"}, []string{"a", "b"}); err != nil {
		t.Error(err)
	}
	var e *annals.Error
	if err := checkNames([]string{"pots"}, []string{"post"}); !errors.As(err, &e) || e.Remedy != `did you mean "post"?` {
		t.Errorf("the error is %v", err)
	}
}
