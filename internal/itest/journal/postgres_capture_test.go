package journal_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

const (
	// pgItems has keys that can be exchanged, and one that an upsert can meet.
	pgItems = `CREATE TABLE item (id bigint PRIMARY KEY DEFERRABLE, name text UNIQUE, price numeric(10,2))`
	// pgForget empties the journal.
	pgForget = "DELETE FROM item_audit; DELETE FROM annals_revision_entity; DELETE FROM annals_revision;\n"
)

// psql runs a script as the client does, and stops at the first error.
func (s *scene) psql(script string) {
	s.t.Helper()
	cmd := exec.CommandContext(s.t.Context(), "psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", s.DSN)
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		s.t.Fatalf("psql: %v\n%s\n%s", err, out, script)
	}
}

// TestPostgresStatements: what each kind of statement leaves in the copy and as
// receipts.
func TestPostgresStatements(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgItems, entities("item"))
	s.install()
	for _, c := range []struct {
		name, run        string
		images, receipts []string
	}{
		{
			"insert", `INSERT INTO item VALUES (7, 'g', 1.50)`,
			[]string{"1 after 1 7 g 1.50"},
			[]string{"1 item insert 1"},
		},
		{
			"insert of several", `INSERT INTO item SELECT n, 'n' || n, n FROM generate_series(7, 9) n`,
			[]string{"1 after 1 7 n7 7.00", "1 after 2 8 n8 8.00", "1 after 3 9 n9 9.00"},
			[]string{"1 item insert 3"},
		},
		{
			"update", `UPDATE item SET name = 'z' WHERE id = 1`,
			[]string{"1 before 1 1 a 1.00", "1 after 1 1 z 1.00"},
			[]string{"1 item update 1"},
		},
		{
			"update of nothing", `UPDATE item SET name = name WHERE id = 1`,
			[]string{"1 before 1 1 a 1.00", "1 after 1 1 a 1.00"},
			[]string{"1 item update 1"},
		},
		{"no rows", `UPDATE item SET name = 'z' WHERE id = -1; DELETE FROM item WHERE id = -1;
			INSERT INTO item SELECT 1 WHERE false`, nil, nil},
		{
			"delete", `DELETE FROM item WHERE id <= 2`,
			[]string{"1 before 1 1 a 1.00", "1 before 2 2 b 2.00"},
			[]string{"1 item delete 2"},
		},
		{
			"upsert", `INSERT INTO item VALUES (8, 'b', 8), (7, 'g', 7) ON CONFLICT (name) DO UPDATE SET price = excluded.price`,
			[]string{"1 before 1 2 b 2.00", "1 after 1 2 b 8.00", "2 after 1 7 g 7.00"},
			[]string{"1 item update 1", "1 item insert 1"},
		},
		{"upsert of nothing", `INSERT INTO item VALUES (8, 'b', 2) ON CONFLICT (name) DO NOTHING`, nil, nil},
		{
			"merge", `MERGE INTO item i USING (VALUES (1), (2), (7)) v(n) ON v.n = i.id
				WHEN MATCHED AND v.n = 1 THEN DELETE
				WHEN MATCHED THEN UPDATE SET name = 'm'
				WHEN NOT MATCHED THEN INSERT VALUES (v.n, 'new', 0)`,
			[]string{
				"1 before 1 1 a 1.00", "2 before 1 2 b 2.00", "2 after 1 2 m 2.00", "3 after 1 7 new 0.00",
			},
			[]string{"1 item delete 1", "1 item update 1", "1 item insert 1"},
		},
		{
			"copy", "COPY item FROM STDIN;\n7\tg\t7\n8\t\\N\t\\N\n\\.\n",
			[]string{"1 after 1 7 g 7.00", "1 after 2 8 - -"},
			[]string{"1 item insert 2"},
		},
		{
			"key shift", `UPDATE item SET id = id + 1`,
			[]string{
				"1 before 1 1 a 1.00", "1 after 1 2 a 1.00", "1 before 2 2 b 2.00", "1 after 2 3 b 2.00",
				"1 before 3 3 c 3.00", "1 after 3 4 c 3.00",
			},
			[]string{"1 item update 3"},
		},
		{
			"key swap", `UPDATE item SET id = 3 - id WHERE id < 3`,
			[]string{
				"1 before 1 1 a 1.00", "1 after 1 2 a 1.00", "1 before 2 2 b 2.00", "1 after 2 1 b 2.00",
			},
			[]string{"1 item update 2"},
		},
		{
			"several statements, one transaction",
			`BEGIN; INSERT INTO item VALUES (7); UPDATE item SET name = 'x' WHERE id = 7; DELETE FROM item WHERE id = 7; COMMIT`,
			[]string{"1 after 1 7 - -", "2 before 1 7 - -", "2 after 1 7 x -", "3 before 1 7 x -"},
			[]string{"1 item insert 1", "1 item update 1", "1 item delete 1"},
		},
		{
			"written with", `WITH d AS (DELETE FROM item WHERE id = 1 RETURNING *), u AS (UPDATE item SET name = 'u'
				WHERE id = 2) INSERT INTO item SELECT 7, name || '7' FROM d`,
			[]string{"1 before 1 1 a 1.00", "2 after 1 7 a7 -", "3 before 1 2 b 2.00", "3 after 1 2 u 2.00"},
			[]string{"1 item delete 1", "1 item insert 1", "1 item update 1"},
		},
		{
			"a savepoint that is rolled back takes its revision along",
			`BEGIN; SAVEPOINT a; INSERT INTO item VALUES (7); ROLLBACK TO a; INSERT INTO item VALUES (8); COMMIT`,
			[]string{"1 after 1 8 - -"},
			[]string{"1 item insert 1"},
		},
		{
			"a savepoint that is rolled back leaves the revision that was there",
			`BEGIN; INSERT INTO item VALUES (7); SAVEPOINT a; INSERT INTO item VALUES (8); ROLLBACK TO a;
				INSERT INTO item VALUES (9); COMMIT`,
			[]string{"1 after 1 7 - -", "2 after 1 9 - -"},
			[]string{"1 item insert 1", "1 item insert 1"},
		},
		{
			"replica role", `SET session_replication_role = replica; DELETE FROM item WHERE id = 1`,
			[]string{"1 before 1 1 a 1.00"},
			[]string{"1 item delete 1"},
		},
		{"rolled back", `BEGIN; DELETE FROM item; ROLLBACK`, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := s.sub(t)
			s.psql("DELETE FROM item; INSERT INTO item VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3);\n" + pgForget +
				c.run + ";\n")
			s.same("images", s.images("item", "id", "name", "price"), c.images...)
			s.same("receipts", s.receipts(), c.receipts...)
			if n := s.count(`SELECT count(*) FROM annals_revision`); (n > 0) != (len(c.receipts) > 0) || n > 1 {
				t.Errorf("%d revisions", n)
			}
		})
	}
}
