package auditor_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/seed-162b1470/annals/auditor"
	"github.com/seed-162b1470/annals/config"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/testdb"
)

// columnTypes are types of which a copy has to be one, and be found to be one.
func columnTypes(db *testdb.DB) (setup, types []string) {
	switch db.Dialect {
	case dialect.PostgresName:
		return []string{
			"CREATE TYPE mood AS ENUM ('sad', 'so so')", "CREATE DOMAIN price AS numeric(10,2)",
			"CREATE TYPE pair AS (a int, b text)", "CREATE TYPE floats AS RANGE (subtype = float8)",
		}, []string{
			"smallint", "integer", "bigint", "numeric", "numeric(8,0)", "real", "double precision", "money",
			"boolean", "char(4)", "varchar(9)", "varchar", "text", `text COLLATE "C"`, `varchar(5) COLLATE "de-x-icu"`,
			`"char"`, "name", "bytea", "date", "time", "time(3)", "timetz", "timestamp", "timestamp(0)", "timestamptz(3)",
			"interval", "interval(3)", "interval year to month", "json", "jsonb", "uuid", "inet", "cidr", "macaddr",
			"bit(5)", "bit varying(5)", "bit varying", "point", "box", "polygon", "xml", "tsvector", "tsquery", "oid",
			"regclass", "pg_lsn", "int4range", "tstzmultirange", "integer[]", "numeric(5,2)[]", "varchar(5)[]", "text[][]",
			"mood", "mood[]", "price", "price[]", "pair", "pair[]", "floats", "xid8",
		}
	case dialect.MySQLName:
		return nil, []string{
			"tinyint", "tinyint(1)", "smallint unsigned", "mediumint(5) zerofill", "int", "bigint unsigned", "decimal(10,2)",
			"decimal(10,2) unsigned", "float", "double", "double(8,2)", "bit(5)", "boolean", "year", "date", "time",
			"time(3)", "datetime", "datetime(6)", "timestamp NULL", "timestamp(3) NULL", "char(4)", "varchar(9)",
			"varchar(9) CHARACTER SET latin1", "varchar(9) CHARACTER SET utf8mb3", "char(4) COLLATE utf8mb4_bin", "binary(4)", "varbinary(9)",
			"tinytext", "text", "mediumtext", "longtext", "tinyblob", "blob", "mediumblob", "longblob", "json",
			"enum('a','it''s','c;d')", "set('a','b')", "text CHARACTER SET ucs2", "point", "uuid", "inet6",
		}
	}
	return nil, []string{
		"INTEGER", "INT", "BIGINT", "TEXT", "VARCHAR(9)", "", "BLOB", "REAL", "DOUBLE PRECISION", "NUMERIC", "DECIMAL(10,2)",
		"DATE", "DATETIME", "BOOLEAN", "JSON", `"my type"`, "ANY", "FLOATING POINT", "STRING", "UNSIGNED BIG INT",
	}
}

// Copies of every type are made once: what is there is found to be what is wanted.
func TestMirrorOfTypes(t *testing.T) {
	testdb.Each(t, func(t *testing.T, db *testdb.DB) {
		setup, types := columnTypes(db)
		exec(t, db, setup...)
		columns := []string{"id INTEGER PRIMARY KEY"}
		for i, typ := range types {
			columns = append(columns, fmt.Sprintf("c%02d %s", i, typ))
		}
		exec(t, db, "CREATE TABLE things ("+strings.Join(columns, ", ")+")")
		aud := newAuditor(t, auditor.Config{
			Sources:  map[string]auditor.Source{"app": {DB: db.DB, Dialect: db.Dialect, Capture: config.CaptureTrigger}},
			Entities: map[string]config.Entity{"thing": {Table: "things"}},
		})
		update(t, aud)
		aud.Refresh()
		mustBePlanned(t, aud)
		if got := len(columnsOf(t, db, "things_audit")); got != 5+1+len(types) {
			t.Errorf("the copy has %d columns, want %d", got, 5+1+len(types))
		}
	})
}

// What PostgreSQL's event trigger makes of a change of a table is what the schema
// manager wants of it.
func TestMirrorAndEventTriggerAgree(t *testing.T) {
	db := testdb.New(t, "postgres")
	blog(t, db)
	aud := newAuditor(t, triggered(db))
	update(t, aud)
	j, err := aud.Journal("")
	if err != nil {
		t.Fatal(err)
	}
	if err := j.Create(t.Context(), nil); err != nil {
		t.Fatal(err)
	}
	for _, s := range []string{
		"ALTER TABLE posts ADD COLUMN note varchar(20)",
		"ALTER TABLE posts ALTER COLUMN note TYPE varchar(30)",
		"ALTER TABLE posts ALTER COLUMN price TYPE numeric(12,2)",
		"ALTER TABLE posts ALTER COLUMN price TYPE double precision",
		"ALTER TABLE posts RENAME COLUMN note TO remark",
		"ALTER TABLE posts ALTER COLUMN remark TYPE text",
		"ALTER TABLE comments DROP COLUMN body",
		"ALTER TABLE tags ADD COLUMN name_2 text, ALTER COLUMN name TYPE integer USING 1",
		"ALTER TABLE tags ADD COLUMN days date[], ADD COLUMN at timestamp(3)",
		"ALTER TABLE tags ALTER COLUMN at TYPE timestamp",
	} {
		exec(t, db, s)
		aud.Refresh()
		for _, p := range plans(t, aud) {
			if !p.Empty() {
				t.Errorf("after %s:\n%s", s, p.SQL())
			}
		}
	}
}
