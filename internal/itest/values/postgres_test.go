package values

import (
	"database/sql"
	"testing"

	"github.com/seed-162b1470/annals/internal/testdb"
)

// postgresMode opens a pool with another execution mode of the driver.
func postgresMode(mode string) func(t *testing.T, db *testdb.DB) *sql.DB {
	return func(t *testing.T, db *testdb.DB) *sql.DB {
		t.Helper()
		return openDSN(t, db.DriverName, db.DriverDSN+"&default_query_exec_mode="+mode)
	}
}

// oddPostgres changes all that PostgreSQL prints values by.
var oddPostgres = []string{
	"SET DateStyle = 'SQL, DMY'", "SET IntervalStyle = sql_standard", "SET bytea_output = escape",
	"SET extra_float_digits = -15", "SET TimeZone = 'Asia/Kolkata'", "SET xmloption = document",
	"SET search_path = pg_temp, public",
}

var postgresSessions = []session{
	{name: "extended", open: same},
	{name: "extended with arguments", open: same, args: true},
	{name: "simple", open: postgresMode("simple_protocol"), args: true},
	{name: "exec", open: postgresMode("exec")},
	{name: "odd settings", open: same, set: oddPostgres},
	{name: "odd settings, simple", open: postgresMode("simple_protocol"), set: oddPostgres},
	{name: "odd settings, exec", open: postgresMode("exec"), set: oddPostgres, args: true},
}

