package sqlstore

import (
	"context"
	"database/sql"

	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
)

// sqlite is SQLite 3.38 and later. Statements cost no round trip there, so that
// they are kept simple and their texts few.
type sqlite struct{ dialect.Dialect }

// instant is an expression, so that no driver takes the column's declared type
// for a reason to convert it.
func (sqlite) instant(ref string) string { return ref + " || ''" }

func (sqlite) bindInstant(text string) string { return text }

func (sqlite) jsonText(ref string) string { return ref + " || ''" }

func (sqlite) same(b *builder, ref string, write func()) (sorted bool) {
	b.text(ref, " = ")
	write()
	return false
}

// term: SQLite takes no parentheses around the terms of a union.
func (sqlite) term() (open, shut string) { return "SELECT * FROM (", ")" }

func (sqlite) past(b *builder, columns []string, op string, values []any) {
	b.text("(")
	b.names("", columns)
	b.text(") ", op, " (")
	b.binds(values)
	b.text(")")
}

func (sqlite) hasField(b *builder, ref string, fields []string) {
	b.text("EXISTS (SELECT 1 FROM json_each(", ref, ", '$.changes') AS c WHERE ")
	b.in("c.key", texts(fields))
	b.text(")")
}

// hasChange asks json_each for the changes, and both sides for what json_extract
// makes of a value.
func (sqlite) hasChange(b *builder, ref string, c change) {
	b.text("EXISTS (SELECT 1 FROM json_each(", ref, ", '$.changes') AS c WHERE c.type = 'object'")
	if len(c.fields) > 0 {
		b.text(" AND ")
		b.in("c.key", texts(c.fields))
	}
	c.sides(b, func(side, value string) {
		b.text("json_extract(CASE c.type WHEN 'object' THEN c.value END, '$.", side,
			"') IS json_extract(")
		b.bind(clean(value))
		b.text(", '$')")
	})
	b.text(")")
}

func (sqlite) hasMember(b *builder, ref string, names []string) {
	b.text("json_type(", ref, ") <> 'object' OR EXISTS (SELECT 1 FROM json_each(", ref,
		") AS m WHERE ")
	b.in("m.key", texts(names))
	b.text(")")
}

func (sqlite) ids(b *builder, ref string, ids []int64) { b.numbers(ref, ids) }

func (sqlite) keepsPlans() bool { return false }

func (sqlite) unindexed(ref string) string { return ref }

func (sqlite) contains(b *builder, ref, part string) {
	b.text("instr(lower(", ref, "), lower(")
	b.bind(part)
	b.text(")) > 0")
}

// running: there is one writer at a time, so that nothing commits behind what was
// seen.
func (sqlite) running(context.Context, *sql.DB) (map[string]bool, bool, error) {
	return nil, true, nil
}

// begin draws a range: the sequence of an AUTOINCREMENT column goes on behind
// the highest id that was ever inserted, and nobody else writes meanwhile.
func (d sqlite) begin(ctx context.Context, tx dialect.Execer, w revisionWrite) (begun, error) {
	out := begun{id: w.stored}
	if err := d.draw(ctx, tx, w.numbers, &out); err != nil {
		return out, err
	}
	if out.id == 0 {
		b := insertRows(d, w.table, [][]any{d.withoutFacts(w)})
		res, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
		if err != nil {
			return out, err
		}
		if out.id, err = res.LastInsertId(); err != nil {
			return out, err
		}
	}
	rows := make([][]any, len(w.receipts))
	for i, r := range w.receipts {
		rows[i] = []any{out.id, r.entity, r.typ, r.entries}
	}
	t := layout.RevisionEntity(d.Limits())
	for _, part := range chunks(rows, d.Limits().Parameters, d.sizes) {
		if err := d.insert(ctx, tx, t, part); err != nil {
			return out, err
		}
	}
	return out, nil
}

// withoutFacts empties what the program claims and only a server could know.
func (sqlite) withoutFacts(w revisionWrite) []any {
	row := append([]any(nil), w.row...)
	for i, c := range columnsOf(w.table) {
		switch c {
		case layout.ColXID, layout.ColDBUser, layout.ColApplication, layout.ColClientAddr:
			row[i] = nil
		}
	}
	return row
}

