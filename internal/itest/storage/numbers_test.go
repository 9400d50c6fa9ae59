package storage_test

import (
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
)

// A session that cuts long texts short costs statements and gaps, and no number
// is given twice or wrong.
func TestNumbersOfShortTexts(t *testing.T) {
	db := testdb.New(t, "mariadb")
	d := dialectOf(t, db)
	install(t, db.DB, d, "post")
	db.SetMaxOpenConns(1)
	exec(t, db.DB, "SET SESSION group_concat_max_len = 3000, sql_mode = 'STRICT_ALL_TABLES'")
	s := open(t, db.DB, d)
	store(t, s, db.DB, revision(1), changes(1500, "post"))
	store(t, s, db.DB, revision(2), changes(3, "post"))
	got, err := s.Count(t.Context(), storage.Query{Entities: []string{"post"}, Limit: 10_000})
	if err != nil || got != 1503 {
		t.Fatalf("%d entries, %v", got, err)
	}
	var wrong int
	err = db.QueryRow("SELECT COUNT(*) FROM `Order post_audit` WHERE seq < 1 OR seq > " +
		"(SELECT next_not_cached_value FROM annals_seq)").Scan(&wrong)
	if err != nil || wrong != 0 {
		t.Fatalf("%d numbers were never drawn, %v", wrong, err)
	}
}
