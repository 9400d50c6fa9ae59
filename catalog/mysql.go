package catalog

import (
	"context"
	"database/sql"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// mysql reads information_schema. Every column gets an alias, because MySQL 8
// returns its headings in capitals and MariaDB as written; names are compared
// in Go once more, because information_schema ignores their case.
type mysql struct{ d dialect.Dialect }

// myTable is a table under construction and the database it is in.
type myTable struct {
	*Table
	args []any // database and table
}

func (m mysql) load(
	ctx context.Context, q dialect.Queryer, names []annals.Table,
) ([]*Table, error) {
	own, err := m.database(ctx, q)
	if err != nil {
		return nil, err
	}
	tables := make([]*Table, len(names))
	for i, name := range names {
		schema := name.Schema
		if schema == "" {
			schema = own
		}
		t := myTable{&Table{Name: name}, []any{schema, name.Name}}
		if err := m.loadOne(ctx, q, t); err != nil {
			return nil, err
		}
		tables[i] = t.Table
	}
	return tables, nil
}

func (m mysql) loadOne(ctx context.Context, q dialect.Queryer, t myTable) error {
	steps := []func(context.Context, dialect.Queryer, myTable) error{
		m.table, m.columns, m.jsonColumns, m.uniques, m.foreignKeys, m.actions, m.hidden, m.triggers,
	}
	for _, step := range steps {
		if err := step(ctx, q, t); err != nil {
			return err
		}
	}
	return nil
}

// database is the connection's current database, "" where it has none.
func (m mysql) database(ctx context.Context, q dialect.Queryer) (string, error) {
	var name sql.NullString
	err := query(ctx, q, statement{what: "current database", sql: "SELECT DATABASE() AS name"},
		func(scan scanFunc) error { return scan(&name) })
	return name.String, err
}

const myTableQuery = `
SELECT TABLE_NAME AS name, TABLE_TYPE AS type, ENGINE AS engine
FROM information_schema.TABLES WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?`

func (m mysql) table(ctx context.Context, q dialect.Queryer, t myTable) error {
	found := false
	err := query(ctx, q, statement{"tables", myTableQuery, t.args}, func(scan scanFunc) error {
		var name, kind string
		var engine sql.NullString
		if err := scan(&name, &kind, &engine); err != nil || name != t.Name.Name {
			return err
		}
		found = true
		t.View = kind != "BASE TABLE" && kind != "SYSTEM VERSIONED"
		t.Engine = engine.String
		switch strings.ToLower(t.Engine) {
		case "innodb", "rocksdb", "tokudb":
			t.Transactional = true
		}
		return nil
	})
	if err == nil && !found {
		return missing(t.Name)
	}
	return err
}

const myColumns = `
SELECT TABLE_NAME AS tab, COLUMN_NAME AS name, COLUMN_TYPE AS type, IS_NULLABLE AS nullable,
  COLUMN_DEFAULT AS def, EXTRA AS extra, NUMERIC_PRECISION AS bits, CHARACTER_SET_NAME AS charset,
  COLLATION_NAME AS coll
FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ?
ORDER BY ORDINAL_POSITION`

func (m mysql) columns(ctx context.Context, q dialect.Queryer, t myTable) error {
	return query(ctx, q, statement{"columns", myColumns, t.args}, func(scan scanFunc) error {
		var table, nullable, extra string
		var def, charset, collation sql.NullString
		var bits sql.NullInt64
		var c dialect.Column
		err := scan(&table, &c.Name, &c.Type, &nullable, &def, &extra, &bits, &charset, &collation)
		if err != nil || table != t.Name.Name {
			return err
		}
		extra = strings.ToUpper(extra)
		c.Base = c.Type
		c.Kind = dialect.KindOf(m.d, c.Type)
		if c.Kind == dialect.KindBits {
			c.Bits = int(bits.Int64)
		}
		c.Charset, c.Collation = charset.String, collation.String
		c.Nullable = nullable == "YES"
		c.AutoIncrement = strings.Contains(extra, "AUTO_INCREMENT")
		c.Generated = strings.Contains(extra, "VIRTUAL GENERATED") ||
			strings.Contains(extra, "STORED GENERATED")
		if !c.Generated {
			c.Default = m.defaultOf(def, extra)
		}
		t.Columns = append(t.Columns, c)
		return nil
	})
}

// defaultOf is the default as an expression. MariaDB has it like that, NULL
// included; MySQL keeps a literal without its quotes.
func (m mysql) defaultOf(def sql.NullString, extra string) string {
	switch {
	case !def.Valid:
		return ""
	case m.d.Features().MariaDB:
		if strings.EqualFold(def.String, "NULL") {
			return ""
		}
		return def.String
	case strings.Contains(extra, "DEFAULT_GENERATED"):
		return def.String
	}
	return "'" + strings.ReplaceAll(strings.ReplaceAll(def.String, `\`, `\\`), "'", "''") + "'"
}

const myChecks = `
SELECT TABLE_NAME AS tab, CHECK_CLAUSE AS clause
FROM information_schema.CHECK_CONSTRAINTS WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?`

// jsonColumns finds the JSON columns of MariaDB: LONGTEXT with the check that
// the type name JSON brings along.
func (m mysql) jsonColumns(ctx context.Context, q dialect.Queryer, t myTable) error {
	if !m.d.Features().MariaDB {
		return nil
	}
	clauses := make(map[string]bool)
	err := query(ctx, q, statement{"check constraints", myChecks, t.args},
		func(scan scanFunc) error {
			var table, clause string
			if err := scan(&table, &clause); err != nil || table != t.Name.Name {
				return err
			}
			clauses[strings.ToLower(clause)] = true
			return nil
		})
	if err != nil {
		return err
	}
	for i := range t.Columns {
		c := &t.Columns[i]
		if !strings.EqualFold(c.Type, "longtext") {
			continue
		}
		// How the clause is quoted follows sql_mode and sql_quote_show_create.
		for _, name := range []string{m.d.Quote(c.Name), ansiQuote(c.Name), c.Name} {
			if clauses[strings.ToLower("json_valid("+name+")")] {
				c.Kind, c.Base = dialect.KindJSON, "json"
			}
		}
	}
	return nil
}

func ansiQuote(name string) string {
	return `"` + strings.ReplaceAll(name, `"`, `""`) + `"`
}

// COLUMN_NAME is null for an expression, SUB_PART set for a prefix: the key is
// then not what the column's values alone decide.
const myUniques = `
SELECT TABLE_NAME AS tab, INDEX_NAME AS name,
  CASE WHEN SUB_PART IS NULL THEN COLUMN_NAME END AS col
FROM information_schema.STATISTICS
WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND NON_UNIQUE = 0
ORDER BY INDEX_NAME, SEQ_IN_INDEX`

func (m mysql) uniques(ctx context.Context, q dialect.Queryer, t myTable) error {
	var indexes []index
	err := query(ctx, q, statement{"unique keys", myUniques, t.args}, func(scan scanFunc) error {
		var table, name string
		var column sql.NullString
		if err := scan(&table, &name, &column); err != nil || table != t.Name.Name {
			return err
		}
		indexes = addToIndex(indexes, index{name: name, primary: name == "PRIMARY"}, column)
		return nil
	})
	t.keep(indexes)
	return err
}

const myForeignKeys = `
SELECT TABLE_NAME AS tab, CONSTRAINT_NAME AS name, COLUMN_NAME AS col,
  REFERENCED_TABLE_SCHEMA AS refschema, REFERENCED_TABLE_NAME AS reftable,
  REFERENCED_COLUMN_NAME AS refcol
FROM information_schema.KEY_COLUMN_USAGE
WHERE TABLE_SCHEMA = ? AND TABLE_NAME = ? AND REFERENCED_TABLE_NAME IS NOT NULL
ORDER BY CONSTRAINT_NAME, ORDINAL_POSITION`

func (m mysql) foreignKeys(ctx context.Context, q dialect.Queryer, t myTable) error {
	return query(ctx, q, statement{"foreign keys", myForeignKeys, t.args},
		func(scan scanFunc) error {
			var table, name, column, referenced string
			var target annals.Table
			err := scan(&table, &name, &column, &target.Schema, &target.Name, &referenced)
			if err != nil || table != t.Name.Name {
				return err
			}
			if target.Schema == t.args[0] {
				target.Schema = t.Name.Schema
			}
			if n := len(t.ForeignKeys); n == 0 || t.ForeignKeys[n-1].Name != name {
				t.ForeignKeys = append(t.ForeignKeys, ForeignKey{Name: name, References: target})
			}
			t.ForeignKeys[len(t.ForeignKeys)-1].add(column, referenced)
			return nil
		})
}

const myActions = `
SELECT TABLE_NAME AS tab, CONSTRAINT_NAME AS name, DELETE_RULE AS ondelete,
  UPDATE_RULE AS onupdate
FROM information_schema.REFERENTIAL_CONSTRAINTS
WHERE CONSTRAINT_SCHEMA = ? AND TABLE_NAME = ?`

// actions adds what happens on delete and update; a join of the two views would
// be slow.
func (m mysql) actions(ctx context.Context, q dialect.Queryer, t myTable) error {
	if len(t.ForeignKeys) == 0 {
		return nil
	}
	return query(ctx, q, statement{"foreign key actions", myActions, t.args},
		func(scan scanFunc) error {
			var table, name, onDelete, onUpdate string
			err := scan(&table, &name, &onDelete, &onUpdate)
			if err != nil || table != t.Name.Name {
				return err
			}
			for i := range t.ForeignKeys {
				if f := &t.ForeignKeys[i]; f.Name == name {
					f.OnDelete, f.OnUpdate = onDelete, onUpdate
				}
			}
			return nil
		})
}

const myTriggers = `
SELECT EVENT_OBJECT_TABLE AS tab, TRIGGER_NAME AS name, EVENT_MANIPULATION AS event,
  ACTION_TIMING AS timing
FROM information_schema.TRIGGERS
WHERE EVENT_OBJECT_SCHEMA = ? AND EVENT_OBJECT_TABLE = ? ORDER BY TRIGGER_NAME`

func (m mysql) triggers(ctx context.Context, q dialect.Queryer, t myTable) error {
	return query(ctx, q, statement{"triggers", myTriggers, t.args}, func(scan scanFunc) error {
		var table string
		var trigger Trigger
		err := scan(&table, &trigger.Name, &trigger.Event, &trigger.Timing)
		if err != nil || table != t.Name.Name {
			return err
		}
		t.Triggers = append(t.Triggers, trigger)
		return nil
	})
}

const myList = `
SELECT TABLE_NAME AS name FROM information_schema.TABLES
WHERE TABLE_SCHEMA = DATABASE() AND TABLE_TYPE IN ('BASE TABLE', 'SYSTEM VERSIONED')`

func (m mysql) list(ctx context.Context, q dialect.Queryer) ([]annals.Table, error) {
	return listNames(ctx, q, statement{what: "tables", sql: myList})
}

const myIdentify = `
SELECT TABLE_SCHEMA AS sch, TABLE_NAME AS tab, @@lower_case_table_names AS folded
FROM information_schema.TABLES
WHERE TABLE_SCHEMA = COALESCE(NULLIF(?, ''), DATABASE()) AND TABLE_NAME = ?`

// identify takes another case for the same table where the server does.
func (m mysql) identify(
	ctx context.Context, q dialect.Queryer, name annals.Table,
) (found annals.Table, err error) {
	own, err := m.database(ctx, q)
	if err != nil {
		return found, err
	}
	s := statement{"table " + name.String(), myIdentify, []any{name.Schema, name.Name}}
	err = query(ctx, q, s, func(scan scanFunc) error {
		var t annals.Table
		var folded int
		if err := scan(&t.Schema, &t.Name, &folded); err != nil {
			return err
		}
		if t.Name != name.Name && folded == 0 {
			return nil
		}
		found = within(t, own)
		return nil
	})
	return found, err
}

const myReferrers = `
SELECT DISTINCT TABLE_SCHEMA AS sch, TABLE_NAME AS tab, REFERENCED_TABLE_SCHEMA AS refsch,
  REFERENCED_TABLE_NAME AS reftab
FROM information_schema.KEY_COLUMN_USAGE WHERE REFERENCED_TABLE_NAME IS NOT NULL`

func (m mysql) referrers(ctx context.Context, q dialect.Queryer) ([]link, error) {
	own, err := m.database(ctx, q)
	if err != nil {
		return nil, err
	}
	return scanLinks(ctx, q, own, statement{what: "foreign keys", sql: myReferrers})
}
