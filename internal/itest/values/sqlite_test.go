package values

import (
	"database/sql"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// sqliteParams opens the same file with further parameters of the driver.
func sqliteParams(params string) func(t *testing.T, db *testdb.DB) *sql.DB {
	return func(t *testing.T, db *testdb.DB) *sql.DB {
		t.Helper()
		return openDSN(t, db.DriverName, db.DriverDSN+params)
	}
}

var sqliteSessions = []session{
	{name: "plain", open: same},
	{name: "arguments", open: same, args: true},
	{name: "times", open: sqliteParams("&_texttotime=1&_inttotime=1&_timezone=Asia/Kolkata")},
	{name: "no double-quoted strings", open: sqliteParams("&_dqs=0")},
}

var sqliteSamples = []sample{
	{Type: "", Doc: "(none)", Values: []string{"1", "1.0", "'1'", "x'31'", "NULL"}},
	{Type: "INTEGER", Values: []string{"-9223372036854775808", "9223372036854775807", "'12'", "'twelve'"}},
	{Type: "INT GENERATED ALWAYS AS (id * 2) VIRTUAL", Values: []string{"", ""}},
	{Type: "REAL", Values: []string{
		"1", "0.1", "0.30000000000000004", "1.7976931348623157e308", "5e-324", "1e15", "-0.0", "9e999", "-9e999",
	}},
	{Type: "NUMERIC", Values: []string{"10.50", "'10.50'", "12345678901234567890", "'NaN'"}},
	{Type: "DECIMAL(10,2)", Values: []string{"10.50", "'1e2'"}},
	{Type: "BOOLEAN", Values: []string{"TRUE", "FALSE", "'yes'"}},
	{Type: "TEXT", Values: []string{
		"''", "NULL", "'Zoë 😀'", "'<b>&\"'", "10.50", "'t'", "'a' || char(10) || 'b'",
		"'nul' || char(0) || 'nul'", "CAST(x'61ff62' AS TEXT)", "printf('%.*c', 1048576, 'x')",
	}},
	{Type: "VARCHAR(5)", Values: []string{"'longer than five'"}},
	{Type: "DATE", Values: []string{"'2026-01-02'", "1767323045"}},
	{Type: "DATETIME", Values: []string{
		"'2026-01-02 03:04:05'", "'2026-01-02T03:04:05.123+02:00'", "1767323045", "2461042.5", "'not a time'",
	}},
	{Type: "TIMESTAMP", Values: []string{"'2026-01-02 03:04:05.000007'"}},
	{Type: "BLOB", Values: []string{"x'00ff'", "x''", "zeroblob(65536)", "zeroblob(65537)", "'text'"}},
	{Type: "JSON", Values: []string{
		`'{ "b": 1.50, "a": [1e2, -0.0, "\u00e9"], "b": 2 }'`, "'null'", "NULL", "'12'", `'"text"'`,
		"'no JSON'", `'"\u0000"'`, `'"\ud800"'`, "'[1e999999]'", "x'7b7d'",
		`'[12345678901234567890.12345678901234567890]'`,
	}},
	{Type: "JSONB", Values: []string{`'{"b":1,"a":2}'`}},
}
