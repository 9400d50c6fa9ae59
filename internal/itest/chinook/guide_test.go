package chinook_test

import (
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/internal/itest/guide"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// The guide for an existing database, word for word on one that its authors did not
// make.
func TestExistingDatabase(t *testing.T) {
	program := build(t)
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		load(t, db)
		steps := guide.New(t, db, program, "chinook").
			Follow(t, filepath.Join("..", "..", "..", "docs", "guides", "existing-database.md"))
		last := strings.TrimSpace(steps[len(steps)-1].Stdout)
		var e record
		if err := json.Unmarshal([]byte(last), &e); err != nil {
			t.Fatalf("%v\n%s", err, last)
		}
		if e.Type != "update" || e.ObjectID != "2" ||
			!strings.Contains(string(e.Diffs), `{"new":"Tea House","old":null}`) {
			t.Errorf("%s", last)
		}
	})
}
