package mirrorstore

import (
	"bytes"
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/internal/canonical"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
)

// objectsAtOnce is how many objects one statement looks for.
const objectsAtOnce = 64

// objectFeeds give the items about objects, through the indexes on keys and links;
// ok is false where SQL cannot compare one of the keys.
func (a *asking) objectFeeds(w *wanted) (feeds []*feed, ok bool) {
	var ways []journal.Way
	for _, entity := range w.entities {
		ways = append(ways, w.sheet.Ways(entity)...)
	}
	var all []finding
	for _, id := range a.q.ObjectIDs {
		some, ok := idConditions(a.s.eng, ways, id)
		if !ok {
			return nil, false
		}
		all = append(all, some...)
	}
	for some := range slices.Chunk(all, objectsAtOnce) {
		walk := &objectWalk{asking: a, w: w, any: some, size: min(max(a.q.Limit, fewAtOnce), mostAtOnce)}
		feeds = append(feeds, &feed{pull: walk.items})
	}
	return feeds, true
}

// finding is how rows of an object are found: all of the conditions hold.
type finding struct {
	all []condition
	way journal.Way
}

// write appends the conditions. Of rows that link an object those are left out that
// change nothing about the link: the other image has the same.
func (f *finding) write(b *builder, eng engine, sheet *journal.Sheet) {
	b.text("(")
	for i := range f.all {
		b.text([]string{"", " AND "}[min(i, 1)])
		f.all[i].write(b)
	}
	var same []string
	for _, held := range f.way.Columns {
		expr, ok := eng.sameValue(b.col("c", held.Name), b.col("o", held.Name), held.Column)
		if !ok {
			same = nil
			break
		}
		same = append(same, expr)
	}
	if f.way.Link && len(same) > 0 {
		b.text(" AND NOT EXISTS (SELECT 1 FROM ")
		b.table(sheet.Copy)
		b.text(" AS o WHERE ", b.col("o", layout.ColCopyID), " = 4 * ", b.col("c", layout.ColCopySeq), " + 1 - ",
			b.col("c", layout.ColCopyID), " AND ", strings.Join(same, " AND "), ")")
	}
	b.text(")")
}

// condition is that a column equals one of some values.
type condition struct {
	column string
	values []operand
}

// write appends the condition on the copy, which is called c.
func (c *condition) write(b *builder) {
	ref := b.col("c", c.column)
	if len(c.values) > 1 {
		b.text("(")
	}
	for i, v := range c.values {
		b.text([]string{"", " OR "}[min(i, 1)], ref, " = ", v.before)
		b.bind(v.value)
		b.text(v.after)
	}
	if len(c.values) > 1 {
		b.text(")")
	}
}

// idConditions are the alternatives by which rows of an object are found in the ways;
// ok is false where SQL cannot tell. An id that no key can have has none.
func idConditions(eng engine, ways []journal.Way, id string) (out []finding, ok bool) {
	for _, way := range ways {
		values, sure := keyOf(id, len(way.Columns))
		if !sure {
			return nil, false
		}
		conditions, verdict := wayConditions(eng, way.Columns, values)
		switch verdict {
		case unknown:
			return nil, false
		case bindable:
			out = append(out, finding{conditions, way})
		case never:
		}
	}
	return out, true
}

func wayConditions(
	eng engine, way []journal.Held, values [][]json.RawMessage,
) (out []condition, v verdict) {
	if len(values) == 0 {
		return nil, never
	}
	for i, held := range way {
		if held.Opaque {
			return nil, unknown
		}
		c := condition{column: held.Name}
		for _, value := range values[i] {
			operands, v := eng.operands(held.Column, value)
			if v == unknown {
				return nil, unknown
			}
			c.values = append(c.values, operands...)
		}
		if len(c.values) == 0 {
			return nil, never
		}
		out = append(out, c)
	}
	return out, bindable
}

// keyOf takes an object id apart: for each column of the key the values that it may
// stand for, none where it is no such key. sure is false for a digest, which may stand
// for any.
func keyOf(id string, columns int) (values [][]json.RawMessage, sure bool) {
	text := json.RawMessage(canonical.AppendString(nil, id))
	if annals.ObjectID(text) != id { // longer than an id, or like a digest
		return nil, false
	}
	if columns == 1 {
		either := []json.RawMessage{text}
		if other, err := canonical.Canonical([]byte(id)); err == nil && bytes.Equal(other, []byte(id)) &&
			other[0] != '"' && !annals.IsNull(other) {
			either = append(either, other)
		}
		return [][]json.RawMessage{either}, true
	}
	var parts []json.RawMessage
	if json.Unmarshal([]byte(id), &parts) != nil || len(parts) != columns {
		return nil, true
	}
	for _, p := range parts {
		values = append(values, []json.RawMessage{p})
	}
	return values, true
}

