// Package values tests the codec of values on real databases: each column type
// with its extremes is written, read through every protocol and under sessions
// that print it otherwise, and compared with docs/formats/values.md, the tables
// of which this test writes:
//
//	go test ./internal/itest/values -update
package values

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

func TestMain(m *testing.M) { testdb.Main(m) }

// sample is a column type with values of it.
type sample struct {
	// Type is what stands behind the column's name in CREATE TABLE.
	Type string
	// Values are SQL expressions, a row each.
	Values []string
	// Setup are statements to run before.
	Setup []string
	// Doc replaces Type in the documentation.
	Doc string
	// Kinds are the databases it works on; empty means all of the dialect.
	Kinds []string
	// Since is the first major version of the database that has it.
	Since int
}

// name is what the documentation calls the type.
func (s sample) name() string {
	if s.Doc != "" {
		return s.Doc
	}
	return s.Type
}

// session is a way to read: a connection and what to set in it.
type session struct {
	name string
	open func(t *testing.T, db *testdb.DB) *sql.DB
	set  []string
	// args makes a query one with parameters, which some drivers send otherwise.
	args bool
}

func same(_ *testing.T, db *testdb.DB) *sql.DB { return db.DB }

// openDSN opens a pool with another DSN that ends with the test.
func openDSN(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	pool, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}

func detect(t *testing.T, db *testdb.DB) dialect.Dialect {
	t.Helper()
	d, err := dialect.Detect(t.Context(), db.DB, db.Dialect)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// run executes statements.
func run(t *testing.T, db dialect.Execer, statements ...string) {
	t.Helper()
	for _, s := range statements {
		if _, err := db.ExecContext(t.Context(), s); err != nil {
			t.Fatalf("%.200s: %v", s, err)
		}
	}
}

// connect returns one connection of the session, as it is set.
func connect(t *testing.T, db *testdb.DB, s session) *sql.Conn {
	t.Helper()
	c, err := s.open(t, db).Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	run(t, c, s.set...)
	return c
}

// table is a sample in the database.
type table struct {
	sample
	name   string
	column dialect.Column
}

// create makes a table for each sample and fills it.
func create(t *testing.T, db *testdb.DB, samples []sample) []table {
	t.Helper()
	d := detect(t, db)
	c := connect(t, db, session{open: same, set: writing[db.Dialect]})
	tables := make([]table, len(samples))
	for i, s := range samples {
		run(t, c, s.Setup...)
		name := fmt.Sprintf("Sample %d", i)
		quoted, column := d.Quote(name), d.Quote("The Value")
		run(t, c, "CREATE TABLE "+quoted+" (id int PRIMARY KEY, "+column+" "+s.Type+")")
		for n, value := range s.Values {
			statement := fmt.Sprintf("INSERT INTO %s (id, %s) VALUES (%d, %s)", quoted, column, n, value)
			if value == "" {
				statement = fmt.Sprintf("INSERT INTO %s (id) VALUES (%d)", quoted, n)
			}
			run(t, c, statement)
		}
		live, err := catalog.Load(t.Context(), c, d, annals.Table{Name: name})
		if err != nil {
			t.Fatal(err)
		}
		tables[i] = table{s, name, live.Columns[1]}
	}
	return tables
}

// writing is what a session needs in order to write every sample.
var writing = map[string][]string{
	dialect.MySQLName: {"SET sql_mode = '', time_zone = '+00:00'"},
}

// read returns the column's values in the order of rows.
func read(t *testing.T, d dialect.Dialect, q dialect.Queryer, tab table, args bool) []json.RawMessage {
	t.Helper()
	expr := d.ReadExpr(tab.column, "s."+d.Quote(tab.column.Name))
	if args {
		return readAs(t, d, q, tab, expr, 1)
	}
	return readAs(t, d, q, tab, expr)
}

// readAs reads the column by another expression; an argument is bound where there
// is one.
func readAs(
	t *testing.T, d dialect.Dialect, q dialect.Queryer, tab table, expr string, bound ...any,
) []json.RawMessage {
	t.Helper()
	query := "SELECT " + expr + " FROM " + d.Quote(tab.name) + " AS s"
	for range bound {
		query += " WHERE 1 = " + d.Placeholder(1)
	}
	rows, err := q.QueryContext(t.Context(), query+" ORDER BY id", bound...)
	if err != nil {
		t.Fatalf("%s: %s: %v", tab.Type, query, err)
	}
	defer rows.Close()
	var values []json.RawMessage
	for rows.Next() {
		var v any
		if err := rows.Scan(&v); err != nil {
			t.Fatalf("%s: %v", tab.Type, err)
		}
		out, err := d.Decode(tab.column, v)
		if err != nil {
			t.Fatalf("%s, row %d: %v", tab.Type, len(values), err)
		}
		values = append(values, out)
	}
	if err := rows.Err(); err != nil {
		t.Fatalf("%s: %v", tab.Type, err)
	}
	return values
}
