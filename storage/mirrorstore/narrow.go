package mirrorstore

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/diff"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// narrow looks up the revisions that hashes, texts or actors name, where these lead.
func (a *asking) narrow(ctx context.Context) error {
	if len(a.q.Hashes) > 0 {
		ids, err := a.revisionIDs(ctx, layout.ColTransactionHash, a.q.Hashes, len(a.q.Hashes))
		a.revisions, a.narrowed, a.none = ids, true, len(ids) == 0
		return err
	}
	for i := range a.q.Where {
		ids, ok, err := a.s.entries.RevisionsSaying(ctx, &a.q.Where[i])
		if err != nil {
			return err
		}
		if ok {
			a.revisions, a.narrowed, a.none = ids, true, len(ids) == 0
			return nil
		}
	}
	if len(a.q.Actors) == 0 || len(a.q.ObjectIDs) > 0 {
		return nil
	}
	ids, err := a.revisionIDs(ctx, layout.ColUserID, a.q.Actors, fewRevisions+1)
	if err != nil {
		return err
	}
	if len(ids) > fewRevisions {
		a.actors = true
		return nil
	}
	a.revisions, a.narrowed, a.none = ids, true, len(ids) == 0
	return nil
}

// revisionIDs are the numbers of up to limit revisions with one of the values. Of
// those behind the page's end none has a receipt before it.
func (a *asking) revisionIDs(
	ctx context.Context, column string, values []string, limit int,
) (ids []int64, err error) {
	b := &builder{d: a.s.cfg.Dialect}
	b.text("SELECT v.id FROM ")
	b.table(annals.Table{Name: layout.RevisionTable})
	b.text(" AS v")
	b.and()
	b.in(b.col("v", column), clean(values))
	b.text(" LIMIT ")
	b.number(int64(limit))
	err = query(ctx, a.s.cfg.DB, b, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	if err != nil {
		return nil, a.s.entries.FailRead("find", "revisions", err)
	}
	return ids, nil
}

// having is that one of a receipt's rows has a value.
type having struct {
	// image is the one that has it.
	image string
	// any of the conditions.
	any []condition
}

// havings are the conditions on changes that SQL can tell a part of: that a column
// of the copy has one of some values before or after. They hold for every receipt
// with an entry that matches.
func havings(eng engine, sheet *journal.Sheet, where []storage.Condition) (out []having) {
	for i := range where {
		c := &where[i]
		if c.On != storage.OnChange || c.Not || len(c.Paths) == 0 {
			continue
		}
		for _, side := range []struct {
			image  string
			values []json.RawMessage
		}{{layout.ImageBefore, c.Old}, {layout.ImageAfter, c.New}} {
			if h, ok := havingOf(eng, sheet, c.Paths, side.values); ok && len(side.values) > 0 {
				h.image = side.image
				out = append(out, h)
			}
		}
	}
	return out
}

// havingOf is about one side; ok is false where SQL cannot tell: for null, for what
// is in JSON, and for columns that it cannot compare.
func havingOf(
	eng engine, sheet *journal.Sheet, paths []string, values []json.RawMessage,
) (h having, ok bool) {
	for _, path := range paths {
		if leadsInto(sheet, path) {
			return h, false
		}
		for _, held := range sheet.Columns(path) {
			c, ok := oneOf(eng, held, values)
			if !ok {
				return h, false
			}
			if len(c.values) > 0 {
				h.any = append(h.any, c)
			}
		}
	}
	return h, true
}

// leadsInto reports whether a path may go on into the JSON of a column.
func leadsInto(sheet *journal.Sheet, path string) bool {
	for i := range len(path) {
		if path[i] == '.' && len(sheet.Columns(path[:i])) > 0 {
			return true
		}
	}
	return false
}

// oneOf is that a column has one of some values.
func oneOf(eng engine, held journal.Held, values []json.RawMessage) (c condition, ok bool) {
	c.column = held.Name
	if held.Opaque {
		return c, false
	}
	for _, v := range values {
		if annals.IsNull(v) || diff.IsMasked(v) { // rows may be masked on reading only
			return c, false
		}
		operands, verdict := eng.operands(held.Column, v)
		if verdict == unknown {
			return c, false
		}
		c.values = append(c.values, operands...)
	}
	return c, true
}

// having writes the conditions on a receipt's rows.
func (a *asking) having(b *builder, w *wanted) {
	for _, h := range w.having {
		b.and()
		if len(h.any) == 0 {
			b.text("1 = 0")
			continue
		}
		b.text("EXISTS (SELECT 1 FROM ")
		b.table(w.sheet.Copy)
		b.text(" AS c WHERE ", b.col("c", layout.ColCopyReceipt), " = r.id AND ",
			b.col("c", layout.ColCopyImage), " = ")
		b.bind(h.image)
		b.text(" AND (")
		for i := range h.any {
			b.text([]string{"", " OR "}[min(i, 1)])
			h.any[i].write(b)
		}
		b.text("))")
	}
}

// clean makes values fit to be sent: what no database stores equals nothing.
func clean(values []string) []string {
	out := slices.Clone(values)
	for i, v := range out {
		v = strings.ToValidUTF8(v, "\uFFFD")
		out[i] = strings.ReplaceAll(v, "\x00", "\uFFFD")
	}
	return out
}
