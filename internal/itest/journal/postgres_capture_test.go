package journal_test

import (
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

const pgItems = `CREATE TABLE item (id bigint PRIMARY KEY, name text, price numeric(10,2))`

func TestPostgresStatements(t *testing.T) {
	t.Parallel()
	s := newScene(t, testdb.New(t, "postgres"), pgItems, entities("item"))
	s.install()
	s.exec(`INSERT INTO item VALUES (1, 'a', 1.50)`,
		`INSERT INTO item SELECT n, 'n' || n, n FROM generate_series(2, 4) n`,
		`UPDATE item SET name = 'b' WHERE id = 1`,
		`UPDATE item SET id = id + 1 WHERE id = -1`,
		`DELETE FROM item WHERE id > 2`)
	s.same("images", s.images("item", "id", "name", "price"),
		"1 after 1 1 a 1.50",
		"2 after 1 2 n2 2.00", "2 after 2 3 n3 3.00", "2 after 3 4 n4 4.00",
		"3 before 1 1 a 1.50", "3 after 1 1 b 1.50",
		"4 before 1 3 n3 3.00", "4 before 2 4 n4 4.00")
	s.same("receipts", s.receipts(), "1 item insert 1", "2 item insert 3", "3 item update 1", "4 item delete 2")
}
