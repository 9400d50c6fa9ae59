package epoch_test

import (
	"testing"

	"github.com/seed-162b1470/annals/epoch"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// Rows of partitions are the partitioned table's, those of tables that inherit their own.
func TestPartitionsAndInheritance(t *testing.T) {
	for name, ddl := range map[string][]string{
		"partitions": {
			"CREATE TABLE item (id INTEGER PRIMARY KEY, name VARCHAR(50), n INTEGER) PARTITION BY RANGE (id)",
			"CREATE TABLE item_low PARTITION OF item FOR VALUES FROM (0) TO (10)",
			"CREATE TABLE item_high PARTITION OF item FOR VALUES FROM (10) TO (1000)",
		},
		"inheritance": {
			"CREATE TABLE item (id INTEGER PRIMARY KEY, name VARCHAR(50), n INTEGER)",
			"CREATE TABLE special (extra INTEGER) INHERITS (item)",
			"INSERT INTO special VALUES (500, 'not an item', 0, 0)",
		},
	} {
		t.Run(name, func(t *testing.T) {
			db := testdb.New(t, "postgres")
			s := newScene(t, db, ddl, items())
			s.exec("INSERT INTO item VALUES (1, 'a', 0), (5, 'b', 0), (20, 'c', 0)")
			s.install()
			s.exec("INSERT INTO item VALUES (6, 'new', 0)", "UPDATE item SET id = 30 WHERE id = 5")
			if got := s.run(epoch.Options{Batch: 1}); got["item"] != 3 {
				t.Errorf("baselines %v", got)
			}
			s.same("baselines", s.rows("SELECT c.id, c.name FROM item_audit c JOIN annals_revision_entity e "+
				"ON e.id = c.annals_revision_entity_id WHERE e.type = 'epoch' ORDER BY c.id"), "1 a", "20 c", "30 b")
		})
	}
}
