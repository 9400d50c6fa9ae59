package journal

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/seed-162b1470/annals"
)

// create does each target's work in a transaction of its own.
func (g sqliteGenerator) create(
	_ context.Context, _ queryers, targets []Target, _ bool,
) ([]step, error) {
	own := transaction("annals_context")
	own.begin[0].Comment = "a row of annals_context is the context of the transaction that it is in"
	own.body = append([]Statement{{SQL: template("sqlite/context.sql")}}, g.helpers()...)
	steps := []step{own}
	for i := range targets {
		t := &targets[i]
		if err := g.check(t); err != nil {
			return nil, err
		}
		s := transaction("entity " + t.Name)
		s.begin[0].Comment = "triggers of " + t.Name + " on " + t.Source.String()
		for _, op := range rowOperations {
			trigger := g.trigger(t, op)
			s.body = append(s.body,
				Statement{SQL: "DROP TRIGGER IF EXISTS " + g.main(trigger.Name)}, Statement{SQL: trigger.sql})
		}
		records, err := g.records(t)
		if err != nil {
			return nil, err
		}
		s.body = append(s.body, records...)
		steps = append(steps, s)
	}
	return steps, nil
}

// transaction is a step that is done whole or not at all. The write lock comes first.
func transaction(subject string) step {
	return step{
		subject: subject, begin: []Statement{{SQL: "BEGIN IMMEDIATE"}}, end: []Statement{{SQL: "COMMIT"}},
		undo: "ROLLBACK",
	}
}

// check refuses tables of attached files: a trigger writes into its own file only.
func (g sqliteGenerator) check(t *Target) error {
	for _, table := range []annals.Table{t.Source, t.Copy} {
		if table.Schema == "" || strings.EqualFold(table.Schema, "main") {
			continue
		}
		return &annals.Error{
			Op: "audit", Subject: "entity " + t.Name, Err: annals.ErrConfig,
			Remedy: table.String() + " is in an attached file, and triggers write into their own: " +
				"make that file a source of its own",
		}
	}
	return nil
}

// records are the statements that bring annals_target_column and annals_rules up to
// date. What is there already is left alone.
func (g sqliteGenerator) records(t *Target) ([]Statement, error) {
	seeds, err := t.Seed(0)
	if err != nil {
		return nil, err
	}
	rows := make([]string, len(seeds))
	for i, c := range seeds {
		codec := "NULL"
		if c.Codec != "" {
			codec = liteText(c.Codec)
		}
		rows[i] = "(" + liteText(c.Column) + ", " + liteText(c.Copy) + ", " + liteText(c.SourceType) + ", " +
			codec + ")"
	}
	const (
		next = "(SELECT COALESCE(MAX(seq), 0) + 1 FROM sqlite_sequence WHERE name = 'annals_revision_entity')"
		same = "k.column_name = w.name AND k.copy_column = w.copied AND k.source_type = w.kind AND k.codec IS w.codec"
	)
	wanted := "WITH w (name, copied, kind, codec) AS (VALUES\n  " + strings.Join(rows, ",\n  ") + ")\n"
	target, rules := liteText(t.Name), liteText(RulesOf(t.Table).Text())
	return []Statement{
		{SQL: wanted + "UPDATE main.annals_target_column AS k SET until_seq = " + next + "\nWHERE k.entity = " +
			target + " AND k.until_seq IS NULL AND NOT EXISTS (SELECT 1 FROM w WHERE " + same + ")"},
		{SQL: wanted + "INSERT INTO main.annals_target_column" +
			" (entity, column_name, copy_column, source_type, codec, from_seq)\nSELECT " + target +
			", w.name, w.copied, w.kind, w.codec, " + next + " FROM w\nWHERE NOT EXISTS (SELECT 1" +
			" FROM main.annals_target_column AS k WHERE k.entity = " + target + " AND k.until_seq IS NULL\n  AND " +
			same + ")"},
		{SQL: "INSERT INTO main.annals_rules (entity, from_seq, rules, created_at)\nSELECT " + target + ", " + next +
			", " + rules + ", strftime('%Y-%m-%dT%H:%M:%f000Z', 'now')\nWHERE " + rules + " IS NOT (SELECT r.rules" +
			" FROM main.annals_rules AS r WHERE r.entity = " + target +
			"\n  ORDER BY r.from_seq DESC, r.id DESC LIMIT 1)"},
	}, nil
}

func (g sqliteGenerator) wanted(
	_ context.Context, _ queryers, targets []Target,
) ([]Installed, error) {
	var all []Installed
	for i := range targets {
		for _, op := range rowOperations {
			all = append(all, g.trigger(&targets[i], op).Installed)
		}
	}
	sortInstalled(all)
	return all, nil
}

// liteEvent is what a trigger fires for.
var liteEvent = regexp.MustCompile(`AFTER (INSERT|UPDATE|DELETE) ON `)

var liteAfter = regexp.MustCompile(`(?i)\bAFTER\b`)

// formLate is the form of triggers of SQLite that fire behind one of others, which
// may write to the same row first: the row's story would be told in the wrong order.
const formLate = "late"

// installed reads the latest triggers first, which is the order that they fire in.
func (sqliteGenerator) installed(ctx context.Context, q queryers) ([]Installed, error) {
	const query = "SELECT name, tbl_name, sql FROM main.sqlite_schema WHERE type = 'trigger' ORDER BY rowid DESC"
	var all []Installed
	ahead := map[string]bool{}
	err := scan(ctx, q.source, query, nil, func(scan func(...any) error) error {
		t := Installed{Form: FormRow, Enabled: true}
		var text string
		if err := scan(&t.Name, &t.Table.Name, &text); err != nil {
			return err
		}
		var ok bool
		event := liteEvent.FindStringSubmatch(text)
		if t.Version, t.Hash, t.Target, ok = parseMarker(text); ok && event != nil {
			t.Operation = annals.Operation(strings.ToLower(event[1]))
			if ahead[t.Table.Name] {
				t.Form = formLate
			}
			all = append(all, t)
			return nil
		}
		// One that names its table again may write to it.
		if strings.Count(strings.ToLower(text), strings.ToLower(t.Table.Name)) > 1 && liteAfter.MatchString(text) {
			ahead[t.Table.Name] = true
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list triggers: %w", err)
	}
	sortInstalled(all)
	return all, nil
}

// drop leaves annals_context: who binds a context goes on inserting into it.
func (g sqliteGenerator) drop(
	_ context.Context, _ queryers, triggers []Installed, all bool,
) ([]step, error) {
	s := transaction("source " + g.j.cfg.Source)
	for _, t := range triggers {
		s.body = append(s.body, Statement{SQL: "DROP TRIGGER IF EXISTS " + g.main(t.Name)})
	}
	for _, name := range liteHelpers {
		if all {
			s.body = append(s.body, Statement{SQL: "DROP TRIGGER IF EXISTS " + g.main("annals_"+name)})
		}
	}
	return []step{s}, nil
}
