package storage_test

import (
	"errors"
	"slices"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
)

// A revision stored in parts reads like one stored at once: one revision, numbers
// that ascend, receipts that count everything. LAST_INSERT_ID() stays the
// program's after each part.
func TestParts(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := dialectOf(t, db)
		install(t, db.DB, d, "post", "tag")
		s := open(t, db.DB, d)
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		lastID := func(query string) (id int64) {
			t.Helper()
			if db.Kind != "mariadb" {
				return 77
			}
			if err := tx.QueryRowContext(t.Context(), query).Scan(&id); err != nil {
				t.Fatal(errors.Join(err, tx.Rollback()))
			}
			return id
		}
		lastID("SELECT LAST_INSERT_ID(77)")
		rev := revision(1)
		var last int64
		for n, size := range []int{3, 1200, 1} {
			part := changes(size, "post", "tag")
			if err := s.WritePart(t.Context(), tx, &rev, part); err != nil {
				t.Fatal(errors.Join(err, tx.Rollback()))
			}
			for i := range part {
				if part[i].Seq <= last {
					t.Fatalf("part %d, entry %d has number %d behind %d", n, i, part[i].Seq, last)
				}
				last = part[i].Seq
			}
			if id := lastID("SELECT LAST_INSERT_ID()"); id != 77 {
				t.Errorf("part %d left %d as LAST_INSERT_ID()", n, id)
			}
		}
		want := []storage.Receipt{
			{Entity: "post", Type: annals.Update, Entries: 603},
			{Entity: "tag", Type: annals.Update, Entries: 601},
		}
		if err := s.WriteReceipts(t.Context(), tx, &rev, want); err != nil {
			t.Fatal(errors.Join(err, tx.Rollback()))
		}
		if err := tx.Commit(); err != nil {
			t.Fatal(err)
		}
		got, err := s.Receipts(t.Context(), rev.Hash)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("got receipts %v, %v; want %v", got, err, want)
		}
		found, err := s.Find(t.Context(), storage.Query{
			Entities: []string{"post", "tag"}, Hashes: []string{rev.Hash}, Limit: 2000,
		})
		if err != nil || len(found) != 1204 {
			t.Errorf("found %d entries, %v", len(found), err)
		}
		if n := value[int](t, db.DB, "SELECT COUNT(*) FROM annals_revision"); n != 1 {
			t.Errorf("%d revisions", n)
		}
	})
}
