package journal_test

import (
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/journal"
)

const pgNothing = `CREATE FUNCTION nothing() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';`

// TestPostgresForms: which tables get statement triggers and which row triggers,
// and that what is installed is what is wanted.
func TestPostgresForms(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgNothing+`
		CREATE TABLE plain (id int PRIMARY KEY);
		CREATE TABLE ancestor (id int PRIMARY KEY); CREATE TABLE heir (PRIMARY KEY (id)) INHERITS (ancestor);
		CREATE TABLE followed (id int PRIMARY KEY);
		CREATE TRIGGER "A" AFTER UPDATE ON followed FOR EACH ROW EXECUTE FUNCTION nothing();
		CREATE TABLE preceded (id int PRIMARY KEY);
		CREATE TRIGGER a BEFORE INSERT ON preceded FOR EACH ROW EXECUTE FUNCTION nothing();
		CREATE TRIGGER b AFTER INSERT ON preceded FOR EACH STATEMENT EXECUTE FUNCTION nothing();
		CREATE TABLE masked (id int PRIMARY KEY, secret text);
		CREATE TABLE parted (id int PRIMARY KEY) PARTITION BY RANGE (id);
		CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10);
		CREATE TABLE parted_2 PARTITION OF parted FOR VALUES FROM (10) TO (20) PARTITION BY RANGE (id);
		CREATE TABLE parted_3 PARTITION OF parted_2 FOR VALUES FROM (10) TO (20);
		CREATE TABLE disguised (id int PRIMARY KEY, secret text) PARTITION BY RANGE (id);
		CREATE TABLE disguised_1 PARTITION OF disguised FOR VALUES FROM (0) TO (10);
		CREATE FOREIGN DATA WRAPPER far; CREATE SERVER far FOREIGN DATA WRAPPER far;
		CREATE TABLE abroad (id int, n int) PARTITION BY RANGE (id);
		CREATE TABLE abroad_1 PARTITION OF abroad FOR VALUES FROM (0) TO (10);
		CREATE FOREIGN TABLE abroad_2 PARTITION OF abroad FOR VALUES FROM (10) TO (20) SERVER far`,
		entities("plain", "ancestor", "heir", "followed", "preceded", "parted"),
		entity(annals.Entity{Name: "abroad", Key: []string{"id"}}),
		entity(annals.Entity{Name: "masked", Mask: []string{"secret"}}),
		entity(annals.Entity{Name: "disguised", Mask: []string{"secret"}}))
	s.install()
	installed, err := s.j.Installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := s.j.Wanted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	for i, have := range installed {
		if have.Definer == "" || have.Hash == "" || !have.Enabled || have.Version != journal.Version {
			t.Errorf("installed: %+v", have)
		}
		have.Definer = ""
		if i >= len(wanted) || have != wanted[i] {
			t.Errorf("installed %+v, which is not wanted", have)
		}
		if have.Operation == annals.OpUpdate {
			got[have.Table.Name] = have.Form
		}
	}
	if len(installed) != len(wanted) {
		t.Errorf("%d triggers are installed, %d wanted", len(installed), len(wanted))
	}
	for table, form := range map[string]string{
		"plain": "statement", "ancestor": "row", "heir": "row", "followed": "row", "preceded": "statement",
		"masked": "row", "parted": "statement", "parted_1": "statement", "parted_2": "statement",
		"parted_3": "statement", "disguised": "row", "disguised_1": "",
		"abroad": "row", "abroad_1": "",
	} {
		if got[table] != form {
			t.Errorf("table %s has form %q, want %q", table, got[table], form)
		}
	}
	s.exec(`INSERT INTO abroad VALUES (1, 1)`, `UPDATE abroad_1 SET n = 2`)
	s.same("rows beside a foreign partition", s.images("abroad", "id", "n"), "1 after 1 1 1", "2 before 1 1 1",
		"2 after 1 1 2")
	s.same("triggers that may come first", s.rows(`SELECT tgrelid::regclass, tgname FROM pg_trigger a
		WHERE tgname LIKE '!annals%' AND EXISTS (SELECT FROM pg_trigger b WHERE b.tgrelid = a.tgrelid
			AND b.tgname < a.tgname AND b.tgname NOT LIKE '!annals%')`))
	s.same("triggers that a role switches off", s.rows(`SELECT tgrelid::regclass, tgname FROM pg_trigger
		WHERE tgname LIKE '!annals%' AND tgenabled <> 'A'`))
}

