package catalog

import (
	"context"
	"database/sql"
	"strconv"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// postgres reads pg_catalog: a fixed number of queries for any number of
// tables. Lists travel as text that the server casts to an array, which every
// driver and protocol can bind.
type postgres struct{ d dialect.Dialect }

// pgTables are the tables of one load by their oid.
type pgTables struct {
	byOID map[int64]*pgTable
	oids  string
}

// pgTable is a table under construction.
type pgTable struct {
	*Table
	schema string
}

// references names a table as a foreign key of t leads to it: a table of the
// same schema gets the schema that t was asked with.
func (t *pgTable) references(schema, name string) annals.Table {
	if schema == t.schema {
		return annals.Table{Schema: t.Name.Schema, Name: name}
	}
	return annals.Table{Schema: schema, Name: name}
}

func (p postgres) load(
	ctx context.Context, q dialect.Queryer, names []annals.Table,
) ([]*Table, error) {
	tables, set, err := p.resolve(ctx, q, names)
	if err != nil {
		return nil, err
	}
	steps := []func(context.Context, dialect.Queryer, pgTables) error{
		p.columns, p.uniques, p.foreignKeys, p.triggers,
	}
	for _, step := range steps {
		if err := step(ctx, q, set); err != nil {
			return nil, err
		}
	}
	return tables, nil
}

const pgResolve = `
SELECT w.n::int8, c.oid::int8, ns.nspname::text, c.relkind::text
FROM unnest($1::text::text[], $2::text::text[]) WITH ORDINALITY AS w(sch, tab, n)
JOIN pg_catalog.pg_class c ON c.relname::text = w.tab
JOIN pg_catalog.pg_namespace ns ON ns.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f')
AND CASE WHEN w.sch = '' THEN pg_catalog.pg_table_is_visible(c.oid)
    ELSE ns.nspname::text = w.sch END`

// resolve finds the oid of each name.
func (p postgres) resolve(
	ctx context.Context, q dialect.Queryer, names []annals.Table,
) ([]*Table, pgTables, error) {
	schemas, tabs := make([]string, len(names)), make([]string, len(names))
	for i, n := range names {
		schemas[i], tabs[i] = n.Schema, n.Name
	}
	tables := make([]*Table, len(names))
	set := pgTables{byOID: make(map[int64]*pgTable, len(names))}
	var oids []string
	s := statement{"tables", pgResolve, []any{pgArray(schemas), pgArray(tabs)}}
	err := query(ctx, q, s, func(scan scanFunc) error {
		var n, oid int64
		var schema, kind string
		if err := scan(&n, &oid, &schema, &kind); err != nil {
			return err
		}
		base := kind == "r" || kind == "p"
		t := &Table{Name: names[n-1], Transactional: kind != "f", View: !base}
		tables[n-1] = t
		set.byOID[oid] = &pgTable{Table: t, schema: schema}
		oids = append(oids, strconv.FormatInt(oid, 10))
		return nil
	})
	if err != nil {
		return nil, set, err
	}
	for i, t := range tables {
		if t == nil {
			return nil, set, missing(names[i])
		}
	}
	set.oids = "{" + strings.Join(oids, ",") + "}"
	return tables, set, nil
}

const pgColumns = `
SELECT a.attrelid::int8, a.attname::text, pg_catalog.format_type(a.atttypid, a.atttypmod),
  a.atttypid::int8, a.attnotnull, a.attidentity::text, a.attgenerated::text,
  pg_catalog.pg_get_expr(d.adbin, d.adrelid)
FROM pg_catalog.pg_attribute a
LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = ANY ($1::text::oid[]) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum`

func (p postgres) columns(ctx context.Context, q dialect.Queryer, set pgTables) error {
	var types []int64 // of the columns, in the order of rows
	var owners []*pgTable
	err := query(ctx, q, statement{"columns", pgColumns, []any{set.oids}},
		func(scan scanFunc) error {
			var rel, typ int64
			var notNull bool
			var identity, generated string
			var c dialect.Column
			var def sql.NullString
			err := scan(&rel, &c.Name, &c.Type, &typ, &notNull, &identity, &generated, &def)
			if err != nil {
				return err
			}
			c.Nullable = !notNull
			c.Generated = generated != "" || identity == "a"
			c.AutoIncrement = identity != "" || strings.Contains(def.String, "nextval(")
			if generated == "" {
				c.Default = def.String
			}
			t := set.byOID[rel]
			t.Columns = append(t.Columns, c)
			owners, types = append(owners, t), append(types, typ)
			return nil
		})
	if err != nil {
		return err
	}
	resolver, err := p.types(ctx, q, types)
	if err != nil {
		return err
	}
	next := make(map[*pgTable]int, len(set.byOID))
	for i, t := range owners {
		resolver.resolve(&t.Columns[next[t]], types[i])
		next[t]++
	}
	return nil
}

const pgUniques = `
SELECT i.indrelid::int8, i.indexrelid::int8, i.indisprimary, a.attname::text,
  i.indexprs IS NOT NULL OR i.indpred IS NOT NULL
FROM pg_catalog.pg_index i
JOIN pg_catalog.pg_class c ON c.oid = i.indexrelid
CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY AS k(attnum, n)
LEFT JOIN pg_catalog.pg_attribute a
  ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum <> 0
WHERE i.indrelid = ANY ($1::text::oid[]) AND i.indisunique AND i.indisvalid
AND k.n <= i.indnkeyatts
ORDER BY i.indrelid, c.relname, i.indexrelid, k.n`

func (p postgres) uniques(ctx context.Context, q dialect.Queryer, set pgTables) error {
	indexes := make(map[*pgTable][]index)
	err := query(ctx, q, statement{"unique keys", pgUniques, []any{set.oids}},
		func(scan scanFunc) error {
			var rel, oid int64
			var primary, opaque bool
			var column sql.NullString
			if err := scan(&rel, &oid, &primary, &column, &opaque); err != nil {
				return err
			}
			t := set.byOID[rel]
			indexes[t] = addToIndex(indexes[t], index{
				name: strconv.FormatInt(oid, 10), primary: primary, opaque: opaque,
			}, column)
			return nil
		})
	for t, found := range indexes {
		t.keep(found)
	}
	return err
}

// addToIndex adds a column to the last index, or begins the next one.
func addToIndex(indexes []index, i index, column sql.NullString) []index {
	if n := len(indexes); n == 0 || indexes[n-1].name != i.name {
		indexes = append(indexes, i)
	}
	last := &indexes[len(indexes)-1]
	last.opaque = last.opaque || i.opaque || !column.Valid
	last.columns = append(last.columns, column.String)
	return indexes
}

// A foreign key to a partitioned table has further constraints to each of the
// partitions beside it; only the one that was declared counts.
const pgForeignKeys = `
SELECT f.conrelid::int8, f.oid::int8, f.conname::text, ns.nspname::text, rt.relname::text,
  a.attname::text, ra.attname::text, f.confdeltype::text, f.confupdtype::text
FROM pg_catalog.pg_constraint f
JOIN pg_catalog.pg_class rt ON rt.oid = f.confrelid
JOIN pg_catalog.pg_namespace ns ON ns.oid = rt.relnamespace
CROSS JOIN LATERAL unnest(f.conkey, f.confkey) WITH ORDINALITY AS k(attnum, refnum, n)
JOIN pg_catalog.pg_attribute a ON a.attrelid = f.conrelid AND a.attnum = k.attnum
JOIN pg_catalog.pg_attribute ra ON ra.attrelid = f.confrelid AND ra.attnum = k.refnum
WHERE f.contype = 'f' AND f.conrelid = ANY ($1::text::oid[])
AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint p
  WHERE p.oid = f.conparentid AND p.conrelid = f.conrelid)
ORDER BY f.conrelid, f.conname, f.oid, k.n`

func (p postgres) foreignKeys(ctx context.Context, q dialect.Queryer, set pgTables) error {
	var last int64
	return query(ctx, q, statement{"foreign keys", pgForeignKeys, []any{set.oids}},
		func(scan scanFunc) error {
			var rel, oid int64
			var name, schema, table, column, referenced, onDelete, onUpdate string
			err := scan(&rel, &oid, &name, &schema, &table, &column, &referenced,
				&onDelete, &onUpdate)
			if err != nil {
				return err
			}
			t := set.byOID[rel]
			if oid != last {
				last = oid
				t.ForeignKeys = append(t.ForeignKeys, ForeignKey{
					Name: name, References: t.references(schema, table),
					OnDelete: pgAction(onDelete), OnUpdate: pgAction(onUpdate),
				})
			}
			t.ForeignKeys[len(t.ForeignKeys)-1].add(column, referenced)
			return nil
		})
}

// add adds a pair of columns.
func (f *ForeignKey) add(column, referenced string) {
	f.Columns = append(f.Columns, column)
	f.ReferencedColumns = append(f.ReferencedColumns, referenced)
}

func pgAction(code string) string {
	switch code {
	case "r":
		return "RESTRICT"
	case "c":
		return "CASCADE"
	case "n":
		return "SET NULL"
	case "d":
		return "SET DEFAULT"
	}
	return "NO ACTION"
}

const pgTriggers = `
SELECT tgrelid::int8, tgname::text, tgtype::int4 FROM pg_catalog.pg_trigger
WHERE tgrelid = ANY ($1::text::oid[]) AND NOT tgisinternal ORDER BY tgrelid, tgname`

func (p postgres) triggers(ctx context.Context, q dialect.Queryer, set pgTables) error {
	return query(ctx, q, statement{"triggers", pgTriggers, []any{set.oids}},
		func(scan scanFunc) error {
			var rel int64
			var name string
			var bits int
			if err := scan(&rel, &name, &bits); err != nil {
				return err
			}
			t := set.byOID[rel]
			t.Triggers = append(t.Triggers, pgTrigger(name, bits))
			return nil
		})
}

// The bits of pg_trigger.tgtype, as in src/include/catalog/pg_trigger.h.
const (
	pgTriggerBefore   = 1 << 1
	pgTriggerInsert   = 1 << 2
	pgTriggerDelete   = 1 << 3
	pgTriggerUpdate   = 1 << 4
	pgTriggerTruncate = 1 << 5
	pgTriggerInstead  = 1 << 6
)

func pgTrigger(name string, bits int) Trigger {
	t := Trigger{Name: name, Timing: "AFTER"}
	switch {
	case bits&pgTriggerBefore != 0:
		t.Timing = "BEFORE"
	case bits&pgTriggerInstead != 0:
		t.Timing = "INSTEAD OF"
	}
	var events []string
	for _, e := range []struct {
		bit  int
		name string
	}{
		{pgTriggerInsert, "INSERT"},
		{pgTriggerUpdate, "UPDATE"},
		{pgTriggerDelete, "DELETE"},
		{pgTriggerTruncate, "TRUNCATE"},
	} {
		if bits&e.bit != 0 {
			events = append(events, e.name)
		}
	}
	t.Event = strings.Join(events, " OR ")
	return t
}

// Partitions are left out: their rows are those of the partitioned table. So
// are the tables that extensions made.
const pgList = `
SELECT c.relname::text FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace ns ON ns.oid = c.relnamespace
WHERE ns.nspname = pg_catalog.current_schema()
AND c.relkind IN ('r', 'p') AND NOT c.relispartition
AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_depend e
  WHERE e.classid = 'pg_catalog.pg_class'::pg_catalog.regclass AND e.objid = c.oid
  AND e.deptype = 'e')
ORDER BY c.relname`

func (p postgres) list(ctx context.Context, q dialect.Queryer) ([]annals.Table, error) {
	return listNames(ctx, q, statement{what: "tables", sql: pgList})
}

// The own schema goes without a name.
const pgIdentify = `
SELECT COALESCE(NULLIF(ns.nspname::text, pg_catalog.current_schema()::text), ''),
  c.relname::text FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace ns ON ns.oid = c.relnamespace
WHERE c.oid = COALESCE(pg_catalog.pg_partition_root(pg_catalog.to_regclass($1::text)),
  pg_catalog.to_regclass($1::text))`

func (p postgres) identify(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) (annals.Table, error) {
	s := statement{"table " + name.String(), pgIdentify, []any{p.d.Table(name)}}
	return scanTable(ctx, q, "", s)
}

// Foreign keys that a partition has from its parent are the parent's.
const pgReferrers = `
SELECT COALESCE(NULLIF(ns.nspname::text, pg_catalog.current_schema()::text), ''),
  c.relname::text,
  COALESCE(NULLIF(rns.nspname::text, pg_catalog.current_schema()::text), ''), rt.relname::text
FROM pg_catalog.pg_constraint f
JOIN pg_catalog.pg_class c ON c.oid = f.conrelid
JOIN pg_catalog.pg_namespace ns ON ns.oid = c.relnamespace
JOIN pg_catalog.pg_class rt ON rt.oid = f.confrelid
JOIN pg_catalog.pg_namespace rns ON rns.oid = rt.relnamespace
WHERE f.contype = 'f' AND NOT EXISTS (SELECT 1 FROM pg_catalog.pg_constraint p
  WHERE p.oid = f.conparentid AND p.conrelid <> f.conrelid)`

func (p postgres) referrers(ctx context.Context, q dialect.Queryer) ([]link, error) {
	return scanLinks(ctx, q, "", statement{what: "foreign keys", sql: pgReferrers})
}

// pgArray writes an array literal of texts.
func pgArray(texts []string) string {
	escape := strings.NewReplacer(`\`, `\\`, `"`, `\"`)
	quoted := make([]string, len(texts))
	for i, s := range texts {
		quoted[i] = `"` + escape.Replace(s) + `"`
	}
	return "{" + strings.Join(quoted, ",") + "}"
}
