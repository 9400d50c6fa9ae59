package sqlstore

import (
	"context"
	"strconv"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/internal/canonical"
	"github.com/seed-162b1470/annals/layout"
)

// postgres is PostgreSQL 13 and later. Rows travel as one JSON parameter, read
// by json_to_recordset: it works with every driver and protocol, needs no
// arrays, keeps the statement's text constant and knows no limit of parameters.
type postgres struct{ dialect.Dialect }

func (postgres) instant(ref string) string {
	return `to_char(` + ref + ` AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`
}

func (postgres) bindInstant(text string) string { return text }

func (postgres) jsonText(ref string) string { return ref + "::text" }

func (postgres) same(b *builder, ref string, write func()) (sorted bool) {
	b.text(ref, " = ")
	write()
	return false
}

func (postgres) term() (open, shut string) { return "(", ")" }

// past compares rows, which PostgreSQL turns into one seek in the index, ties
// included.
func (postgres) past(b *builder, columns []string, op string, values []any) {
	b.text("(")
	b.names("", columns)
	b.text(") ", op, " (")
	b.binds(values)
	b.text(")")
}

// hasField keeps the operator "?" out, which some drivers take for a parameter.
func (postgres) hasField(b *builder, ref string, fields []string) {
	for i, f := range fields {
		if i > 0 {
			b.text(" OR ")
		}
		b.text("jsonb_exists(", ref, "->'changes', ")
		b.bind(clean(f))
		b.text("::text)")
	}
}

// fact is what the database knows of the session better than the program.
func (postgres) fact(column string) string {
	switch column {
	case layout.ColXID:
		return "pg_current_xact_id()::text::bigint"
	case layout.ColDBUser:
		return "SESSION_USER::text"
	case layout.ColApplication:
		return "NULLIF(left(current_setting('application_name'), 255), '')"
	case layout.ColClientAddr:
		return "host(inet_client_addr())"
	}
	return ""
}

// begin needs one statement for the revision, its receipts and the numbers.
func (d postgres) begin(
	ctx context.Context, tx dialect.Execer, w revisionWrite,
) (begun, error) {
	b := &builder{d: d}
	b.text("WITH r AS (")
	d.insertRevision(b, w)
	b.text(" RETURNING id), e AS (INSERT INTO ")
	b.table(annals.Table{Name: layout.RevisionEntityTable})
	b.text(` (revision, entity, type, entries) SELECT r.id, x.entity, x.type, x.entries` +
		` FROM r, json_to_recordset(`)
	b.bind(string(receiptsJSON(w.receipts)))
	b.text("::text::json) AS x(entity text, type text, entries integer))")
	b.text(" SELECT r.id, nextval(")
	b.bind(d.Table(layout.Seq().Name))
	b.text("::text::regclass) FROM r, generate_series(1, ")
	b.bind(int64(w.numbers))
	b.text("::integer)")
	var out begun
	err := query(ctx, tx, b, func(scan func(...any) error) error {
		var number int64
		if err := scan(&out.id, &number); err != nil {
			return err
		}
		out.numbers = append(out.numbers, number)
		return nil
	})
	return ascending(out, w.numbers, err)
}

func (d postgres) insertRevision(b *builder, w revisionWrite) {
	columns := columnsOf(w.table)
	b.insertInto(w.table.Name, columns)
	b.text(" VALUES (")
	for i, c := range columns {
		if i > 0 {
			b.text(", ")
		}
		if fact := d.fact(c); fact != "" {
			b.text(fact)
			continue
		}
		b.bind(w.row[i])
		if column, _ := w.table.Column(c); column.Type != layout.Boolean {
			b.text("::text")
			if t := postgresType(column.Type); t != "text" {
				b.text("::", t)
			}
		}
	}
	b.text(")")
}

func (postgres) finish(context.Context, dialect.Execer, revisionWrite, begun) error { return nil }

func (d postgres) insert(
	ctx context.Context, tx dialect.Execer, t layout.Table, rows [][]any,
) error {
	b := &builder{d: d}
	d.records(b, t, columnsOf(t), rows)
	_, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
	return err
}

func (d postgres) insertRevisions(
	ctx context.Context, tx dialect.Execer, t layout.Table, rows [][]any,
) (map[string]int64, error) {
	b := &builder{d: d}
	d.records(b, t, columnsOf(t), rows)
	b.text(" ON CONFLICT (transaction_hash) DO NOTHING RETURNING id, transaction_hash")
	return idsByHash(ctx, tx, b)
}