// TestPostgresChangedForm: a table whose form changes has no trigger of the other
// left, partitions included.
func TestPostgresChangedForm(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgNothing+`
		CREATE TABLE parted (id int PRIMARY KEY, n int) PARTITION BY RANGE (id);
		CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM (0) TO (10)`, entities("parted"))
	s.install()
	for _, step := range []struct{ run, want string }{
		{`CREATE TRIGGER a AFTER UPDATE ON parted FOR EACH ROW EXECUTE FUNCTION nothing()`, journal.FormRow},
		{`DROP TRIGGER a ON parted`, journal.FormStatement},
	} {
		s.exec(step.run)
		s.install()
		installed, err := s.j.Installed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		wanted, err := s.j.Wanted(t.Context())
		if err != nil || len(installed) != len(wanted) {
			t.Fatalf("%d triggers are installed, %d wanted, %v", len(installed), len(wanted), err)
		}
		for i := range installed {
			if installed[i].Operation != annals.OpTruncate && installed[i].Form != step.want {
				t.Errorf("%s: %+v", step.run, installed[i])
			}
		}
		s.exec(`DELETE FROM parted`, `DELETE FROM parted_audit`, `INSERT INTO parted VALUES (1, 1)`,
			`UPDATE parted SET n = 2`, `UPDATE parted_1 SET n = 3`)
		s.same(step.run, s.images("parted", "id", "n"), "1 after 1 1 1", "2 before 1 1 1", "2 after 1 1 2",
			"3 before 1 1 2", "3 after 1 1 3")
	}
}

func TestPostgresPartitions(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), `
		CREATE TABLE p (id int, region text, n int, PRIMARY KEY (id, region)) PARTITION BY LIST (region);
		CREATE TABLE p_a PARTITION OF p FOR VALUES IN ('a');
		CREATE TABLE p_b (n int, gone int, region text NOT NULL, id int NOT NULL);
		ALTER TABLE p_b DROP COLUMN gone;
		ALTER TABLE p ATTACH PARTITION p_b FOR VALUES IN ('b');
		CREATE TABLE p_c PARTITION OF p FOR VALUES IN ('c', 'd') PARTITION BY LIST (region);
		CREATE TABLE p_d PARTITION OF p_c FOR VALUES IN ('d')`, entities("p"))
	s.install()
	for _, c := range []struct {
		run  string
		want []string
	}{
		{`INSERT INTO p VALUES (1, 'a', 10), (2, 'b', 20), (3, 'd', 30)`, []string{
			"1 after 1 1 a 10", "1 after 2 2 b 20", "1 after 3 3 d 30",
		}},
		{`UPDATE p_b SET n = n + 1`, []string{"1 before 1 2 b 20", "1 after 1 2 b 21"}},
		{`INSERT INTO p_b (id, region, n) VALUES (4, 'b', 40)`, []string{"1 after 1 4 b 40"}},
		{`UPDATE p SET region = 'b' WHERE id = 1`, []string{"1 before 1 1 a 10", "1 after 1 1 b 10"}},
		{`UPDATE p_c SET n = 31`, []string{"1 before 1 3 d 30", "1 after 1 3 d 31"}},
		{`DELETE FROM p_d`, []string{"1 before 1 3 d 31"}},
		{`DELETE FROM p WHERE id < 3`, []string{"1 before 1 1 b 10", "1 before 2 2 b 21"}},
	} {
		s.exec(`DELETE FROM p_audit`, c.run)
		got := s.rows(`SELECT '1', annals_image, row_number() OVER (PARTITION BY annals_image ORDER BY id), id, region, n
			FROM p_audit ORDER BY id, annals_id`)
		s.same(c.run, got, c.want...)
	}
}

// TestPostgresInheritance: the rows of a table and of its heirs are told apart.
func TestPostgresInheritance(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), `
		CREATE TABLE animal (id int PRIMARY KEY, name text);
		CREATE TABLE dog (breed text, PRIMARY KEY (id)) INHERITS (animal)`, entities("animal", "dog"))
	s.install()
	s.exec(`INSERT INTO animal VALUES (1, 'cat')`, `INSERT INTO dog VALUES (2, 'rex', 'collie')`,
		`UPDATE animal SET name = name || '!'`, `DELETE FROM animal`)
	s.same("animals", s.images("animal", "id", "name"), "1 after 1 1 cat", "2 before 1 1 cat", "2 after 1 1 cat!",
		"3 before 1 1 cat!")
	s.same("dogs", s.images("dog", "id", "name", "breed"), "1 after 1 2 rex collie", "2 before 1 2 rex collie",
		"2 after 1 2 rex! collie", "3 before 1 2 rex! collie")
}

