package journal_test

import (
	"strings"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestRowsNames: names that are as long as the database allows, or mean something to
// it, are names like others; the client's own version of the database writes, too.
func TestRowsNames(t *testing.T) {
	for _, kind := range []string{"mariadb", "sqlite"} {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			long := strings.Repeat("n", 63)
			s := newRowScene(t, testdb.New(t, kind), []string{
				"CREATE TABLE " + long + "a (id int PRIMARY KEY, `rowid` varchar(9), `new` int, `revision` int, xid int)",
				"CREATE TABLE " + long + "b (id int PRIMARY KEY, `annals_id` int, `annals_m_x` int, x int)",
			}, entity(annals.Entity{Name: "a", Table: annals.Table{Name: long + "a"}}),
				entity(annals.Entity{Name: "b", Table: annals.Table{Name: long + "b"}, Mask: []string{"x"}}))
			s.install()
			s.client("INSERT INTO " + long + "a VALUES (1, 'r', 2, 3, 4);\nUPDATE " + long + "a SET xid = 5;\n" +
				"INSERT INTO " + long + "b VALUES (1, 2, 3, 4);\nDELETE FROM " + long + "b;\n")
			if got, want := s.firings(), "a insert; a update; b insert; b delete"; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			targets, err := s.j.Targets(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			for _, target := range targets {
				var columns []string
				for _, c := range target.Columns {
					columns = append(columns, s.d.Quote(c.Copy))
				}
				want := []string{"1 r 2 3 4", "1 r 2 3 4", "1 r 2 3 5"}
				if target.Name == "b" {
					want = []string{"1 2 3 1", "1 2 3 1"}
				}
				s.same("images of "+target.Name, s.rows("SELECT "+strings.Join(columns, ", ")+" FROM "+
					s.d.Table(target.Copy)+" ORDER BY 1, annals_seq, annals_image DESC"), want...)
			}
		})
	}
}

// TestMySQLVersioned: tables that MariaDB keeps versions of have triggers like others.
func TestMySQLVersioned(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), []string{
		"CREATE TABLE item (id int PRIMARY KEY, n int) WITH SYSTEM VERSIONING",
		"CREATE TABLE split (id int PRIMARY KEY, n int) PARTITION BY HASH (id) PARTITIONS 3",
	}, entities("item", "split"))
	s.install()
	s.exec("INSERT INTO item VALUES (1, 1)", "UPDATE item SET n = 2", "DELETE FROM item",
		"INSERT INTO split VALUES (1, 1), (2, 2)", "UPDATE split SET id = id + 10")
	s.same("images", s.images("item", "id", "n"), "1 after 1 1 1", "2 before 1 1 1", "2 after 1 1 2", "3 before 1 1 2")
	if got := s.count("SELECT COUNT(*) FROM " + s.own("split_audit")); got != 6 {
		t.Errorf("%d images of the partitioned table", got)
	}
}
