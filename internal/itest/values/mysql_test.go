package values

import (
	"database/sql"
	"testing"
	"time"

	driver "github.com/go-sql-driver/mysql"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// mysqlConfig opens a pool with changed settings of the driver.
func mysqlConfig(change func(c *driver.Config)) func(t *testing.T, db *testdb.DB) *sql.DB {
	return func(t *testing.T, db *testdb.DB) *sql.DB {
		t.Helper()
		c, err := driver.ParseDSN(db.DriverDSN)
		if err != nil {
			t.Fatal(err)
		}
		change(c)
		return openDSN(t, db.DriverName, c.FormatDSN())
	}
}

func unparsed(c *driver.Config)     { c.ParseTime = false }
func interpolated(c *driver.Config) { c.InterpolateParams = true }

func elsewhere(c *driver.Config) {
	c.Loc = time.FixedZone("", 5*3600+1800)
	c.Params = map[string]string{"time_zone": "'+05:30'"}
}

// oddMySQL changes all that MySQL prints values by.
var oddMySQL = []string{
	"SET time_zone = '-07:00'",
	"SET sql_mode = 'PAD_CHAR_TO_FULL_LENGTH,ANSI_QUOTES,NO_ZERO_DATE,NO_ZERO_IN_DATE," +
		"STRICT_ALL_TABLES,NO_BACKSLASH_ESCAPES'",
	"SET NAMES latin1",
}

var mysqlSessions = []session{
	{name: "text", open: same},
	{name: "binary", open: same, args: true},
	{name: "binary, times unparsed", open: mysqlConfig(unparsed), args: true},
	{name: "interpolated", open: mysqlConfig(interpolated), args: true},
	{name: "another zone", open: mysqlConfig(elsewhere), args: true},
	{name: "odd settings, text", open: same, set: oddMySQL},
	{name: "odd settings, binary", open: same, set: oddMySQL, args: true},
}

var mysqlSamples = []sample{
	{Type: "TINYINT", Values: []string{"-128", "127"}},
	{Type: "TINYINT(1)", Values: []string{"TRUE", "FALSE", "5", "NULL"}},
	{Type: "TINYINT UNSIGNED", Values: []string{"255"}},
	{Type: "SMALLINT", Values: []string{"-32768", "32767"}},
	{Type: "SMALLINT UNSIGNED", Values: []string{"65535"}},
	{Type: "MEDIUMINT", Values: []string{"-8388608", "8388607"}},
	{Type: "MEDIUMINT UNSIGNED", Values: []string{"16777215"}},
	{Type: "INT", Values: []string{"-2147483648", "0", "2147483647"}},
	{Type: "INT UNSIGNED", Values: []string{"4294967295"}},
	{Type: "INT(5) ZEROFILL", Values: []string{"42"}},
	{Type: "BIGINT", Values: []string{"-9223372036854775808", "9223372036854775807"}},
	{Type: "BIGINT UNSIGNED", Values: []string{"18446744073709551615"}},
	{Type: "BIGINT AUTO_INCREMENT UNIQUE", Values: []string{""}},
	{Type: "INT AS (id * 2) VIRTUAL", Values: []string{"", ""}},
	{Type: "VARCHAR(20) AS (concat('n', id)) STORED", Values: []string{""}},
	{Type: "YEAR", Values: []string{"2026", "1901", "0"}},
	{Type: "BIT(1)", Values: []string{"b'1'", "b'0'"}},
	{Type: "BIT(10)", Values: []string{"b'1010101010'", "b'1'"}},
	{Type: "BIT(64)", Values: []string{"18446744073709551615"}},
	{Type: "DECIMAL(10,2)", Values: []string{"10.50", "-0.00", "100", "-0.05"}},
	{Type: "DECIMAL(65,30)", Values: []string{"12345678901234567890123456789012345.123456789012345678901234567891"}},
	{Type: "DECIMAL(8,3) UNSIGNED ZEROFILL", Values: []string{"1.5"}},
	{Type: "FLOAT", Values: []string{"0.1", "3.4028234e38", "1.17549435e-38", "16777216", "123456.789", "-0.0"}},
	{Type: "FLOAT(7,2)", Values: []string{"12345.67"}},
	{Type: "DOUBLE", Values: []string{
		"0.1", "0.30000000000000004", "1.7976931348623157e308", "2.2250738585072014e-308", "1e21", "-0.0", "1e0",
	}},
	{Type: "DOUBLE(10,3)", Values: []string{"1.5"}},
	{Type: "DATE", Values: []string{"'2026-01-02'", "'0000-00-00'", "'2026-00-00'", "'9999-12-31'", "'0001-01-01'"}},
	{Type: "DATETIME", Values: []string{"'2026-01-02 03:04:05'", "'0000-00-00 00:00:00'"}},
	{Type: "DATETIME(3)", Values: []string{"'2026-01-02 03:04:05.1'", "'2026-00-00 00:00:00'"}},
	{Type: "DATETIME(6)", Values: []string{"'2026-01-02 03:04:05.000007'", "'9999-12-31 23:59:59.999999'"}},
	{Type: "TIMESTAMP NULL", Values: []string{
		"'2026-01-02 03:04:05'", "'1970-01-01 00:00:01'", "'0000-00-00 00:00:00'", "NULL",
	}},
	{Type: "TIMESTAMP(6) NULL", Values: []string{
		"'2026-01-02 03:04:05.000007'", "'2038-01-19 03:14:07.999999'", "'0000-00-00 00:00:00'",
	}},
	{Type: "TIME", Values: []string{"'03:04:05'", "'-838:59:59'", "'838:59:59'", "'00:00:00'"}},
	{Type: "TIME(6)", Values: []string{"'-00:00:00.000001'", "'12:00:00.5'"}},
	{Type: "CHAR(5)", Values: []string{"'ab'", "'ab  '", "''"}},
	{Type: "VARCHAR(20)", Values: []string{"''", "NULL", "'Zoë 😀'", "'kept  '", `'line\n"quoted" \\ tab\t'`}},
	{Type: "VARCHAR(20) CHARACTER SET latin1", Values: []string{"'Zoë'"}},
	{Type: "VARCHAR(20) CHARACTER SET utf16", Values: []string{"'Zoë 😀'"}},
	{Type: "TEXT", Values: []string{"'<b>&'", `'nul\0nul'`}},
	{Type: "LONGTEXT", Values: []string{"repeat('x', 1048576)"}},
	{Type: "ENUM('sad', 'so so')", Values: []string{"'so so'"}},
	{Type: "SET('a', 'b', 'c')", Values: []string{"'c,a'", "''"}},
	{Type: "BINARY(4)", Values: []string{"'ab'"}},
	{Type: "VARBINARY(20)", Values: []string{"x'00ff'", "''"}},
	{Type: "BLOB", Values: []string{"'text'"}},
	{Type: "LONGBLOB", Values: []string{"repeat(x'ab', 65536)", "repeat(x'ab', 65537)"}},
	{Type: "JSON", Values: []string{
		`'{ "b": 1.50, "a": [1, -2.5, "é"], "c": null }'`, "'null'", "NULL", `'"text"'`,
		"'12345678901234567890'",
	}},
	{Type: "JSON", Doc: "JSON, as MariaDB keeps it", Kinds: []string{"mariadb"}, Values: []string{
		`'{"b":1,"a":[1e2,-0.0,"\\u00e9"],"b":2}'`, "'0.12345678901234567890123456789'", `'"\\u0000"'`,
		"'1e999999'", "concat(repeat('[', 28), repeat(']', 28))", "concat(repeat('[', 29), repeat(']', 29))",
	}},
	{Type: "UUID", Kinds: []string{"mariadb"}, Values: []string{"'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"}},
	{Type: "INET4", Kinds: []string{"mariadb"}, Values: []string{"'192.168.0.1'"}},
	{Type: "INET6", Kinds: []string{"mariadb"}, Values: []string{"'2001:DB8::1'"}},
	{Type: "GEOMETRY", Values: []string{"ST_GeomFromText('POINT(1 2)')"}},
	{Type: "POINT", Values: []string{"ST_GeomFromText('POINT(1 2)', 4326)"}},
}
