package journal_test

import (
	"fmt"
	"os"
	"strconv"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestPostgresTableChanges: after each change of a table its rows are recorded with
// the columns that it has now, and what is installed is what would be installed.
func TestPostgresTableChanges(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"statement", "row"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			e := annals.Entity{Name: "t", Ignore: []string{"hidden"}, Label: "a"}
			if form == "row" {
				e.Mask = []string{"secret"}
			}
			s := newScene(t, testdb.New(t, "postgres"), pgNothing+`CREATE TYPE mood AS ENUM ('sad'); CREATE DOMAIN short AS varchar(10);
				CREATE TYPE pair AS (a int, b float8);
				CREATE TABLE t (id int PRIMARY KEY, a varchar(10), b int, hidden text, secret int, p pair);
				INSERT INTO t VALUES (1, 'x', 2, 'h', 4, ROW(1, 0.1))`, entity(e), inSchema("Annals' own"))
			s.install()
			for _, step := range []struct{ run, columns, image string }{
				{`ALTER TABLE t ADD c int NOT NULL DEFAULT 7`, "c", "7"},
				{`ALTER TABLE t ADD "it's ""\ odd" text DEFAULT 'o'`, `"it's ""\ odd"`, "o"},
				{`ALTER TABLE t ALTER a TYPE varchar(20)`, "a", "x"},
				{`ALTER TABLE t ALTER b TYPE text`, "b, b_2", "- 2"},
				{`ALTER TABLE t RENAME c TO d`, "c, d", "- 7"},
				{`ALTER TABLE t DROP d`, "c, d", "- -"},
				{
					`ALTER TABLE t ADD d mood DEFAULT 'sad', ADD e short[] DEFAULT '{x}', ADD f mood[] DEFAULT '{sad}'`,
					"d, d_2, e, f", "- sad {x} {sad}",
				},
				{`ALTER TABLE t RENAME hidden TO unseen`, "a", "x"},
				{`ALTER TABLE t RENAME a TO label`, "a, label", "- x"},
				{`ALTER TABLE t ADD g pair DEFAULT ROW(1, 0.1)`, "g", "(1,0.1)"},
				{`ALTER TABLE t RENAME TO u; ALTER TABLE u RENAME TO t`, "b_2", "2"},
				{`ALTER TABLE t SET (fillfactor = 90)`, "b_2", "2"},
				{`ALTER TABLE t RENAME id TO key`, "id, key", "- 1"},
				{
					`ALTER TABLE t DROP CONSTRAINT t_pkey; ALTER TABLE t ALTER key TYPE bigint; ALTER TABLE t ADD PRIMARY KEY (key)`,
					"key, key_2", "- 1",
				},
				{`ALTER TABLE t ALTER secret TYPE float8, DROP p`, "b_2", "2"},
			} {
				s.exec(step.run, `UPDATE t SET secret = secret`)
				s.same(step.run, s.rows(`SELECT `+step.columns+` FROM `+s.own("t_audit")+` ORDER BY annals_id DESC LIMIT 1`),
					step.image)
			}
			s.same("hidden", s.rows(`SELECT attname FROM pg_attribute WHERE attrelid = '"Annals'' own".t_audit'::regclass
				AND attname IN ('hidden', 'unseen')`))
			s.same("rules", s.rows(`SELECT rules->'key', rules->'entity'->'ignore', rules->'entity'->'label'
				FROM `+s.own("annals_rules")+` ORDER BY from_seq`), `["id"] ["hidden"] "a"`, `["id"] ["unseen"] "a"`,
				`["id"] ["unseen"] "label"`, `["key"] ["unseen"] "label"`)
			if form == "row" {
				s.same("masked", s.rows(`SELECT annals_m_secret FROM `+s.own("t_audit")+` ORDER BY annals_id DESC LIMIT 2`),
					"false", "true")
			}
			s.exec(`ALTER TABLE t DROP g`) // what only the program knows
			s.rules.Entities[0].Ignore, s.rules.Entities[0].Label = []string{"unseen"}, "label"
			s.renew(open(t, s.DB, s.schema))
			s.fits()
			before := s.rows(`SELECT * FROM ` + s.own("annals_target_column") + ` ORDER BY id`)
			s.install()
			s.same("columns after another installation", s.rows(`SELECT * FROM `+s.own("annals_target_column")+` ORDER BY id`),
				before...)
		})
	}
}