// insertNew lets the database count, so that a row comes back for each revision
// and type, not for each entry.
func (d postgres) insertNew(ctx context.Context, tx dialect.Execer, w entriesWrite) error {
	b := &builder{d: d}
	b.text("WITH i AS (")
	d.records(b, w.table, columnsOf(w.table), w.rows)
	b.text(" ON CONFLICT (source, seq, part) DO NOTHING RETURNING transaction_hash, type)" +
		" SELECT transaction_hash, type, count(*) FROM i GROUP BY transaction_hash, type")
	return query(ctx, tx, b, func(scan func(...any) error) error {
		var hash, typ string
		var entries int64
		if err := scan(&hash, &typ, &entries); err != nil {
			return err
		}
		w.count(hash, typ, entries)
		return nil
	})
}

func (d postgres) addReceipts(ctx context.Context, tx dialect.Execer, rows [][]any) error {
	b := &builder{d: d}
	t := layout.RevisionEntity(d.Limits())
	d.records(b, t, columnsOf(t), rows)
	b.text(" ON CONFLICT (revision, entity, type) DO UPDATE SET entries = ")
	b.table(t.Name)
	b.text(".entries + EXCLUDED.entries")
	_, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
	return err
}

func (postgres) sizes(n int) []int { return []int{n} }

// records appends an INSERT of rows that come as one JSON parameter.
func (d postgres) records(b *builder, t layout.Table, columns []string, rows [][]any) {
	b.insertInto(t.Name, columns)
	b.text(" SELECT ")
	b.names("x.", columns)
	b.text(" FROM json_to_recordset(")
	b.bind(string(rowsJSON(t, columns, rows)))
	b.text("::text::json) AS x(")
	for i, c := range columns {
		if i > 0 {
			b.text(", ")
		}
		b.name(c)
		column, _ := t.Column(c)
		b.text(" ", postgresType(column.Type))
	}
	b.text(")")
}

func postgresType(t layout.Type) string {
	switch t {
	case layout.BigInt:
		return "bigint"
	case layout.Integer:
		return "integer"
	case layout.SmallInt:
		return "smallint"
	case layout.Boolean:
		return "boolean"
	case layout.JSON:
		return "jsonb"
	case layout.Instant:
		return "timestamptz"
	default:
		return "text"
	}
}

// rowsJSON is an array with an object for each row. JSON columns stand in it as
// they are.
func rowsJSON(t layout.Table, columns []string, rows [][]any) []byte {
	keys := make([][]byte, len(columns))
	raw := make([]bool, len(columns))
	for i, c := range columns {
		keys[i] = append(canonical.AppendString(nil, c), ':')
		column, _ := t.Column(c)
		raw[i] = column.Type == layout.JSON
	}
	size := 2
	for _, row := range rows {
		size += weight(row) + 24*len(row)
	}
	out := append(make([]byte, 0, size), '[')
	for n, row := range rows {
		if n > 0 {
			out = append(out, ',')
		}
		out = append(out, '{')
		more := false
		for i, v := range row {
			if v == nil {
				continue // an absent key is null
			}
			if more {
				out = append(out, ',')
			}
			more = true
			out = append(out, keys[i]...)
			out = appendJSON(out, v, raw[i])
		}
		out = append(out, '}')
	}
	return append(out, ']')
}

func appendJSON(dst []byte, v any, raw bool) []byte {
	switch v := v.(type) {
	case string:
		if raw {
			return append(dst, v...)
		}
		return canonical.AppendString(dst, v)
	case int64:
		return strconv.AppendInt(dst, v, 10)
	case bool:
		return strconv.AppendBool(dst, v)
	default:
		return append(dst, "null"...)
	}
}

func receiptsJSON(receipts []receipt) []byte {
	out := []byte{'['}
	for i, r := range receipts {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(out, `{"entity":`...)
		out = canonical.AppendString(out, r.entity)
		out = append(out, `,"type":`...)
		out = canonical.AppendString(out, r.typ)
		out = append(out, `,"entries":`...)
		out = strconv.AppendInt(out, r.entries, 10)
		out = append(out, '}')
	}
	return append(out, ']')
}
