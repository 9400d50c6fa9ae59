package epoch

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
)

// plan is what is known of one table before a run.
type plan struct {
	d      dialect.Dialect
	source string
	target *journal.Target
	// own names one of annals' own tables, quoted; value is the expression by which a
	// trigger would copy a column.
	own   func(name string) string
	value func(c *journal.Column, ref string) string
	key   []keyColumn
	// stamp tells whether the columns that are copied are still the same.
	stamp string
	// only is what a table's name follows in FROM so that the rows are its own.
	only string
}

func (s Source) plan(
	ctx context.Context, q dialect.Queryer, t *journal.Target,
) (*plan, error) {
	own, err := s.Journal.Own(ctx)
	if err != nil {
		return nil, err
	}
	p := &plan{
		d: s.Dialect, source: s.Name, target: t, value: s.Journal.CopyExpr,
		own: func(name string) string { return s.Dialect.Table(own(name)) },
	}
	for _, name := range t.Table.Key {
		c, ok := t.Table.Live.Column(name)
		if !ok {
			return nil, &annals.Error{
				Op: "import epoch", Subject: "entity " + t.Name,
				Err: fmt.Errorf("its table has no column %q: %w", name, annals.ErrConfig),
			}
		}
		p.key = append(p.key, keyColumn{Column: c})
	}
	if len(p.key) == 0 {
		return nil, &annals.Error{
			Op: "import epoch", Subject: "entity " + t.Name, Err: annals.ErrNoKey,
			Remedy: "give its table a primary key",
		}
	}
	if err := engineOf(s.Dialect).prepare(ctx, q, p); err != nil {
		return nil, s.fail(t.Name, err)
	}
	if p.stamp, err = p.columnStamp(ctx, q); err != nil {
		return nil, s.fail(t.Name, err)
	}
	return p, nil
}

// columnStamp changes with what trigger create records of the target's columns.
func (p *plan) columnStamp(ctx context.Context, on dialect.Queryer) (string, error) {
	q := &query{d: p.d}
	q.add("SELECT COALESCE(MAX(id), 0), COUNT(*), COUNT(", p.d.Quote(layout.ColUntilSeq), ") FROM ",
		p.own(layout.TargetColumnTable), " WHERE ", p.d.Quote(layout.ColEntity), " = ").
		add(q.arg(p.target.Name))
	var last, all, ended int64
	if err := one(ctx, on, q, &last, &all, &ended); err != nil {
		return "", fmt.Errorf("read the copied columns: %w", err)
	}
	return fmt.Sprint(last, all, ended), nil
}

