package schema

import (
	"context"
	"database/sql"
	"strings"

	"github.com/seed-162b1470/annals/dialect"
)

func (mysqlFlavour) home(ctx context.Context, q dialect.Queryer) (string, error) {
	var name sql.NullString
	err := one(ctx, q, "SELECT DATABASE()", &name)
	return name.String, err
}

// folding: the server may keep names of tables in lower case or compare them so.
func (mysqlFlavour) folding(
	ctx context.Context, q dialect.Queryer,
) (func(string) string, error) {
	var mode int
	if err := one(ctx, q, "SELECT @@lower_case_table_names", &mode); err != nil {
		return nil, err
	}
	if mode == 0 {
		return func(name string) string { return name }, nil
	}
	return strings.ToLower, nil
}

const (
	mySchemaExists = `SELECT 1 FROM information_schema.schemata WHERE schema_name = ?`

	myRelations = `SELECT table_name, table_type FROM information_schema.tables
WHERE table_schema = ?`

	myColumns = `SELECT table_name, column_name,
lower(data_type) REGEXP 'text|blob|json|geometry' FROM information_schema.columns
WHERE table_schema = ? AND table_name IN `

	myIndexes = `SELECT table_name, index_name, non_unique = 0, column_name,
collation IS NULL OR index_type <> 'BTREE', collation = 'D', sub_part IS NOT NULL
FROM information_schema.statistics
WHERE table_schema = ? AND index_name <> 'PRIMARY' AND table_name IN `

	myIndexOrder = ` ORDER BY table_name, index_name, seq_in_index`
)

func (f mysqlFlavour) read(
	ctx context.Context, q dialect.Queryer, w window,
) (*space, error) {
	s := newSpace()
	schema := []any{w.schema}
	err := eachRow(ctx, q, mySchemaExists, schema, func(scan func(...any) error) error {
		s.exists = true
		return scan(new(int))
	})
	if err != nil {
		return nil, err
	}
	err = eachRow(ctx, q, myRelations, schema, func(scan func(...any) error) error {
		var name, kind string
		if err := scan(&name, &kind); err != nil {
			return err
		}
		s.relations[w.fold(name)] = newRelation(myKind(kind))
		return nil
	})
	if err != nil {
		return nil, err
	}
	list, args := w.among(f.d)
	err = eachRow(ctx, q, myColumns+list, args, func(scan func(...any) error) error {
		var table, column string
		var unbounded bool
		if err := scan(&table, &column, &unbounded); err != nil {
			return err
		}
		if r := s.relations[w.fold(table)]; r != nil {
			r.columns[strings.ToLower(column)] = true
			r.unbounded[strings.ToLower(column)] = unbounded
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, eachRow(ctx, q, myIndexes+list+myIndexOrder, args,
		func(scan func(...any) error) error { return s.scanMySQLIndex(w, scan) })
}

func (s *space) scanMySQLIndex(w window, scan func(...any) error) error {
	var table, name string
	var unique bool
	var column sql.NullString
	var opaque, desc sql.NullBool
	var cut bool
	if err := scan(&table, &name, &unique, &column, &opaque, &desc, &cut); err != nil {
		return err
	}
	r := s.relations[w.fold(table)]
	if r == nil {
		return nil
	}
	l := r.index(name)
	l.unique = unique
	// An expression has no column, an index of no order no collation.
	l.opaque = l.opaque || !column.Valid || !opaque.Valid || opaque.Bool
	l.desc = l.desc || desc.Bool
	l.columns = append(l.columns, strings.ToLower(column.String))
	l.cut = append(l.cut, cut)
	return nil
}

func myKind(tableType string) relationKind {
	switch tableType {
	case "BASE TABLE", "SYSTEM VERSIONED":
		return isTable
	case "VIEW", "SYSTEM VIEW":
		return isView
	case "SEQUENCE":
		return isSequence
	}
	return isOther
}
