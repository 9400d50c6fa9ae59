package journal

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
)

// contextField is a text of the context: the column of annals_revision that it
// fills, and that column's length, 0 for no limit.
type contextField struct {
	column string
	size   int
}

// contextFields are the texts of the context after its stamp, in order.
func contextFields() []contextField {
	return []contextField{
		{"user_id", 255},
		{"user_name", 255},
		{"user_email", 255},
		{"user_type", 255},
		{"context", 100},
		{"ip", 45},
		{"user_agent", 0},
		{"request_id", 255},
		{"comment", 0},
		{"extra", 0},
	}
}

// contextParameters are the parameters of annals_context and annals_bind, in order.
func contextParameters() []string {
	return []string{
		"user_id", "user_name", "comment", "user_email", "user_type", "context", "ip", "user_agent",
		"request_id", "extra",
	}
}

// pgStamp names the transaction that a context belongs to.
const pgStamp = "extract(epoch FROM now())::text"

// pgReadContext reads the setting, empty texts as nulls; one that outlived its
// transaction binds nobody. Without a setting nothing is compared: each expression
// that is reached is set up again in each transaction.
func pgReadContext(indent string) string {
	return pgLines(indent,
		"annals_c := string_to_array(nullif(current_setting('annals.context', true), ''), chr(31), '');",
		"IF annals_c IS NOT NULL THEN",
		"  IF annals_c[1] IS DISTINCT FROM "+pgStamp+" THEN",
		"    annals_c := NULL;",
		"  END IF;",
		"END IF;")
}

func pgLines(indent string, lines ...string) string {
	return indent + strings.Join(lines, "\n"+indent)
}

// insertRevision inserts revision annals_r of transaction annals_x at annals_t with
// the context annals_c, null for none. Every expression is set up again in each
// transaction: what nobody said anything of is left out.
func (g postgresGenerator) insertRevision(n pgNames, indent string) string {
	return strings.Join([]string{
		indent + "IF annals_c IS NULL THEN",
		g.insertFields(n, indent+"  ", false),
		indent + "ELSE",
		g.insertFields(n, indent+"  ", true),
		indent + "END IF;",
	}, "\n")
}

func (g postgresGenerator) insertFields(n pgNames, indent string, managed bool) string {
	columns := []string{
		"id", "source", "transaction_hash", "xid", "db_user", "application", "client_addr", "created_at",
		"managed",
	}
	values := []string{
		"annals_r", pgLiteral(g.j.cfg.Source),
		"lpad(to_hex(floor(date_part('epoch', annals_t) * 1000)::bigint), 12, '0') || '" +
			sourceHash(g.j.cfg.Source) + "' || lpad(to_hex(annals_r), 12, '0')",
		"annals_x", "SESSION_USER", "nullif(current_setting('application_name'), '')",
		"host(inet_client_addr())", "annals_t", strconv.FormatBool(managed),
	}
	if managed {
		for i, f := range contextFields() {
			columns, values = append(columns, f.column), append(values, pgContextValue("annals_c", i+2, f))
		}
	} else {
		columns, values = append(columns, "user_name"), append(values, pgLiteral(annals.Unattributed))
	}
	return pgLines(indent,
		"INSERT INTO "+n.revision+" ("+strings.Join(columns, ", ")+")",
		"VALUES ("+strings.Join(values, ", ")+");")
}

// pgContextValue is a text of an array for its column, cut to its length.
func pgContextValue(array string, n int, f contextField) string {
	text := fmt.Sprintf("%s[%d]", array, n)
	switch {
	case f.column == "extra":
		text += "::jsonb"
	case f.size > 0:
		text += fmt.Sprintf("::varchar(%d)", f.size)
	}
	return text
}

// completeRevision gives a revision what annals_c has, and keeps the rest if
// somebody was bound to it before.
func (g postgresGenerator) completeRevision(n pgNames, indent, where string) string {
	set := []string{"managed = true"}
	for i, f := range contextFields() {
		set = append(set, fmt.Sprintf("%s = coalesce(%s, CASE WHEN v.managed THEN v.%s END)",
			f.column, pgContextValue("annals_c", i+2, f), f.column))
	}
	return pgLines(indent,
		"UPDATE "+n.revision+" v SET "+strings.Join(set, ", "),
		"WHERE "+where+";")
}

// given is the parameters as an array like that of the context.
func pgGiven() string {
	values := []string{pgStamp}
	for _, f := range contextFields() {
		for i, p := range contextParameters() {
			if p == f.column {
				values = append(values, fmt.Sprintf("nullif(translate($%d%s, chr(31), ' '), '')", i+1, pgTextOf(p)))
			}
		}
	}
	return "ARRAY[" + strings.Join(values, ", ") + "]"
}

func pgTextOf(parameter string) string {
	if parameter == "extra" {
		return "::text"
	}
	return ""
}

// contextFunctions are annals_context, which binds the transaction through a
// setting and completes a revision that is there, and annals_bind, which does
// without a setting.
func (g postgresGenerator) contextFunctions(n pgNames) []Statement {
	context := pgLines("",
		"",
		"#variable_conflict use_column",
		"DECLARE",
		"  annals_g text[] := "+pgGiven()+";",
		"  annals_c text[];",
		"  annals_x bigint := pg_current_xact_id_if_assigned()::text::bigint;",
		"BEGIN",
		pgReadContext("  "),
		"  FOR annals_i IN 1 .. 11 LOOP",
		"    annals_c[annals_i] := coalesce(annals_g[annals_i], annals_c[annals_i]);",
		"  END LOOP;",
		"  PERFORM set_config('annals.context', array_to_string(annals_c, chr(31), ''), true);",
		"  IF annals_x IS NOT NULL THEN",
		g.completeRevision(n, "    ", "v.xid = annals_x AND v.created_at >= now()"),
		"  END IF;",
		"END",
		"")
	bind := pgLines("",
		"",
		"#variable_conflict use_column",
		"DECLARE",
		"  annals_c text[] := "+pgGiven()+";",
		"  annals_x bigint := txid_current();",
		"  annals_t timestamptz := greatest(clock_timestamp(), now());",
		"  annals_r bigint;",
		"BEGIN",
		g.completeRevision(n, "  ", "v.xid = annals_x AND v.created_at >= now()"),
		"  IF NOT FOUND THEN",
		"    annals_r := nextval("+n.sequence+");",
		g.insertRevision(n, "    "),
		"  END IF;",
		"END",
		"")
	return []Statement{
		g.contextFunction(n.context, context), g.contextGrant(n.context),
		g.contextFunction(n.bind, bind), g.contextGrant(n.bind),
	}
}

func pgSignature(name string, defaults bool) string {
	parameters := make([]string, 0, len(contextParameters()))
	for _, p := range contextParameters() {
		typ := "text"
		if p == "extra" {
			typ = "jsonb"
		}
		if defaults {
			typ += " DEFAULT NULL"
		}
		parameters = append(parameters, p+" "+typ)
	}
	return name + "(" + strings.Join(parameters, ", ") + ")"
}

func (g postgresGenerator) contextFunction(name, body string) Statement {
	return Statement{SQL: pgLines("",
		"CREATE OR REPLACE FUNCTION "+pgSignature(name, true),
		"RETURNS void LANGUAGE plpgsql SECURITY DEFINER",
		"SET search_path = pg_catalog, pg_temp",
		"AS "+pgDollar("\n"+marker(hashOf(body), "")+body))}
}

func (g postgresGenerator) contextGrant(name string) Statement {
	return Statement{SQL: "GRANT EXECUTE ON FUNCTION " + pgSignature(name, false) + " TO PUBLIC"}
}
