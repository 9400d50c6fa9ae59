package journal

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// Kinds of relations (pg_class.relkind).
const (
	pgRelation    = "r"
	pgPartitioned = "p"
	pgForeign     = "f"
)

// pgFacts are what decides about a target's triggers.
type pgFacts struct {
	kind string
	// isPartition, inherits: it is a partition, or in a tree of inheritance.
	isPartition, inherits bool
	// others are AFTER ROW triggers that are not annals', of the table or a partition.
	others bool
	// subscribed: logical replication applies changes to it or to a partition.
	subscribed bool
	// unsent: a column is copied as a text that settings may change.
	unsent     bool
	partitions []pgPartition
	masked     bool
}

// pgPartition is a partition at any depth.
type pgPartition struct {
	name annals.Table
	kind string
}

func (f *pgFacts) partitioned() bool { return f.kind == pgPartitioned }

// form is the form of the triggers, see ADR 9. PostgreSQL collects no transition
// tables of rows that lie in a foreign partition.
func (f *pgFacts) form() string {
	foreign := slices.ContainsFunc(f.partitions, func(p pgPartition) bool { return p.kind == pgForeign })
	if foreign || f.isPartition || f.inherits || f.others || f.subscribed || f.masked {
		return FormRow
	}
	return FormStatement
}

// pins are the settings that a function fixes, because a value is copied or compared
// as a text that follows them.
func (f *pgFacts) pins(t *Target) []string {
	var pins []string
	if f.unsent {
		pins = append(pins, "DateStyle = 'ISO, MDY'", "IntervalStyle = 'postgres'",
			"bytea_output = 'hex'", "TimeZone = 'UTC'", "lc_monetary = 'C'")
	}
	if f.unsent || f.masked {
		pins = append(pins, "extra_float_digits = 1")
	}
	sent := func(c Column) bool { return !c.Masked && c.Kind == dialect.KindSent }
	if slices.ContainsFunc(t.Columns, sent) {
		// Texts within what is sent are converted for the client.
		pins = append(pins, "client_encoding = 'UTF8'")
	}
	return pins
}

// tables are the tables that a statement may name to change the target's rows.
func (f *pgFacts) tables(t *Target) []annals.Table {
	tables := []annals.Table{t.Source}
	for _, p := range f.partitions {
		if p.kind != pgForeign {
			tables = append(tables, p.name)
		}
	}
	return tables
}

// pgFactsQuery reads a table and its partitions, itself first. A type without a
// binary form, and a row type, whose parts may have none, are copied as text.
const pgFactsQuery = `
SELECT c.oid = $1::text::regclass, n.nspname::text, c.relname::text, c.relkind::text,
  c.relispartition,
  EXISTS (SELECT 1 FROM pg_catalog.pg_inherits i WHERE c.relkind = 'r'
    AND (i.inhparent = c.oid OR (i.inhrelid = c.oid AND NOT c.relispartition))),
  EXISTS (SELECT 1 FROM pg_catalog.pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal
    AND t.tgtype & 67 = 1 AND left(t.tgname::text, 8) <> '!annals_'),
  EXISTS (SELECT 1 FROM pg_catalog.pg_subscription_rel s WHERE s.srrelid = c.oid),
  EXISTS (SELECT 1 FROM pg_catalog.pg_attribute a
    JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_catalog.pg_type e ON e.oid = t.typelem AND t.typcategory = 'A'
    LEFT JOIN pg_catalog.pg_type b ON b.oid = coalesce(e.oid, t.oid)
    WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    AND (b.typtype = 'c' OR b.typsend = 0::oid))
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = $1::text::regclass
OR c.oid IN (SELECT p.relid::oid FROM pg_catalog.pg_partition_tree($1::text::regclass) p)
ORDER BY 1 DESC, 2, 3`

func (g postgresGenerator) facts(
	ctx context.Context, q dialect.Queryer, t *Target,
) (*pgFacts, error) {
	f := &pgFacts{masked: slices.ContainsFunc(t.Columns, func(c Column) bool { return c.Masked })}
	name := g.j.cfg.Dialect.Table(t.Source)
	err := scan(ctx, q, pgFactsQuery, []any{name}, func(scan func(...any) error) error {
		var root, isPartition, inherits, others, subscribed, unsent bool
		var p pgPartition
		err := scan(&root, &p.name.Schema, &p.name.Name, &p.kind, &isPartition, &inherits, &others,
			&subscribed, &unsent)
		f.others = f.others || others
		f.subscribed = f.subscribed || subscribed
		if root {
			f.kind, f.isPartition, f.inherits, f.unsent = p.kind, isPartition, inherits, unsent
			return err
		}
		f.partitions = append(f.partitions, p)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read table %s: %w", t.Source, err)
	}
	return f, nil
}

// pgInstalledQuery reads the triggers that call functions of the storage's schema.
// Those that a partition has from its parent are the parent's.
const pgInstalledQuery = `
SELECT n.nspname::text, c.relname::text, t.tgname::text, t.tgtype::int4, t.tgenabled::text,
  pn.nspname::text, p.proname::text, p.prosrc, pg_catalog.pg_get_userbyid(p.proowner)::text
FROM pg_catalog.pg_trigger t
JOIN pg_catalog.pg_class c ON c.oid = t.tgrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
JOIN pg_catalog.pg_proc p ON p.oid = t.tgfoid
JOIN pg_catalog.pg_namespace pn ON pn.oid = p.pronamespace
WHERE pn.nspname = $1::text AND t.tgparentid = 0::oid
AND left(t.tgname::text, 8) = '!annals_'
ORDER BY n.nspname::text COLLATE "C", c.relname::text COLLATE "C", t.tgname`

// Bits of pg_trigger.tgtype, as in src/include/catalog/pg_trigger.h.
const (
	pgTriggerRow      = 1 << 0
	pgTriggerBefore   = 1 << 1
	pgTriggerInsert   = 1 << 2
	pgTriggerDelete   = 1 << 3
	pgTriggerUpdate   = 1 << 4
	pgTriggerTruncate = 1 << 5
)

func (g postgresGenerator) installed(ctx context.Context, q queryers) ([]Installed, error) {
	own, err := g.home(ctx, q.storage)
	if err != nil {
		return nil, err
	}
	var found []Installed
	err = scan(ctx, q.source, pgInstalledQuery, []any{own}, func(scan func(...any) error) error {
		var t Installed
		var bits int
		var enabled string
		var body sql.NullString
		err := scan(&t.Table.Schema, &t.Table.Name, &t.Name, &bits, &enabled, &t.Function.Schema,
			&t.Function.Name, &body, &t.Definer)
		if err != nil {
			return err
		}
		t.Version, t.Hash, t.Target, _ = parseMarker(body.String)
		t.Operation, t.Form = pgOperation(bits)
		t.Enabled = enabled == "A"
		found = append(found, t)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read triggers of source %s: %w", g.j.cfg.Source, err)
	}
	return found, nil
}

func pgOperation(bits int) (op annals.Operation, form string) {
	form = FormStatement
	if bits&pgTriggerRow != 0 {
		form = FormRow
	}
	switch {
	case bits&pgTriggerInsert != 0:
		op = annals.OpInsert
	case bits&pgTriggerUpdate != 0:
		op = annals.OpUpdate
	case bits&pgTriggerDelete != 0:
		op = annals.OpDelete
	case bits&pgTriggerTruncate != 0:
		op = annals.OpTruncate
	}
	return op, form
}
