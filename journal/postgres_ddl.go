package journal

import (
	"context"
	_ "embed" // for the functions of the event trigger
	"fmt"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
)

//go:embed sql/postgres/ddl.sql
var pgDDL string

// pgDDLFunctions are what pgDDL makes, in the order in which they can be dropped.
func pgDDLFunctions() []string {
	return []string{
		"annals_ddl()", "annals_refit(oid, integer)", "annals_renamed(jsonb, text, text)",
		"annals_section(text, text, text)", "annals_widened(text, text)", "annals_base(oid, integer)",
	}
}

// mayFollow reports whether the account may make an event trigger.
func (g postgresGenerator) mayFollow(ctx context.Context, q dialect.Queryer) (bool, error) {
	var super bool
	err := scan(ctx, q, "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = CURRENT_USER", nil,
		func(scan func(...any) error) error { return scan(&super) })
	if err != nil {
		return false, fmt.Errorf("read role: %w", err)
	}
	return super, nil
}

// eventTrigger is the name of the event trigger, of which a database has one for each
// schema with annals' tables.
func (g postgresGenerator) eventTrigger(n pgNames) string {
	name := "annals_ddl_" + n.schema
	if g.fit(name, 0) == name {
		return name
	}
	tail := "_" + nameHash(n.schema)
	return g.fit(name, len(tail)) + tail
}

// follow returns the step that makes the event trigger.
func (g postgresGenerator) follow(n pgNames) step {
	d := g.j.cfg.Dialect
	s := step{subject: "source " + g.j.cfg.Source, undo: "ROLLBACK"}
	s.begin = []Statement{{Comment: "event trigger: functions follow when tables change", SQL: "BEGIN"}}
	schema := d.Quote(n.schema)
	text := strings.NewReplacer("{schema}", schema, "{schema_text}", pgLiteral(schema),
		"{schema_in_text}", strings.ReplaceAll(schema, "'", "''"),
		"{schema_in_format}", strings.ReplaceAll(strings.ReplaceAll(schema, "%", "%%"), "'", "''"),
		"{equal}", pgLiteral(pgOwnEquality), "{version}", strconv.Itoa(Version),
		"{marker}", marker(hashOf(pgDDL), "")).Replace(pgDDL)
	for part := range strings.SplitSeq(text, "\nCREATE OR REPLACE ") {
		body, _, found := strings.Cut(part, "\n$annals$;")
		if found {
			s.body = append(s.body, Statement{SQL: "CREATE OR REPLACE " + body + "\n$annals$"})
		}
	}
	for _, f := range pgDDLFunctions() {
		s.body = append(s.body, Statement{SQL: "REVOKE ALL ON FUNCTION " + schema + "." + f + " FROM PUBLIC"})
	}
	name, fn := d.Quote(g.eventTrigger(n)), schema+".annals_ddl"
	s.body = append(s.body,
		Statement{SQL: "DO " + pgDollar(pgLines("",
			"",
			"BEGIN",
			"  IF NOT EXISTS (SELECT FROM pg_catalog.pg_event_trigger t WHERE t.evtname = "+
				pgLiteral(g.eventTrigger(n)),
			"      AND t.evtfoid = "+pgLiteral(fn+"()")+"::pg_catalog.regprocedure) THEN",
			"    DROP EVENT TRIGGER IF EXISTS "+name+";",
			"    CREATE EVENT TRIGGER "+name+" ON ddl_command_end WHEN TAG IN ('ALTER TABLE', 'CREATE TABLE')",
			"      EXECUTE FUNCTION "+fn+"();",
			"  END IF;",
			"END",
			""))},
		Statement{SQL: "ALTER EVENT TRIGGER " + name + " ENABLE ALWAYS"})
	s.end = []Statement{{SQL: "COMMIT"}}
	return s
}

// unfollow drops the event trigger where it is there.
func (g postgresGenerator) unfollow(
	ctx context.Context, q dialect.Queryer, n pgNames,
) ([]Statement, error) {
	const query = "SELECT 1 FROM pg_catalog.pg_event_trigger WHERE evtname = $1::text"
	var statements []Statement
	err := scan(ctx, q, query, []any{g.eventTrigger(n)}, func(func(...any) error) error {
		statements = append(statements, Statement{
			SQL: "DROP EVENT TRIGGER IF EXISTS " + g.j.cfg.Dialect.Quote(g.eventTrigger(n)),
		})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read event triggers: %w", err)
	}
	for _, f := range pgDDLFunctions() {
		statements = append(statements, Statement{
			SQL: "DROP FUNCTION IF EXISTS " + g.j.cfg.Dialect.Quote(n.schema) + "." + f,
		})
	}
	return statements, nil
}
