package capture

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/track"
)

// Row is a row as it is in the database.
type Row struct {
	// ID is the object id that its key makes.
	ID string
	// Key are the key columns' values as the driver gave them, to be bound again.
	Key   []any
	Image *annals.Image
	// Extra are the values of the extra expressions that were asked for.
	Extra []any
}

// Reader reads rows of one table. It is safe for concurrent use.
type Reader struct {
	d     dialect.Dialect
	table *track.Table
	kept  []int
	names []string
	salt  []byte
}

// newSalt makes what keys the digests that tell masked values apart; it lives as long as the
// process and never leaves it.
func newSalt() []byte {
	b := make([]byte, 32)
	_, _ = rand.Read(b) // never fails
	return b
}

// NewReader returns a reader of the table's kept columns.
func NewReader(d dialect.Dialect, t *track.Table) *Reader {
	r := &Reader{d: d, table: t, kept: t.Kept(), salt: newSalt()}
	for _, i := range r.kept {
		r.names = append(r.names, t.Live.Columns[i].Name)
	}
	return r
}

// Table returns what the reader reads.
func (r *Reader) Table() *track.Table { return r.table }

// Columns is the select list: the kept columns for the codec, then the key
// columns as they are. qualifier, quoted, precedes each column where a statement
// names several tables; it is empty otherwise.
func (r *Reader) Columns(qualifier string) string {
	if qualifier != "" {
		qualifier += "."
	}
	list := make([]string, 0, len(r.kept)+len(r.table.Key))
	for _, i := range r.kept {
		c := r.table.Live.Columns[i]
		list = append(list, r.d.ReadExpr(c, qualifier+r.d.Quote(c.Name)))
	}
	for _, k := range r.table.Key {
		list = append(list, keyExpr(r.d, qualifier+r.d.Quote(k)))
	}
	return strings.Join(list, ", ")
}

