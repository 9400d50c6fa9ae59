package journal_test

import (
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
)

// bind binds the session's next statements as a connector does.
func (c *session) bind(tx, user string) {
	c.s.t.Helper()
	c.exec("SET @annals_tx = " + ownNumber(tx) + ", @annals_context = CONCAT(X'1F', '7', X'1F', '" + user + "', REPEAT(X'1F', 8))")
}

// ownNumber makes a number one of the session's own.
func ownNumber(tx string) string { return tx + " & ~16777215 | CONNECTION_ID() & 16777215" }

func (c *session) unbind() {
	c.s.t.Helper()
	c.exec("SET @annals_tx = NULL, @annals_context = NULL")
}

// TestMySQLSnapshot: a trigger reads nothing that would make the snapshot of the
// program's transaction, which is made when the program first reads.
func TestMySQLSnapshot(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item"))
	s.install()
	s.exec("INSERT INTO item VALUES (1, 'a', 1)", "INSERT INTO other VALUES (1, 1), (2, 1)")
	for _, bound := range []bool{false, true} {
		a, b := s.session(), s.session()
		a.exec("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ")
		a.exec("SET SESSION innodb_snapshot_isolation = ON")
		if bound {
			a.bind("12345678901234567", "ann")
		}
		a.exec("BEGIN", "UPDATE item SET price = price + 1", "UPDATE item SET price = price + 1")
		b.exec("UPDATE other SET n = n + 1")
		if got, want := a.value("SELECT n FROM other WHERE id = 1"), b.value("SELECT n FROM other WHERE id = 1"); got != want {
			t.Errorf("bound %t: the transaction sees %s, want %s", bound, got, want)
		}
		a.exec("COMMIT", "BEGIN", "UPDATE item SET price = price + 1")
		b.exec("UPDATE other SET n = n + 1 WHERE id = 2")
		a.exec("UPDATE other SET n = n + 1 WHERE id = 2", "COMMIT")
	}
}

// TestMySQLWriters: writers of different rows do not wait for each other on annals'
// tables, whatever each of them rolled back.
func TestMySQLWriters(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, level string }{
		{"repeatable read", "REPEATABLE READ"},
		{"serializable", "SERIALIZABLE"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item"))
			s.install()
			s.exec("INSERT INTO item VALUES (1, 'a', 1), (2, 'b', 1), (3, 'c', 1)")
			a, b, w := s.session(), s.session(), s.session()
			for i, x := range []*session{a, b, w} {
				x.exec("SET SESSION TRANSACTION ISOLATION LEVEL "+c.level, "SET SESSION innodb_lock_wait_timeout = 1")
				if i < 2 {
					x.bind("1234567890123456"+string(rune('1'+i)), "ann")
				}
			}
			update := func(id string) string { return "UPDATE item SET price = price + 1 WHERE id = " + id }
			a.exec("BEGIN", "SAVEPOINT s", update("1"), update("1"), "ROLLBACK TO s")
			b.exec("BEGIN", "SAVEPOINT s", update("2"), update("2"), "ROLLBACK TO s")
			w.exec("BEGIN", update("3"))
			a.exec(update("1"), update("1"))
			b.exec(update("2"), update("2"))
			w.exec(update("3"), "COMMIT")
			a.exec(update("1"), "COMMIT")
			b.exec(update("2"), "COMMIT")
			orphans := s.count("SELECT COUNT(*) FROM " + s.own(layout.RevisionEntityTable) +
				" WHERE revision NOT IN (SELECT id FROM " + s.own(layout.RevisionTable) + ")")
			if orphans != 0 {
				t.Errorf("%d receipts have no revision", orphans)
			}
			s.same("receipts of revisions", s.rows("SELECT COUNT(*), MAX(user_name) FROM "+
				s.own(layout.RevisionEntityTable)+" e JOIN "+s.own(layout.RevisionTable)+
				" r ON r.id = e.revision GROUP BY r.id ORDER BY r.id"),
				"3 not orm", "1 not orm", "3 ann", "3 ann", "1 not orm")
		})
	}
}

// TestMySQLSavepoint: a revision that outlives a savepoint goes on, one that does not
// is made again.
func TestMySQLSavepoint(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item"))
	s.install()
	s.exec("INSERT INTO item VALUES (1, 'a', 1)")
	s.forget("item_audit")
	a := s.session()
	a.bind("12345678901234567", "ann")
	a.exec("BEGIN", "SAVEPOINT one", "UPDATE item SET name = 'b'", "ROLLBACK TO one",
		"UPDATE item SET name = 'c'", "SAVEPOINT two", "UPDATE item SET name = 'd'", "ROLLBACK TO two",
		"UPDATE item SET name = 'e'", "COMMIT")
	a.unbind()
	a.exec("UPDATE item SET name = 'f'")
	s.same("revisions", s.revisions(), "1 ann -", "0 not orm -")
	s.same("images", s.images("item", "name"), "1 before 1 a", "1 after 1 c", "2 before 1 c", "2 after 1 e",
		"3 before 1 e", "3 after 1 f")
	s.same("receipts", s.receipts(), "1 item update 1", "1 item update 1", "2 item update 1")
}

// TestMySQLNotice: what a session remembers of its statement is the program's.
func TestMySQLNotice(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item", "other"))
	s.exec("INSERT INTO item VALUES (9, 'z', 9)")
	c := s.session()
	c.exec("SET sql_mode = ''", "SET innodb_snapshot_isolation = OFF")
	look := func() string {
		var out []string
		for i, st := range []string{
			"INSERT INTO other (n) VALUES (5)", "INSERT INTO other (n) VALUES (6), (7)",
			"UPDATE other SET n = n + 1", "UPDATE other SET n = n", "INSERT IGNORE INTO item VALUES (9, 'y', 1)",
			"INSERT INTO item VALUES (9, 'x', 1) ON DUPLICATE KEY UPDATE name = 'xx'",
			"REPLACE INTO item VALUES (9, REPEAT('q', 200), 1)", "DELETE FROM other",
		} {
			if i == 0 {
				c.exec("SELECT LAST_INSERT_ID(77)", "SELECT SQL_CALC_FOUND_ROWS 1 UNION SELECT 2 UNION SELECT 3 LIMIT 1")
			}
			done, err := c.ExecContext(t.Context(), st)
			if err != nil {
				t.Fatal(err)
			}
			affected, _ := done.RowsAffected()
			id, _ := done.LastInsertId()
			warnings := c.value("SELECT @@warning_count")
			out = append(out, st, c.value("SELECT CONCAT_WS(' ', ?, ?, ?, LAST_INSERT_ID(), @@identity)", affected, id, warnings))
			c.exec("UPDATE other SET n = n + 1 WHERE id = 1")
			out = append(out, c.value("SELECT ROW_COUNT()"), c.value("SELECT FOUND_ROWS()"))
		}
		return strings.Join(out, "\n")
	}
	without := look()
	s.install()
	for _, bound := range []bool{false, true} {
		s.exec("TRUNCATE other", "DELETE FROM item", "INSERT INTO item VALUES (9, 'z', 9)")
		if bound {
			c.bind("12345678901234567", "ann")
			c.exec("BEGIN")
		}
		if with := look(); with != without {
			t.Errorf("with triggers, bound %t:\n%s\nwithout:\n%s", bound, with, without)
		}
	}
}
