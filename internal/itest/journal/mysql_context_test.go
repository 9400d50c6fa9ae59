package journal_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/layout"
)

// TestMySQLStatements: without a context a statement is one revision, whatever kind it
// is and however many rows it changes.
func TestMySQLStatements(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item", "other"))
	s.install()
	for _, c := range []struct {
		name, sql string
		receipts  []string
	}{
		{"several rows", "INSERT INTO item VALUES (3, 'c', 3), (4, 'd', 4)", []string{"1 item insert 1", "1 item insert 1"}},
		{"select", "INSERT INTO item SELECT id + 10, name, price FROM item", []string{"1 item insert 1", "1 item insert 1"}},
		{"update", "UPDATE item SET price = price + 1", []string{"1 item update 1", "1 item update 1"}},
		{
			"replace", "REPLACE INTO item VALUES (1, 'x', 1), (5, 'y', 1)",
			[]string{"1 item delete 1", "1 item insert 1", "1 item insert 1"},
		},
		{
			"upsert", "INSERT INTO item VALUES (1, 'x', 1), (5, 'y', 1) ON DUPLICATE KEY UPDATE name = 'up'",
			[]string{"1 item update 1", "1 item insert 1"},
		},
		{"ignore", "INSERT IGNORE INTO item VALUES (1, 'x', 1), (5, 'y', 1)", []string{"1 item insert 1"}},
		{"nothing", "UPDATE item SET name = name", []string{"1 item update 1", "1 item update 1"}},
		{"no row", "DELETE FROM item WHERE id = 99", nil},
		{
			"two tables", "UPDATE item JOIN other ON other.id = item.id SET item.name = 'j', other.n = 9",
			[]string{"1 item update 1", "1 item update 1", "1 other update 1", "1 other update 1"},
		},
		{
			"delete of two tables", "DELETE item, other FROM item JOIN other ON other.id = item.id",
			[]string{"1 item delete 1", "1 item delete 1", "1 other delete 1", "1 other delete 1"},
		},
	} {
		s.exec("DELETE FROM item", "DELETE FROM other", "INSERT INTO item VALUES (1, 'a', 1), (2, 'b', 2)",
			"INSERT INTO other VALUES (1, 1), (2, 2)")
		s.forget("item_audit", "other_audit")
		s.exec(c.sql)
		got := s.rows("SELECT DENSE_RANK() OVER (ORDER BY revision), entity, type, entries FROM " +
			s.own(layout.RevisionEntityTable) + " ORDER BY entity, id")
		s.same(c.name, got, c.receipts...)
	}
}

// TestMySQLCall: a context that CALL annals_context binds is that of the transaction
// that it is called in, and of no other.
func TestMySQLCall(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item"))
	s.install()
	s.exec("INSERT INTO item VALUES (1, 'a', 1)", "CREATE TABLE made (id int)")
	call := "CALL " + s.own("annals_context") + "('7', 'ann', 'why', NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
	const update = "UPDATE item SET price = price + 1"
	const bound, unbound = "1 ann why", "0 not orm -"
	for _, c := range []struct {
		name       string
		statements []string
		want       []string
	}{
		{"transaction", []string{"BEGIN", call, update, "SET @x = 1", "SELECT 1", update, "COMMIT"}, []string{bound}},
		{
			"after commit",
			[]string{"BEGIN", call, update, "COMMIT", update, "BEGIN", update, "COMMIT"},
			[]string{bound, unbound, unbound},
		},
		{"after an unused commit", []string{"BEGIN", call, "COMMIT", update}, []string{unbound}},
		{"after rollback", []string{"BEGIN", call, update, "ROLLBACK", "BEGIN", update, "COMMIT"}, []string{unbound}},
		{"begin again", []string{"BEGIN", call, update, "BEGIN", update, "COMMIT"}, []string{bound, unbound}},
		{"chain", []string{"BEGIN", call, update, "COMMIT AND CHAIN", update, "COMMIT"}, []string{bound, unbound}},
		{
			"implicit commit",
			[]string{"BEGIN", call, update, "ALTER TABLE made COMMENT 'x'", "BEGIN", update, "COMMIT"},
			[]string{bound, unbound},
		},
		{
			"savepoints",
			[]string{"BEGIN", call, "SAVEPOINT a", update, "ROLLBACK TO a", update, "COMMIT"},
			[]string{bound},
		},
		{"autocommit switched", []string{
			"BEGIN", call, update, "SET autocommit = 0", update, "COMMIT", update,
			"SET autocommit = 1", update,
		}, []string{bound, unbound, unbound, unbound}},
		{"change before", []string{"BEGIN", update, call, update, "COMMIT"}, []string{unbound, bound}},
	} {
		a := s.session()
		s.forget("item_audit")
		a.exec(c.statements...)
		s.same(c.name, s.revisions(), c.want...)
	}
	a := s.session()
	if err := a.fails(call); err != nil && !strings.Contains(err.Error(), "after BEGIN") {
		t.Error(err)
	}
	a.exec("SET autocommit = 0")
	if err := a.fails(call); err != nil && !strings.Contains(err.Error(), "after BEGIN") {
		t.Error(err)
	}
	a.exec("SET autocommit = 1", "BEGIN")
	if err := a.fails("CALL " + s.own("annals_context") + "('7', 'ann', 'why', NULL, NULL, NULL, NULL, NULL, NULL, 'no')"); err != nil &&
		!strings.Contains(err.Error(), "JSON") {
		t.Error(err)
	}
}