// objectWalk walks through what is told of some objects in one copy.
type objectWalk struct {
	*asking
	w *wanted
	// any of these are the objects' rows.
	any  []finding
	size int
	// from is the last place, exclusive, where begun is set.
	from  annals.Position
	begun bool
	ended bool
}

// items implements feed.pull.
func (o *objectWalk) items(ctx context.Context) ([]item, error) {
	if o.ended || len(o.any) == 0 {
		return nil, nil
	}
	receipts, seqs, found, err := o.places(ctx)
	if err != nil {
		return nil, o.s.entries.FailRead("find objects in", "copy "+o.w.sheet.Copy.String(), err)
	}
	o.ended = found < 2*o.size
	o.size = min(2*o.size, mostAtOnce)
	if len(seqs) == 0 {
		return nil, nil
	}
	var ids []int64
	for _, seq := range seqs {
		ids = append(ids, 2*seq, 2*seq+1)
	}
	rows, err := o.rows(ctx, o.w.sheet, layout.ColCopyID, ids)
	if err != nil {
		return nil, err
	}
	items, err := o.pair(o.w.sheet, receipts, rows)
	if err != nil {
		return nil, err
	}
	o.sort(items)
	if len(items) == 0 && !o.ended { // retention took them meanwhile
		return o.items(ctx)
	}
	return items, nil
}

// places finds the numbers of the objects' next rows and their receipts; found is
// how many images there were. It moves on.
func (o *objectWalk) places(
	ctx context.Context,
) (receipts []journal.Receipt, seqs []int64, found int, err error) {
	b := &builder{d: o.s.cfg.Dialect}
	seq, created := b.col("c", layout.ColCopySeq), b.col("r", layout.ColCreatedAt)
	b.text("SELECT ", seq, ", r.id, r.", b.d.Quote(layout.ColRevision), ", r.", b.d.Quote(layout.ColEntity), ", r.",
		b.d.Quote(layout.ColType), ", r.", b.d.Quote(layout.ColEntries), ", ", o.s.syntax.Instant(created), " FROM ")
	b.table(o.w.sheet.Copy)
	b.text(" AS c", o.s.eng.each())
	b.table(annals.Table{Name: layout.RevisionEntityTable})
	b.text(" AS r")
	b.and()
	b.text("r.id = ", b.col("c", layout.ColCopyReceipt))
	o.objects(b)
	o.within(b, []*wanted{o.w})
	o.behind(b, created, seq)
	if o.revisions != nil {
		b.and()
		o.s.eng.ids(b, b.col("r", layout.ColRevision), o.revisions)
	}
	direction := map[bool]string{true: "", false: " DESC"}[o.q.Ascending]
	b.text(" ORDER BY ", created, direction, ", ", b.col("c", layout.ColCopyID), direction, " LIMIT ")
	b.number(int64(2 * o.size))
	err = query(ctx, o.s.cfg.DB, b, func(scan func(...any) error) error {
		var v journal.Receipt
		var n int64
		var at string
		err := scan(&n, &v.ID, &v.Revision, &v.Target, &v.Type, &v.Entries, &at)
		if err == nil {
			v.CreatedAt, err = o.s.syntax.ParseInstant(at)
		}
		found++
		if len(seqs) == 0 || seqs[len(seqs)-1] != n {
			receipts, seqs = append(receipts, v), append(seqs, n)
		}
		o.from, o.begun = annals.Position{CreatedAt: v.CreatedAt, Seq: n}, true
		return err
	})
	return receipts, seqs, found, err
}

func (o *objectWalk) objects(b *builder) {
	b.and()
	b.text("(")
	for i := range o.any {
		b.text([]string{"", " OR "}[min(i, 1)])
		o.any[i].write(b, o.s.eng, o.w.sheet)
	}
	b.text(")")
}

// behind writes that rows lie behind the last one, or behind the place where the page
// begins, whose own number may have further entries.
func (o *objectWalk) behind(b *builder, created, seq string) {
	op := map[bool]string{true: ">", false: "<"}[o.q.Ascending]
	p := o.q.Before
	if o.q.Ascending {
		p = o.q.After
	}
	switch {
	case o.begun:
		b.and()
		o.s.eng.past(b, []string{created, seq}, op, []any{o.s.syntax.BindInstant(o.from.CreatedAt), o.from.Seq})
	case p.IsZero():
	case p.Source == o.w.sheet.Source:
		b.and()
		o.s.eng.past(b, []string{created, seq}, op+"=", []any{o.s.syntax.BindInstant(p.CreatedAt), p.Seq})
	default: // Go tells which source comes first
		b.and()
		b.text(created, " ", op, "= ")
		b.bind(o.s.syntax.BindInstant(p.CreatedAt))
	}
}
