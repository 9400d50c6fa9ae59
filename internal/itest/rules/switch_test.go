package rules_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"gorm.io/gorm"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// TestSwitches turns capture off and on in every way; what is captured is decided
// statement by statement.
func TestSwitches(t *testing.T) {
	must := func(t *testing.T, err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		name string
		do   func(t *testing.T, w *world)
		want []string
	}{
		{
			name: "one entity",
			do: func(t *testing.T, w *world) {
				must(t, w.aud.Disable("article", "badge"))
				ok(t, w.db.Create(&Article{ID: 1}))
				ok(t, w.db.Create(&Writer{ID: 1}))
				must(t, w.aud.Enable("article"))
				ok(t, w.db.Create(&Article{ID: 2}))
				ok(t, w.db.Create(&Badge{ID: 1}))
			},
			want: []string{"insert writers 1: id >1", "insert articles 2: id >2 writer_id >"},
		},
		{
			name: "a relation is told at the end that is on",
			do: func(t *testing.T, w *world) {
				must(t, w.aud.Disable("article"))
				ok(t, w.db.Create(&Writer{ID: 1, Articles: []Article{{ID: 2, Badges: []*Badge{{ID: 3}}}}}))
			},
			want: []string{
				"insert writers 1: id >1", "associate writers 1.articles → article 2",
				"insert badges 3: id >3", "associate badges 3.articles → article 2",
			},
		},
		{
			name: "everything",
			do: func(t *testing.T, w *world) {
				w.aud.SetActive(false)
				ok(t, w.db.Create(&Article{ID: 1}))
				w.aud.SetActive(true)
				ok(t, w.db.Create(&Writer{ID: 1}))
			},
			want: []string{"insert writers 1: id >1"},
		},
		{
			name: "everything on again, an entity still off",
			do: func(t *testing.T, w *world) {
				must(t, w.aud.Disable("article"))
				w.aud.SetActive(false)
				w.aud.SetActive(true)
				ok(t, w.db.Create(&Article{ID: 1}))
				ok(t, w.db.Create(&Writer{ID: 1}))
			},
			want: []string{"insert writers 1: id >1"},
		},
		{
			name: "in the middle of a transaction",
			do: func(t *testing.T, w *world) {
				must(t, w.db.Transaction(func(tx *gorm.DB) error {
					ok(t, tx.Create(&Article{ID: 1}))
					must(t, w.aud.Disable("article"))
					ok(t, tx.Create(&Article{ID: 2}))
					must(t, w.aud.Enable("article"))
					ok(t, tx.Create(&Article{ID: 3}))
					return w.aud.Disable("article")
				}))
			},
			want: []string{"insert articles 1: id >1", "insert articles 3: id >3"},
		},
		{
			name: "everything, in the middle of a transaction",
			do: func(t *testing.T, w *world) {
				must(t, w.db.Transaction(func(tx *gorm.DB) error {
					ok(t, tx.Create(&Article{ID: 1}))
					w.aud.SetActive(false)
					ok(t, tx.Create(&Article{ID: 2}))
					return nil
				}))
			},
			want: []string{"insert articles 1: id >1"},
		},
		{
			name: "Off for one call",
			do: func(t *testing.T, w *world) {
				ok(t, w.db.WithContext(annals.Off(context.Background())).Create(&Article{ID: 1}))
				must(t, w.db.Transaction(func(tx *gorm.DB) error {
					ok(t, tx.Create(&Article{ID: 2}))
					off := tx.WithContext(annals.Off(tx.Statement.Context))
					ok(t, off.Delete(&Article{ID: 1}))
					return off.Model(&Article{ID: 2}).Update("writer_id", nil).Error
				}))
			},
			want: []string{"insert articles 2: id >2"},
		},
		{
			name: "twice off, once on",
			do: func(t *testing.T, w *world) {
				must(t, w.aud.Disable("article"))
				must(t, w.aud.Disable("article"))
				must(t, w.aud.Enable("article"))
				ok(t, w.db.Create(&Article{ID: 1}))
			},
			want: []string{"insert articles 1: id >1"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			testdb.Each(t, func(t *testing.T, db *testdb.DB) {
				w := newWorld(t, db, entities(relatedEntities()), related()...)
				c.do(t, w)
				want := make([]string, len(c.want))
				for i, line := range c.want {
					want[i] = cutNull(line)
				}
				if d := cmp.Diff(want, w.lines(relatedTables()...)); d != "" {
					t.Errorf("stored (-want +got):\n%s", d)
				}
			})
		})
	}
}

// cutNull drops a column that is null, which an insert does not have.
func cutNull(line string) string {
	const null = " writer_id >"
	if len(line) > len(null) && line[len(line)-len(null):] == null {
		return line[:len(line)-len(null)]
	}
	return line
}

// The switches tell how they stand, and refuse names that nobody has.
func TestEnabled(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, entities(map[string]config.Entity{"post": {Table: "posts"}}), &Post{})
		if !w.aud.Enabled("post") || w.aud.Enabled("none") || w.aud.Enabled("") || !w.aud.Active() {
			t.Error("at the start post alone is on")
		}
		if err := w.aud.Disable("post", "none"); !errors.Is(err, annals.ErrUnknownEntity) {
			t.Errorf("err = %v", err)
		}
		if !w.aud.Enabled("post") {
			t.Error("a refused call has changed something")
		}
		if err := w.aud.Disable("post"); err != nil || w.aud.Enabled("post") {
			t.Errorf("post is on, %v", err)
		}
		if err := w.aud.Enable("post"); err != nil || !w.aud.Enabled("post") {
			t.Errorf("post is off, %v", err)
		}
		w.aud.SetActive(false)
		if w.aud.Enabled("post") || w.aud.Active() {
			t.Error("post is on while everything is off")
		}
	})
}

// Switching while others write neither fails a write nor tears a statement: each
// leaves its entries for all of its rows or for none.
func TestSwitchesUnderWrites(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		w := newWorld(t, db, entities(map[string]config.Entity{"post": {Table: "posts"}}), &Post{})
		const writers, rounds, rows = 3, 10, 5
		done := make(chan struct{})
		var toggling, writing sync.WaitGroup
		toggling.Go(func() {
			for i := 0; ; i++ {
				select {
				case <-done:
					return
				default:
				}
				w.aud.SetActive(i%3 != 0)
				toggle := w.aud.Disable
				if i%2 == 0 {
					toggle = w.aud.Enable
				}
				if err := toggle("post"); err != nil {
					t.Error(err)
				}
			}
		})
		for n := range writers {
			writing.Go(func() {
				for i := range rounds {
					batch := make([]Post, rows)
					for j := range batch {
						batch[j].ID = (n*rounds+i)*rows + j + 1
					}
					if err := w.db.Create(&batch).Error; err != nil {
						t.Error(err)
					}
				}
			})
		}
		writing.Wait()
		close(done)
		toggling.Wait()
		byHash := map[string]int{}
		for _, r := range w.stored("posts") {
			byHash[r.hash]++
		}
		for hash, n := range byHash {
			if n != rows {
				t.Errorf("revision %s has %d entries of %d rows", hash, n, rows)
			}
		}
		if n := w.count("posts"); n != writers*rounds*rows {
			t.Errorf("%d rows", n)
		}
	})
}
