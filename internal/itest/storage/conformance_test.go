package storage_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/storage/storagetest"
)

// TestConformance runs the suite on every database.
func TestConformance(t *testing.T) {
	for _, kind := range testdb.Kinds() {
		t.Run(kind, func(t *testing.T) {
			t.Parallel()
			storagetest.Run(t, func(t *testing.T) storagetest.Instance {
				t.Helper()
				return instance(t, testdb.New(t, kind))
			})
		})
	}
}

// instance is a store on an empty database, whose source is the same database.
func instance(t *testing.T, db *testdb.DB) storagetest.Instance {
	t.Helper()
	d := dialectOf(t, db)
	install(t, db.DB, d, "post", "tag")
	exec(t, db.DB, "CREATE TABLE counter (id INTEGER NOT NULL PRIMARY KEY, n INTEGER NOT NULL)")
	exec(t, db.DB, "INSERT INTO counter (id, n) VALUES (1, 0)")
	return storagetest.Instance{
		Store:    open(t, db.DB, d),
		Entities: [2]string{"post", "tag"}, Missing: "ghost", MaxEntrySize: maxEntrySize,
		Begin: func(ctx context.Context) (*sql.Tx, error) { return db.BeginTx(ctx, nil) },
		Lock: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE counter SET n = n + 1 WHERE id = 1")
			return err
		},
	}
}
