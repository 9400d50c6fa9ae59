package mirrorstore

import (
	"context"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
)

// itemsOf returns the items of receipts, in order. Receipts without rows, whose rows
// retention has taken meanwhile, have none.
func (a *asking) itemsOf(ctx context.Context, list []journal.Receipt) ([]item, error) {
	var out []item
	byTarget := map[string][]journal.Receipt{}
	for _, v := range list {
		if v.Type == string(annals.OpTruncate) {
			it, err := a.item(a.ledger.Sheet(v.Target), v)
			if err != nil {
				return nil, err
			}
			out = append(out, it)
			continue
		}
		byTarget[v.Target] = append(byTarget[v.Target], v)
	}
	for target, some := range byTarget {
		sheet := a.ledger.Sheet(target)
		rows, err := a.rows(ctx, sheet, layout.ColCopyReceipt, idsOf(some))
		if err != nil {
			return nil, err
		}
		items, err := a.pair(sheet, some, rows)
		if err != nil {
			return nil, err
		}
		out = append(out, items...)
	}
	a.sort(out)
	return out, nil
}

func (a *asking) item(sheet *journal.Sheet, v journal.Receipt, rows ...journal.Row) (item, error) {
	table, m, err := sheet.Mutation(v, rows...)
	it := item{sheet: sheet, receipt: v, table: table, mutation: m}
	if len(rows) > 0 {
		it.ordinal = rows[0].Ordinal
	}
	return it, err
}

func idsOf(list []journal.Receipt) []int64 {
	ids := make([]int64, len(list))
	for i, v := range list {
		ids[i] = v.ID
	}
	return ids
}

func (a *asking) sort(items []item) {
	slices.SortStableFunc(items, func(x, y item) int {
		p, q := x.at(), y.at()
		switch {
		case p == q:
			return 0
		case p.Before(q) == a.q.Ascending:
			return -1
		}
		return 1
	})
}

// rows reads rows of a copy by their receipts or by their own ids, in order of id.
func (a *asking) rows(
	ctx context.Context, sheet *journal.Sheet, by string, ids []int64,
) (out []journal.Row, err error) {
	for some := range slices.Chunk(ids, mostAtOnce) {
		b := a.from(sheet)
		b.and()
		a.s.eng.ids(b, b.col("c", by), some)
		found, err := a.scan(ctx, sheet, b)
		if err != nil {
			return nil, err
		}
		out = append(out, found...)
	}
	slices.SortFunc(out, func(x, y journal.Row) int { return int(min(1, max(-1, x.ID-y.ID))) })
	return out, nil
}

// from begins a statement that reads rows of a copy.
func (a *asking) from(sheet *journal.Sheet) *builder {
	b := &builder{d: a.s.cfg.Dialect}
	b.text("SELECT ", sheet.Selection("c."), " FROM ")
	b.table(sheet.Copy)
	b.text(" AS c")
	return b
}

func (a *asking) scan(
	ctx context.Context, sheet *journal.Sheet, b *builder,
) (out []journal.Row, err error) {
	err = query(ctx, a.s.cfg.DB, b, func(scan func(...any) error) error {
		row, err := sheet.Scan(scan)
		out = append(out, row)
		return err
	})
	if err != nil {
		return nil, a.s.entries.FailRead("read", "copy "+sheet.Copy.String(), err)
	}
	return out, nil
}

// pair makes items of rows in order of number, either way, and their receipts.
func (a *asking) pair(
	sheet *journal.Sheet, receipts []journal.Receipt, rows []journal.Row,
) (out []item, err error) {
	byID := make(map[int64]journal.Receipt, len(receipts))
	for _, v := range receipts {
		byID[v.ID] = v
	}
	for len(rows) > 0 {
		n := 1
		for n < len(rows) && rows[n].Seq == rows[0].Seq {
			n++
		}
		v, ok := byID[rows[0].Receipt]
		if ok {
			it, err := a.item(sheet, v, rows[:n]...)
			if err != nil {
				return nil, err
			}
			out = append(out, it)
		}
		rows = rows[n:]
	}
	return out, nil
}

// longFeed gives the items of receipts of one instant and source, in order of number,
// a part of each copy at a time.
func (a *asking) longFeed(list []journal.Receipt) *feed {
	byTarget := map[string][]journal.Receipt{}
	var feeds []*feed
	for _, v := range list {
		byTarget[v.Target] = append(byTarget[v.Target], v)
	}
	for target, some := range byTarget {
		r := &rowWalk{
			asking: a, sheet: a.ledger.Sheet(target), receipts: some,
			size: 2 * min(max(a.q.Limit, fewAtOnce), mostAtOnce),
		}
		r.begin()
		feeds = append(feeds, &feed{pull: r.items})
		truncates := slices.DeleteFunc(slices.Clone(some), func(v journal.Receipt) bool {
			return v.Type != string(annals.OpTruncate)
		})
		if len(truncates) > 0 {
			done := false
			feeds = append(feeds, &feed{pull: func(ctx context.Context) ([]item, error) {
				if done {
					return nil, nil
				}
				done = true
				return a.itemsOf(ctx, truncates)
			}})
		}
	}
	if len(feeds) == 1 {
		return feeds[0]
	}
	return &feed{pull: func(ctx context.Context) ([]item, error) {
		return merge(ctx, feeds, a.q.Ascending, mostAtOnce)
	}}
}

// rowWalk walks through the rows of receipts by their ids.
type rowWalk struct {
	*asking
	sheet    *journal.Sheet
	receipts []journal.Receipt
	// from is the id behind which to go on, exclusive, where begun is set.
	from  int64
	begun bool
	ended bool
	size  int
}

// begin goes to the place where the page begins if that is among the rows.
func (r *rowWalk) begin() {
	p := r.q.Before
	if r.q.Ascending {
		p = r.q.After
	}
	v := r.receipts[0]
	if p.IsZero() || !p.CreatedAt.Equal(v.CreatedAt) || p.Source != r.sheet.Source {
		return
	}
	r.begun = true
	seq := min(p.Seq, 1<<60) // no number, but a place behind all of them
	r.from = 2*seq + 2
	if r.q.Ascending {
		r.from = 2*seq - 1
	}
}

// items implements feed.pull.
func (r *rowWalk) items(ctx context.Context) ([]item, error) {
	if r.ended {
		return nil, nil
	}
	b := r.asking.from(r.sheet)
	id := b.col("c", layout.ColCopyID)
	b.and()
	r.s.eng.ids(b, b.col("c", layout.ColCopyReceipt), idsOf(r.receipts))
	if r.begun {
		b.and()
		b.text(id, map[bool]string{true: " > ", false: " < "}[r.q.Ascending])
		b.bind(r.from)
	}
	b.text(" ORDER BY ", id, map[bool]string{true: "", false: " DESC"}[r.q.Ascending], " LIMIT ")
	b.number(int64(r.size))
	rows, err := r.scan(ctx, r.sheet, b)
	if err != nil {
		return nil, err
	}
	r.ended = len(rows) < r.size
	r.size = min(2*r.size, 2*mostAtOnce)
	if !r.ended {
		// The other image of the last number may be missing.
		last := rows[len(rows)-1].Seq
		for rows[len(rows)-1].Seq == last {
			rows = rows[:len(rows)-1]
		}
		r.begun, r.from = true, rows[len(rows)-1].ID
	}
	return r.pair(r.sheet, r.receipts, rows)
}
