package schema

import (
	"context"
	"database/sql"
	"encoding/json"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
)

func (postgresFlavour) home(ctx context.Context, q dialect.Queryer) (string, error) {
	var name sql.NullString
	if err := one(ctx, q, "SELECT current_schema()", &name); err != nil || name.Valid {
		return name.String, err
	}
	// No schema of the search path is there: the first is made.
	err := one(ctx, q, "SELECT current_setting('search_path')", &name)
	return firstSchema(name.String), err
}

// firstSchema is the first name of a search path but that of the account; "" where
// there is none.
func firstSchema(path string) string {
	for path != "" {
		var name string
		if rest, quoted := strings.CutPrefix(strings.TrimLeft(path, " "), `"`); quoted {
			name, path = unquote(rest)
		} else {
			name, path, _ = strings.Cut(path, ",")
			name = strings.ToLower(strings.TrimSpace(name))
		}
		if name != "" && name != "$user" {
			return name
		}
	}
	return ""
}

// unquote reads a name up to its closing quote, and skips the comma behind it.
func unquote(text string) (name, rest string) {
	var b strings.Builder
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] != '"':
			b.WriteByte(text[i])
		case strings.HasPrefix(text[i:], `""`):
			b.WriteByte('"')
			i++
		default:
			_, rest, _ = strings.Cut(text[i+1:], ",")
			return b.String(), rest
		}
	}
	return b.String(), ""
}

func (postgresFlavour) folding(
	context.Context, dialect.Queryer,
) (func(string) string, error) {
	return func(name string) string { return name }, nil
}

const (
	pgRelations = `SELECT c.relname, c.relkind::text FROM pg_catalog.pg_class c
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1`

	pgColumns = `SELECT c.relname, a.attname FROM pg_catalog.pg_attribute a
JOIN pg_catalog.pg_class c ON c.oid = a.attrelid
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND a.attnum > 0 AND NOT a.attisdropped AND c.relname IN `

	// Columns are those of the key, in order, null for an expression. An option is 0
	// for ascending and 3 for descending, nulls where they are by default.
	pgIndexes = `SELECT c.relname, ci.relname, x.indisunique, x.indisvalid,
coalesce(pg_catalog.pg_get_expr(x.indpred, x.indrelid), ''),
am.amname <> 'btree' OR EXISTS (
    SELECT 1 FROM unnest(x.indoption::int2[]) AS o WHERE o IN (1, 2)),
EXISTS (SELECT 1 FROM unnest(x.indoption::int2[]) AS o WHERE o = 3),
(SELECT json_agg(a.attname ORDER BY k.n)::text
    FROM unnest(x.indkey::int2[]) WITH ORDINALITY AS k (attnum, n)
    LEFT JOIN pg_catalog.pg_attribute a
    ON a.attrelid = x.indrelid AND a.attnum = k.attnum AND k.attnum > 0
    WHERE k.n <= x.indnkeyatts)
FROM pg_catalog.pg_index x
JOIN pg_catalog.pg_class c ON c.oid = x.indrelid
JOIN pg_catalog.pg_class ci ON ci.oid = x.indexrelid
JOIN pg_catalog.pg_am am ON am.oid = ci.relam
JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = $1 AND NOT x.indisprimary AND c.relname IN `

	pgSchemaExists = `SELECT 1 FROM pg_catalog.pg_namespace WHERE nspname = $1`
)

func (f postgresFlavour) read(
	ctx context.Context, q dialect.Queryer, w window,
) (*space, error) {
	s := newSpace()
	// Tables, indexes, sequences and views share the names of a schema.
	s.taken = map[string]bool{}
	err := eachRow(ctx, q, pgSchemaExists, []any{w.schema}, func(scan func(...any) error) error {
		s.exists = true
		return scan(new(int))
	})
	if err != nil {
		return nil, err
	}
	err = eachRow(ctx, q, pgRelations, []any{w.schema}, func(scan func(...any) error) error {
		var name, kind string
		if err := scan(&name, &kind); err != nil {
			return err
		}
		s.taken[name] = true
		s.relations[name] = newRelation(pgKind(kind))
		s.relations[name].partitioned = kind == "p"
		return nil
	})
	if err != nil {
		return nil, err
	}
	list, args := w.among(f.d)
	err = eachRow(ctx, q, pgColumns+list, args, func(scan func(...any) error) error {
		var table, column string
		if err := scan(&table, &column); err != nil {
			return err
		}
		if r := s.relations[table]; r != nil {
			r.columns[column] = true
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, eachRow(ctx, q, pgIndexes+list, args, s.scanPostgresIndex)
}

func (s *space) scanPostgresIndex(scan func(...any) error) error {
	var table, columns string
	var valid bool
	var l liveIndex
	err := scan(&table, &l.name, &l.unique, &valid, &l.predicate, &l.opaque, &l.desc,
		&columns)
	if err != nil {
		return err
	}
	var names []*string
	if err := json.Unmarshal([]byte(columns), &names); err != nil {
		return err
	}
	for _, n := range names {
		if n == nil {
			l.opaque = true
			continue
		}
		l.columns = append(l.columns, *n)
	}
	l.invalid = !valid
	if r := s.relations[table]; r != nil {
		r.indexes = append(r.indexes, &l)
	}
	return nil
}

// pgKind tells what a relkind is. An index or a composite type has a table's
// name too, and keeps a table from being made.
func pgKind(relkind string) relationKind {
	switch relkind {
	case "r", "p":
		return isTable
	case "v", "m":
		return isView
	case "S":
		return isSequence
	}
	return isOther
}
