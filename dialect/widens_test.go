package dialect_test

import (
	"testing"

	"github.com/seed-162b1470/annals/dialect"
)

func TestWidens(t *testing.T) {
	pg, my, lite := dialect.Postgres(), dialect.MySQL(true), dialect.SQLite()
	for _, c := range []struct {
		d        dialect.Dialect
		from, to string
		// widens one way, and back.
		want, back bool
	}{
		{pg, "character varying(50)", "character varying(100)", true, false},
		{pg, "varchar(50)", "character varying(50)", true, true},
		{pg, "character varying(50)", "character varying", true, false},
		{pg, "character varying(50)", "text", true, false},
		{pg, "character varying", "text", true, true},
		{pg, `character varying(5) COLLATE "C"`, `text COLLATE "pg_catalog"."C"`, true, false},
		{pg, `text COLLATE "C"`, `text COLLATE "de_DE"`, false, false},
		{pg, `text COLLATE "C"`, `text COLLATE pg_catalog."C"`, true, true},
		{pg, "character(5)", "character(10)", false, false},
		{pg, "numeric(10,2)", "numeric(12,2)", true, false},
		{pg, "numeric(10)", "numeric(12)", true, false},
		{pg, "numeric(10,2)", "numeric(12,3)", false, false},
		{pg, "numeric(10,2)", "numeric", true, false},
		{pg, "integer", "bigint", false, false},
		{pg, "int4", "integer", true, true},
		{pg, "timestamp(3) with time zone", "timestamp with time zone", true, false},
		{pg, "timestamp with time zone", "timestamptz", true, true},
		{pg, "timestamp without time zone", "timestamp", true, true},
		{pg, "timestamp without time zone", "timestamp with time zone", false, false},
		{pg, "time(3) without time zone", "time(6) without time zone", true, false},
		{pg, "character varying(5)[]", "character varying(9)[]", false, false},
		{pg, "integer[]", "integer[]", true, true},
		{pg, "integer[]", "integer", false, false},
		{pg, "bit varying(5)", "bit varying(9)", true, false},
		{pg, "bit(5)", "bit(9)", false, false},
		{my, "varchar(50)", "varchar(60)", true, false},
		{my, "varchar(50)", "varchar(63)", true, false},
		{my, "varchar(50)", "varchar(100)", false, false},
		{my, "varchar(100)", "varchar(1000)", true, false},
		{my, "varbinary(100)", "varbinary(255)", true, false},
		{my, "varbinary(255)", "varbinary(256)", false, false},
		{
			my, "varchar(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
			"varchar(60) CHARACTER SET latin1 COLLATE latin1_bin", false, false,
		},
		{
			my, "varchar(50) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin",
			"varchar(60) CHARACTER SET utf8mb4 COLLATE utf8mb4_bin", true, false,
		},
		{my, "varchar(50) CHARACTER SET utf8mb4", "varchar(50)", true, true},
		{my, "enum('a','b')", "enum('a','b','c')", true, false},
		{my, "enum('a','b')", "enum('b','a','c')", false, false},
		{my, "enum('a','b,c')", "enum('a','b','c')", false, false},
		{my, "enum('a)','b')", "enum('a)','b') CHARACTER SET utf8mb4", true, true},
		{my, "set('a','b')", "set('a','b','c')", true, false},
		{
			my, "varchar(50) CHARACTER SET utf8 COLLATE utf8_general_ci",
			"varchar(50) CHARACTER SET utf8mb3 COLLATE utf8mb3_general_ci", true, true,
		},
		{my, "varchar(200) CHARACTER SET latin1", "varchar(255) CHARACTER SET latin1", true, false},
		{my, "varchar(200) CHARACTER SET latin1", "varchar(300) CHARACTER SET latin1", false, false},
		{my, "varchar(80) CHARACTER SET utf8mb3", "varchar(90) CHARACTER SET utf8mb3", false, false},
		{my, "int(11)", "bigint(20)", false, false},
		{my, "int(11)", "int", true, true},
		{my, "bigint(20) unsigned", "bigint unsigned", true, true},
		{my, "tinyint(1)", "tinyint(4)", false, false},
		{my, "tinyint(4)", "tinyint", true, true},
		{my, "int(5) unsigned zerofill", "int(6) unsigned zerofill", false, false},
		{my, "int(11)", "int(11) unsigned", false, false},
		{my, "decimal(10,2)", "decimal(12,2)", false, false},
		{my, "double", "double", true, true},
		{my, "text CHARACTER SET utf8mb4", "longtext CHARACTER SET utf8mb4", false, false},
		{lite, "VARCHAR(50)", "TEXT", true, true},
		{lite, "INT", "bigint", true, true},
		{lite, "REAL", "TEXT", false, false},
		{lite, "", "BLOB", true, true},
		{lite, "DECIMAL(10,2)", "BOOLEAN", true, true},
	} {
		if got := dialect.Widens(c.d, c.from, c.to); got != c.want {
			t.Errorf("%s: %q to %q: %t", c.d.Name(), c.from, c.to, got)
		}
		if got := dialect.Widens(c.d, c.to, c.from); got != c.back {
			t.Errorf("%s: %q back to %q: %t", c.d.Name(), c.to, c.from, got)
		}
		if same := dialect.SameType(c.d, c.from, c.to); same != (c.want && c.back) &&
			c.d.Name() != dialect.PostgresName {
			t.Errorf("%s: %q and %q the same: %t", c.d.Name(), c.from, c.to, same)
		}
	}
}

func FuzzWidens(f *testing.F) {
	f.Add("enum('a','b')", "varchar(5) CHARACTER SET x COLLATE y")
	f.Add("numeric(10,2)", `text COLLATE "pg_catalog"."C"`)
	f.Fuzz(func(t *testing.T, a, b string) {
		for _, d := range []dialect.Dialect{dialect.Postgres(), dialect.MySQL(false), dialect.SQLite()} {
			if !dialect.Widens(d, a, a) {
				t.Errorf("%s: %q does not widen itself", d.Name(), a)
			}
			if dialect.SameType(d, a, b) != dialect.SameType(d, b, a) {
				t.Errorf("%s: %q and %q", d.Name(), a, b)
			}
		}
	})
}
