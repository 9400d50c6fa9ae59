package journal_test

import (
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
)

var myItems = []string{
	"CREATE TABLE item (id int PRIMARY KEY, name varchar(100), price decimal(10,2)) ENGINE=InnoDB",
	"CREATE TABLE other (id int PRIMARY KEY AUTO_INCREMENT, n int) ENGINE=InnoDB",
}

func TestMySQLRows(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems, entities("item", "other"))
	s.install()
	s.exec("INSERT INTO item VALUES (1, 'a', 1.50)",
		"INSERT INTO item VALUES (2, 'b', 2), (3, 'c', 3)",
		"UPDATE item SET name = 'z' WHERE id = 1",
		"UPDATE item SET name = name",
		"UPDATE item SET id = id + 10 WHERE id = -1",
		"DELETE FROM item WHERE id > 2")
	s.same("images", s.images("item", "id", "name", "price"),
		"1 after 1 1 a 1.50",
		"2 after 1 2 b 2.00", "3 after 1 3 c 3.00",
		"4 before 1 1 a 1.50", "4 after 1 1 z 1.50",
		"5 before 1 1 z 1.50", "5 after 1 1 z 1.50", "6 before 1 2 b 2.00", "6 after 1 2 b 2.00",
		"7 before 1 3 c 3.00", "7 after 1 3 c 3.00",
		"8 before 1 3 c 3.00")
	s.same("receipts", s.receipts(), "1 item insert 1", "2 item insert 1", "2 item insert 1",
		"3 item update 1", "4 item update 1", "4 item update 1", "4 item update 1", "5 item delete 1")
	s.same("revisions", s.revisions(), "0 not orm -", "0 not orm -", "0 not orm -", "0 not orm -", "0 not orm -")
}

func TestMySQLInstalled(t *testing.T) {
	t.Parallel()
	s := newRowScene(t, testdb.New(t, "mariadb"), myItems,
		entity(annals.Entity{Name: `o'b\x"é😀?{copy}`, Table: annals.Table{Name: "item"}}), entities("other"))
	s.install()
	live, err := s.j.Installed(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	wanted, err := s.j.Wanted(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(live) != len(wanted) || len(live) != 6 {
		t.Fatalf("%d triggers installed, %d wanted", len(live), len(wanted))
	}
	for i := range live {
		if live[i].Definer == "" {
			t.Errorf("%s has no definer", live[i].Name)
		}
		live[i].Definer = ""
		if live[i] != wanted[i] {
			t.Errorf("installed %+v, wanted %+v", live[i], wanted[i])
		}
	}
}
