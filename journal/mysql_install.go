package journal

import (
	"context"
	"database/sql"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// myBegin pins what the text of triggers is read by, and lets nobody wait long for a
// table's lock; myRestore gives the session back what it had.
var (
	myBegin = []Statement{
		{SQL: "SET @annals_was = CONCAT_WS(',', @@character_set_client, @@character_set_results, " +
			"@@collation_connection), @annals_mode = @@sql_mode, @annals_patience = @@lock_wait_timeout"},
		{SQL: "SET NAMES utf8mb4 COLLATE utf8mb4_bin"},
		{SQL: "SET sql_mode = '" + mySQLMode + "', lock_wait_timeout = 2"},
	}
	myRestore = []Statement{
		{SQL: "SET sql_mode = @annals_mode, lock_wait_timeout = @annals_patience, " +
			"character_set_client = SUBSTRING_INDEX(@annals_was, ',', 1), " +
			"character_set_results = NULLIF(SUBSTRING_INDEX(SUBSTRING_INDEX(@annals_was, ',', 2), ',', -1), ''), " +
			"collation_connection = SUBSTRING_INDEX(@annals_was, ',', -1)"},
	}
)

const myUnlock = "UNLOCK TABLES"

func (g mysqlGenerator) create(
	ctx context.Context, q queryers, targets []Target, _ bool,
) ([]step, error) {
	own, err := g.home(ctx, q.storage)
	if err != nil {
		return nil, fmt.Errorf("read schema of storage %s: %w", g.j.cfg.Storage, err)
	}
	n := g.names(own)
	var steps []step
	s, err := g.procedures(ctx, q, n)
	if err != nil {
		return nil, err
	}
	if len(s.body) > 0 {
		steps = append(steps, s)
	}
	known, err := g.present(ctx, q)
	if err != nil {
		return nil, err
	}
	for i := range targets {
		// A table's lock stops every writer that is recorded: it is not for nothing.
		if current, err := known.has(g, n, &targets[i]); err != nil || current {
			if err != nil {
				return nil, err
			}
			continue
		}
		s, err := g.target(n, &targets[i])
		if err != nil {
			return nil, err
		}
		steps = append(steps, s)
	}
	return steps, nil
}

// target installs the triggers of a target while nobody else writes to its table, and
// records from which number on its columns and rules hold.
func (g mysqlGenerator) target(n myNames, t *Target) (step, error) {
	d := g.j.cfg.Dialect
	s := step{
		subject: "entity " + t.Name, begin: slices.Clone(myBegin), undo: myUnlock, restore: myRestore,
	}
	s.begin[0].Comment = "triggers of " + t.Name + " on " + t.Source.String()
	s.begin = append(s.begin, Statement{
		SQL: "LOCK TABLES " + d.Table(t.Source) + " WRITE, " + n.columns + " WRITE, " +
			n.columns + " AS known READ, " + n.rules + " WRITE, " + n.rules + " AS latest READ",
	})
	for _, op := range rowOperations {
		trigger := g.trigger(n, t, op)
		if !g.mariaDB() {
			name := d.Table(annals.Table{Schema: t.Source.Schema, Name: trigger.Name})
			s.body = append(s.body, Statement{SQL: "DROP TRIGGER IF EXISTS " + name})
		}
		s.body = append(s.body, Statement{SQL: trigger.sql, Compound: true})
	}
	records, err := g.records(n, t)
	if err != nil {
		return step{}, err
	}
	s.body = append(s.body, records...)
	s.end = []Statement{{SQL: myUnlock}}
	if !g.mariaDB() {
		s.restore = append(slices.Clone(myRestore), Statement{SQL: "SET information_schema_stats_expiry = DEFAULT"})
	}
	return s, nil
}

// records are the statements that bring annals_target_column and annals_rules up to
// date. Those that are neither there nor changed write nothing.
func (g mysqlGenerator) records(n myNames, t *Target) ([]Statement, error) {
	seeds, err := t.Seed(0)
	if err != nil {
		return nil, err
	}
	var out []Statement
	if !g.mariaDB() {
		// Else the number may be a day old.
		out = append(out, Statement{SQL: "SET information_schema_stats_expiry = 0"})
	}
	out = append(out, Statement{
		SQL: "SET @annals_from = (SELECT COALESCE(MAX(AUTO_INCREMENT), 1) FROM information_schema.TABLES\n" +
			"WHERE TABLE_SCHEMA = " + myText(n.schema) + " AND TABLE_NAME = '" + layout.RevisionEntityTable + "')",
	})
	selects := make([]string, len(seeds))
	for i, c := range seeds {
		codec := "NULL"
		if c.Codec != "" {
			codec = myText(c.Codec)
		}
		selects[i] = "SELECT " + myText(c.Column) + " AS c, " + myText(c.Copy) + " AS copied, " +
			myText(c.SourceType) + " AS kind, " + codec + " AS codec"
	}
	wanted := "(" + strings.Join(selects, "\n  UNION ALL ") + ") AS wanted"
	equal := func(table string) string {
		pair := func(column, wanted string) string {
			return "CAST(" + table + "." + column + " AS BINARY) <=> CAST(wanted." + wanted + " AS BINARY)"
		}
		return pair("column_name", "c") + "\n  AND " + pair("copy_column", "copied") + "\n  AND " +
			pair("source_type", "kind") + "\n  AND " + pair("codec", "codec")
	}
	target := myText(t.Name)
	rules := myText(RulesOf(t.Table).Text())
	held := "CAST(latest.rules AS BINARY) = CAST(" + rules + " AS BINARY)"
	if !g.mariaDB() {
		held = "latest.rules = CAST(" + rules + " AS JSON)"
	}
	return append(out,
		Statement{SQL: "UPDATE " + n.columns + " SET until_seq = @annals_from\nWHERE entity = " + target +
			" AND until_seq IS NULL AND NOT EXISTS (SELECT 1 FROM " + wanted +
			"\n  WHERE " + equal(layout.TargetColumnTable) + ")"},
		Statement{SQL: "INSERT INTO " + n.columns +
			" (entity, column_name, copy_column, source_type, codec, from_seq)\nSELECT " + target +
			", wanted.c, wanted.copied, wanted.kind, wanted.codec, @annals_from FROM " + wanted +
			"\nWHERE NOT EXISTS (SELECT 1 FROM " + n.columns + " AS known WHERE known.entity = " + target +
			" AND known.until_seq IS NULL\n  AND " + equal("known") + ")"},
		Statement{SQL: "SET @annals_rules = (SELECT " + held + " FROM " + n.rules +
			" AS latest WHERE latest.entity = " + target + "\nORDER BY latest.from_seq DESC, latest.id DESC LIMIT 1)"},
		Statement{SQL: "INSERT INTO " + n.rules + " (entity, from_seq, rules, created_at)\nSELECT " + target +
			", @annals_from, " + rules + ", UTC_TIMESTAMP(6) FROM DUAL WHERE NOT COALESCE(@annals_rules, FALSE)"},
	), nil
}

func (g mysqlGenerator) wanted(
	ctx context.Context, q queryers, targets []Target,
) ([]Installed, error) {
	own, err := g.home(ctx, q.storage)
	if err != nil {
		return nil, fmt.Errorf("read schema of storage %s: %w", g.j.cfg.Storage, err)
	}
	n := g.names(own)
	var all []Installed
	for i := range targets {
		for _, op := range rowOperations {
			all = append(all, g.trigger(n, &targets[i], op).Installed)
		}
	}
	sortInstalled(all)
	return all, nil
}

// sortInstalled sorts by table and operation.
func sortInstalled(all []Installed) {
	slices.SortStableFunc(all, func(a, b Installed) int {
		if c := strings.Compare(a.Table.String(), b.Table.String()); c != 0 {
			return c
		}
		return slices.Index(rowOperations, a.Operation) - slices.Index(rowOperations, b.Operation)
	})
}

const myInstalled = `
SELECT TRIGGER_SCHEMA AS sch, TRIGGER_NAME AS name, EVENT_OBJECT_TABLE AS tab,
  LOWER(EVENT_MANIPULATION) AS op, ACTION_STATEMENT AS body, DEFINER AS definer
FROM information_schema.TRIGGERS WHERE EVENT_OBJECT_SCHEMA = ?
  AND TRIGGER_NAME LIKE 'annals!_%' ESCAPE '!' AND EVENT_OBJECT_SCHEMA = TRIGGER_SCHEMA`

// myMarker is the label of myLabel, myTarget the receipt of a trigger.
var (
	myMarker = regexp.MustCompile("(?m)^`?annals_trigger_([0-9]+)_([0-9a-f]+)_([0-9a-f]+)`?:")
	myTarget = regexp.MustCompile(`INSERT INTO (.+) \(revision, entity, type, entries, created_at\)\s+` +
		`VALUES \(@annals_rev, '((?:[^']|'')*)', '`)
)

// installed reads the names of targets from the triggers' text. Those of annals are
// told by their label; others, and annals' of another source or storage, are not ours.
func (g mysqlGenerator) installed(ctx context.Context, q queryers) ([]Installed, error) {
	own, err := g.home(ctx, q.storage)
	if err != nil {
		return nil, fmt.Errorf("read schema of storage %s: %w", g.j.cfg.Storage, err)
	}
	receipt := g.names(own).receipt
	databases, err := g.databases(ctx, q, own)
	if err != nil {
		return nil, err
	}
	var all []Installed
	for _, database := range databases {
		args := []any{database}
		err = scan(ctx, q.source, myInstalled, args, func(scan func(...any) error) error {
			t := Installed{Form: FormRow, Enabled: true}
			var body, op string
			err := scan(&t.Table.Schema, &t.Name, &t.Table.Name, &op, &body, &t.Definer)
			t.Operation = annals.Operation(op)
			if err == nil && g.recognize(&t, body, receipt) {
				all = append(all, t)
			}
			return err
		})
		if err != nil {
			break
		}
	}
	for i := range all {
		if err == nil && strings.Contains(all[i].Target, "?") {
			err = g.spell(ctx, q, &all[i], receipt)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("list triggers: %w", err)
	}
	sortInstalled(all)
	return all, nil
}

// databases are those in which tables of the source have, or have had, triggers. Others
// on the server are not looked into: there may be thousands, and meanwhile the session
// counts as one of theirs. (The server finds the triggers of one database by
// EVENT_OBJECT_SCHEMA, and by nothing else.)
func (g mysqlGenerator) databases(ctx context.Context, q queryers, own string) ([]string, error) {
	home, err := g.home(ctx, q.source)
	if err != nil {
		return nil, fmt.Errorf("read schema of source %s: %w", g.j.cfg.Source, err)
	}
	d := g.j.cfg.Dialect
	found := []string{home}
	query := "SELECT DISTINCT " + d.Quote(layout.ColTableSchema) + " FROM " +
		d.Table(annals.Table{Schema: own, Name: layout.TargetEntityTable}) +
		" WHERE " + d.Quote(layout.ColSource) + " = ? AND " + d.Quote(layout.ColTableSchema) + " IS NOT NULL"
	err = scan(ctx, q.storage, query, []any{g.j.cfg.Source}, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		if !slices.Contains(found, name) {
			found = append(found, name)
		}
		return err
	})
	if err != nil && d.Classify(err) != dialect.ClassMissingTable {
		return nil, fmt.Errorf("read %s: %w", layout.TargetEntityTable, err)
	}
	return found, nil
}

// recognize fills in what a trigger's text says.
func (g mysqlGenerator) recognize(t *Installed, body, receipt string) bool {
	marked, to := myMarker.FindStringSubmatch(body), myTarget.FindStringSubmatch(body)
	if marked == nil || to == nil || to[1] != receipt || marked[3] != sourceHash(g.j.cfg.Source) {
		return false
	}
	version, err := strconv.Atoi(marked[1])
	t.Target, t.Version, t.Hash = strings.ReplaceAll(to[2], "''", "'"), version, marked[2]
	return err == nil
}

// spell reads the text as it was written: information_schema has it in three bytes a
// character, with question marks for the others.
func (g mysqlGenerator) spell(ctx context.Context, q queryers, t *Installed, receipt string) error {
	query := "SHOW CREATE TRIGGER " +
		g.j.cfg.Dialect.Table(annals.Table{Schema: t.Table.Schema, Name: t.Name})
	rows, err := q.source.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		return err
	}
	// The third column is the statement, others come with versions.
	var text sql.NullString
	into := make([]any, len(columns))
	for i := range into {
		into[i] = new(any)
	}
	into[2] = &text
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return err
		}
		g.recognize(t, text.String, receipt)
	}
	return rows.Err()
}

func (g mysqlGenerator) drop(
	ctx context.Context, q queryers, triggers []Installed, all bool,
) ([]step, error) {
	var steps []step
	d := g.j.cfg.Dialect
	for _, t := range triggers {
		name := d.Table(annals.Table{Schema: t.Table.Schema, Name: t.Name})
		steps = append(steps, step{
			subject: "entity " + t.Target, body: []Statement{{SQL: "DROP TRIGGER IF EXISTS " + name}},
		})
	}
	if !all {
		return steps, nil
	}
	own, err := g.home(ctx, q.storage)
	if err != nil {
		return nil, fmt.Errorf("read schema of storage %s: %w", g.j.cfg.Storage, err)
	}
	s := step{subject: "annals_context"}
	for _, p := range g.routines(g.names(own)) {
		s.body = append(s.body, Statement{SQL: "DROP PROCEDURE IF EXISTS " + p.name})
	}
	return append(steps, s), nil
}
