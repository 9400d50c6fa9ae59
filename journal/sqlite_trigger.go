package journal

import (
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
)

// liteBound tells whether a context says anything.
const liteBound = "COALESCE(c.user_id, c.user_name, c.user_email, c.user_type, c.context, c.ip, " +
	"c.user_agent, c.request_id, c.comment, c.extra) IS NOT NULL"

// trigger is the trigger of a target for an operation. Annals' tables have no schema
// in it: that is how SQLite wants it, and what it takes for the trigger's own file.
func (g sqliteGenerator) trigger(t *Target, op annals.Operation) rowTrigger {
	d := g.j.cfg.Dialect
	name := rowTriggerName(op, t.Source.Name, d.Limits())
	when := ""
	if op == annals.OpUpdate {
		when = g.changed(t)
	}
	tokens := []string{
		"{trigger}", g.main(name), "{event}", strings.ToUpper(string(op)),
		"{table}", d.Quote(t.Source.Name), "{when}", when,
		"{source}", liteText(g.j.cfg.Source), "{source_hash}", sourceHash(g.j.cfg.Source),
		"{bound}", liteBound, "{target}", liteText(t.Name), "{type}", string(op),
		"{images}", g.images(t, op),
	}
	text := template("sqlite/trigger.sql")
	hash := hashOf(strings.NewReplacer(tokens...).Replace(text))
	tokens = append(tokens, "{marker}", marker(hash, t.Name))
	return rowTrigger{sql: strings.NewReplacer(tokens...).Replace(text), Installed: Installed{
		Target: t.Name, Table: t.Source, Name: name, Operation: op, Form: FormRow, Enabled: true,
		Version: Version, Hash: hash,
	}}
}

// images are the statements that copy the row. What they store under the conflict
// rule of the program's statement, which may be to ignore, is counted.
func (g sqliteGenerator) images(t *Target, op annals.Operation) string {
	d := g.j.cfg.Dialect
	names := copyColumns(t)
	for i, n := range names {
		names[i] = d.Quote(n)
	}
	insert := func(image, alias string, after bool) string {
		id := "2 * e.id"
		if after {
			id += " + 1"
		}
		values := []string{id, "e.id", "e.id", "'" + image + "'", "1"}
		for i := range t.Columns {
			c := &t.Columns[i]
			ref := alias + "." + d.Quote(c.Name)
			switch {
			case c.Masked && op == annals.OpUpdate && after:
				ref = "CASE WHEN " + g.same(c) + " THEN 0 WHEN " + ref + " IS NOT NULL THEN 1 END"
			case c.Masked:
				ref += " IS NOT NULL"
			}
			values = append(values, ref)
		}
		return "  INSERT INTO " + d.Quote(t.Copy.Name) + " (" + strings.Join(names, ", ") + ")\n  SELECT " +
			strings.Join(values, ", ") + "\n  FROM (SELECT MAX(id) AS id FROM annals_revision_entity) AS e;\n" +
			"  SELECT RAISE(ABORT, 'annals: no copy was stored') WHERE changes() <> 1;"
	}
	before := insert(layout.ImageBefore, "OLD", false)
	after := insert(layout.ImageAfter, "NEW", true)
	switch op {
	case annals.OpInsert:
		return after
	case annals.OpDelete:
		return before
	}
	return before + "\n" + after
}

// changed keeps the trigger from firing for a row that is as it was.
func (g sqliteGenerator) changed(t *Target) string {
	parts := make([]string, len(t.Columns))
	for i := range t.Columns {
		parts[i] = g.same(&t.Columns[i])
	}
	return "\nWHEN NOT (" + strings.Join(parts, "\n  AND ") + ")"
}

// same compares a column's old and new value: texts by bytes, numbers by value.
func (g sqliteGenerator) same(c *Column) string {
	name := g.j.cfg.Dialect.Quote(c.Name)
	return "OLD." + name + " IS NEW." + name + " COLLATE BINARY"
}
