package journal

import (
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
)

// liteNow is the start of the statement, as layout.InstantFormat has it.
const liteNow = "strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')"

var liteHelpers = []string{"open", "bind", "unbind"}

// helpers are the triggers on annals' own tables: one makes the revision of a firing
// that has none, the others that of a context. Were they part of every trigger, each
// statement of the program would be compiled with them and each row pay for them.
func (g sqliteGenerator) helpers() []Statement {
	hash := "printf('%012x" + sourceHash(g.j.cfg.Source) + "%012x', strftime('%s', 'now') * 1000 + " +
		"substr(strftime('%f', 'now'), 4), COALESCE((SELECT seq FROM sqlite_sequence " +
		"WHERE name = 'annals_revision'), 0) + 1)"
	fill := strings.NewReplacer("{source}", liteText(g.j.cfg.Source), "{hash}", hash, "{now}", liteNow)
	var out []Statement
	for _, name := range liteHelpers {
		out = append(out, Statement{SQL: "DROP TRIGGER IF EXISTS " + g.main("annals_"+name)},
			Statement{SQL: fill.Replace(template("sqlite/" + name + ".sql"))})
	}
	return out
}

// trigger is the trigger of a target for an operation. Annals' tables have no schema
// in it: that is how SQLite wants it, and what it takes for the trigger's own file.
func (g sqliteGenerator) trigger(t *Target, op annals.Operation) rowTrigger {
	d := g.j.cfg.Dialect
	name := rowTriggerName(op, t.Source.Name, d.Limits())
	tokens := []string{
		"{trigger}", g.main(name), "{event}", strings.ToUpper(string(op)),
		"{table}", d.Quote(t.Source.Name),
		"{source}", liteText(g.j.cfg.Source), "{now}", liteNow, "{target}", liteText(t.Name),
		"{type}", string(op),
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

// images are the statements that copy the row. The number of the first is that of the
// receipt before it; of the second, that of the first: annals_id is the copy's rowid.
func (g sqliteGenerator) images(t *Target, op annals.Operation) string {
	before := g.image(t, op, layout.ImageBefore)
	after := g.image(t, op, layout.ImageAfter)
	switch op {
	case annals.OpInsert:
		return after
	case annals.OpDelete:
		return before
	}
	return before + "\n" + after
}

func (g sqliteGenerator) image(t *Target, op annals.Operation, image string) string {
	d := g.j.cfg.Dialect
	names := copyColumns(t)
	for i, n := range names {
		names[i] = d.Quote(n)
	}
	alias, id, seq := "OLD", "2 * last_insert_rowid()", "last_insert_rowid()"
	if image == layout.ImageAfter {
		alias, id = "NEW", "2 * last_insert_rowid() + 1"
		if op == annals.OpUpdate {
			id, seq = "last_insert_rowid() + 1", "last_insert_rowid() / 2"
		}
	}
	values := []string{id, seq, seq, "'" + image + "'", "1"}
	for i := range t.Columns {
		c := &t.Columns[i]
		ref := alias + "." + d.Quote(c.Name)
		switch {
		case c.Masked && op == annals.OpUpdate && image == layout.ImageAfter:
			ref = "CASE WHEN " + g.same(c) + " THEN 0 WHEN " + ref + " IS NOT NULL THEN 1 END"
		case c.Masked:
			ref += " IS NOT NULL"
		}
		values = append(values, ref)
	}
	return "  INSERT INTO " + d.Quote(t.Copy.Name) + " (" + strings.Join(names, ", ") + ")\n  VALUES (" +
		strings.Join(values, ", ") + ");"
}

// same compares a column's old and new value: texts by bytes, numbers by value.
func (g sqliteGenerator) same(c *Column) string {
	name := g.j.cfg.Dialect.Quote(c.Name)
	return "OLD." + name + " IS NEW." + name + " COLLATE BINARY"
}
