package gormcapture

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// result is a statement's result that was read whole. The capture takes the
// columns that it asked for itself off the end and hands the rest to GORM, which
// so meets the rows, and any error among them, as if nothing had been in between.
type result struct {
	columns []string
	types   []*sql.ColumnType
	values  [][]any
	// more is the result of the next statement, where a text had several.
	more *result
	// err is what the database said behind the last of the values: some tell of a
	// row that they refuse only after those before it.
	err error
}

// readResult reads all rows and closes them.
func readResult(rows *sql.Rows) (r *result, err error) {
	defer func() {
		// The database's error stays as it is: the program may ask for its type.
		if closing := rows.Close(); err == nil {
			err = closing
		}
	}()
	if r, err = readSet(rows); err != nil {
		return nil, err
	}
	last := r
	for ; last.err == nil && rows.NextResultSet(); last = last.more {
		if last.more, err = readSet(rows); err != nil {
			return nil, err
		}
	}
	if last.err == nil {
		last.err = rows.Err()
	}
	return r, nil
}

// failed returns the error among the rows.
func (r *result) failed() error {
	for ; r != nil; r = r.more {
		if r.err != nil {
			return r.err
		}
	}
	return nil
}

func readSet(rows *sql.Rows) (r *result, err error) {
	r = &result{}
	if r.columns, err = rows.Columns(); err != nil {
		return nil, err
	}
	if r.types, err = rows.ColumnTypes(); err != nil {
		return nil, err
	}
	for rows.Next() {
		values, dest := make([]any, len(r.columns)), make([]any, len(r.columns))
		for i := range values {
			dest[i] = &values[i]
		}
		if err := rows.Scan(dest...); err != nil {
			return nil, err
		}
		r.values = append(r.values, values)
	}
	r.err = rows.Err()
	return r, nil
}

// cut takes the last n columns off and returns their values, row by row.
func (r *result) cut(n int) [][]any {
	if n == 0 {
		return nil
	}
	kept := len(r.columns) - n
	r.columns, r.types = r.columns[:kept], r.types[:kept]
	off := make([][]any, len(r.values))
	for i, values := range r.values {
		off[i], r.values[i] = values[kept:], values[:kept]
	}
	return off
}

// rows gives the result out again. The pool behind it is closed at once: that
// leaves the rows usable and lets go of everything when they are closed.
func (r *result) rows(ctx context.Context) (rows *sql.Rows, err error) {
	db := sql.OpenDB(r)
	defer func() { err = errors.Join(err, db.Close()) }()
	return db.QueryContext(ctx, "") //nolint:sqlclosecheck // the caller closes them
}

// row gives the result's first row out again.
func (r *result) row(ctx context.Context) *sql.Row {
	db := sql.OpenDB(r)
	defer func() { _ = db.Close() }()
	return db.QueryRowContext(ctx, "")
}

var (
	_ driver.Connector         = (*result)(nil)
	_ driver.QueryerContext    = (*replay)(nil)
	_ driver.RowsNextResultSet = (*replay)(nil)
)

// errReplay is what a replayed result answers to everything but its one query.
var errReplay = errors.New("a result that was read offers no statements")

// Connect implements driver.Connector.
func (r *result) Connect(context.Context) (driver.Conn, error) { return &replay{r: r}, nil }

// Driver implements driver.Connector.
func (r *result) Driver() driver.Driver { return &replay{r: r} }

// replay is a connection whose only query returns the result.
type replay struct {
	r    *result
	next int
}

// Open implements driver.Driver.
func (p *replay) Open(string) (driver.Conn, error) { return nil, errReplay }

// Prepare implements driver.Conn.
func (p *replay) Prepare(string) (driver.Stmt, error) { return nil, errReplay }

// Begin implements driver.Conn.
func (p *replay) Begin() (driver.Tx, error) { return nil, errReplay }

// Close implements driver.Conn and driver.Rows.
func (p *replay) Close() error { return nil }

// QueryContext implements driver.QueryerContext.
func (p *replay) QueryContext(
	context.Context, string, []driver.NamedValue,
) (driver.Rows, error) {
	return &replay{r: p.r}, nil
}

// Columns implements driver.Rows.
func (p *replay) Columns() []string { return p.r.columns }

// Next implements driver.Rows.
func (p *replay) Next(dest []driver.Value) error {
	if p.next >= len(p.r.values) {
		if p.r.err != nil {
			return p.r.err
		}
		return io.EOF
	}
	for i, v := range p.r.values[p.next] {
		dest[i] = v
	}
	p.next++
	return nil
}

// HasNextResultSet implements driver.RowsNextResultSet.
func (p *replay) HasNextResultSet() bool { return p.r.more != nil }

// NextResultSet implements driver.RowsNextResultSet.
func (p *replay) NextResultSet() error {
	if p.r.more == nil {
		return io.EOF
	}
	p.r, p.next = p.r.more, 0
	return nil
}

// ColumnTypeScanType implements driver.RowsColumnTypeScanType.
func (p *replay) ColumnTypeScanType(i int) reflect.Type { return p.r.types[i].ScanType() }

// ColumnTypeDatabaseTypeName implements driver.RowsColumnTypeDatabaseTypeName.
func (p *replay) ColumnTypeDatabaseTypeName(i int) string {
	return p.r.types[i].DatabaseTypeName()
}

// ColumnTypeNullable implements driver.RowsColumnTypeNullable.
func (p *replay) ColumnTypeNullable(i int) (nullable, ok bool) { return p.r.types[i].Nullable() }

// ColumnTypeLength implements driver.RowsColumnTypeLength.
func (p *replay) ColumnTypeLength(i int) (length int64, ok bool) { return p.r.types[i].Length() }

// ColumnTypePrecisionScale implements driver.RowsColumnTypePrecisionScale.
func (p *replay) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	return p.r.types[i].DecimalSize()
}
