package values

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// attributes are types with a value each, and the text of it in a composite where
// that is not what a column of the type has.
var attributes = []struct{ typ, value, text string }{
	{"bool", "true", "t"},
	{"smallint", "-1", ""},
	{"integer", "-2147483648", ""},
	{"bigint", "9223372036854775807", ""},
	{"oid", "4294967295", ""},
	{"xid", "'4294967295'", ""},
	{"xid8", "'18446744073709551615'", ""},
	{"regclass", "'pg_catalog.pg_class'", ""},
	{"money", "'1234.50'", "123450"}, // in its smallest unit
	{"numeric", "-1.50", ""},
	{"real", "0.1", ""},
	{"double precision", "0.30000000000000004", ""},
	{"double precision", "'-Infinity'", ""},
	{"text", "'x'", ""},
	{"char(3)", "'a'", ""},
	{"varchar(3)", "'a'", ""},
	{"name", "'n'", ""},
	{`"char"`, "'x'", ""},
	{"bytea", `'\x00ff'`, ""},
	{"bit varying", "B'1010101011'", ""},
	{"uuid", "'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", ""},
	{"inet", "'192.168.0.1/24'", ""},
	{"inet", "'192.168.0.1'", ""},
	{"inet", "'::'", ""},
	{"inet", "'::1'", ""},
	{"inet", "'::5'", ""},
	{"inet", "'::1.2.3.4'", ""},
	{"inet", "'::ffff:1.2.3.4'", ""},
	{"inet", "'2001:db8:0:0:1::/64'", ""},
	{"cidr", "'10.0.0.1/32'", ""},
	{"cidr", "'2001:db8::/32'", ""},
	{"macaddr", "'08:00:2B:01:02:03'", ""},
	{"macaddr8", "'08:00:2b:01:02:03:04:05'", ""},
	{"pg_lsn", "'16/B374D848'", ""},
	{"jsonpath", "'$.a[*]'", ""},
	{"xml", "'<a>x</a>'", ""},
	{"json", `'{"b":1,"a":[2]}'`, ""},
	{"jsonb", `'{"b":1,"a":[2]}'`, ""},
	{"jsonb[]", `ARRAY['{"b":1}'::jsonb, NULL]`, ""},
	{"boolean[]", "'{t,NULL}'", ""},
	{"integer[]", "'{{1},{2}}'", ""},
	{"float8[]", "'{0.1,NaN}'", ""},
	{"text[]", "'{a,NULL}'", ""},
	{"inet[]", "'{192.168.0.1}'", ""},
	{"numrange", "'[1.50,2)'", ""},
	{"tstzrange", "'[2026-01-01 00:00:00+02,)'", ""},
	{"point", "'(0.1,1e300)'", ""},
	{"tsvector", "'a'", `{"base64":"AAAAAWEAAAA="}`}, // a binary form of its own
}

// TestPostgresComposite: an attribute of a composite that is read field by field has
// the form that a column of its type has.
func TestPostgresComposite(t *testing.T) {
	t.Parallel()
	if !slices.Contains(testdb.Kinds(), dialect.PostgresName) {
		return // no other database has composites
	}
	db := testdb.New(t, dialect.PostgresName)
	samples := make([]sample, 0, 2*len(attributes))
	for i, a := range attributes {
		name := "attr" + string(rune('a'+i/26)) + string(rune('a'+i%26))
		samples = append(samples, sample{Type: a.typ, Values: []string{a.value}}, sample{
			Type: name, Setup: []string{"CREATE TYPE " + name + " AS (v " + a.typ + ", f real)"},
			Values: []string{"ROW(" + a.value + ", 1)"},
		})
	}
	tables := create(t, db, samples)
	d := detect(t, db)
	c := connect(t, db, session{open: same, set: oddPostgres})
	for i, a := range attributes {
		want := a.text
		if want == "" {
			want = plain(t, read(t, d, c, tables[2*i], false)[0])
		}
		row := plain(t, read(t, d, c, tables[2*i+1], false)[0])
		got := strings.TrimSuffix(strings.TrimPrefix(row, "("), ",1)")
		if quoted, ok := strings.CutPrefix(got, `"`); ok {
			got = strings.ReplaceAll(strings.TrimSuffix(quoted, `"`), `""`, `"`)
			got = strings.ReplaceAll(got, `\\`, `\`)
		}
		if got != want {
			t.Errorf("%s, %s: got %s in a row, want %s", a.typ, a.value, got, want)
		}
	}
}

// plain is a string's text, anything else as it is.
func plain(t *testing.T, v json.RawMessage) string {
	t.Helper()
	if v[0] != '"' {
		return string(v)
	}
	var text string
	if err := json.Unmarshal(v, &text); err != nil {
		t.Fatal(err)
	}
	return text
}

// TestPostgresCube: a type of an extension whose text follows extra_float_digits.
func TestPostgresCube(t *testing.T) {
	t.Parallel()
	if !slices.Contains(testdb.Kinds(), dialect.PostgresName) {
		return // no other database has extensions
	}
	db := testdb.New(t, dialect.PostgresName)
	var available bool
	err := db.QueryRowContext(t.Context(),
		"SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'cube')").Scan(&available)
	if err != nil || !available {
		t.Logf("the server has no extension cube: %v", err)
		return
	}
	values := []string{
		"'(0.1,0.2)'", "'(0.1,0.2),(0.3,0.30000000000000004)'", "'(1,1e300)'", "'()'", "NULL",
	}
	want := []string{
		`"(0.1, 0.2)"`, `"(0.1, 0.2),(0.3, 0.30000000000000004)"`, `"(1, 1e+300)"`, `"()"`, "null",
	}
	tab := create(t, db, []sample{
		{Type: "cube", Setup: []string{"CREATE EXTENSION cube"}, Values: values},
	})[0]
	d := detect(t, db)
	for _, set := range [][]string{nil, oddPostgres} {
		c := connect(t, db, session{open: same, set: set})
		for i, got := range read(t, d, c, tab, false) {
			if string(got) != want[i] {
				t.Errorf("%s: got %s, want %s", values[i], got, want[i])
			}
		}
	}
}
