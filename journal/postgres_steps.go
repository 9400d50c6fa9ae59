package journal

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
)

// pgLockTimeout bounds the wait for a table: writers queue behind who waits.
const pgLockTimeout = "2s"

// pgPlan is a target with all that its triggers are made from.
type pgPlan struct {
	t     *Target
	facts *pgFacts
	// functions by operation.
	functions []pgFunction
	triggers  []pgTrigger
}

// pgTrigger is a trigger as it should be.
type pgTrigger struct {
	table     annals.Table
	op        annals.Operation
	form      string
	statement string // after its name
	bits      int
	oldRows   bool
	newRows   bool
	fn        *pgFunction
}

func (t *pgTrigger) name() string { return "!annals_" + string(t.op) }

func (g postgresGenerator) plan(
	ctx context.Context, q queryers, n pgNames, t *Target,
) (*pgPlan, error) {
	facts, err := g.facts(ctx, q.source, t)
	if err != nil {
		return nil, err
	}
	p := &pgPlan{t: t, facts: facts}
	for _, op := range []annals.Operation{
		annals.OpInsert, annals.OpUpdate, annals.OpDelete, annals.OpTruncate,
	} {
		p.functions = append(p.functions, g.function(n, t, facts, op))
	}
	for _, table := range facts.tables(t) {
		for i := range p.functions {
			// Partitions have the row triggers of their parent.
			if table == t.Source || facts.form() == FormStatement || p.functions[i].op == annals.OpTruncate {
				p.triggers = append(p.triggers, newPgTrigger(table, &p.functions[i], facts.form()))
			}
		}
	}
	return p, nil
}

func newPgTrigger(table annals.Table, fn *pgFunction, form string) pgTrigger {
	t := pgTrigger{table: table, op: fn.op, form: form, fn: fn}
	event := strings.ToUpper(string(fn.op))
	switch fn.op {
	case annals.OpInsert:
		t.bits, t.newRows = pgTriggerInsert, true
	case annals.OpUpdate:
		t.bits, t.oldRows, t.newRows = pgTriggerUpdate, true, true
	case annals.OpDelete:
		t.bits, t.oldRows = pgTriggerDelete, true
	default:
		t.form, t.bits = FormStatement, pgTriggerTruncate|pgTriggerBefore
		t.statement = "BEFORE TRUNCATE ON %s FOR EACH STATEMENT EXECUTE FUNCTION %s()"
		return t
	}
	if form == FormRow {
		t.oldRows, t.newRows = false, false
		t.bits |= pgTriggerRow
		t.statement = "AFTER " + event + " ON %s FOR EACH ROW EXECUTE FUNCTION %s()"
		return t
	}
	referencing := ""
	if t.oldRows {
		referencing += " OLD TABLE AS " + pgOldRows
	}
	if t.newRows {
		referencing += " NEW TABLE AS " + pgNewRows
	}
	t.statement = "AFTER " + event + " ON %s REFERENCING" + referencing +
		" FOR EACH STATEMENT EXECUTE FUNCTION %s()"
	return t
}

func (g postgresGenerator) ownNames(ctx context.Context, q queryers) (pgNames, error) {
	own, err := g.home(ctx, q.storage)
	if err == nil && own == "" {
		err = &annals.Error{
			Op: "find", Subject: "schema of storage " + g.j.cfg.Storage, Err: annals.ErrSchema,
			Remedy: "give its account a search_path whose first schema exists",
		}
	}
	return g.names(own), err
}

func (g postgresGenerator) wanted(
	ctx context.Context, q queryers, targets []Target,
) ([]Installed, error) {
	n, err := g.ownNames(ctx, q)
	if err != nil {
		return nil, err
	}
	var wanted []Installed
	for i := range targets {
		p, err := g.plan(ctx, q, n, &targets[i])
		if err != nil {
			return nil, err
		}
		for _, t := range p.triggers {
			wanted = append(wanted, Installed{
				Target: p.t.Name, Table: t.table, Name: t.name(), Function: t.fn.name, Operation: t.op,
				Form: t.form, Enabled: true, Version: Version, Hash: t.fn.hash,
			})
		}
	}
	slices.SortFunc(wanted, compareInstalled)
	return wanted, nil
}