// TestPostgresCascades: rows that foreign keys change are recorded, each as often as
// it changed, in order.
func TestPostgresCascades(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), `
		CREATE TABLE a (id int PRIMARY KEY);
		CREATE TABLE b (id int PRIMARY KEY, a1 int REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE,
			a2 int REFERENCES a ON DELETE CASCADE ON UPDATE CASCADE);
		CREATE TABLE tree (id int PRIMARY KEY, up int REFERENCES tree ON DELETE CASCADE ON UPDATE CASCADE);
		CREATE TABLE loose (id int PRIMARY KEY, a int REFERENCES a ON DELETE SET NULL);
		INSERT INTO a VALUES (1), (2), (3); INSERT INTO b VALUES (1, 1, 2), (2, 3, 3); INSERT INTO loose VALUES (1, 3);
		INSERT INTO tree VALUES (1, NULL), (2, 1), (3, 2)`, entities("a", "b", "tree", "loose"))
	s.install()
	s.exec(`UPDATE a SET id = id + 10 WHERE id < 3`)
	s.same("b after two cascades", s.rows(`SELECT annals_image, id, a1, a2 FROM b_audit ORDER BY annals_id`),
		"before 1 1 2", "after 1 11 2", "before 1 11 2", "after 1 11 12")
	s.exec(`DELETE FROM b_audit`, `DELETE FROM a`)
	s.same("b deleted", s.rows(`SELECT annals_image, id, a1, a2 FROM b_audit ORDER BY id`), "before 1 11 12",
		"before 2 3 3")
	s.same("a", s.rows(`SELECT annals_image, count(*) FROM a_audit GROUP BY 1 ORDER BY 1`), "after 2", "before 5")
	s.same("loose", s.images("loose", "id", "a"), "1 before 1 1 3", "1 after 1 1 -")
	s.exec(`UPDATE tree SET id = 9 WHERE id = 1`, `DELETE FROM tree`)
	s.same("tree", s.rows(`SELECT annals_image, id, up FROM tree_audit ORDER BY id, annals_seq, annals_id`),
		"before 1 -", "before 2 1", "after 2 9", "before 2 9", "before 3 2", "after 9 -", "before 9 -")
}

// TestPostgresOtherTriggers: what other row triggers change in the same table comes
// after what made them fire.
func TestPostgresOtherTriggers(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), `
		CREATE TABLE item (id int PRIMARY KEY, n int);
		CREATE FUNCTION again() RETURNS trigger LANGUAGE plpgsql AS
			'BEGIN UPDATE item SET n = n + 1 WHERE id = new.id AND n < 3; RETURN NULL; END';
		CREATE TRIGGER "!" AFTER INSERT OR UPDATE ON item FOR EACH ROW EXECUTE FUNCTION again()`, entities("item"))
	s.exec(`ALTER TRIGGER "!" ON item RENAME TO "0"`) // its author wants it early, too
	s.install()
	s.exec(`INSERT INTO item VALUES (1, 1), (2, 3)`)
	s.same("images", s.rows(`SELECT annals_image, id, n FROM item_audit WHERE id = 1 ORDER BY annals_id`),
		"after 1 1", "before 1 1", "after 1 2", "before 1 2", "after 1 3")
}

