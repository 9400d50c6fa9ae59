package mirrorstore

import (
	"context"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
)

const (
	// tailWindow is how many numbers before the start are looked at for such that
	// were skipped.
	tailWindow = 20_000
	// maxGaps bounds what is remembered where the account may not know which
	// transactions run. The oldest are given up then.
	maxGaps = 10_000
	// gapsAtOnce is how many ranges stand in one condition.
	gapsAtOnce = 200
)

// gap is a range of numbers that were skipped, both ends included.
type gap struct {
	low, high int64
	cohort    *cohort
}

// cohort are gaps that were noticed together.
type cohort struct {
	// noted tells that owners is filled: the transactions that ran one look later, by
	// when each that had drawn a number had also written.
	noted  bool
	owners map[string]bool
	over   bool
}

// numbered follows receipts by their numbers.
type numbered struct {
	store *Store
	last  int64
	gaps  []gap
	// cohorts that may still have gaps.
	cohorts []*cohort
}

// aheadByNumber begins behind the last receipt that can be seen.
func aheadByNumber(ctx context.Context, s *Store) (*numbered, error) {
	n, first := &numbered{store: s}, &cohort{}
	b := n.receipts()
	b.text(" ORDER BY r.id DESC LIMIT 1")
	newest, err := n.read(ctx, b)
	if err != nil {
		return nil, s.entries.FailRead("follow", "receipts", err)
	}
	if len(newest) == 0 {
		return n, nil
	}
	last := newest[0].ID
	n.last = max(0, last-tailWindow)
	b = &builder{d: s.cfg.Dialect}
	b.text("SELECT r.id FROM ")
	b.table(annals.Table{Name: layout.RevisionEntityTable})
	b.text(" AS r")
	b.and()
	b.text("r.id > ")
	b.bind(n.last)
	b.and()
	b.text("r.id <= ")
	b.bind(last)
	b.text(" ORDER BY r.id")
	err = query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		n.pass(id, first)
		return err
	})
	if err != nil {
		return nil, s.entries.FailRead("follow", "receipts", err)
	}
	n.last = last
	n.cohorts = []*cohort{first}
	return n, nil
}

// receipts begins a statement that reads receipts.
func (n *numbered) receipts() *builder {
	b := &builder{d: n.store.cfg.Dialect}
	b.text("SELECT r.id, r.revision, r.entity, r.type, r.entries, ",
		n.store.syntax.Instant("r."+b.d.Quote(layout.ColCreatedAt)), " FROM ")
	b.table(annals.Table{Name: layout.RevisionEntityTable})
	b.text(" AS r")
	return b
}

func (n *numbered) read(ctx context.Context, b *builder) ([]journal.Receipt, error) {
	return scanReceipts(ctx, n.store, n.store.cfg.DB, b)
}

// next implements ahead.
func (n *numbered) next(ctx context.Context) ([]journal.Receipt, func(), error) {
	// First who runs, then what there is: what has ended by now is seen below.
	var running map[string]bool
	known := false
	if len(n.cohorts) > 0 {
		var err error
		if running, known, err = n.store.entries.Running(ctx); err != nil {
			return nil, nil, err
		}
	}
	after := &numbered{
		store: n.store, last: n.last, gaps: slices.Clone(n.gaps), cohorts: slices.Clone(n.cohorts),
	}
	fresh := &cohort{}
	found, err := after.late(ctx)
	if err != nil {
		return nil, nil, err
	}
	b := n.receipts()
	b.and()
	b.text("r.id > ")
	b.bind(n.last)
	b.text(" ORDER BY r.id")
	some, err := n.read(ctx, b)
	if err != nil {
		return nil, nil, err
	}
	for _, v := range some {
		after.pass(v.ID, fresh)
	}
	if over := len(after.gaps) - maxGaps; over > 0 {
		after.gaps = slices.Delete(after.gaps, 0, over)
	}
	return append(found, some...), func() {
		after.settle(running, known, fresh)
		*n = *after
	}, nil
}

// pass goes on to a higher number.
func (n *numbered) pass(id int64, c *cohort) {
	if id > n.last+1 {
		n.gaps = append(n.gaps, gap{n.last + 1, id - 1, c})
	}
	n.last = id
}

// late returns the receipts whose numbers were skipped and that are there now.
func (n *numbered) late(ctx context.Context) (out []journal.Receipt, err error) {
	for some := range slices.Chunk(slices.Clone(n.gaps), gapsAtOnce) {
		b := n.receipts()
		b.and()
		for i, g := range some {
			b.text([]string{"", " OR "}[min(i, 1)], "r.id BETWEEN ")
			b.bind(g.low)
			b.text(" AND ")
			b.bind(g.high)
		}
		found, err := n.read(ctx, b)
		if err != nil {
			return nil, err
		}
		for _, v := range found {
			n.fill(v.ID)
		}
		out = append(out, found...)
	}
	return out, nil
}

// fill takes a number out of the gaps.
func (n *numbered) fill(id int64) {
	i := slices.IndexFunc(n.gaps, func(g gap) bool { return g.low <= id && id <= g.high })
	if i < 0 {
		return
	}
	g := n.gaps[i]
	var rest []gap
	if g.low < id {
		rest = append(rest, gap{g.low, id - 1, g.cohort})
	}
	if id < g.high {
		rest = append(rest, gap{id + 1, g.high, g.cohort})
	}
	n.gaps = slices.Replace(n.gaps, i, i+1, rest...)
}

// settle forgets gaps that nobody can fill any more. running was read before the
// receipts were.
func (n *numbered) settle(running map[string]bool, known bool, fresh *cohort) {
	if known {
		for _, c := range n.cohorts {
			if !c.noted {
				c.noted, c.owners = true, running
				continue
			}
			c.over = true
			for name := range c.owners {
				c.over = c.over && !running[name]
			}
		}
	}
	used := map[*cohort]bool{}
	n.gaps = slices.DeleteFunc(n.gaps, func(g gap) bool { return g.cohort.over })
	for _, g := range n.gaps {
		used[g.cohort] = true
	}
	n.cohorts = slices.DeleteFunc(append(n.cohorts, fresh), func(c *cohort) bool { return !used[c] })
}

// snapshots follows transactions by what PostgreSQL's snapshots say of them.
type snapshots struct {
	store *Store
	// seen is the last snapshot, as text.
	seen string
}

func aheadBySnapshot(ctx context.Context, s *Store) (*snapshots, error) {
	w := &snapshots{store: s}
	seen, err := w.snapshot(ctx, s.cfg.DB)
	if err != nil {
		return nil, s.entries.FailRead("follow", "receipts", err)
	}
	w.seen = seen
	return w, nil
}

func (w *snapshots) snapshot(ctx context.Context, q dialect.Queryer) (text string, err error) {
	b := &builder{d: w.store.cfg.Dialect}
	b.text("SELECT pg_current_snapshot()::text")
	err = query(ctx, q, b, func(scan func(...any) error) error { return scan(&text) })
	return text, err
}