// one runs a query of one row.
func one(ctx context.Context, on dialect.Queryer, q *query, dest ...any) error {
	rows, err := on.QueryContext(ctx, q.sql.String(), q.args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	if !rows.Next() {
		if err := rows.Err(); err != nil {
			return err
		}
		return errNoRow
	}
	if err := rows.Scan(dest...); err != nil {
		return err
	}
	return rows.Err()
}

// comment is that of the revisions.
func (p *plan) comment() string { return "Epoch " + p.target.Table.Live.Name.String() }

// digits are the eight of a transaction's hash that tell its source.
func (p *plan) digits() string {
	sum := sha256.Sum256([]byte(p.source))
	return hex.EncodeToString(sum[:4])
}

func (p *plan) table() string { return p.d.Table(p.target.Source) }
func (p *plan) copy() string  { return p.d.Table(p.target.Copy) }

// inTable is the table in FROM under the alias s.
func (p *plan) inTable() string { return p.only + p.table() + " s" }

// keyRefs are the key columns of a row of the table.
func (p *plan) keyRefs(e engine) []string {
	refs := make([]string, len(p.key))
	for i, c := range p.key {
		refs[i] = e.sorted(c, "s."+p.d.Quote(c.Name))
	}
	return refs
}

// copied are the copy's columns and the expressions that fill them from a row s.
func (p *plan) copied() (columns, values []string) {
	for i := range p.target.Columns {
		c := &p.target.Columns[i]
		columns = append(columns, p.d.Quote(c.Copy))
		values = append(values, p.value(c, "s."+p.d.Quote(c.Name)))
	}
	return columns, values
}

// same writes that a copied row has the key of a row of the table.
func (p *plan) same(copied string) string {
	parts := make([]string, 0, len(p.key))
	for _, name := range p.target.Table.Key {
		for i := range p.target.Columns {
			if c := &p.target.Columns[i]; c.Name == name {
				parts = append(parts, copied+"."+p.d.Quote(c.Copy)+" = "+
					p.value(c, "s."+p.d.Quote(c.Name)))
			}
		}
	}
	return strings.Join(parts, " AND ")
}

// pair writes that two copied rows have one key.
func (p *plan) pair(a, b string) string {
	parts := make([]string, 0, len(p.key))
	for _, c := range p.target.Key() {
		parts = append(parts, a+"."+p.d.Quote(c)+" = "+b+"."+p.d.Quote(c))
	}
	return strings.Join(parts, " AND ")
}

// begun is the receipts' condition that a row's story begins there.
func begun(receipt string) string { return receipt + ".type IN " + begins }

const begins = "('" + string(annals.OpInsert) + "', '" + string(annals.OpEpoch) + "')"

// rekeyed makes copied row c the after image of an update, and b its before image under
// another key: a table and, behind on, a condition.
func (p *plan) rekeyed(on string) string {
	return p.copy() + " b" + on + "b.annals_id = c.annals_id - 1 AND b.annals_image = '" +
		layout.ImageBefore + "' AND NOT (" + p.pair("b", "c") + ")"
}

// receipts joins the receipt of a copied row.
func (p *plan) receipts(alias, copied string) string {
	return " JOIN " + p.own(layout.RevisionEntityTable) + " " + alias + " ON " + alias +
		".id = " + copied + ".annals_revision_entity_id"
}

const after = ".annals_image = '" + layout.ImageAfter + "'"

// told writes that the story of a row begins with, or its key was changed by, something
// that was captured from the number since on. What is asked of a copy that was found is
// asked by scalar queries: those are no joins; and a number to which 0 is added leads into
// no index. So no plan reads whole tables for a batch.
func (p *plan) told(q *query, since expr) {
	q.add("EXISTS (SELECT 1 FROM ", p.copy(), " c WHERE ", p.same("c"), " AND c.annals_id + 0 >= 2 * ").
		add(since(q)).
		add(" AND c", after, " AND ((SELECT e.type FROM ", p.own(layout.RevisionEntityTable),
			" e WHERE e.id = c.annals_revision_entity_id) IN ", begins, " OR (SELECT COUNT(*) FROM ",
			p.rekeyed(" WHERE "), ") > 0))")
}

// moved writes that a row has a key that was changed since then; further is one more
// condition for the copied rows c, after the change, and b, before it.
func (p *plan) moved(q *query, since expr, further string) {
	q.add("EXISTS (SELECT 1 FROM ", p.copy(), " c JOIN ", p.rekeyed(" ON "), " WHERE ", p.same("c"),
		" AND c.annals_id + 0 >= 2 * ").add(since(q)).add(" AND c", after, further, ")")
}

// untold is moved where neither the key that a row had, before, nor the key that it has
// now, after, begins its story.
func (p *plan) untold(q *query, since expr) {
	not := func(key, op string) string {
		return " AND NOT EXISTS (SELECT 1 FROM " + p.copy() + " f" + p.receipts("g", "f") + " WHERE " +
			p.pair("f", key) + " AND f.annals_id " + op + " c.annals_id AND f" + after + " AND " +
			begun("g") + ")"
	}
	p.moved(q, since, not("b", "<")+not("c", ">"))
}

// anyMoved asks whether any key was changed since then.
func (p *plan) anyMoved(q *query, since expr) {
	q.add("SELECT COUNT(*) FROM (SELECT 1 AS one FROM ", p.copy(), " c JOIN ", p.rekeyed(" ON "),
		" WHERE c.annals_id >= 2 * ").add(since(q)).add(" AND c", after, " LIMIT 1) m")
}

// pass is what a walk through the table is for.
type pass int

const (
	// first takes the rows whose story does not begin yet.
	first pass = iota
	// second takes those among them whose key was changed meanwhile, so that they may
	// have moved behind the first.
	second
)

// where writes the condition for the rows of a batch.
func (b *batch) where(q *query, e engine, since expr) {
	q.add(" WHERE ")
	b.within(q, e, b.span)
	switch {
	case b.all:
		q.add("1 = 1")
	case b.which == second:
		b.untold(q, since)
	default:
		q.add("NOT ")
		b.told(q, since)
	}
}

// within writes the bounds of a batch, each followed by AND.
func (p *plan) within(q *query, e engine, b span) {
	p.bound(q, e, ">", b.from, b.noFrom)
	p.bound(q, e, "<=", b.to, b.noTo)
}

func (p *plan) bound(q *query, e engine, op string, values []expr, none string) {
	if values == nil {
		return
	}
	if none != "" {
		q.add("(", none, " OR (")
	}
	compare(q, p.keyRefs(e), op, values, e.rowValues())
	if none != "" {
		q.add("))")
	}
	q.add(" AND ")
}

// last asks for the key of the last row of a batch: none where the rest of the table is
// smaller than that.
func (p *plan) last(q *query, e engine, b span, size expr) {
	p.lastAs(q, e, b, size, "", "")
}

// lastAs is last with something before and behind the list of columns.
func (p *plan) lastAs(q *query, e engine, b span, size expr, before, behind string) {
	q.add("SELECT ", before)
	for i, c := range p.key {
		if i > 0 {
			q.add(", ")
		}
		q.add(e.read(c, "s."+p.d.Quote(c.Name)))
	}
	q.add(behind, " FROM ", p.inTable(), " WHERE ")
	p.within(q, e, b)
	q.add("1 = 1 ORDER BY ", strings.Join(p.keyRefs(e), ", "), " LIMIT 1 OFFSET ").add(size(q))
}

var errNoRow = fmt.Errorf("a query that gives one row gave none: %w", annals.ErrNotFound)
