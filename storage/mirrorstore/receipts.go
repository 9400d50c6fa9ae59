package mirrorstore

import (
	"context"
	"slices"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
)

// branch is one way into the receipts: those of a target by the index in their
// order, or those of some revisions, of all targets of a source.
type branch struct {
	// rank is the place of the source among the sources.
	rank   int
	wanted []*wanted
	// revisions that lead; nil where the target does.
	revisions []int64
}

// maxBranches keeps a statement below SQLite's limit of 500 terms.
const maxBranches = 200

// cursor is a place among receipts, exclusive.
type cursor struct {
	at   time.Time
	rank int
	id   int64
}

// receipts walks through receipts in the order of (created_at, source, id).
type receipts struct {
	*asking
	branches []branch
	// from is where to go on; nil for the beginning.
	from *cursor
	size int
	// ready were read and not given out.
	ready []journal.Receipt
	ended bool
	// long are the items of receipts that have too many for one look.
	long *feed
}

// receiptFeed gives the items of all receipts of the copies.
func (a *asking) receiptFeed(list []*wanted) *feed { return &feed{pull: a.walk(list).items} }

// walk begins at the place where the page does.
func (a *asking) walk(list []*wanted) *receipts {
	r := &receipts{asking: a, size: min(max(a.q.Limit, fewAtOnce), mostAtOnce)}
	if a.narrowed {
		for rank, source := range a.sources {
			b := branch{rank: rank, revisions: a.revisions}
			for _, w := range list {
				if w.sheet.Source == source {
					b.wanted = append(b.wanted, w)
				}
			}
			if len(b.wanted) > 0 {
				r.branches = append(r.branches, b)
			}
		}
	} else {
		for _, w := range list {
			r.branches = append(r.branches, branch{rank: a.rank(w.sheet.Source), wanted: []*wanted{w}})
		}
	}
	r.from = a.start()
	return r
}

func (a *asking) rank(source string) int {
	at, _ := slices.BinarySearch(a.sources, source)
	return at
}

// start is the place behind which the receipts of the page lie: a receipt is never
// behind the number of a row of its own.
func (a *asking) start() *cursor {
	p := a.q.Before
	if a.q.Ascending {
		p = a.q.After
	}
	if p.IsZero() {
		return nil
	}
	rank, there := slices.BinarySearch(a.sources, p.Source)
	c := &cursor{at: p.CreatedAt, rank: rank, id: p.Seq + 1}
	switch {
	case !there && a.q.Ascending: // between two sources: all of the one behind
		c.id = -1
	case !there:
		c.rank, c.id = rank-1, 1<<62
	case a.q.Ascending && a.s.eng.numbered():
		c.id = p.Seq - 1
	case a.q.Ascending:
		c.id = -1 // its rows may have numbers far behind its own
	}
	return c
}

// more reads further receipts.
func (r *receipts) more(ctx context.Context) error {
	if r.ended {
		return nil
	}
	var all []journal.Receipt
	whole := true
	for some := range slices.Chunk(r.branches, maxBranches) {
		found, err := r.read(ctx, some)
		if err != nil {
			return r.s.entries.FailRead("find", "receipts", err)
		}
		all = append(all, found...)
		whole = whole && len(found) < r.size
	}
	if len(r.branches) > maxBranches {
		slices.SortFunc(all, r.compare)
		all = all[:min(len(all), r.size)]
	}
	r.ended = whole
	if n := len(all); n > 0 {
		last := all[n-1]
		r.from = &cursor{last.CreatedAt, r.rankOf(last), last.ID}
	}
	r.ready = append(r.ready, all...)
	r.size = min(2*r.size, mostAtOnce)
	return nil
}

func (r *receipts) rankOf(receipt journal.Receipt) int {
	return r.rank(r.ledger.Sheet(receipt.Target).Source)
}

// compare orders receipts as the page is ordered.
func (r *receipts) compare(x, y journal.Receipt) int {
	place := func(v journal.Receipt) annals.Position {
		return annals.Position{
			CreatedAt: v.CreatedAt, Source: r.ledger.Sheet(v.Target).Source, Seq: v.ID,
		}
	}
	a, b := place(x), place(y)
	switch {
	case a == b:
		return 0
	case a.Before(b) == r.q.Ascending:
		return -1
	}
	return 1
}