// Scan reads all rows of a query whose select list is Columns and then extra
// more expressions. It closes rows.
func (r *Reader) Scan(rows *sql.Rows, extra int) (read []Row, err error) {
	err = r.scan(rows, extra, func(row Row) error {
		read = append(read, row)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return read, nil
}

func (r *Reader) scan(rows *sql.Rows, extra int, take func(Row) error) (err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	values := make([]any, len(r.kept)+len(r.table.Key)+extra)
	dest := make([]any, len(values))
	for i := range values {
		dest[i] = &values[i]
	}
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			return fmt.Errorf("scan row of %s: %w", r.table.Live.Name, err)
		}
		row, err := r.row(values)
		if err != nil {
			return err
		}
		if err := take(row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return &QueryError{err}
	}
	return nil
}

// QueryError is what the database said to a query of a Reader. Its text is the
// database's.
type QueryError struct{ Err error }

// Error implements error.
func (e *QueryError) Error() string { return e.Err.Error() }

// Unwrap returns the database's own error.
func (e *QueryError) Unwrap() error { return e.Err }

func (r *Reader) row(values []any) (Row, error) {
	image := &annals.Image{Columns: r.names, Values: make([]json.RawMessage, len(r.kept))}
	for n, i := range r.kept {
		c := r.table.Live.Columns[i]
		v, err := r.d.Decode(c, values[n])
		if err != nil {
			return Row{}, fmt.Errorf("read column %s.%s: %w", r.table.Live.Name, c.Name, err)
		}
		if r.table.Masked(c.Name) && !annals.IsNull(v) {
			v = r.mask(image, c.Name, v)
		}
		image.Values[n] = v
	}
	row := Row{Image: image, Key: make([]any, len(r.table.Key))}
	key := make([]json.RawMessage, len(r.table.Key))
	for n, name := range r.table.Key {
		row.Key[n] = clone(values[len(r.kept)+n])
		key[n], _ = image.Value(name)
	}
	if err := r.table.CheckKey(key); err != nil {
		return Row{}, err
	}
	row.ID = annals.ObjectID(key...)
	for _, v := range values[len(r.kept)+len(r.table.Key):] {
		row.Extra = append(row.Extra, clone(v))
	}
	return row, nil
}

// mask replaces a value by the sign that there is one, and keeps a digest of it
// in memory to tell whether it has changed.
func (r *Reader) mask(image *annals.Image, column string, v json.RawMessage) json.RawMessage {
	if key := r.table.Entity.MaskKey; key != "" {
		return diff.MaskedBy([]byte(key), v)
	}
	h := sha256.New()
	h.Write(r.salt)
	h.Write(v)
	if image.Digests == nil {
		image.Digests = map[string][32]byte{}
	}
	image.Digests[column] = [32]byte(h.Sum(nil))
	return masked
}

var masked = json.RawMessage(`{"masked":true}`)

// clone copies what a driver may reuse.
func clone(v any) any {
	if b, ok := v.([]byte); ok {
		return append([]byte(nil), b...)
	}
	return v
}

// Chunk is the most keys that one statement asks for.
const Chunk = 1000

// ByKeys reads the rows with these keys, in any order; lock is a locking clause
// such as "FOR UPDATE", or empty. The number of placeholders is 1, 10, 100 or
// 1,000 times the key, so that few different statements exist; the last key
// fills up.
func (r *Reader) ByKeys(
	ctx context.Context, q dialect.Queryer, keys [][]any, lock string,
) ([]Row, error) {
	return r.ByColumns(ctx, q, r.table.Key, keys, lock)
}

// ByColumns reads the rows whose columns have one of these values, likewise.
func (r *Reader) ByColumns(
	ctx context.Context, q dialect.Queryer, columns []string, keys [][]any, lock string,
) ([]Row, error) {
	var all []Row
	for start := 0; start < len(keys); start += Chunk {
		chunk := keys[start:min(start+Chunk, len(keys))]
		size := 1
		for size < len(chunk) {
			size *= 10
		}
		args := make([]any, 0, size*len(columns))
		for i := range size {
			args = append(args, chunk[min(i, len(chunk)-1)]...)
		}
		query := "SELECT " + r.Columns("") + " FROM " + r.d.Table(r.table.Live.Name) +
			" WHERE " + In(r.d, columns, size, 1)
		if lock != "" {
			query += " " + lock
		}
		rows, err := q.QueryContext(ctx, query, args...)
		if err != nil {
			return nil, fmt.Errorf("read rows of %s: %w", r.table.Live.Name, &QueryError{err})
		}
		read, err := r.Scan(rows, 0)
		if err != nil {
			return nil, fmt.Errorf("read rows of %s: %w", r.table.Live.Name, err)
		}
		all = append(all, read...)
	}
	return all, nil
}

// In is the condition that columns have one of n values, with placeholders
// numbered from first.
func In(d dialect.Dialect, columns []string, n, first int) string {
	return InOf(d, "", columns, n, first)
}

// InOf is In for columns of a table among several; qualifier, quoted, precedes
// each unless it is empty.
func InOf(d dialect.Dialect, qualifier string, columns []string, n, first int) string {
	if qualifier != "" {
		qualifier += "."
	}
	var b strings.Builder
	if len(columns) == 1 {
		b.WriteString(qualifier + d.Quote(columns[0]))
	} else {
		b.WriteByte('(')
		for i, c := range columns {
			if i > 0 {
				b.WriteString(", ")
			}
			b.WriteString(qualifier + d.Quote(c))
		}
		b.WriteByte(')')
	}
	b.WriteString(" IN (")
	// SQLite compares row values with a VALUES list only.
	if len(columns) > 1 && d.Features().ValuesIn {
		b.WriteString("VALUES ")
	}
	for i := range n {
		if i > 0 {
			b.WriteString(", ")
		}
		if len(columns) > 1 {
			b.WriteByte('(')
		}
		for j := range columns {
			if j > 0 {
				b.WriteString(", ")
			}
			b.WriteString(d.Placeholder(first + i*len(columns) + j))
		}
		if len(columns) > 1 {
			b.WriteByte(')')
		}
	}
	b.WriteByte(')')
	return b.String()
}