// TestMySQLClaims: every field reaches its column, whole where it fits.
func TestMySQLClaims(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item"))
	s.install()
	a := s.session()
	a.exec("BEGIN",
		"CALL "+s.own("annals_context")+"('id', CONCAT('é', X'1F', '\\0x'), 'a\\nb', 'mail', 'type', 'api', '::1', 'agent', 'req', '{\"a\": 1}')",
		"INSERT INTO item VALUES (1, 'a', 1)", "COMMIT")
	const fields = "user_id, user_name, comment, user_email, user_type, context, ip, user_agent, request_id, extra"
	s.same("claims", s.rows("SELECT "+fields+", source, managed, LENGTH(transaction_hash) FROM "+s.own(layout.RevisionTable)),
		"id é  x a\nb mail type api ::1 agent req {\"a\": 1} app 1 32")
	s.forget("item_audit")
	a.exec("BEGIN",
		"CALL "+s.own("annals_context")+"(REPEAT('é', 300), '', NULL, NULL, NULL, REPEAT('c', 200), REPEAT('1', 60), NULL, NULL, NULL)",
		"UPDATE item SET price = 2", "COMMIT")
	s.same("long claims", s.rows("SELECT CHAR_LENGTH(user_id), user_name, CHAR_LENGTH(context), CHAR_LENGTH(ip) FROM "+
		s.own(layout.RevisionTable)), "255 - 100 45")
	hash := s.rows("SELECT transaction_hash FROM " + s.own(layout.RevisionTable))[0]
	if strings.Trim(hash, "0123456789abcdef") != "" {
		t.Errorf("transaction_hash %q is not lower-case hex", hash)
	}
}

// TestMySQLContextRow: a bound row is found by the triggers, and leaves nothing where
// nothing was recorded.
func TestMySQLContextRow(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item"), contextRow())
	s.install()
	s.exec("INSERT INTO item VALUES (1, 'a', 1)")
	s.forget("item_audit")
	a, b := s.session(), s.session()
	bind := "CALL " + s.own("annals_bind") + "('7', 'ann', 'why', NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
	unbind := "CALL " + s.own("annals_unbind") + "()"
	const update = "UPDATE item SET price = price + 1 WHERE id = 1"
	a.exec("BEGIN", bind, update, "SAVEPOINT x", update, "ROLLBACK TO x", update)
	b.exec("INSERT INTO item VALUES (2, 'b', 1)")
	a.exec(unbind, "COMMIT", update, "BEGIN", bind, unbind, "COMMIT", "BEGIN", bind, update, "ROLLBACK", "BEGIN",
		"UPDATE item SET price = 0 WHERE id = 2", "COMMIT")
	s.same("revisions", s.revisions(), "1 ann why", "0 not orm -", "0 not orm -", "0 not orm -")
	s.same("receipts", s.rows("SELECT r.managed, COUNT(*) FROM "+s.own(layout.RevisionEntityTable)+" e JOIN "+
		s.own(layout.RevisionTable)+" r ON r.id = e.revision GROUP BY r.id ORDER BY r.id"), "1 2", "0 1", "0 1", "0 1")
	if n := s.count("SELECT COUNT(*) FROM " + s.own(layout.RevisionTable) + " WHERE xid < 0"); n != 0 {
		t.Errorf("%d revisions are still bound", n)
	}
}

// TestMySQLClock: times are UTC by the clock, whatever the session's zone is and
// whatever it has set its clock to.
func TestMySQLClock(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item"))
	s.install()
	a := s.session()
	for i, zone := range []string{"+00:00", "+05:30", "-11:00", "SYSTEM"} {
		for j, set := range []string{"DEFAULT", "86400", "4000000000", "UNIX_TIMESTAMP() + 30"} {
			if set == "4000000000" {
				set = "2000000000"
			}
			a.exec("SET time_zone = '"+zone+"'", "SET timestamp = "+set)
			before := time.Now().UTC()
			a.exec(fmt.Sprintf("INSERT INTO item VALUES (%d, 'a', 1)", 10*i+j),
				fmt.Sprintf("UPDATE item SET name = 'b' WHERE id = %d", 10*i+j))
			after := time.Now().UTC()
			for _, table := range []string{layout.RevisionTable, layout.RevisionEntityTable} {
				text := s.rows("SELECT CAST(MAX(created_at) AS CHAR) FROM " + s.own(table))[0]
				got, err := time.Parse("2006-01-02 15:04:05.000000", text)
				if err != nil {
					t.Fatal(err)
				}
				if got.Before(before.Truncate(time.Microsecond)) || got.After(after) {
					t.Errorf("zone %s, timestamp %s: %s has %s, want one from %s to %s", zone, set, table, got, before, after)
				}
			}
			a.exec("SET timestamp = DEFAULT")
		}
	}
}
