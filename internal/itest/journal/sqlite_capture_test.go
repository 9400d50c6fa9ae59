package journal_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
)

const liteItems = "CREATE TABLE item (id integer PRIMARY KEY, name text UNIQUE, n)"

// firings are the receipts' targets and types, a semicolon between them.
func (s *scene) firings() string {
	s.t.Helper()
	return strings.Join(s.rows("SELECT entity, type FROM "+s.own("annals_revision_entity")+" ORDER BY id"), "; ")
}

// TestSQLiteStatements: every kind of statement is seen as the database does it.
func TestSQLiteStatements(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, pragma, sql, want string }{
		{"several rows", "", "INSERT INTO item VALUES (3, 'c', 1), (4, 'd', 1)", "item insert; item insert"},
		{
			"upsert", "", "INSERT INTO item VALUES (1, 'x', 1), (5, 'e', 1) ON CONFLICT (id) DO UPDATE SET name = 'u'",
			"item update; item insert",
		},
		{"upsert that does nothing", "", "INSERT INTO item VALUES (1, 'x', 1) ON CONFLICT DO NOTHING", ""},
		{"ignore", "", "INSERT OR IGNORE INTO item VALUES (1, 'x', 1), (5, 'e', 1)", "item insert"},
		{"replace", "PRAGMA recursive_triggers = on", "REPLACE INTO item VALUES (1, 'x', 1)", "item delete; item insert"},
		{"replace unseen", "PRAGMA recursive_triggers = off", "REPLACE INTO item VALUES (1, 'x', 1)", "item insert"},
		{
			"update or replace", "PRAGMA recursive_triggers = on", "UPDATE OR REPLACE item SET name = 'b' WHERE id = 1",
			"item delete; item update",
		},
		{"update from", "", "UPDATE item SET n = v.x FROM (SELECT 1 AS k, 9 AS x) AS v WHERE v.k = item.id", "item update"},
		{"nothing changed", "", "UPDATE item SET name = name", "item update; item update"},
		{"delete all", "", "DELETE FROM item", "item delete; item delete"},
		{"cascade", "PRAGMA foreign_keys = on", "DELETE FROM parent", "item2 delete; parent delete"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newRowScene(t, testdb.New(t, "sqlite"), []string{
				liteItems, "CREATE TABLE parent (id integer PRIMARY KEY)",
				"CREATE TABLE item2 (id integer PRIMARY KEY, parent integer REFERENCES parent ON DELETE CASCADE)",
			}, entities("item", "parent", "item2"))
			s.install()
			s.exec("INSERT INTO item VALUES (1, 'a', 1), (2, 'b', 1)", "INSERT INTO parent VALUES (1)",
				"INSERT INTO item2 VALUES (1, 1)")
			s.forget("item_audit")
			a := s.session()
			a.exec("PRAGMA foreign_keys = off")
			if c.pragma != "" {
				a.exec(c.pragma)
			}
			a.exec(c.sql)
			other := c.name == "cascade" && s.firings() == "parent delete; item2 delete"
			if got := s.firings(); got != c.want && !other {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
}

// TestSQLiteNotice: what a session remembers of its statement is the program's.
func TestSQLiteNotice(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "sqlite"), []string{liteItems}, entities("item"))
	s.install()
	a := s.session()
	for _, c := range [][2]string{
		{"INSERT INTO item VALUES (7, 'a', 1), (9, 'b', 2)", "2 9"},
		{"UPDATE item SET n = n + 1", "2 9"},
		{"DELETE FROM item WHERE id = 7", "1 9"},
		{"INSERT OR REPLACE INTO item VALUES (9, 'c', 1)", "1 9"},
	} {
		a.exec(c[0])
		if got := a.value("SELECT changes() || ' ' || last_insert_rowid()"); got != c[1] {
			t.Errorf("%s: %s, want %s", c[0], got, c[1])
		}
	}
	if got := a.value("INSERT INTO item (name) VALUES ('r') RETURNING id || name"); got != "10r" {
		t.Errorf("RETURNING gave %s", got)
	}
	a.exec("BEGIN", "INSERT INTO annals_context (id, user_name) VALUES (1, 'ann')")
	if got := a.value("SELECT last_insert_rowid()"); got != "10" {
		t.Errorf("last_insert_rowid() is %s once a context is bound", got)
	}
}

