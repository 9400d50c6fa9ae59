package catalog

import (
	"context"
	"database/sql"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// sqlite reads the table-valued forms of the PRAGMAs, whose arguments can be
// bound.
type sqlite struct{ d dialect.Dialect }

// liteTable is a table under construction.
type liteTable struct {
	*Table
	schema       string
	withoutRowID bool
}

// args are the arguments of the PRAGMA functions.
func (t liteTable) args() []any { return []any{t.Name.Name, t.schema} }

func (s sqlite) load(
	ctx context.Context, q dialect.Queryer, names []annals.Table,
) ([]*Table, error) {
	tables := make([]*Table, len(names))
	for i, name := range names {
		t := liteTable{Table: &Table{Name: name, Transactional: true}, schema: name.Schema}
		if t.schema == "" {
			t.schema = "main"
		}
		if err := s.loadOne(ctx, q, &t); err != nil {
			return nil, err
		}
		tables[i] = t.Table
	}
	return tables, nil
}

func (s sqlite) loadOne(ctx context.Context, q dialect.Queryer, t *liteTable) error {
	steps := []func(context.Context, dialect.Queryer, *liteTable) error{
		s.table, s.columns, s.uniques, s.foreignKeys, s.triggers,
	}
	for _, step := range steps {
		if err := step(ctx, q, t); err != nil {
			return err
		}
	}
	return nil
}

const liteTableQuery = `
SELECT type, wr FROM pragma_table_list(?) WHERE schema = ? AND name = ?`

func (s sqlite) table(ctx context.Context, q dialect.Queryer, t *liteTable) error {
	found := false
	args := []any{t.Name.Name, t.schema, t.Name.Name}
	err := query(ctx, q, statement{"tables", liteTableQuery, args}, func(scan scanFunc) error {
		var kind string
		if err := scan(&kind, &t.withoutRowID); err != nil {
			return err
		}
		found = true
		t.View = kind != "table"
		if kind == "virtual" || kind == "shadow" {
			// What a module does on ROLLBACK is its own affair.
			t.Engine, t.Transactional = kind, false
		}
		return nil
	})
	if err == nil && !found {
		return missing(t.Name)
	}
	return err
}

// liteColumn is a row of table_xinfo.
type liteColumn struct {
	dialect.Column
	pk     int
	hidden int // 1 of a virtual table, 2 generated virtual, 3 generated stored
}

const liteColumns = `
SELECT name, type, "notnull", dflt_value, pk, hidden FROM pragma_table_xinfo(?, ?)
ORDER BY cid`

func (s sqlite) tableColumns(
	ctx context.Context, q dialect.Queryer, args []any,
) (columns []liteColumn, err error) {
	err = query(ctx, q, statement{"columns", liteColumns, args}, func(scan scanFunc) error {
		var c liteColumn
		var notNull bool
		var def sql.NullString
		if err := scan(&c.Name, &c.Type, &notNull, &def, &c.pk, &c.hidden); err != nil {
			return err
		}
		c.Base = c.Type
		c.Kind = dialect.KindOf(s.d, c.Type)
		c.Nullable, c.Default = !notNull, def.String
		c.Generated = c.hidden > 1
		columns = append(columns, c)
		return nil
	})
	return columns, err
}

func (s sqlite) columns(ctx context.Context, q dialect.Queryer, t *liteTable) error {
	columns, err := s.tableColumns(ctx, q, t.args())
	if err != nil {
		return err
	}
	t.Key = liteKey(columns)
	for _, c := range columns {
		if c.hidden == 1 {
			continue
		}
		if t.withoutRowID && c.pk > 0 {
			c.Nullable = false
		}
		t.Columns = append(t.Columns, c.Column)
	}
	return nil
}

// liteKey names the primary key's columns in key order.
func liteKey(columns []liteColumn) []string {
	var key []string
	for n := 1; ; n++ {
		before := len(key)
		for _, c := range columns {
			if c.pk == n {
				key = append(key, c.Name)
			}
		}
		if len(key) == before {
			return key
		}
	}
}

const liteUniques = `
SELECT l.name, l.origin = 'pk', l.partial, CASE WHEN x.cid >= 0 THEN x.name END
FROM pragma_index_list(?1, ?2) AS l JOIN pragma_index_xinfo(l.name, ?2) AS x
WHERE l."unique" AND x.key ORDER BY l.seq DESC, x.seqno`

func (s sqlite) uniques(ctx context.Context, q dialect.Queryer, t *liteTable) error {
	var indexes []index
	err := query(ctx, q, statement{"unique keys", liteUniques, t.args()},
		func(scan scanFunc) error {
			var i index
			var column sql.NullString
			if err := scan(&i.name, &i.primary, &i.opaque, &column); err != nil {
				return err
			}
			indexes = addToIndex(indexes, i, column)
			return nil
		})
	if err != nil {
		return err
	}
	keyIndex := false
	for _, i := range indexes {
		keyIndex = keyIndex || i.primary
	}
	if !keyIndex && len(t.Key) == 1 {
		s.markRowID(t)
	}
	t.keep(indexes)
	return nil
}

// markRowID marks the column that stands for the rowid: the only kind of
// primary key without an index of its own, apart from tables without a rowid.
func (s sqlite) markRowID(t *liteTable) {
	for i := range t.Columns {
		c := &t.Columns[i]
		if c.Name == t.Key[0] && !t.withoutRowID && strings.EqualFold(c.Type, "INTEGER") {
			c.AutoIncrement, c.Nullable = true, false
		}
	}
}

const liteForeignKeys = `
SELECT id, "table", "from", "to", on_delete, on_update FROM pragma_foreign_key_list(?, ?)
ORDER BY id DESC, seq`

func (s sqlite) foreignKeys(ctx context.Context, q dialect.Queryer, t *liteTable) error {
	last := -1
	err := query(ctx, q, statement{"foreign keys", liteForeignKeys, t.args()},
		func(scan scanFunc) error {
			var id int
			var column string
			var referenced sql.NullString
			target := annals.Table{Schema: t.Name.Schema}
			var f ForeignKey
			err := scan(&id, &target.Name, &column, &referenced, &f.OnDelete, &f.OnUpdate)
			if err != nil {
				return err
			}
			if id != last {
				last, f.References = id, target
				t.ForeignKeys = append(t.ForeignKeys, f)
			}
			t.ForeignKeys[len(t.ForeignKeys)-1].add(column, referenced.String)
			return nil
		})
	for i := range t.ForeignKeys {
		if err == nil {
			err = s.parent(ctx, q, t, &t.ForeignKeys[i])
		}
	}
	return err
}

const liteParent = `
SELECT name FROM pragma_table_list(?1) WHERE schema = ?2 AND name = ?1 COLLATE NOCASE`

// parent completes a foreign key by its parent table: the names as that table
// has them, and its primary key where the foreign key names no columns.
func (s sqlite) parent(
	ctx context.Context, q dialect.Queryer, t *liteTable, f *ForeignKey,
) error {
	args := []any{f.References.Name, t.schema}
	err := query(ctx, q, statement{"parent table", liteParent, args},
		func(scan scanFunc) error { return scan(&f.References.Name) })
	if err != nil {
		return err
	}
	columns, err := s.tableColumns(ctx, q, args)
	if err != nil {
		return err
	}
	key := liteKey(columns)
	for i, name := range f.ReferencedColumns {
		if name == "" && i < len(key) {
			f.ReferencedColumns[i] = key[i]
			continue
		}
		for _, c := range columns {
			if strings.EqualFold(c.Name, name) {
				f.ReferencedColumns[i] = c.Name
			}
		}
	}
	return nil
}

func (s sqlite) triggers(ctx context.Context, q dialect.Queryer, t *liteTable) error {
	text := "SELECT name, sql FROM " + s.d.Quote(t.schema) + ".sqlite_schema" +
		" WHERE type = 'trigger' AND tbl_name = ? COLLATE NOCASE ORDER BY name"
	return query(ctx, q, statement{"triggers", text, []any{t.Name.Name}},
		func(scan scanFunc) error {
			var name, definition string
			if err := scan(&name, &definition); err != nil {
				return err
			}
			trigger := parseTrigger(definition)
			trigger.Name = name
			t.Triggers = append(t.Triggers, trigger)
			return nil
		})
}

const liteList = `
SELECT name FROM pragma_table_list
WHERE schema = 'main' AND type = 'table' AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`

func (s sqlite) list(ctx context.Context, q dialect.Queryer) ([]annals.Table, error) {
	return listNames(ctx, q, statement{what: "tables", sql: liteList})
}

// A name without a schema is looked for in temp, in main, and then in the
// attached databases in their order (https://www.sqlite.org/lang_naming.html).
const liteIdentify = `
SELECT t.schema, t.name FROM pragma_table_list(?) AS t
JOIN pragma_database_list AS d ON d.name = t.schema
WHERE ? = '' OR lower(t.schema) = lower(?)
ORDER BY CASE d.name WHEN 'temp' THEN -1 ELSE d.seq END LIMIT 1`

func (s sqlite) identify(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) (annals.Table, error) {
	return scanTable(ctx, q, "main", statement{
		"table " + name.String(), liteIdentify, []any{name.Name, name.Schema, name.Schema},
	})
}

const liteReferrers = `
SELECT DISTINCT t.schema, t.name, t.schema, f."table"
FROM pragma_table_list AS t JOIN pragma_foreign_key_list(t.name, t.schema) AS f
WHERE t.type = 'table'`

func (s sqlite) referrers(ctx context.Context, q dialect.Queryer) ([]link, error) {
	return scanLinks(ctx, q, "main", statement{what: "foreign keys", sql: liteReferrers})
}
