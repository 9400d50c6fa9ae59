package mirrorstore

import (
	"context"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// mostMoves is how many changes of key are returned.
const mostMoves = 1000

// Moves implements storage.Mover. An object's rows come in pairs of images but for
// where its story begins, ends or changes its key: the index on the key tells these
// from the others, of which there may be many.
func (s *Store) Moves(ctx context.Context, q storage.Query) ([]annals.Entry, error) {
	var out []annals.Entry
	err := s.current(ctx, func(l *journal.Ledger) error {
		a, err := s.ask(ctx, l, storage.Query{
			Entities: q.Entities, ObjectIDs: q.ObjectIDs, Ascending: true, Limit: mostMoves,
			Where: []storage.Condition{{On: storage.OnMove}}, Types: []annals.EntryType{annals.Update},
		})
		if err == nil {
			out, err = a.moves(ctx)
		}
		return err
	})
	return out, err
}

func (a *asking) moves(ctx context.Context) ([]annals.Entry, error) {
	p := &page{asking: a}
	var rest []*wanted
	for _, w := range a.wanted {
		var ways []journal.Way
		for _, entity := range w.entities {
			for _, way := range w.sheet.Ways(entity) {
				if !way.Link {
					ways = append(ways, way)
				}
			}
		}
		if len(ways) == 0 {
			continue
		}
		var either []finding
		tellable := true
		for _, id := range a.q.ObjectIDs {
			some, ok := idConditions(a.s.eng, ways, id)
			either, tellable = append(either, some...), tellable && ok
		}
		if !tellable {
			rest = append(rest, w)
			continue
		}
		if err := p.movesIn(ctx, w.sheet, either); err != nil {
			return nil, err
		}
	}
	if len(rest) > 0 {
		items, err := merge(ctx, []*feed{a.receiptFeed(rest)}, true, mostMoves)
		if err != nil {
			return nil, err
		}
		if err := p.add(ctx, items); err != nil {
			return nil, err
		}
	}
	return p.entries, nil
}

// movesIn adds the changes of key in one copy.
func (p *page) movesIn(ctx context.Context, sheet *journal.Sheet, either []finding) error {
	var ids []int64
	for i := range either {
		b := &builder{d: p.s.cfg.Dialect}
		id := b.col("c", layout.ColCopyID)
		half := p.s.eng.half(id)
		b.text("SELECT ", half, " AS n FROM ")
		b.table(sheet.Copy)
		b.text(" AS c")
		for j := range either[i].all {
			b.and()
			either[i].all[j].write(b)
		}
		b.text(" GROUP BY ", half, " HAVING COUNT(*) = 1 LIMIT ")
		b.number(mostMoves)
		err := query(ctx, p.s.cfg.DB, b, func(scan func(...any) error) error {
			var seq int64
			err := scan(&seq)
			ids = append(ids, 2*seq, 2*seq+1)
			return err
		})
		if err != nil {
			return p.s.entries.FailRead("find changes of key in", "copy "+sheet.Copy.String(), err)
		}
	}
	if len(ids) == 0 {
		return nil
	}
	rows, err := p.rows(ctx, sheet, layout.ColCopyID, ids)
	if err != nil {
		return err
	}
	var moved []journal.Row
	for i := 0; i+1 < len(rows); i++ { // only pairs are updates
		if rows[i].Seq == rows[i+1].Seq {
			moved = append(moved, rows[i], rows[i+1])
			i++
		}
	}
	receipts, err := p.receiptsByID(ctx, moved)
	if err != nil {
		return err
	}
	items, err := p.pair(sheet, receipts, moved)
	if err != nil {
		return err
	}
	return p.add(ctx, items)
}

// receiptsByID reads the receipts of rows.
func (a *asking) receiptsByID(ctx context.Context, rows []journal.Row) ([]journal.Receipt, error) {
	if len(rows) == 0 {
		return nil, nil
	}
	ids := make([]int64, len(rows))
	for i := range rows {
		ids[i] = rows[i].Receipt
	}
	b := &builder{d: a.s.cfg.Dialect}
	q := b.d.Quote
	b.text("SELECT u.id, u.revision, u.entity, u.type, u.entries, ",
		a.s.syntax.Instant("u."+q(layout.ColCreatedAt)), " FROM (")
	selectReceipt(b, 0)
	b.and()
	a.s.eng.ids(b, "r.id", ids)
	b.text(") AS u")
	out, err := scanReceipts(ctx, a.s, a.s.cfg.DB, b)
	if err != nil {
		return nil, a.s.entries.FailRead("read", "receipts", err)
	}
	return out, nil
}
