package schema

import (
	"context"
	"database/sql"
	"regexp"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
)

func (sqliteFlavour) home(context.Context, dialect.Queryer) (string, error) {
	return "main", nil
}

// folding: SQLite compares names without regard to the case of ASCII letters.
func (sqliteFlavour) folding(
	context.Context, dialect.Queryer,
) (func(string) string, error) {
	return foldASCII, nil
}

func foldASCII(name string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, name)
}

const (
	sqliteDatabases = `SELECT name FROM pragma_database_list`

	sqliteColumns = `SELECT m.name, x.name FROM %schema% m
JOIN pragma_table_xinfo(m.name, ?) x WHERE m.type = 'table' AND lower(m.name) IN `

	// Indexes that a constraint made have no text; the primary key's is left out.
	sqliteIndexes = `SELECT m.name, l.name, l."unique", coalesce(s.sql, ''), l.partial,
x.name, x.coll <> 'BINARY', x."desc" FROM %schema% m
JOIN pragma_index_list(m.name, ?) l JOIN pragma_index_xinfo(l.name, ?) x
LEFT JOIN %schema% s ON s.type = 'index' AND s.name = l.name
WHERE m.type = 'table' AND l.origin <> 'pk' AND x.key = 1 AND lower(m.name) IN `

	sqliteIndexOrder = ` ORDER BY m.name, l.name, x.seqno`
)

// wherePattern finds the predicate of an index; a text with two WHERE is read as
// no predicate that annals knows.
var wherePattern = regexp.MustCompile(`(?is)\)\s*WHERE\s(.*)$`)

func (f sqliteFlavour) read(
	ctx context.Context, q dialect.Queryer, w window,
) (*space, error) {
	s := newSpace()
	err := eachRow(ctx, q, sqliteDatabases, nil, func(scan func(...any) error) error {
		var name string
		if err := scan(&name); err != nil {
			return err
		}
		s.exists = s.exists || w.fold(name) == w.fold(w.schema)
		return nil
	})
	if err != nil || !s.exists {
		return s, err
	}
	s.taken = map[string]bool{}
	table := f.d.Quote(w.schema) + ".sqlite_schema"
	all := "SELECT name, type FROM " + table + " WHERE type IN ('table', 'view', 'index')"
	err = eachRow(ctx, q, all, nil, func(scan func(...any) error) error {
		var name, kind string
		if err := scan(&name, &kind); err != nil {
			return err
		}
		s.taken[w.fold(name)] = true
		s.relations[w.fold(name)] = newRelation(sqliteKind(kind))
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, f.readTables(ctx, q, w, s)
}

func (f sqliteFlavour) readTables(
	ctx context.Context, q dialect.Queryer, w window, s *space,
) error {
	in := func(query string) string {
		return strings.ReplaceAll(query, "%schema%", f.d.Quote(w.schema)+".sqlite_schema")
	}
	names := w
	names.tables = nil
	for _, t := range w.tables {
		names.tables = append(names.tables, foldASCII(t))
	}
	list, args := names.among(f.d)
	err := eachRow(ctx, q, in(sqliteColumns)+list, args, func(scan func(...any) error) error {
		var table, column string
		if err := scan(&table, &column); err != nil {
			return err
		}
		// A table that came into being since the list was read is left for next time.
		if r := s.relations[w.fold(table)]; r != nil {
			r.columns[foldASCII(column)] = true
		}
		return nil
	})
	if err != nil {
		return err
	}
	args = append([]any{w.schema}, args...)
	return eachRow(ctx, q, in(sqliteIndexes)+list+sqliteIndexOrder, args,
		func(scan func(...any) error) error { return s.scanSQLiteIndex(w, scan) })
}

func (s *space) scanSQLiteIndex(w window, scan func(...any) error) error {
	var table, name, text string
	var unique, partial, collated, desc bool
	var column sql.NullString
	if err := scan(&table, &name, &unique, &text, &partial, &column, &collated,
		&desc); err != nil {
		return err
	}
	r := s.relations[w.fold(table)]
	if r == nil {
		return nil
	}
	l := r.index(name)
	l.unique = unique
	l.opaque = l.opaque || !column.Valid || collated
	l.desc = l.desc || desc
	l.columns = append(l.columns, foldASCII(column.String))
	if partial {
		l.predicate = "?"
		if m := wherePattern.FindStringSubmatch(text); m != nil {
			l.predicate = m[1]
		}
	}
	return nil
}

func sqliteKind(kind string) relationKind {
	switch kind {
	case "table":
		return isTable
	case "view":
		return isView
	}
	return isOther
}
