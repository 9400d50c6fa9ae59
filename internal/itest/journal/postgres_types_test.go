package journal_test

import (
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/journal"
)

const pgTypes = `
CREATE TYPE mood AS ENUM ('sad', 'so so');
CREATE DOMAIN short AS varchar(10) CHECK (value <> '');
CREATE DOMAIN feeling AS mood;
CREATE DOMAIN numbers AS int[];
CREATE TYPE reading AS (at timestamptz, value float8, note text, m mood);
CREATE TYPE plain AS (a int, b text);
CREATE TYPE span AS RANGE (subtype = float8);
CREATE TABLE t (
	id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, b boolean, i2 smallint, i8 bigint, n numeric, n2 numeric(10,2),
	f4 real, f8 float8, m money, c char(5), v varchar(7), t text, by bytea, d date, ti time, tz timetz, ts timestamp,
	tstz timestamptz(3), iv interval, u uuid, j json, jb jsonb, x xml, ip inet, net cidr, mac macaddr, bits bit(5),
	vb varbit, p point, bx box, pg polygon, r int4range, r2 tstzrange, lsn pg_lsn, oid oid, ia int[], ta text[],
	fa float8[], tza timestamptz[], ba bytea[], mo mood, sh short, fe feeling, nu numbers, moa mood[], sha short[],
	rd reading, rda reading[],
	pl plain, sp span, g int GENERATED ALWAYS AS (i2 * 2) STORED)`

const pgValues = `INSERT INTO t (b, i2, i8, n, n2, f4, f8, m, c, v, t, by, d, ti, tz, ts, tstz, iv, u, j, jb, x,
	ip, net, mac, bits, vb, p, bx, pg, r, r2, lsn, oid, ia, ta, fa, tza, ba, mo, sh, fe, nu, moa, sha, rd, rda,
	pl, sp) VALUES (true, -3, 9007199254740993,
	'NaN', 1.10, 0.1, 0.30000000000000004, '12.30', 'ab', 'c', E'd\ne', '\x0102', '2026-02-01', '12:04:05.000001',
	'12:04:05+09', '2026-02-01 12:04:05.5', '2026-02-01 12:04:05.1234+02', '1 mon 2 days 03:04:05', gen_random_uuid(),
	'{"a": 1.0,  "a": 2}', '{"b": [1, null]}', '<a>1</a>', '::1', '10.0.0.0/8', '08:00:2b:01:02:03', '10101', '1', '(1,2.5)',
	'(1,1),(0,0)', '((0,0),(1,1),(1,0))', '[1,5)', '[2026-01-01 00:00+00,)', '16/B374D848', 42, '{1,NULL}', '{a,"b c"}',
	'{0.1,NaN}', '{2026-01-01 00:00+00}', '{"\\x01"}', 'so so', 'abc', 'sad', '{3}', '{sad}', '{x}',
	ROW('2026-01-01 00:00+00', 0.1, 'ü', 'sad'), ARRAY[ROW('2026-01-01 00:00+00', 0.1, 'x', 'sad')::reading],
	ROW(1, 'x'),
	'[0.1,0.2)')`

// TestPostgresTypes: a copy has the same values as the row, whatever the settings of
// the session that writes.
func TestPostgresTypes(t *testing.T) {
	t.Parallel()
	for name, settings := range map[string]string{
		"default": "",
		"odd": `SET DateStyle = 'SQL, DMY'; SET IntervalStyle = sql_standard; SET extra_float_digits = -10;
			SET bytea_output = escape; SET TimeZone = 'Asia/Tokyo'; SET client_encoding = 'LATIN1'; SET search_path = public, pg_catalog;`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, testdb.New(t, "postgres"), pgTypes, entities("t"))
			s.install()
			s.psql("SET client_encoding = 'UTF8';" + pgValues + ", " + pgValues[strings.Index(pgValues, "VALUES (")+7:] +
				"; INSERT INTO t DEFAULT VALUES; DELETE FROM t_audit;" + settings + "UPDATE t SET b = b WHERE id = 1; UPDATE t SET b = b WHERE id > 1")
			targets, err := s.j.Targets(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			copied, err := catalog.Load(t.Context(), s.DB, s.d, targets[0].Copy)
			if err != nil {
				t.Fatal(err)
			}
			for i := range targets[0].Columns {
				c := &targets[0].Columns[i]
				want := s.decoded(c.Column, "SELECT "+s.d.ReadExpr(c.Column, s.d.Quote(c.Name))+" FROM t ORDER BY id")
				kept, ok := copied.Column(c.Copy)
				if !ok {
					t.Fatalf("no column %s", c.Copy)
				}
				read := s.d.ReadExpr(kept, s.d.Quote(c.Copy))
				if c.Kind == dialect.KindSent {
					read, kept = "encode("+s.d.Quote(c.Copy)+", 'hex')", c.Column
				}
				for _, image := range []string{"before", "after"} {
					got := s.decoded(kept, "SELECT "+read+" FROM t_audit WHERE annals_image = '"+image+"' ORDER BY id")
					s.same(image+" of column "+c.Name+" "+c.Type, got, want...)
				}
			}
		})
	}
}