// fits checks that what is installed is what is wanted.
func (s *scene) fits() {
	s.t.Helper()
	installed, err := s.j.Installed(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	wanted, err := s.j.Wanted(s.t.Context())
	if err != nil {
		s.t.Fatal(err)
	}
	for i := range installed {
		installed[i].Definer = ""
		if i >= len(wanted) || installed[i] != wanted[i] {
			s.t.Errorf("installed: %+v", installed[i])
		}
	}
	if len(installed) != len(wanted) {
		s.t.Errorf("%d triggers are installed, %d wanted", len(installed), len(wanted))
	}
}

// TestPostgresNewPartitions: partitions that come are recorded, those that go are not
// any more.
func TestPostgresNewPartitions(t *testing.T) {
	t.Parallel()
	for _, form := range []string{"statement", "row"} {
		t.Run(form, func(t *testing.T) {
			t.Parallel()
			e := annals.Entity{Name: "p"}
			if form == "row" {
				e.Mask = []string{"n"}
			}
			s := newScene(t, testdb.New(t, "postgres"), `CREATE TABLE p (id int PRIMARY KEY, n int) PARTITION BY RANGE (id)`,
				entity(e))
			s.install()
			s.exec(`CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10)`,
				`CREATE TABLE p_2 (n int, id int NOT NULL)`, `ALTER TABLE p ATTACH PARTITION p_2 FOR VALUES FROM (10) TO (20)`,
				`CREATE TABLE p_3 PARTITION OF p FOR VALUES FROM (20) TO (30) PARTITION BY RANGE (id)`,
				`CREATE TABLE p_4 PARTITION OF p_3 FOR VALUES FROM (20) TO (30)`,
				`INSERT INTO p_1 VALUES (1, 1)`, `INSERT INTO p_2 VALUES (1, 11)`, `INSERT INTO p_4 VALUES (21, 1)`,
				`ALTER TABLE p ADD m int DEFAULT 5`, `UPDATE p_2 SET m = 6`)
			s.same("images", s.images("p", "id", "m"), "1 after 1 1 -", "2 after 1 11 -", "3 after 1 21 -",
				"4 before 1 11 5", "4 after 1 11 6")
			s.exec(`TRUNCATE p_2`)
			s.renew(s.DB.DB)
			s.fits()
			s.exec(`ALTER TABLE p DETACH PARTITION p_2`, `INSERT INTO p_2 VALUES (1, 1)`)
			s.fits()
			s.same("receipts", s.receipts(), "1 p insert 1", "2 p insert 1", "3 p insert 1", "4 p update 1", "5 p delete 1")
		})
	}
}

// TestPostgresAlterStorm: clients write while the table is altered all the time; no
// write fails, and none goes by unrecorded.
func TestPostgresAlterStorm(t *testing.T) {
	t.Parallel()
	updates, alters := 700, 10
	if n, err := strconv.Atoi(os.Getenv("ANNALS_TEST_STORM")); err == nil {
		updates, alters = n/6, 40 // the full figure, by hand
	}
	s := newScene(t, testdb.New(t, "postgres"), `CREATE TABLE t (id int PRIMARY KEY, n int NOT NULL, a varchar(10), b int);
		INSERT INTO t SELECT n, 0, 'a', n FROM generate_series(0, 5999) n`, entities("t"))
	s.install()
	p, wait := s.writers(6, updates, `UPDATE t SET n = n + 1 WHERE id = $1`)
	conn := s.conn()
	for i := range alters {
		p.reach(i * 6 * updates / alters)
		s.execOn(conn, []string{
			fmt.Sprintf(`ALTER TABLE t ADD x%d int DEFAULT %d`, i, i), `ALTER TABLE t RENAME a TO aa`,
			`ALTER TABLE t ALTER b TYPE text`, fmt.Sprintf(`ALTER TABLE t DROP x%d`, i-3),
			`ALTER TABLE t RENAME aa TO a`, `ALTER TABLE t ALTER b TYPE int USING b::int`,
			fmt.Sprintf(`ALTER TABLE t ALTER a TYPE varchar(%d)`, 20+i), `ALTER TABLE t ADD y text DEFAULT 'y'`,
			`ALTER TABLE t ALTER y TYPE varchar(3)`, `ALTER TABLE t DROP y`,
		}[i%10])
	}
	n := wait()
	s.same("updates", s.rows(`SELECT sum(n) FROM t`), fmt.Sprint(n))
	s.same("recorded", s.rows(`SELECT count(*) FILTER (WHERE annals_image = 'before'),
		count(*) FILTER (WHERE annals_image = 'after'), count(DISTINCT annals_seq) FROM t_audit`), fmt.Sprint(n, n, n))
	s.same("stories", s.rows(`SELECT id FROM (SELECT id, n, lag(n) OVER (PARTITION BY id ORDER BY annals_id) p FROM t_audit
		WHERE annals_image = 'after') x WHERE n <> coalesce(p, 0) + 1`))
	s.renew(s.DB.DB)
	s.fits()
}