// TestSQLiteContext: a row is the context of its transaction.
func TestSQLiteContext(t *testing.T) {
	t.Parallel()
	const insert = "INSERT INTO annals_context (id, user_id, user_name, comment, extra) VALUES (1, '7', 'ann', 'why', '{}')"
	const remove = "DELETE FROM annals_context"
	const update = "UPDATE item SET n = n + 1"
	for _, c := range []struct {
		name       string
		statements []string
		want       []string
	}{
		{"bound", []string{"BEGIN", insert, update, update, remove, "COMMIT", update}, []string{"1 ann why", "0 not orm -"}},
		{"rolled back", []string{"BEGIN", insert, update, "ROLLBACK", update}, []string{"0 not orm -"}},
		{"nothing changed", []string{"BEGIN", insert, remove, "COMMIT"}, nil},
		{
			"savepoint",
			[]string{"BEGIN", insert, "SAVEPOINT a", update, "ROLLBACK TO a", update, remove, "COMMIT"},
			[]string{"1 ann why"},
		},
		{
			"nobody",
			[]string{"BEGIN", "INSERT INTO annals_context (id) VALUES (1)", update, remove, "COMMIT"},
			[]string{"0 not orm -"},
		},
		{
			"twice",
			[]string{"BEGIN", insert, update, remove, insert, update, remove, "COMMIT"},
			[]string{"1 ann why", "1 ann why"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := newRowScene(t, testdb.New(t, "sqlite"), []string{liteItems}, entities("item"))
			s.install()
			s.exec("INSERT INTO item VALUES (1, 'a', 1)")
			s.forget("item_audit")
			a := s.session()
			a.exec(c.statements...)
			s.same("revisions", s.revisions(), c.want...)
			if n := s.count("SELECT COUNT(*) FROM annals_revision_entity WHERE revision NOT IN (SELECT id FROM annals_revision)"); n != 0 {
				t.Errorf("%d receipts have no revision", n)
			}
			for _, hash := range s.rows("SELECT transaction_hash FROM annals_revision") {
				if len(hash) != 32 || strings.Trim(hash, "0123456789abcdef") != "" {
					t.Errorf("transaction_hash %q", hash)
				}
			}
		})
	}
	t.Run("left behind", func(t *testing.T) {
		t.Parallel()
		s := newRowScene(t, testdb.New(t, "sqlite"), []string{liteItems}, entities("item"))
		s.install()
		a := s.session()
		a.exec("PRAGMA foreign_keys = on")
		_ = a.fails(insert)
		a.exec("BEGIN", insert)
		_ = a.fails("COMMIT")
		a.exec(remove, "COMMIT")
	})
}

// TestSQLiteValues: what is stored is copied as it is, whatever its storage class.
func TestSQLiteValues(t *testing.T) {
	t.Parallel()
	values := []string{
		"1", "1.0", "1.5", "'1'", "'01'", "'1.0'", "'a'", "'A'", "'a '", "''", "X'31'", "X''", "X'C328'",
		"9223372036854775807", "1e300", "9e999", "-0.0", "char(0x1F600)", "NULL", "'a' || char(0) || 'b'",
	}
	types := []string{
		"integer", "text", "text COLLATE NOCASE", "real", "numeric", "blob", "", "varchar(10)", "decimal(10,2)",
		"\"odd (type\"", "json", "any", "datetime",
	}
	for _, form := range []string{"", "WITHOUT ROWID", "STRICT"} {
		t.Run("table "+form, func(t *testing.T) {
			t.Parallel()
			var columns []string
			use := types
			if form == "STRICT" {
				use = []string{"any", "any", "any COLLATE NOCASE"}
			}
			for i, typ := range use {
				columns = append(columns, "c"+string(rune('a'+i))+" "+typ)
			}
			ddl := "CREATE TABLE item (id integer PRIMARY KEY, " + strings.Join(columns, ", ") +
				", g integer AS (id + 1) VIRTUAL, h text AS (id || 'x') STORED) " + form
			s := newRowScene(t, testdb.New(t, "sqlite"), []string{ddl}, entities("item"))
			s.install()
			a := s.session()
			for _, v := range values {
				a.exec("INSERT INTO item (id, " + strings.Join(names(columns), ", ") +
					") VALUES ((SELECT COALESCE(MAX(id), 0) + 1 FROM item), " + strings.TrimSuffix(strings.Repeat(v+", ", len(columns)), ", ") + ")")
			}
			for _, c := range append(names(columns), "id", "g", "h") {
				of := func(table, order string) []string {
					return s.rows("SELECT quote(" + c + "), typeof(" + c + ") FROM " + table + " ORDER BY " + order)
				}
				if live, copied := of("item", "id"), of("item_audit", "annals_id"); !slices.Equal(live, copied) {
					t.Errorf("column %s: copied %v, live %v", c, copied, live)
				}
			}
		})
	}
}

