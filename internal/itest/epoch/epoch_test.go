package epoch_test

import (
	"errors"
	"fmt"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/epoch"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/track"
)

func items() track.Rules {
	return track.Rules{Entities: []annals.Entity{{Name: "item"}}}
}

const itemTable = "CREATE TABLE item (id INTEGER PRIMARY KEY, name VARCHAR(50), n INTEGER)"

// Rows that are older than the triggers get one baseline each, in batches; those that
// were inserted since, or had one, none.
func TestEpoch(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		s := newScene(t, db, []string{itemTable}, items())
		for i := 1; i <= 7; i++ {
			s.exec(fmt.Sprintf("INSERT INTO item VALUES (%d, 'item %d', 0)", i*10, i))
		}
		if _, err := epoch.Run(t.Context(), s.source(), epoch.Options{}); !errors.Is(err, annals.ErrSchema) {
			t.Fatalf("without triggers: %v", err)
		}
		s.install()
		s.exec("UPDATE item SET n = 1 WHERE id = 20", "INSERT INTO item VALUES (15, 'new', 0)",
			"DELETE FROM item WHERE id = 30", "UPDATE item SET id = 5 WHERE id = 40")
		var batches []string
		got := s.run(epoch.Options{Batch: 3, Progress: func(p epoch.Progress) {
			batches = append(batches, fmt.Sprint(p.Copied, p.Done, p.Total))
		}})
		// 5 was given its key by an update: it is told in a walk of its own.
		if got["item"] != 6 {
			t.Errorf("%d baselines, want 6 (%v)", got["item"], batches)
		}
		s.same("baselines", s.rows("SELECT c.id, c.name, c.n, c.annals_image, v.comment, v.managed, v.user_name, "+
			"v.source FROM item_audit c JOIN annals_revision_entity e ON e.id = c.annals_revision_entity_id "+
			"JOIN annals_revision v ON v.id = e.revision WHERE e.type = 'epoch' AND e.entity = 'item' ORDER BY c.id"),
			s.baselines("5 item 4 0", "10 item 1 0", "20 item 2 1", "50 item 5 0", "60 item 6 0", "70 item 7 0")...)
		if n := s.count("SELECT COUNT(*) FROM annals_revision WHERE LENGTH(transaction_hash) <> 32"); n != 0 {
			t.Errorf("%d revisions with a hash of another length", n)
		}
		if n := s.count("SELECT COUNT(*) FROM item_audit WHERE annals_seq * 2 + CASE annals_image WHEN 'after' " +
			"THEN 1 ELSE 0 END <> annals_id"); n != 0 {
			t.Errorf("%d copies whose id is not made of their number", n)
		}
		results, err := epoch.Run(t.Context(), s.source(), epoch.Options{})
		if err != nil || len(results) != 1 || !results[0].Already || results[0].Rows != 0 {
			t.Errorf("run again: %+v, %v", results, err)
		}
		if got := s.run(epoch.Options{Again: true, Batch: 2}); got["item"] != 7 {
			t.Errorf("asked for another: %d baselines, want 7", got["item"])
		}
		if got := s.run(epoch.Options{Again: true}); got["item"] != 7 {
			t.Errorf("asked for another once more: %d baselines, want 7", got["item"])
		}
		if _, err := epoch.Run(t.Context(), s.source(), epoch.Options{Entities: []string{"itm"}}); !errors.Is(err, annals.ErrUnknownEntity) {
			t.Errorf("an unknown entity: %v", err)
		}
	})
}

func (s *scene) baselines(rows ...string) []string {
	managed := "0"
	if s.Kind == "postgres" {
		managed = "false"
	}
	for i := range rows {
		rows[i] += " after Epoch item " + managed + " - app"
	}
	return rows
}
