package testdb

import (
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb/server"
)

// PgBouncer starts a pooler in front of a PostgreSQL database, in transaction mode
// with one server connection, and returns the DSN that leads through it. It stops
// when the test ends.
func (db *DB) PgBouncer(tb testing.TB) (dsn string) {
	tb.Helper()
	var group server.Group
	tb.Cleanup(func() {
		if err := group.Stop(); err != nil {
			tb.Error(err)
		}
	})
	s, err := group.StartPgBouncer(tb.Context(), db.DSN)
	if err != nil {
		tb.Fatal(err)
	}
	return s.DSN
}