var postgresSamples = []sample{
	{Type: "boolean", Values: []string{"true", "false", "NULL"}},
	{Type: "smallint", Values: []string{"-32768", "32767"}},
	{Type: "integer", Values: []string{"-2147483648", "0", "2147483647"}},
	{Type: "bigint", Values: []string{"-9223372036854775808", "9223372036854775807"}},
	{Type: "oid", Values: []string{"0", "4294967295"}},
	{Type: "xid", Values: []string{"'4294967295'"}},
	{Type: "xid8", Values: []string{"'18446744073709551615'"}},
	{Type: "regclass", Values: []string{"'pg_catalog.pg_class'"}},
	{Type: "serial", Values: []string{""}},
	{Type: "integer GENERATED ALWAYS AS IDENTITY", Values: []string{""}},
	{Type: "numeric(10,2) GENERATED ALWAYS AS (id * 1.5) STORED", Values: []string{"", ""}},
	{Type: "numeric", Values: []string{
		"10.50", "-0.00", "100", "1e20", "0.00000000000000000001", "'NaN'",
		"12345678901234567890123456789.123456789",
	}},
	{Type: "numeric", Doc: "numeric, infinite", Values: []string{"'Infinity'", "'-Infinity'"}, Since: 14},
	{Type: "numeric(10,4)", Values: []string{"1", "-1.2300"}},
	{Type: "money", Values: []string{"'1234.50'", "'-0.05'"}},
	{Type: "real", Values: []string{
		"0.1", "3.4028235e38", "1.4e-45", "'-0'", "1e10", "'NaN'", "'Infinity'", "'-Infinity'",
	}},
	{Type: "double precision", Values: []string{
		"0.1", "0.30000000000000004", "1.7976931348623157e308", "5e-324", "-1.5", "'-0'", "1e15", "1e21",
		"'NaN'", "'Infinity'", "'-Infinity'",
	}},
	{Type: "date", Values: []string{
		"'2026-01-02'", "'0001-01-01'", "'0001-12-31 BC'", "'0044-03-15 BC'", "'4714-11-24 BC'",
		"'9999-12-31'", "'10000-01-01'", "'5874897-12-31'", "'infinity'", "'-infinity'",
	}},
	{Type: "time", Values: []string{"'03:04:05'", "'23:59:59.999999'", "'24:00:00'", "'00:00:00.1'"}},
	{Type: "time with time zone", Values: []string{
		"'03:04:05+02'", "'23:59:59.999999-05:30'", "'24:00:00+00'", "'12:00:00+00:00:01'",
	}},
	{Type: "timestamp", Values: []string{
		"'2026-01-02 03:04:05'", "'2026-01-02 03:04:05.000007'", "'1969-12-31 23:59:59.999999'",
		"'0044-03-15 12:00:00 BC'", "'4714-11-24 00:00:00 BC'", "'294276-12-31 23:59:59.999999'",
		"'infinity'", "'-infinity'",
	}},
	{Type: "timestamp with time zone", Values: []string{
		"'2026-01-02 03:04:05+02'", "'2026-07-02 03:04:05.000007 America/New_York'",
		"'0044-03-15 12:00:00+00 BC'", "'294276-12-31 23:59:59.999999+00'", "'infinity'", "'-infinity'",
	}},
	{Type: "interval", Values: []string{
		"'1 year 2 mons 3 days 04:05:06.000007'", "'0'", "'-1 year -2 mons +3 days -04:05:06.5'",
		"'1 month'", "'30 days'", "'720 hours'", "'00:00:00.1'", "'178000000 years'", "'-1 microsecond'",
	}},
	{Type: "uuid", Values: []string{"'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'"}},
	{Type: "text", Values: []string{
		"''", "NULL", "'Zoë 😀'", `E'line\n"quoted" \\ tab\t'`, "'<b>&'", "' padded '",
		"repeat('x', 1048576)",
	}},
	{Type: "varchar(20)", Values: []string{"'short'", "'kept  '"}},
	{Type: "char(5)", Values: []string{"'ab'", "''"}},
	{Type: `"char"`, Values: []string{"'x'", "''"}},
	{Type: "name", Values: []string{"'a name'"}},
	{Type: "citext_like", Doc: "CREATE DOMAIN … AS text CHECK …", Setup: []string{
		"CREATE DOMAIN citext_like AS text CHECK (value <> 'x')",
	}, Values: []string{"'Any'"}},
	{
		Type: "mood", Doc: "CREATE TYPE … AS ENUM", Setup: []string{"CREATE TYPE mood AS ENUM ('sad', 'so so')"},
		Values: []string{"'so so'"},
	},
	{
		Type: "pair", Doc: "CREATE TYPE … AS (a int, b text)", Setup: []string{"CREATE TYPE pair AS (a int, b text)"},
		Values: []string{"ROW(1, 'a b')", "ROW(NULL, '')"},
	},
	{
		Type: "price", Doc: "CREATE DOMAIN … AS numeric(10,2)", Setup: []string{"CREATE DOMAIN price AS numeric(10,2)"},
		Values: []string{"12.50"},
	},
	{
		Type: "days", Doc: "CREATE DOMAIN … AS date[]", Setup: []string{"CREATE DOMAIN days AS date[]"},
		Values: []string{"'{2026-01-02,NULL}'"},
	},
	{Type: "inet", Values: []string{"'192.168.0.1'", "'192.168.0.1/24'", "'::1'", "'2001:db8::/32'"}},
	{Type: "cidr", Values: []string{"'192.168.0.0/24'", "'10.0.0.1/32'"}},
	{Type: "macaddr", Values: []string{"'08:00:2B:01:02:03'"}},
	{Type: "macaddr8", Values: []string{"'08:00:2b:01:02:03:04:05'"}},
	{Type: "xml", Values: []string{"'<a b=\"1\">x</a>'"}},
	{Type: "tsvector", Values: []string{"'fat:2 cat:3'"}},
	{Type: "tsquery", Values: []string{"'fat & cat'"}},
	{Type: "pg_lsn", Values: []string{"'16/B374D848'"}},
	{Type: "jsonpath", Values: []string{"'$.a[*]'"}},
	{Type: "bytea", Values: []string{
		`'\x00ff'`, "''", `decode(repeat('ab', 65536), 'hex')`, `decode(repeat('ab', 65537), 'hex')`,
	}},
	{Type: "bit(5)", Values: []string{"B'10101'"}},
	{Type: "bit varying(8)", Values: []string{"B'101'", "B''"}},
	{Type: "json", Values: []string{
		`'{ "b": 1.50, "a": [1e2, -0.0, "\u00e9"], "b": 2 }'`, "'null'", "NULL", `'"text"'`,
		`'12345678901234567890.12345678901234567890'`, `'"\u0000"'`, `'"\ud800"'`, "'1e999999'",
		"(repeat('[', 28) || repeat(']', 28))::json", "(repeat('[', 29) || repeat(']', 29))::json",
		"repeat('1', 16384)::json",
	}},
	{Type: "jsonb", Values: []string{
		`'{ "b": 1.50, "a": [1e2, -0.0, "\u00e9"], "aa": {} }'`, "'null'", "NULL", "'1e400'",
		`'[0.1, 1.0, 100]'`,
	}},
	{Type: "integer[]", Values: []string{"'{1,NULL,-3}'", "'{}'", "'{{1,2},{3,4}}'", "'[5:6]={1,2}'"}},
	{Type: "text[]", Values: []string{`ARRAY['a', NULL, 'NULL', '', 'with "quotes", {braces} and \']`}},
	{Type: "char(3)[]", Values: []string{"'{a,bc}'"}},
	{Type: "numeric(6,2)[]", Values: []string{"'{1.50,NaN}'"}},
	{Type: "double precision[]", Values: []string{"'{0.1,NaN,-Infinity,-0}'"}},
	{Type: "real[]", Values: []string{"'{0.1}'"}},
	{Type: "boolean[]", Values: []string{"'{t,f,NULL}'"}},
	{Type: "date[]", Values: []string{"'{2026-01-02,0044-03-15 BC,infinity}'"}},
	{Type: "timestamp[]", Values: []string{"'{2026-01-02 03:04:05}'"}},
	{Type: "timestamp with time zone[]", Values: []string{"'{2026-01-02 03:04:05+02}'"}},
	{Type: "time[]", Values: []string{"'{24:00:00}'"}},
	{Type: "interval[]", Values: []string{"'{1 month,-1 day}'"}},
	{Type: "uuid[]", Values: []string{"'{A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11}'"}},
	{Type: "bytea[]", Values: []string{`ARRAY['\x00ff'::bytea, NULL]`}},
	{Type: "jsonb[]", Values: []string{`ARRAY['{"b":1,"a":2}'::jsonb, 'null', NULL]`}},
	{Type: "inet[]", Values: []string{"'{192.168.0.1,10.0.0.0/8}'"}},
	{Type: "money[]", Values: []string{"'{1234.50}'"}},
	{Type: "regclass[]", Values: []string{"'{pg_catalog.pg_class}'"}},
	{Type: "bit(3)[]", Values: []string{"'{101}'"}},
	{
		Type: "feeling[]", Doc: "array of an ENUM", Setup: []string{"CREATE TYPE feeling AS ENUM ('sad', 'so so')"},
		Values: []string{"'{sad,\"so so\"}'"},
	},
	{
		Type: "cost[]", Doc: "array of a domain over numeric", Setup: []string{"CREATE DOMAIN cost AS numeric(10,2)"},
		Values: []string{"'{1.50,2}'"},
	},
	{
		Type: "couple[]", Doc: "array of a composite", Setup: []string{"CREATE TYPE couple AS (a int, b text)"},
		Values: []string{"ARRAY[ROW(1, 'a b')::couple]"},
	},
	{Type: "point[]", Values: []string{"'{\"(1,2)\",\"(0.1,1e300)\"}'"}},
	{Type: "daterange[]", Values: []string{"'{\"[2026-01-01,2026-02-01)\"}'"}},
	{Type: "int4range", Values: []string{"'[1,5)'", "'(,5]'", "'empty'", "'(,)'"}},
	{Type: "int8range", Values: []string{"'[1,9223372036854775807)'"}},
	{Type: "numrange", Values: []string{
		"'[1.50,20000.0001]'", "'(-0.00000001,1e20)'", "'[10000,100000000.5]'", "'[0,0.0001]'",
	}},
	{Type: "numrange", Doc: "numrange, infinite", Values: []string{"'[-Infinity,Infinity]'"}, Since: 14},
	{Type: "daterange", Values: []string{"'[2026-01-01,2026-02-01)'", "'[-infinity,infinity]'"}},
	{Type: "tsrange", Values: []string{"'[2026-01-01 00:00:00,)'"}},
	{Type: "tstzrange", Values: []string{"'(2026-01-01 00:00:00+02,2026-01-02 00:00:00+02]'"}},
	{
		Type: "working_days", Doc: "CREATE DOMAIN … AS daterange", Setup: []string{"CREATE DOMAIN working_days AS daterange"},
		Values: []string{"'[2026-01-01,2026-02-01)'"},
	},
	{
		Type: "timerange", Doc: "CREATE TYPE … AS RANGE", Setup: []string{"CREATE TYPE timerange AS RANGE (subtype = time)"},
		Values: []string{"'[08:00,17:30)'"},
	},
	{
		Type: "spread", Doc: "CREATE TYPE … AS RANGE (subtype = float8)",
		Setup:  []string{"CREATE TYPE spread AS RANGE (subtype = float8, multirange_type_name = spreads)"},
		Values: []string{"'[0.1,0.3]'", "'[0.1,0.30000000000000004]'", "'(,Infinity)'", "'empty'", "NULL"},
		Since:  14,
	},
	{
		Type: "spread[]", Doc: "array of ranges of float8",
		Values: []string{`'{"[0.1,0.3]",NULL,"[0.1,0.30000000000000004]"}'`, "'{}'"}, Since: 14,
	},
	{
		Type: "spreads", Doc: "multirange of float8",
		Values: []string{"'{[0.1,0.3],[1,2]}'", "'{[0.1,0.30000000000000004],[1,2]}'"}, Since: 14,
	},
	{
		Type: "waits", Doc: "CREATE DOMAIN … AS a range of interval", Setup: []string{
			"CREATE TYPE wait AS RANGE (subtype = interval)", "CREATE DOMAIN waits AS wait",
		},
		Values: []string{"'[1 day,1 month]'", "'[-1 year,12 mons 00:00:00.5]'"},
	},
	{
		Type: "words", Doc: "CREATE TYPE … AS RANGE (subtype = text)",
		Setup: []string{"CREATE TYPE words AS RANGE (subtype = text)"}, Values: []string{`'["a b",c]'`},
	},
	{
		Type: "reading", Doc: "CREATE TYPE … AS (at timestamptz, v float8, note text, ok bool, days daterange)",
		Setup: []string{
			"CREATE TYPE reading AS (at timestamptz, v float8, note text, ok bool, days daterange)",
		},
		Values: []string{
			"ROW('2026-01-02 03:04:05+02', 0.3, 'a b', true, '[2026-01-01,2026-02-01)')",
			"ROW('2026-01-02 03:04:05+02', 0.30000000000000004, '', false, NULL)",
			`ROW(NULL, 'NaN', 'with "quotes" \ and (braces)', NULL, 'empty')`, "ROW(NULL,NULL,NULL,NULL,NULL)", "NULL",
		},
	},
	{
		Type: "reading[]", Doc: "array of those",
		Values: []string{
			"ARRAY[ROW('2026-01-02 03:04:05+02', 0.3, 'a b', true, NULL)::reading, NULL]",
			"ARRAY[[ROW(NULL, 0.1, NULL, NULL, NULL)::reading]]",
		},
	},
	{
		Type: "datelist[]", Doc: "array of a domain over date[]", Setup: []string{"CREATE DOMAIN datelist AS date[]"},
		Values: []string{`'{"{2026-01-02,NULL}",NULL}'`},
	},
	{Type: "int4multirange", Values: []string{"'{[1,3),[5,8)}'", "'{}'"}, Since: 14},
	{Type: "tstzmultirange", Values: []string{"'{[2026-01-01 00:00:00+02,2026-01-02 00:00:00+02]}'"}, Since: 14},
	{Type: "point", Values: []string{"'(1.5,-2)'", "'(0.1,1e300)'", "'(1e-5,123456789012345)'"}},
	{Type: "line", Values: []string{"'{1,-2,0.1}'"}},
	{Type: "lseg", Values: []string{"'[(1,2),(3,4)]'"}},
	{Type: "box", Values: []string{"'(3,4),(1,2)'"}},
	{Type: "path", Values: []string{"'[(1,2),(3,4)]'", "'((1,2),(3,4))'"}},
	{Type: "polygon", Values: []string{"'((1,2),(3,4),(5,6))'"}},
	{Type: "circle", Values: []string{"'<(1,2),0.30000000000000004>'"}},
}
