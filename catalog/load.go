package catalog

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// reader asks the catalogue of one database.
type reader interface {
	load(ctx context.Context, q dialect.Queryer, names []annals.Table) ([]*Table, error)
	list(ctx context.Context, q dialect.Queryer) ([]annals.Table, error)
	identify(ctx context.Context, q dialect.Queryer, name annals.Table) (annals.Table, error)
	referrers(ctx context.Context, q dialect.Queryer) ([]link, error)
}

func readerOf(d dialect.Dialect) reader {
	switch d.Name() {
	case dialect.PostgresName:
		return postgres{d}
	case dialect.MySQLName:
		return mysql{d}
	}
	return sqlite{d}
}

func load(
	ctx context.Context, q dialect.Queryer, d dialect.Dialect, names []annals.Table,
) ([]*Table, error) {
	tables, err := readerOf(d).load(ctx, q, names)
	if err != nil {
		return nil, unreachable(d, err)
	}
	return tables, nil
}

func list(ctx context.Context, q dialect.Queryer, d dialect.Dialect) ([]annals.Table, error) {
	tables, err := readerOf(d).list(ctx, q)
	if err != nil {
		return nil, unreachable(d, fmt.Errorf("list tables: %w", err))
	}
	return tables, nil
}

// unreachable adds annals.ErrUnreachable where the server does not answer.
func unreachable(d dialect.Dialect, err error) error {
	if d.Classify(err) == dialect.ClassUnreachable {
		return fmt.Errorf("%w: %w", annals.ErrUnreachable, err)
	}
	return err
}

// missing is the error for a table that is not there.
func missing(name annals.Table) error {
	return fmt.Errorf("load table %s: %w", name, ErrNoTable)
}

// scanFunc is the Scan of one row.
type scanFunc func(dest ...any) error

// query runs a statement and hands over each row. It has read all rows when it
// returns, so that the next query may use the same connection.
func query(
	ctx context.Context, q dialect.Queryer, s statement, row func(scan scanFunc) error,
) error {
	rows, err := q.QueryContext(ctx, s.sql, s.args...)
	if err != nil {
		return fmt.Errorf("read %s: %w", s.what, err)
	}
	defer rows.Close()
	for rows.Next() {
		if err := row(rows.Scan); err != nil {
			return fmt.Errorf("read %s: %w", s.what, err)
		}
	}
	if err := rows.Err(); err != nil {
		return fmt.Errorf("read %s: %w", s.what, err)
	}
	return nil
}

// statement is a query of the catalogue; what names its subject in errors.
type statement struct {
	what, sql string
	args      []any
}

// index gathers the columns of a unique index, row by row.
type index struct {
	name    string
	primary bool
	opaque  bool
	columns []string
}

// keep puts finished indexes into the table.
func (t *Table) keep(indexes []index) {
	for _, i := range indexes {
		switch {
		case i.primary:
			t.Key = i.columns
		case i.opaque:
			t.OpaqueUniques++
		default:
			t.Uniques = append(t.Uniques, i.columns)
		}
	}
}

// listNames runs a query of one column, the names of tables, and sorts them.
func listNames(
	ctx context.Context, q dialect.Queryer, s statement,
) (tables []annals.Table, err error) {
	err = query(ctx, q, s, func(scan scanFunc) error {
		var t annals.Table
		if err := scan(&t.Name); err != nil {
			return err
		}
		tables = append(tables, t)
		return nil
	})
	slices.SortFunc(tables, func(a, b annals.Table) int { return strings.Compare(a.Name, b.Name) })
	return tables, err
}

// link is a foreign key from one table to another.
type link struct{ from, to annals.Table }

// scanTable is scanTables for a query of one row; of none it makes the zero Table.
func scanTable(
	ctx context.Context, q dialect.Queryer, own string, s statement,
) (t annals.Table, err error) {
	found, err := scanTables(ctx, q, own, s)
	if len(found) > 0 {
		t = found[0]
	}
	return t, err
}

// scanLinks runs a query of schema and name of both ends.
func scanLinks(
	ctx context.Context, q dialect.Queryer, own string, s statement,
) (links []link, err error) {
	err = query(ctx, q, s, func(scan scanFunc) error {
		var l link
		err := scan(&l.from.Schema, &l.from.Name, &l.to.Schema, &l.to.Name)
		links = append(links, link{within(l.from, own), within(l.to, own)})
		return err
	})
	return links, err
}

// within leaves the own schema out.
func within(t annals.Table, own string) annals.Table {
	if t.Schema == own {
		t.Schema = ""
	}
	return t
}

// scanTables runs a query of schema and name; the own schema is left out.
func scanTables(
	ctx context.Context, q dialect.Queryer, own string, s statement,
) (tables []annals.Table, err error) {
	err = query(ctx, q, s, func(scan scanFunc) error {
		var t annals.Table
		err := scan(&t.Schema, &t.Name)
		tables = append(tables, within(t, own))
		return err
	})
	return tables, err
}
