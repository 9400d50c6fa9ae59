package catalog

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// Elsewhere has the base tables of other schemas, each once; a partition is no
// table of its own, and the database's own schemas are none.
func TestElsewhere(t *testing.T) {
	t.Parallel()
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		run(t, db, "CREATE TABLE mine (id int PRIMARY KEY)")
		var want []annals.Table
		if db.Dialect == dialect.PostgresName {
			run(t, db, `CREATE SCHEMA "Sales"`, `CREATE SCHEMA z`,
				`CREATE TABLE "Sales"."Invoice" (id int PRIMARY KEY)`,
				`CREATE TABLE "Sales".p (d date PRIMARY KEY) PARTITION BY RANGE (d)`,
				`CREATE TABLE "Sales".p1 PARTITION OF "Sales".p FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')`,
				`CREATE VIEW z.v AS SELECT id FROM mine`, `CREATE TABLE z.mine (id int)`)
			want = []annals.Table{
				{Schema: "Sales", Name: "Invoice"},
				{Schema: "Sales", Name: "p"},
				{Schema: "z", Name: "mine"},
			}
		}
		got, err := catalog.Elsewhere(t.Context(), db, detect(t, db))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("elsewhere (-want +got):\n%s", diff)
		}
	})
}
