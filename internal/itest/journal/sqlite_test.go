package journal_test

import (
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestSQLiteLate: what is created last fires first, and a trigger of others that writes to
// its own table is told before the statement that it is behind of, until annals'
// triggers are created again.
func TestSQLiteLate(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "sqlite"), []string{
		"CREATE TABLE item (id integer PRIMARY KEY, name text)", "CREATE TABLE seen (id integer)",
	}, entities("item"))
	s.install()
	forms := func() (out []string) {
		installed, err := s.j.Installed(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range installed {
			out = append(out, i.Form)
		}
		return out
	}
	s.exec("CREATE TRIGGER count AFTER INSERT ON item BEGIN INSERT INTO seen VALUES (NEW.id); END")
	s.same("forms", forms(), "row", "row", "row")
	s.exec("CREATE TRIGGER tidy AFTER INSERT ON item BEGIN UPDATE item SET name = 'tidy' WHERE id = NEW.id; END")
	s.same("forms", forms(), "late", "late", "late")
	s.install()
	s.same("forms", forms(), "row", "row", "row")
	s.exec("INSERT INTO item VALUES (1, 'a')")
	s.same("receipts", s.rows("SELECT type FROM annals_revision_entity ORDER BY id"), "insert", "update")
}

func TestSQLiteRows(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "sqlite"), []string{
		"CREATE TABLE item (id integer PRIMARY KEY, name text COLLATE NOCASE, price decimal(10,2))",
	}, entities("item"))
	s.install()
	s.exec("INSERT INTO item VALUES (1, 'a', 1.5)",
		"INSERT INTO item VALUES (2, 'b', 2), (3, 'c', 3)",
		"UPDATE item SET name = 'A' WHERE id = 1",
		"UPDATE item SET name = name",
		"UPDATE item SET id = id + 10 WHERE id = -1",
		"DELETE FROM item WHERE id > 2")
	s.same("images", s.images("item", "id", "name", "price"),
		"1 after 1 1 a 1.5",
		"2 after 1 2 b 2", "3 after 1 3 c 3",
		"4 before 1 1 a 1.5", "4 after 1 1 A 1.5",
		"5 before 1 1 A 1.5", "5 after 1 1 A 1.5", "6 before 1 2 b 2", "6 after 1 2 b 2",
		"7 before 1 3 c 3", "7 after 1 3 c 3",
		"8 before 1 3 c 3")
	s.same("receipts", s.rows("SELECT entity, type, entries FROM annals_revision_entity ORDER BY id"),
		"item insert 1", "item insert 1", "item insert 1",
		"item update 1", "item update 1", "item update 1", "item update 1", "item delete 1")
}
