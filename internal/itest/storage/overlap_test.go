package storage_test

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage"
)

// overlapping makes batch n of those that share half of their rows with the next
// one, over two audit tables.
func overlapping(n, size int) storage.Batch {
	var b storage.Batch
	at := time.Date(2026, 1, 2, 3, 4, 5, 6000, time.UTC)
	for i := range size {
		seq := int64(n*size/2 + i + 1)
		hash := fmt.Sprintf("%032x", seq)
		b.Revisions = append(b.Revisions, annals.Revision{Hash: hash, Source: "app", CreatedAt: at})
		for _, entity := range []string{"post", "user"} {
			b.Entries = append(b.Entries, annals.Entry{
				Entity: entity, Type: annals.Insert, ObjectID: fmt.Sprint(seq), TransactionHash: hash,
				Source: "app", Seq: seq, CreatedAt: at, Diffs: []byte(`{"changes":{}}`),
			})
		}
	}
	return b
}

// Writers of the same rows get in each other's way, whatever order they keep: the
// database picks victims, which try again until they are through.
func TestWritersOfOverlappingBatches(t *testing.T) {
	const writers, batches, size = 8, 12, 30
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d := dialectOf(t, db)
		install(t, db.DB, d, "post", "user")
		s := open(t, db.DB, d)
		failed := make(chan error, writers*batches)
		var done sync.WaitGroup
		for w := range writers {
			done.Go(func() {
				for i := range batches {
					// Half of them go through the batches the other way round.
					n := i
					if w%2 == 1 {
						n = batches - 1 - i
					}
					if err := s.Write(t.Context(), overlapping(n, size)); err != nil {
						failed <- fmt.Errorf("writer %d, batch %d: %w", w, n, err)
					}
				}
			})
		}
		done.Wait()
		close(failed)
		for err := range failed {
			t.Error(err)
		}
		const rows = (batches + 1) * size / 2
		for query, want := range map[string]int64{
			"SELECT COUNT(*) FROM " + d.Quote("Order post_audit"):            rows,
			"SELECT COUNT(*) FROM " + d.Quote("Order user_audit"):            rows,
			"SELECT COUNT(*) FROM annals_revision":                           rows,
			"SELECT SUM(entries) FROM annals_revision_entity":                2 * rows,
			"SELECT COUNT(*) FROM annals_revision_entity":                    2 * rows,
			"SELECT COUNT(DISTINCT seq) FROM " + d.Quote("Order post_audit"): rows,
		} {
			if got := value[int64](t, db.DB, query); got != want {
				t.Errorf("%s: %d, want %d", query, got, want)
			}
		}
	})
}
