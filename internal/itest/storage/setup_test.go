package storage_test

import (
	"context"
	"database/sql"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
	"github.com/seed-162b1470/annals/schema"
	"github.com/seed-162b1470/annals/storage/sqlstore"
)

func TestMain(m *testing.M) { testdb.Main(m) }

const maxEntrySize = 3 << 20

// dialectOf asks the database which dialect it speaks.
func dialectOf(tb testing.TB, db *testdb.DB) dialect.Dialect {
	tb.Helper()
	d, err := dialect.Detect(tb.Context(), db.DB, db.Dialect)
	if err != nil {
		tb.Fatal(err)
	}
	return d
}

// auditTable is where the tests keep an entity: names that need quoting.
func auditTable(_ context.Context, entity string) (annals.Table, error) {
	return annals.Table{Name: "Order " + entity + "_audit"}, nil
}

// install makes annals' tables for the entities.
func install(tb testing.TB, db *sql.DB, d dialect.Dialect, entities ...string) {
	tb.Helper()
	target := schema.Target{Name: "default", DB: db, Dialect: d}
	for _, name := range entities {
		audit, _ := auditTable(tb.Context(), name)
		target.Entities = append(target.Entities, schema.EntityTable{
			Entity: annals.Entity{
				Name: name, Source: "app", Table: annals.Table{Name: "Order " + name},
			},
			Audit: audit,
		})
	}
	m, err := schema.New(schema.Config{Targets: []schema.Target{target}})
	if err != nil {
		tb.Fatal(err)
	}
	plans, err := m.Plan(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	for _, p := range plans {
		for _, s := range p.Statements {
			if _, err := db.ExecContext(tb.Context(), s.SQL); err != nil {
				tb.Fatalf("%s: %v", s.SQL, err)
			}
		}
	}
}

// open returns a store on db; the layout test gives it other connections.
func open(tb testing.TB, db *sql.DB, d dialect.Dialect) *sqlstore.Store {
	tb.Helper()
	s, err := sqlstore.New(sqlstore.Config{
		Name: "default", DB: db, Dialect: d, AuditTable: auditTable, MaxEntrySize: maxEntrySize,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

// exec runs a statement that has to work.
func exec(tb testing.TB, db dialect.Execer, query string, args ...any) {
	tb.Helper()
	if _, err := db.ExecContext(tb.Context(), query, args...); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
}

// value reads one value.
func value[T any](tb testing.TB, db *sql.DB, query string, args ...any) T {
	tb.Helper()
	var v T
	if err := db.QueryRowContext(tb.Context(), query, args...).Scan(&v); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return v
}
