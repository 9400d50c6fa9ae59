package values_test

import (
	"fmt"
	"testing"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/catalog"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// nullable are column types whose reading is an expression of its own.
var nullable = map[string][]string{
	dialect.PostgresName: {
		"bytea", "bit(3)", "bit varying", "json", "jsonb", "integer[]", "bytea[]", "tsrange", "float4",
		"float8", "numeric", "money", "char(3)", "text", "timestamptz", "timestamp", "date",
		"interval", "time", "timetz", "point", "polygon", "inet", "uuid", "oid", "boolean",
	},
	dialect.MySQLName: {
		"BLOB", "BINARY(3)", "BIT(3)", "JSON", "FLOAT", "DOUBLE", "DECIMAL(5,2)", "TIMESTAMP",
		"DATETIME(6)", "DATE", "TIME", "YEAR", "CHAR(3)", "TEXT", "ENUM('a')", "SET('a')",
		"POINT", "BIGINT UNSIGNED",
	},
	dialect.SQLiteName: {"", "BLOB", "TEXT", "REAL", "NUMERIC", "DATETIME", "BOOLEAN", "JSON"},
}

// Null is null whatever the type, and nothing else is.
func TestNullOfEveryType(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		d, err := dialect.Detect(t.Context(), db, db.Dialect)
		if err != nil {
			t.Fatal(err)
		}
		for i, typ := range nullable[db.Dialect] {
			name := fmt.Sprintf("n%d", i) // prepared statements outlive a table of one name
			for _, s := range []string{
				"CREATE TABLE " + name + " (id INTEGER PRIMARY KEY, v " + typ + " NULL)",
				"INSERT INTO " + name + " (id, v) VALUES (1, NULL)",
			} {
				if _, err := db.ExecContext(t.Context(), s); err != nil {
					t.Fatalf("%s: %v", s, err)
				}
			}
			live, err := catalog.Load(t.Context(), db, d, annals.Table{Name: name})
			if err != nil {
				t.Fatal(err)
			}
			column, _ := live.Column("v")
			var v any
			err = db.QueryRowContext(t.Context(),
				"SELECT "+d.ReadExpr(column, d.Quote("v"))+" FROM "+name).Scan(&v)
			if err != nil {
				t.Fatalf("%s: %v", typ, err)
			}
			if got, err := d.Decode(column, v); err != nil || !annals.IsNull(got) {
				t.Errorf("null of type %s is %s, %v", typ, got, err)
			}
		}
	})
}