func (s *scene) decoded(c dialect.Column, query string) []string {
	s.t.Helper()
	rows, err := s.QueryContext(s.t.Context(), query)
	if err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			s.t.Fatal(err)
		}
		text, err := s.d.Decode(c, v)
		if err != nil {
			s.t.Fatalf("%s: %v", c.Type, err)
		}
		out = append(out, string(text))
	}
	if err := rows.Err(); err != nil {
		s.t.Fatal(err)
	}
	return out
}

// TestPostgresColumns: which column of the copy takes a column that changed, and from
// which number on.
func TestPostgresColumns(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), `CREATE TABLE t (id int PRIMARY KEY, a varchar(10), b int, c int)`,
		entities("t"))
	// Without an event trigger, as where nobody may make one.
	const alone = `DROP EVENT TRIGGER annals_ddl_public`
	s.install()
	s.install()
	s.exec(alone)
	const mapping = `SELECT column_name, copy_column, source_type, from_seq > 0, until_seq IS NULL FROM annals_target_column
		ORDER BY id`
	s.same("at first", s.rows(mapping), "id id integer true true", "a a character varying(10) true true",
		"b b integer true true", "c c integer true true")
	s.exec(`INSERT INTO t VALUES (1, 'x', 2, 3)`)
	for _, step := range []struct{ run, copy string }{
		{`ALTER TABLE t ALTER a TYPE varchar(20)`, `ALTER TABLE t_audit ALTER a TYPE varchar(20)`},
		{`ALTER TABLE t ALTER b TYPE text`, `ALTER TABLE t_audit ADD b_2 text`},
		{`ALTER TABLE t RENAME c TO d`, `ALTER TABLE t_audit ADD d int`},
		{`ALTER TABLE t RENAME d TO c`, `ALTER TABLE t_audit ADD c_2 int`},
	} {
		s.exec(step.run, step.copy)
		s.renew(s.DB.DB)
		s.install()
		s.exec(alone, `UPDATE t SET id = id`)
	}
	s.same("in the end", s.rows(`SELECT column_name, copy_column, source_type, until_seq IS NULL FROM annals_target_column
		ORDER BY copy_column, id`),
		"a a character varying(10) false", "a a character varying(20) true", "b b integer false", "b b_2 text true",
		"c c integer false", "c c_2 integer true", "d d integer false", "id id integer true")
	s.same("images", s.rows(`SELECT a, b, b_2, c, d, c_2 FROM t_audit WHERE annals_image = 'after' ORDER BY annals_id`),
		"x 2 - 3 - -", "x 2 - 3 - -", "x - 2 3 - -", "x - 2 - 3 -", "x - 2 - - 3")
	s.same("mapped at each number", s.rows(`SELECT count(*) FROM t_audit r JOIN annals_target_column c
		ON c.from_seq <= r.annals_seq AND (c.until_seq IS NULL OR r.annals_seq < c.until_seq)
		GROUP BY r.annals_id HAVING count(*) <> 4`))
	s.same("rules", s.rows(`SELECT count(*) FROM annals_rules`), "1")
	s.rules.Entities[0].Label = "a"
	s.renew(s.DB.DB)
	s.install()
	s.same("rules", s.rows(`SELECT rules->'entity'->>'label' FROM annals_rules ORDER BY from_seq`), "-", "a")
}

// TestPostgresScript: the script is one text for psql, the same each time, and what
// it installs is what is wanted.
func TestPostgresScript(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgTypes+`; CREATE TABLE other (id int PRIMARY KEY)`, entities("t", "other"),
		inSchema("audit"))
	script := func(create func() (journal.Script, error)) string {
		t.Helper()
		sc, err := create()
		if err != nil {
			t.Fatal(err)
		}
		return sc.String()
	}
	create := func() (journal.Script, error) { return s.j.CreateScript(t.Context()) }
	text := script(create)
	s.psql(text)
	s.psql(text)
	if again := script(create); again != text {
		t.Error("the script is another one after it was run")
	}
	s.exec(`INSERT INTO other VALUES (1)`)
	s.same("receipts", s.receipts(), "1 other insert 1")
	s.psql(script(func() (journal.Script, error) { return s.j.DropScript(t.Context(), "other") }))
	installed, err := s.j.Installed(t.Context())
	if err != nil || len(installed) != 4 {
		t.Errorf("%d triggers after those of one entity were dropped, %v", len(installed), err)
	}
	s.psql(text)
	s.rules.Entities = s.rules.Entities[:1] // no longer configured
	s.renew(open(t, s.DB, "audit"))
	if _, err := s.j.DropScript(t.Context(), "other"); err != nil {
		t.Error(err)
	}
	s.psql(script(func() (journal.Script, error) { return s.j.DropScript(t.Context()) }))
	s.same("triggers and functions left", s.rows(`SELECT tgname FROM pg_trigger WHERE tgname LIKE '!annals%'
		UNION ALL SELECT proname FROM pg_proc WHERE proname LIKE 'annals%'`))
}
