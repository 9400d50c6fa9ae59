package conn

import (
	"testing"

	"github.com/seed-162b1470/annals/dialect"
)

func TestLook(t *testing.T) {
	for _, c := range []struct {
		syntax                               Syntax
		query                                string
		writes, several, controlled, counted bool
	}{
		{Postgres(), "SELECT 1", false, false, false, false},
		{Postgres(), "/* a */ insert into t values (1)", true, false, false, true},
		{Postgres(), "WITH x AS (SELECT 1) SELECT * FROM x", false, false, false, false},
		{Postgres(), "WITH x AS (DELETE FROM t RETURNING 1) SELECT * FROM x", true, false, false, false},
		{Postgres(), "EXPLAIN DELETE FROM t", false, false, false, false},
		{Postgres(), "EXPLAIN ANALYZE DELETE FROM t", true, false, false, false},
		{Postgres(), "COPY t FROM STDIN", true, false, false, false},
		{Postgres(), "COPY t TO STDOUT", false, false, false, false},
		{Postgres(), "TRUNCATE t", true, false, false, false},
		{Postgres(), "DO $$ BEGIN UPDATE t SET a = 1; END $$", true, false, false, false},
		{Postgres(), "UPDATE t SET a = ';'", true, false, false, true},
		{Postgres(), "UPDATE t SET a = 1; COMMIT", true, true, true, false},
		{Postgres(), "SAVEPOINT a", false, false, true, false},
		{Postgres(), "CREATE TABLE t (a int)", false, false, false, false},
		{syntaxOf(mysqlDialect()), "TRUNCATE t", false, false, true, false},
		{syntaxOf(mysqlDialect()), "CALL p()", true, false, false, false},
		{syntaxOf(mysqlDialect()), "LOAD DATA INFILE 'x' INTO TABLE t", true, false, false, false},
		{syntaxOf(mysqlDialect()), "BEGIN NOT ATOMIC DELETE FROM t; END", true, false, false, false},
		{SQLite(), "REPLACE INTO t VALUES (1)", true, false, false, true},
		{SQLite(), "", false, false, false, false},
	} {
		st := c.syntax.look(c.query)
		if st.writes != c.writes || st.several() != c.several ||
			st.controlled(c.syntax) != c.controlled || st.counted() != c.counted {
			t.Errorf("%s: writes %t, several %t, controlled %t, counted %t", c.query, st.writes,
				st.several(), st.controlled(c.syntax), st.counted())
		}
	}
}

func TestChains(t *testing.T) {
	for query, want := range map[string]Control{
		"COMMIT AND CHAIN":           {Action: Commits, Keyword: "COMMIT", Chains: true},
		"commit work and chain":      {Action: Commits, Keyword: "COMMIT", Chains: true},
		"COMMIT AND NO CHAIN":        {Action: Commits, Keyword: "COMMIT"},
		"ROLLBACK WORK AND CHAIN":    {Action: RollsBack, Keyword: "ROLLBACK", Chains: true},
		"SET autocommit = 0":         {Keyword: "SET AUTOCOMMIT", Manual: true},
		"SET @@autocommit=OFF":       {Keyword: "SET AUTOCOMMIT", Manual: true},
		"SET SESSION autocommit = 1": {Keyword: "SET AUTOCOMMIT"},
	} {
		if got := syntaxOf(mysqlDialect()).Parse(query); got != want {
			t.Errorf("%s: %+v, want %+v", query, got, want)
		}
	}
}

func TestAsksSession(t *testing.T) {
	for query, want := range map[string]bool{
		"SELECT ROW_COUNT()":                   true,
		"SELECT LAST_INSERT_ID(), ROW_COUNT()": true,
		"SELECT @@warning_count":               true,
		"SELECT f(), ROW_COUNT()":              false,
		"SELECT `f`(), ROW_COUNT()":            false,
		"SELECT LAST_INSERT_ID() FROM v":       false,
		"SELECT 1":                             false,
		"SELECT ROW_COUNT(); SELECT f()":       false,
	} {
		if got := MySQL().asksSession(query); got != want {
			t.Errorf("%s: %t", query, got)
		}
	}
}
func mysqlDialect() dialect.Dialect { return dialect.MySQL(true) }