func TestPostgresMasked(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), `
		CREATE TYPE pair AS (a int, b text);
		CREATE COLLATION blind (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
		CREATE TABLE item (id int PRIMARY KEY, n numeric, t text COLLATE blind, f float8, i interval, j json, c pair,
			x xml, b bytea, a float8[], ch char(4), ip inet)`,
		entity(annals.Entity{
			Name: "item", Mask: []string{"n", "t", "f", "i", "j", "c", "x", "b", "a", "ch", "ip"},
		}))
	s.install()
	columns := "annals_m_n, annals_m_t, annals_m_f, annals_m_i, annals_m_j, annals_m_c, annals_m_x, annals_m_b," +
		" annals_m_a, annals_m_ch, annals_m_ip"
	const value = `VALUES (1, 1.0, 'a', 0.3, '1 month', '{"a":1}'::json, ROW(NULL, NULL)::pair, '<a/>'::xml, '\x01'::bytea,
		'{1}'::float8[], 'ab', '::1'::inet)`
	for _, c := range []struct{ run, want string }{
		{"INSERT INTO item " + value, "after true true true true true true true true true true true"},
		{
			`UPDATE item SET n = 1.00, t = 'a', f = 0.3`,
			"before true true true true true true true true true true true," +
				"after false false false false false false false false false false false",
		},
		{
			`UPDATE item SET n = 2, t = 'A', f = 0.30000000000000004, i = '30 days', j = '{"a": 1}', c = ROW(1, NULL),
				x = '<b/>', b = '\x02', a = '{1.0000000000000002}', ch = 'ac', ip = '::2'`,
			"before true true true true true true true true true true true," +
				"after true true true true true true true true true true true",
		},
		{
			`UPDATE item SET n = NULL, t = NULL, f = NULL, i = NULL, j = NULL, c = NULL, x = NULL, b = NULL, a = NULL,
				ch = NULL, ip = NULL`,
			"before true true true true true true true true true true true,after - - - - - - - - - - -",
		},
		{`DELETE FROM item`, "before false false false false false false false false false false false"},
	} {
		s.exec(`DELETE FROM item_audit`, `SET extra_float_digits = -10`, c.run)
		got := s.rows(`SELECT string_agg(r, ',' ORDER BY n) FROM (SELECT annals_id n, concat_ws(' ', annals_image, ` +
			`coalesce(v::text, '-')) r FROM (SELECT annals_id, annals_image, array_to_string(ARRAY[` + columns +
			`]::text[], ' ', '-') v FROM item_audit) x) y`)
		s.same(c.run, got, c.want)
	}
}

// TestPostgresTruncate: a marker, and the lost rows where they are asked for.
func TestPostgresTruncate(t *testing.T) {
	t.Parallel()
	const ddl = `CREATE TABLE item (id int PRIMARY KEY, secret text);
		CREATE TABLE p (id int PRIMARY KEY) PARTITION BY RANGE (id);
		CREATE TABLE p_1 PARTITION OF p FOR VALUES FROM (0) TO (10);
		CREATE TABLE p_2 PARTITION OF p FOR VALUES FROM (10) TO (20)`
	masked := entity(annals.Entity{Name: "item", Mask: []string{"secret"}})
	const fill = `INSERT INTO item VALUES (1, 'a'), (2, NULL); INSERT INTO p VALUES (1), (11), (12);
		DELETE FROM item_audit; DELETE FROM p_audit; DELETE FROM annals_revision_entity`
	for _, c := range []struct {
		name    string
		options []option
		run     string
		want    []string
	}{
		{"marker", nil, `TRUNCATE item`, []string{"1 item truncate 1"}},
		{"rows", []option{lostRows("item")}, `TRUNCATE item`, []string{"1 item delete 2", "1 item truncate 1"}},
		{
			"nothing there",
			[]option{lostRows("item")},
			`DELETE FROM item; DELETE FROM annals_revision_entity; TRUNCATE item`,
			[]string{"1 item truncate 1"},
		},
		{"partitions, marker", nil, `TRUNCATE p`, []string{"1 p truncate 1"}},
		{"partitions, rows", []option{lostRows("p")}, `TRUNCATE p`, []string{"1 p delete 3", "1 p truncate 1"}},
		{"a partition", nil, `TRUNCATE p_2`, []string{"1 p delete 2"}},
		{
			"a partition refilled", nil, `BEGIN; TRUNCATE p; INSERT INTO p_1 VALUES (1); TRUNCATE p_1; COMMIT`,
			[]string{"1 p truncate 1", "1 p insert 1", "1 p delete 1"},
		},
		{"both at once", nil, `TRUNCATE p_1, item`, []string{"1 p delete 1", "1 item truncate 1"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newScene(t, testdb.New(t, "postgres"), ddl, append(c.options, masked, entities("p"))...)
			s.install()
			s.exec(fill)
			s.psql(c.run)
			s.same("receipts", s.receipts(), c.want...)
			if c.name == "rows" {
				s.same("images", s.images("item", "id", "annals_m_secret"), "1 before 1 1 true", "1 before 2 2 false")
			}
			s.same("orphans", s.rows(`SELECT annals_seq FROM p_audit c WHERE NOT EXISTS
				(SELECT FROM annals_revision_entity e WHERE e.id = c.annals_revision_entity_id)`))
		})
	}
}
