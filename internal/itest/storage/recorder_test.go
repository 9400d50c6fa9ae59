package storage_test

import (
	"database/sql"
	"slices"
	"testing"

	"github.com/seed-162b1470/annals/internal/itest/wire"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// recorder notes every statement that goes through its pool, but for transaction
// control.
type recorder struct{ wire *wire.Recorder }

// record opens db once more, with every statement noted.
func record(tb testing.TB, db *testdb.DB) (*sql.DB, *recorder) {
	tb.Helper()
	again, r := wire.Open(tb, db)
	return again.DB, &recorder{r}
}

// taken returns what was noted since the last time.
func (r *recorder) taken() []wire.Statement {
	return slices.DeleteFunc(r.wire.Take(), func(s wire.Statement) bool {
		return slices.Contains([]string{"BEGIN", "COMMIT", "ROLLBACK"}, s.SQL)
	})
}

func (r *recorder) texts() []string {
	var out []string
	for _, s := range r.taken() {
		out = append(out, s.SQL)
	}
	return out
}