// read asks some branches for their next receipts.
func (r *receipts) read(ctx context.Context, branches []branch) ([]journal.Receipt, error) {
	b := &builder{d: r.s.cfg.Dialect}
	q := b.d.Quote
	direction := map[bool]string{true: "", false: " DESC"}[r.q.Ascending]
	b.text("SELECT u.id, u.revision, u.entity, u.type, u.entries, ",
		r.s.syntax.Instant("u."+q(layout.ColCreatedAt)), " FROM (")
	if len(branches) > 1 {
		b.text("SELECT * FROM (")
	}
	for i := range branches {
		if i > 0 {
			b.text(" UNION ALL ")
		}
		open, shut := r.s.syntax.Term()
		if len(branches) == 1 {
			open, shut = "", ""
		}
		b.text(open)
		b.where = false
		r.branch(b, &branches[i], direction)
		b.text(shut)
	}
	if len(branches) > 1 {
		b.text(") AS t ORDER BY t.", q(layout.ColCreatedAt), direction, ", t.n", direction, ", t.id", direction,
			" LIMIT ")
		b.number(int64(r.size))
	}
	b.text(") AS u ORDER BY u.", q(layout.ColCreatedAt), direction, ", u.n", direction, ", u.id", direction)
	return scanReceipts(ctx, r.s, r.s.cfg.DB, b)
}

// scanReceipts reads what read selects.
func scanReceipts(ctx context.Context, s *Store, db dialect.Queryer, b *builder) (out []journal.Receipt, err error) {
	err = query(ctx, db, b, func(scan func(...any) error) error {
		var v journal.Receipt
		var at string
		err := scan(&v.ID, &v.Revision, &v.Target, &v.Type, &v.Entries, &at)
		if err == nil {
			v.CreatedAt, err = s.syntax.ParseInstant(at)
		}
		out = append(out, v)
		return err
	})
	return out, err
}

// selectReceipt writes the columns of a receipt for scanReceipts; n is the rank of
// its source.
func selectReceipt(b *builder, rank int) {
	q := b.d.Quote
	b.text("SELECT ")
	b.number(int64(rank))
	b.text(" AS n, r.", q(layout.ColID), " AS id, r.", q(layout.ColRevision), " AS revision, r.",
		q(layout.ColEntity), " AS entity, r.", q(layout.ColType), " AS type, r.", q(layout.ColEntries),
		" AS entries, r.", q(layout.ColCreatedAt), " AS ", q(layout.ColCreatedAt), " FROM ")
	b.table(annals.Table{Name: layout.RevisionEntityTable})
	b.text(" AS r")
}

// branch writes the statement of one branch.
func (r *receipts) branch(b *builder, br *branch, direction string) {
	selectReceipt(b, br.rank)
	lead := ""
	entity := b.col("r", layout.ColEntity)
	if br.revisions != nil {
		names := make([]string, len(br.wanted))
		for i, w := range br.wanted {
			names[i] = w.sheet.Name
		}
		b.and()
		r.s.eng.ids(b, b.col("r", layout.ColRevision), br.revisions)
		b.and()
		// No index of targets, which would lead past what others wrote.
		b.in("COALESCE("+entity+", '')", names)
	} else {
		b.and()
		if r.s.eng.same(b, entity, br.wanted[0].sheet.Name) {
			lead = entity + direction + ", "
		}
	}
	r.within(b, br.wanted)
	r.behind(b, br.rank)
	if r.actors {
		b.and()
		b.in("COALESCE((SELECT v.user_id FROM "+b.d.Table(annals.Table{Name: layout.RevisionTable})+
			" AS v WHERE v.id = r.revision), '')", clean(r.q.Actors))
	}
	if len(br.wanted) == 1 {
		r.having(b, br.wanted[0])
	}
	b.text(" ORDER BY ", lead, b.col("r", layout.ColCreatedAt), direction, ", r.id", direction, " LIMIT ")
	b.number(int64(r.size))
}