// draw takes n numbers, right from where SQLite keeps the sequence, and notes what
// finish puts back.
func (d sqlite) draw(ctx context.Context, tx dialect.Execer, n int, out *begun) error {
	name, found := layout.Seq().Ticket.Name.Name, false
	row := func(scan func(...any) error) error {
		found = true
		return scan(&out.ticket, &out.rowID)
	}
	b := &builder{d: d}
	b.text("UPDATE main.sqlite_sequence SET seq = seq + ")
	b.bind(int64(n))
	b.text(" WHERE name = ")
	b.bind(name)
	b.text(" RETURNING seq, last_insert_rowid()")
	if err := query(ctx, tx, b, row); err != nil {
		return err
	}
	if !found { // nobody has drawn yet
		b = &builder{d: d}
		b.text("SELECT ")
		b.bind(int64(n))
		b.text(", last_insert_rowid()")
		if err := query(ctx, tx, b, row); err != nil {
			return err
		}
		b = &builder{d: d}
		b.text("INSERT INTO main.sqlite_sequence (name, seq) VALUES (")
		b.binds([]any{name, int64(n)})
		b.text(")")
		if _, err := tx.ExecContext(ctx, b.sql.String(), b.args...); err != nil {
			return err
		}
	}
	for number := out.ticket - int64(n) + 1; number <= out.ticket; number++ {
		out.numbers = append(out.numbers, number)
	}
	return nil
}

// finish puts last_insert_rowid() back to what the program left: there is no other
// way than to insert a row of that id. It goes into the table of tickets, which is
// emptied; the sequence is set back where the id was above it.
func (d sqlite) finish(
	ctx context.Context, tx dialect.Execer, _ revisionWrite, done begun,
) error {
	ticket := layout.Seq().Ticket.Name
	b := &builder{d: d}
	b.text("INSERT OR REPLACE INTO ")
	b.table(ticket)
	b.text(" (")
	b.name(layout.ColID)
	b.text(") VALUES (")
	b.bind(done.rowID)
	b.text(")")
	if _, err := tx.ExecContext(ctx, b.sql.String(), b.args...); err != nil {
		return err
	}
	b = &builder{d: d}
	b.text("DELETE FROM ")
	b.table(ticket)
	if _, err := tx.ExecContext(ctx, b.sql.String()); err != nil {
		return err
	}
	if done.rowID <= done.ticket {
		return nil
	}
	b = &builder{d: d}
	b.text("UPDATE main.sqlite_sequence SET seq = ")
	b.bind(done.ticket)
	b.text(" WHERE name = ")
	b.bind(ticket.Name)
	_, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
	return err
}

func (d sqlite) insert(
	ctx context.Context, tx dialect.Execer, t layout.Table, rows [][]any,
) error {
	b := insertRows(d, t, rows)
	_, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
	return err
}

func (d sqlite) insertRevisions(
	ctx context.Context, tx dialect.Execer, t layout.Table, rows [][]any,
) (map[string]int64, error) {
	b := insertRows(d, t, rows)
	b.text(" ON CONFLICT (transaction_hash) DO NOTHING RETURNING id, transaction_hash")
	return idsByHash(ctx, tx, b)
}

func (d sqlite) insertNew(ctx context.Context, tx dialect.Execer, w entriesWrite) error {
	b := insertRows(d, w.table, w.rows)
	b.text(" ON CONFLICT (source, seq, part) DO NOTHING RETURNING source, seq, part")
	stored := make(map[string]bool, len(w.rows))
	if err := readKeys(ctx, tx, b, entryKey(), stored); err != nil {
		return err
	}
	fresh := make([]bool, len(w.rows))
	for i, row := range w.rows {
		fresh[i] = stored[entryKey().of(row)]
	}
	w.countFresh(fresh)
	return nil
}

func (d sqlite) addReceipts(ctx context.Context, tx dialect.Execer, rows [][]any) error {
	t := layout.RevisionEntity(d.Limits())
	b := insertRows(d, t, rows)
	b.text(" ON CONFLICT (revision, entity, type) DO UPDATE SET entries = entries + excluded.entries")
	_, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
	return err
}

// sizes uses four texts per table, whatever n is.
func (sqlite) sizes(n int) []int {
	var out []int
	for size := maxRows; size > 0; size /= 10 {
		for ; n >= size; n -= size {
			out = append(out, size)
		}
	}
	return out
}
