package storage_test

import (
	"context"
	"database/sql"
	"slices"
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
		Concurrent: db.Kind != "sqlite",
		Begin:      func(ctx context.Context) (*sql.Tx, error) { return db.BeginTx(ctx, nil) },
		Lock: func(ctx context.Context, tx *sql.Tx) error {
			_, err := tx.ExecContext(ctx, "UPDATE counter SET n = n + 1 WHERE id = 1")
			return err
		},
	}
}

// TestConformanceOfConnections runs the suite on connections that are set up
// otherwise: without prepared statements, in other time zones, and with what else
// applications set. Each kind of database gets all of it at once.
func TestConformanceOfConnections(t *testing.T) {
	for _, c := range []struct{ kind, name, add string }{
		{"postgres", "simple protocol", "&default_query_exec_mode=simple_protocol&timezone=Asia%2FKathmandu" +
			"&datestyle=German&standard_conforming_strings=on&bytea_output=escape"},
		{"mariadb", "interpolated", "&interpolateParams=true&time_zone=%27%2B05%3A45%27&loc=Asia%2FTokyo" +
			"&clientFoundRows=true&sql_mode=%27ANSI_QUOTES%27"},
	} {
		if !slices.Contains(testdb.Kinds(), c.kind) {
			continue
		}
		t.Run(c.kind+" "+c.name, func(t *testing.T) {
			t.Parallel()
			storagetest.Run(t, func(t *testing.T) storagetest.Instance {
				t.Helper()
				db := testdb.New(t, c.kind)
				in := instance(t, db)
				pool, err := sql.Open(db.DriverName, db.DriverDSN+c.add)
				if err != nil {
					t.Fatal(err)
				}
				t.Cleanup(func() { _ = pool.Close() })
				in.Store, in.Conn = open(t, pool, dialectOf(t, db)), pool
				in.Begin = func(ctx context.Context) (*sql.Tx, error) { return pool.BeginTx(ctx, nil) }
				return in
			})
		})
	}
}