// within writes the bounds of the question that hold for every receipt of the
// copies.
func (a *asking) within(b *builder, list []*wanted) {
	created := b.col("r", layout.ColCreatedAt)
	compare := func(op string, t time.Time) {
		b.and()
		b.text(created, " ", op, " ")
		b.bind(a.s.syntax.BindInstant(t))
	}
	floor, types, all := list[0].floor, []string{}, false
	for _, w := range list {
		if w.floor.Before(floor) {
			floor = w.floor
		}
		all = all || w.types == nil
		types = append(types, w.types...)
	}
	if a.q.Since.After(floor) {
		floor = a.q.Since
	}
	if !floor.IsZero() {
		compare(">=", floor)
	}
	if !a.q.Until.IsZero() {
		compare("<", a.q.Until)
	}
	// The end of the page; where it begins the walk knows better.
	if end := a.q.After; !a.q.Ascending && !end.IsZero() {
		compare(">=", end.CreatedAt)
	}
	if end := a.q.Before; a.q.Ascending && !end.IsZero() {
		compare("<=", end.CreatedAt)
	}
	if !all {
		slices.Sort(types)
		b.and()
		b.in(b.col("r", layout.ColType), slices.Compact(types))
	}
}

// behind writes that receipts of a source lie behind the place.
func (r *receipts) behind(b *builder, rank int) {
	if r.from == nil {
		return
	}
	created := b.col("r", layout.ColCreatedAt)
	op := map[bool]string{true: ">", false: "<"}[r.q.Ascending]
	b.and()
	at := r.s.syntax.BindInstant(r.from.at)
	switch {
	case rank == r.from.rank:
		r.s.eng.past(b, []string{created, "r.id"}, op, []any{at, r.from.id})
	case (rank > r.from.rank) == r.q.Ascending:
		b.text(created, " ", op, "= ")
		b.bind(at)
	default:
		b.text(created, " ", op, " ")
		b.bind(at)
	}
}

// items implements feed.pull: the items of some further receipts.
func (r *receipts) items(ctx context.Context) ([]item, error) {
	for {
		if r.long != nil {
			head, err := r.long.head(ctx)
			if err != nil {
				return nil, err
			}
			if head != nil {
				some := r.long.ready
				r.long.ready = nil
				return some, nil
			}
			r.long = nil
		}
		if len(r.ready) == 0 {
			if err := r.more(ctx); err != nil {
				return nil, err
			}
		}
		if len(r.ready) == 0 {
			return nil, nil
		}
		some, err := r.group(ctx)
		if err != nil {
			return nil, err
		}
		if countRows(some) > 2*mostAtOnce {
			r.long = r.longFeed(some)
			continue
		}
		out, err := r.itemsOf(ctx, some)
		if err != nil || len(out) > 0 {
			return out, err
		}
	}
}

func countRows(list []journal.Receipt) (n int64) {
	for _, v := range list {
		n += v.Entries
	}
	return n
}

// group takes receipts whose rows are read together: as many as have few rows, and
// all of one instant and source, whose numbers may lie between each other.
func (r *receipts) group(ctx context.Context) ([]journal.Receipt, error) {
	rows, n := int64(0), 0
	for {
		next := r.instantFrom(n)
		for next == len(r.ready) && !r.ended && !r.s.eng.numbered() {
			if err := r.more(ctx); err != nil {
				return nil, err
			}
			next = r.instantFrom(n)
		}
		size := countRows(r.ready[n:next])
		if n > 0 && rows+size > mostAtOnce {
			break
		}
		rows, n = rows+size, next
		if n >= len(r.ready) || rows >= mostAtOnce {
			break
		}
	}
	some := r.ready[:n:n]
	r.ready = r.ready[n:]
	return some, nil
}

// instantFrom is the end of the receipts that share the n-th one's instant and
// source; where a receipt's number is its row's the next will do.
func (r *receipts) instantFrom(n int) int {
	first, end := r.ready[n], n+1
	if r.s.eng.numbered() {
		return end
	}
	for end < len(r.ready) && r.ready[end].CreatedAt.Equal(first.CreatedAt) &&
		r.rankOf(r.ready[end]) == r.rankOf(first) {
		end++
	}
	return end
}