func (g postgresGenerator) create(
	ctx context.Context, q queryers, targets []Target, _ bool,
) ([]step, error) {
	n, err := g.ownNames(ctx, q)
	if err != nil {
		return nil, err
	}
	live, err := g.installed(ctx, q)
	if err != nil {
		return nil, err
	}
	steps := []step{g.common(n, targets)}
	for i := range targets {
		p, err := g.plan(ctx, q, n, &targets[i])
		if err != nil {
			return nil, err
		}
		s, err := g.createTarget(n, p, live)
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	may, err := g.mayFollow(ctx, q.source)
	if err != nil {
		return nil, err
	}
	if may {
		return append(steps, g.follow(n)), nil
	}
	return append(steps, step{end: []Statement{{
		Comment: "no event trigger, which takes a superuser: run trigger create after each change of a table's" +
			" columns or partitions,\nin the same transaction where writes must not fail in between",
	}}}), nil
}

// common is what all targets share.
func (g postgresGenerator) common(n pgNames, targets []Target) step {
	s := step{subject: "source " + g.j.cfg.Source, undo: "ROLLBACK"}
	s.begin = []Statement{{Comment: "context of transactions", SQL: "BEGIN"}}
	s.body = g.contextFunctions(n)
	elsewhere := slices.ContainsFunc(targets, func(t Target) bool { return t.Source.Schema != n.schema })
	if elsewhere {
		s.body = append(s.body, Statement{
			SQL: "GRANT USAGE ON SCHEMA " + g.j.cfg.Dialect.Quote(n.schema) + " TO PUBLIC",
		})
	}
	s.end = []Statement{{SQL: "COMMIT"}}
	return s
}

// frame is a short transaction that keeps writers of a table out.
func (g postgresGenerator) frame(subject string, table annals.Table, partitioned bool) step {
	only := "ONLY "
	if partitioned {
		only = "" // partitions too
	}
	return step{
		subject: subject,
		begin: []Statement{
			{Comment: subject, SQL: "BEGIN"},
			{SQL: "SET LOCAL lock_timeout = '" + pgLockTimeout + "'"},
			{SQL: "LOCK TABLE " + only + g.j.cfg.Dialect.Table(table) + " IN SHARE ROW EXCLUSIVE MODE"},
		},
		end:  []Statement{{SQL: "COMMIT"}},
		undo: "ROLLBACK",
	}
}

func (g postgresGenerator) createTarget(n pgNames, p *pgPlan, live []Installed) (step, error) {
	s := g.frame("entity "+p.t.Name, p.t.Source, p.facts.partitioned())
	for _, part := range p.facts.partitions {
		if part.kind == pgForeign {
			s.begin[0].Comment += "\npartition " + part.name.String() +
				" is a foreign table: what others do to its rows where they lie is not recorded"
		}
	}
	record, err := g.record(n, p.t)
	if err != nil {
		return s, err
	}
	s.body = append(s.body, record...)
	for i := range p.functions {
		s.body = append(s.body, g.createFunction(&p.functions[i])...)
	}
	s.body = append(s.body, g.dropStale(p, live)...)
	for i := range p.triggers {
		s.body = append(s.body, g.createTrigger(p, &p.triggers[i])...)
	}
	return s, nil
}

// dropStale drops triggers of the target that are not wanted any more: of a table
// that was a partition, or of a form that the target had.
func (g postgresGenerator) dropStale(p *pgPlan, live []Installed) []Statement {
	var drops []Statement
	for i := range live {
		l := &live[i]
		wanted := slices.ContainsFunc(p.triggers, func(t pgTrigger) bool {
			return t.table == l.Table && t.name() == l.Name && t.form == l.Form
		})
		if l.Target == p.t.Name && !wanted {
			drops = append(drops, g.dropTrigger(l))
		}
	}
	return drops
}

func (g postgresGenerator) dropTrigger(l *Installed) Statement {
	d := g.j.cfg.Dialect
	return Statement{SQL: "DROP TRIGGER IF EXISTS " + d.Quote(l.Name) + " ON " + d.Table(l.Table)}
}

func (g postgresGenerator) createFunction(f *pgFunction) []Statement {
	name := g.j.cfg.Dialect.Table(f.name)
	lines := []string{
		"CREATE OR REPLACE FUNCTION " + name + "() RETURNS trigger",
		"LANGUAGE plpgsql SECURITY DEFINER",
	}
	for _, set := range f.sets {
		lines = append(lines, "SET "+set)
	}
	return []Statement{
		{SQL: pgLines("", append(lines, "AS "+pgDollar(f.body))...)},
		{SQL: "REVOKE ALL ON FUNCTION " + name + "() FROM PUBLIC"},
	}
}

// createTrigger leaves a trigger alone that is as it should be: to drop it takes a
// lock that readers hold up, and there is no other way to replace it before
// PostgreSQL 14.
func (g postgresGenerator) createTrigger(p *pgPlan, t *pgTrigger) []Statement {
	d := g.j.cfg.Dialect
	table, name, fn := d.Table(t.table), d.Quote(t.name()), d.Table(t.fn.name)
	rows := func(there bool, name string) string {
		if there {
			return "= '" + name + "'"
		}
		return "IS NULL"
	}
	ensure := pgLines("",
		"",
		"BEGIN",
		"  IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger t",
		"      WHERE t.tgrelid = "+pgLiteral(table)+"::pg_catalog.regclass AND t.tgname = '"+t.name()+"'",
		"      AND t.tgfoid = "+pgLiteral(fn+"()")+"::pg_catalog.regprocedure",
		fmt.Sprintf("      AND t.tgtype = %d AND t.tgoldtable %s AND t.tgnewtable %s) THEN", t.bits,
			rows(t.oldRows, pgOldRows), rows(t.newRows, pgNewRows)),
		"    DROP TRIGGER IF EXISTS "+name+" ON "+table+";",
		"    CREATE TRIGGER "+name+" "+fmt.Sprintf(t.statement, table, fn)+";",
		"  END IF;",
		"END",
		"")
	statements := []Statement{
		{SQL: "DO " + pgDollar(ensure)},
		{SQL: "ALTER TABLE " + table + " ENABLE ALWAYS TRIGGER " + name},
	}
	if t.form == FormRow && t.table == p.t.Source {
		// Before PostgreSQL 15 that does not reach partitions.
		for _, part := range p.facts.partitions {
			if part.kind != pgForeign {
				statements = append(statements, Statement{
					SQL: "ALTER TABLE " + d.Table(part.name) + " ENABLE ALWAYS TRIGGER " + name,
				})
			}
		}
	}
	return statements
}

func (g postgresGenerator) drop(
	ctx context.Context, q queryers, triggers []Installed, all bool,
) ([]step, error) {
	n, err := g.ownNames(ctx, q)
	if err != nil {
		return nil, err
	}
	var steps []step
	var functions []annals.Table
	for i := range triggers {
		t := &triggers[i]
		if i == 0 || triggers[i-1].Table != t.Table {
			subject := "entity " + t.Target
			if t.Target == "" {
				subject = "table " + t.Table.String()
			}
			steps = append(steps, g.frame(subject, t.Table, false))
		}
		s := &steps[len(steps)-1]
		s.body = append(s.body, g.dropTrigger(t))
		if !slices.Contains(functions, t.Function) {
			functions = append(functions, t.Function)
		}
	}
	if all {
		if functions, err = g.allFunctions(ctx, q, n); err != nil {
			return nil, err
		}
	}
	last := step{subject: "source " + g.j.cfg.Source, undo: "ROLLBACK"}
	last.begin = []Statement{{Comment: "functions of triggers", SQL: "BEGIN"}}
	for _, f := range functions {
		last.body = append(last.body, Statement{
			SQL: "DROP FUNCTION IF EXISTS " + g.j.cfg.Dialect.Table(f) + "()",
		})
	}
	if all {
		unfollow, err := g.unfollow(ctx, q.source, n)
		if err != nil {
			return nil, err
		}
		last.body = append(unfollow, last.body...)
		last.body = append(last.body,
			Statement{SQL: "DROP FUNCTION IF EXISTS " + pgSignature(n.context, false)},
			Statement{SQL: "DROP FUNCTION IF EXISTS " + pgSignature(n.bind, false)})
	}
	last.end = []Statement{{SQL: "COMMIT"}}
	if len(last.body) > 0 {
		steps = append(steps, last)
	}
	return steps, nil
}

// allFunctions also finds those that no table uses any more.
func (g postgresGenerator) allFunctions(
	ctx context.Context, q queryers, n pgNames,
) ([]annals.Table, error) {
	const query = `SELECT p.proname::text, p.prosrc FROM pg_catalog.pg_proc p
JOIN pg_catalog.pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = $1::text AND left(p.proname::text, 7) = 'annals_'
AND p.prorettype = 'pg_catalog.trigger'::pg_catalog.regtype
ORDER BY p.proname::text COLLATE "C"`
	var functions []annals.Table
	err := scan(ctx, q.source, query, []any{n.schema}, func(scan func(...any) error) error {
		var name, body string
		err := scan(&name, &body)
		if _, _, _, ok := parseMarker(body); ok {
			functions = append(functions, g.own(n.schema, name))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read functions of storage %s: %w", g.j.cfg.Storage, err)
	}
	return functions, nil
}
