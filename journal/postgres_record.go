package journal

import (
	"strconv"
	"strings"
)

// record returns the statements that note the target's columns and rules from now
// on, where they are not those that are noted. The table is locked: no row of it
// has a number between those that are drawn here.
func (g postgresGenerator) record(n pgNames, t *Target) ([]Statement, error) {
	rows, err := t.Seed(0)
	if err != nil {
		return nil, err
	}
	entity := pgLiteral(t.Name)
	values := make([]string, len(rows))
	for i, r := range rows {
		codec := "NULL"
		if r.Codec != "" {
			codec = pgLiteral(r.Codec)
		}
		values[i] = "(" + strconv.Itoa(i+1) + ", " + pgLiteral(r.Column) + ", " + pgLiteral(r.Copy) + ", " +
			pgLiteral(r.SourceType) + ", " + codec + ")"
	}
	columns := "(VALUES " + strings.Join(values, ",\n  ") + ") AS w(n, name, copy, type, codec)"
	same := "c.column_name = w.name AND c.copy_column = w.copy AND c.source_type = w.type" +
		" AND c.codec IS NOT DISTINCT FROM w.codec::text"
	number := "(SELECT pg_catalog.nextval(" + n.sequence + "))"
	rules := pgLiteral(RulesOf(t.Table).Text()) + "::pg_catalog.jsonb"
	return []Statement{
		{SQL: pgLines("",
			"UPDATE "+n.columns+" AS c SET until_seq = "+number,
			"WHERE c.entity = "+entity+" AND c.until_seq IS NULL AND NOT EXISTS (SELECT FROM "+columns,
			"  WHERE "+same+")")},
		{SQL: pgLines("",
			"INSERT INTO "+n.columns+" (entity, column_name, copy_column, source_type, codec, from_seq)",
			"SELECT "+entity+", w.name, w.copy, w.type, w.codec::text, "+number,
			"FROM "+columns,
			"WHERE NOT EXISTS (SELECT FROM "+n.columns+" c WHERE c.entity = "+entity+
				" AND c.until_seq IS NULL AND "+same+")",
			"ORDER BY w.n")},
		{SQL: pgLines("",
			"INSERT INTO "+n.rules+" (entity, from_seq, rules, created_at)",
			"SELECT "+entity+", pg_catalog.nextval("+n.sequence+"), "+rules+", pg_catalog.clock_timestamp()",
			"WHERE NOT EXISTS (SELECT FROM (SELECT r.rules FROM "+n.rules+" r WHERE r.entity = "+entity,
			"  ORDER BY r.from_seq DESC, r.id DESC LIMIT 1) r WHERE r.rules = "+rules+")")},
	}, nil
}
