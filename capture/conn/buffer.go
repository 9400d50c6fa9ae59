package conn

import (
	"bytes"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// result is rows that were read to their end, so that the transaction of the
// statement could be committed behind them.
type result struct {
	sets []resultSet
	at   int
}

type resultSet struct {
	columns []column
	rows    [][]driver.Value
}

// column is what a driver tells of one.
type column struct {
	name, typeName   string
	scan             reflect.Type
	length           int64
	hasLength        bool
	null, hasNull    bool
	precision, scale int64
	hasPrecision     bool
}

var (
	_ driver.RowsNextResultSet              = (*result)(nil)
	_ driver.RowsColumnTypeScanType         = (*result)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*result)(nil)
	_ driver.RowsColumnTypeLength           = (*result)(nil)
	_ driver.RowsColumnTypeNullable         = (*result)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*result)(nil)
)

// readAll reads rows to their end and closes them.
func readAll(rows driver.Rows) (*result, error) {
	r := &result{}
	for {
		set, err := readSet(rows)
		if err != nil {
			_ = rows.Close() // the first error says more
			return nil, err
		}
		r.sets = append(r.sets, set)
		next, ok := rows.(driver.RowsNextResultSet)
		if !ok || !next.HasNextResultSet() {
			break
		}
		if err := next.NextResultSet(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			_ = rows.Close() // the first error says more
			return nil, err
		}
	}
	return r, rows.Close()
}

// count is the number of rows.
func (r *result) count() (n int64) {
	for _, set := range r.sets {
		n += int64(len(set.rows))
	}
	return n
}

func readSet(rows driver.Rows) (resultSet, error) {
	names := rows.Columns()
	set := resultSet{columns: make([]column, len(names))}
	for i, name := range names {
		set.columns[i] = describe(rows, i, name)
	}
	for {
		row := make([]driver.Value, len(names))
		switch err := rows.Next(row); {
		case err == io.EOF: //nolint:errorlint // as database/sql compares
			return set, nil
		case err != nil:
			return set, err
		}
		for i, v := range row {
			if b, ok := v.([]byte); ok && b != nil {
				row[i] = bytes.Clone(b) // the driver's until the next row
			}
		}
		set.rows = append(set.rows, row)
	}
}

// describe asks a driver what it knows of a column; what it does not is what
// database/sql takes it for.
func describe(rows driver.Rows, i int, name string) column {
	c := column{name: name, scan: reflect.TypeFor[any]()}
	if r, ok := rows.(driver.RowsColumnTypeScanType); ok {
		c.scan = r.ColumnTypeScanType(i)
	}
	if r, ok := rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		c.typeName = r.ColumnTypeDatabaseTypeName(i)
	}
	if r, ok := rows.(driver.RowsColumnTypeLength); ok {
		c.length, c.hasLength = r.ColumnTypeLength(i)
	}
	if r, ok := rows.(driver.RowsColumnTypeNullable); ok {
		c.null, c.hasNull = r.ColumnTypeNullable(i)
	}
	if r, ok := rows.(driver.RowsColumnTypePrecisionScale); ok {
		c.precision, c.scale, c.hasPrecision = r.ColumnTypePrecisionScale(i)
	}
	return c
}

func (r *result) set() *resultSet { return &r.sets[r.at] }

// Columns implements driver.Rows.
func (r *result) Columns() []string {
	names := make([]string, len(r.set().columns))
	for i, c := range r.set().columns {
		names[i] = c.name
	}
	return names
}

// Close implements driver.Rows.
func (r *result) Close() error { return nil }

// Next implements driver.Rows.
func (r *result) Next(dest []driver.Value) error {
	set := r.set()
	if len(set.rows) == 0 {
		return io.EOF
	}
	copy(dest, set.rows[0])
	set.rows = set.rows[1:]
	return nil
}

// HasNextResultSet implements driver.RowsNextResultSet.
func (r *result) HasNextResultSet() bool { return r.at+1 < len(r.sets) }

// NextResultSet implements driver.RowsNextResultSet.
func (r *result) NextResultSet() error {
	if !r.HasNextResultSet() {
		return io.EOF
	}
	r.at++
	return nil
}

// ColumnTypeScanType implements driver.RowsColumnTypeScanType.
func (r *result) ColumnTypeScanType(i int) reflect.Type { return r.set().columns[i].scan }

// ColumnTypeDatabaseTypeName implements driver.RowsColumnTypeDatabaseTypeName.
func (r *result) ColumnTypeDatabaseTypeName(i int) string { return r.set().columns[i].typeName }

// ColumnTypeLength implements driver.RowsColumnTypeLength.
func (r *result) ColumnTypeLength(i int) (length int64, ok bool) {
	c := &r.set().columns[i]
	return c.length, c.hasLength
}

// ColumnTypeNullable implements driver.RowsColumnTypeNullable.
func (r *result) ColumnTypeNullable(i int) (nullable, ok bool) {
	c := &r.set().columns[i]
	return c.null, c.hasNull
}

// ColumnTypePrecisionScale implements driver.RowsColumnTypePrecisionScale.
func (r *result) ColumnTypePrecisionScale(i int) (precision, scale int64, ok bool) {
	c := &r.set().columns[i]
	return c.precision, c.scale, c.hasPrecision
}