func names(columns []string) []string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i], _, _ = strings.Cut(c, " ")
	}
	return out
}

// TestSQLiteMasked: a masked column's values are nowhere; that it changed is told by
// bytes.
func TestSQLiteMasked(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "sqlite"),
		[]string{"CREATE TABLE item (id integer PRIMARY KEY, a text COLLATE NOCASE, b integer)"},
		entity(annals.Entity{Name: "item", Mask: []string{"a"}, Ignore: []string{"b"}}))
	s.install()
	s.exec("INSERT INTO item VALUES (1, 'x', 1)", "UPDATE item SET b = 2", "UPDATE item SET a = 'X'",
		"UPDATE item SET id = 2", "UPDATE item SET a = NULL", "DELETE FROM item")
	s.same("images", s.images("item", "id", "annals_m_a"), "1 after 1 1 1", "2 before 1 1 1", "2 after 1 1 0",
		"3 before 1 1 1", "3 after 1 1 1", "4 before 1 1 1", "4 after 1 2 0", "5 before 1 2 1", "5 after 1 2 -",
		"6 before 1 2 0")
}

// TestSQLiteAlter: renaming rewrites triggers, and a column that they use is not
// dropped before them.
func TestSQLiteAlter(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "sqlite"), []string{liteItems}, entities("item"))
	s.install()
	a := s.session()
	a.exec("ALTER TABLE item RENAME COLUMN n TO m", "INSERT INTO item VALUES (1, 'a', 5)", "ALTER TABLE item RENAME TO thing",
		"UPDATE thing SET m = 6")
	s.same("images", s.images("item", "n"), "1 after 1 5", "2 before 1 5", "2 after 1 6")
	_ = a.fails("ALTER TABLE thing DROP COLUMN m")
	a.exec("ALTER TABLE thing RENAME TO item")
	a.exec("BEGIN", "DROP TRIGGER annals_insert_item", "DROP TRIGGER annals_update_item", "DROP TRIGGER annals_delete_item",
		"ALTER TABLE item DROP COLUMN m", "COMMIT")
	s.changed()
	s.exec("UPDATE item SET name = 'b'")
	s.same("after the drop", s.rows("SELECT name, n FROM item_audit WHERE annals_seq = 3 ORDER BY annals_id"), "a -", "b -")
}

// TestSQLiteConflict: a copy that cannot be stored fails the program's statement, also
// where that ignores conflicts.
func TestSQLiteConflict(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "sqlite"), []string{liteItems}, entities("item"))
	s.install()
	s.exec("INSERT INTO item VALUES (1, 'a', 1)", "UPDATE sqlite_sequence SET seq = 0 WHERE name = 'annals_revision_entity'",
		"DELETE FROM annals_revision_entity")
	a := s.session()
	_ = a.fails("INSERT OR IGNORE INTO item VALUES (2, 'b', 1)")
	_ = a.fails("INSERT INTO item VALUES (2, 'b', 1)")
	s.same("rows", s.rows("SELECT id FROM item"), "1")
}
