// Package catalog tests the reading of live tables on every database.
package catalog

import (
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// detect asks the database for its dialect.
func detect(t *testing.T, db *testdb.DB) dialect.Dialect {
	t.Helper()
	d, err := dialect.Detect(t.Context(), db.DB, db.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// only runs f on the databases of one dialect, among those that are asked for.
func only(t *testing.T, name string, f func(t *testing.T, db *testdb.DB)) {
	t.Helper()
	for _, kind := range testdb.Kinds() {
		if kind == name || kind == "mariadb" && name == dialect.MySQLName {
			t.Run(kind, func(t *testing.T) {
				t.Parallel()
				f(t, testdb.New(t, kind))
			})
		}
	}
}

// run executes statements.
func run(t *testing.T, db dialect.Execer, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
	}
}

// load reads one table through a single connection, inside a transaction: that
// is how captures read it.
func load(t *testing.T, db *testdb.DB, name annals.Table) *catalog.Table {
	t.Helper()
	tx, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	table, err := catalog.Load(t.Context(), tx, detect(t, db), name)
	if err != nil {
		t.Fatal(err)
	}
	return table
}
