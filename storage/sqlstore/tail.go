package sqlstore

import (
	"cmp"
	"context"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// Entries are numbered when they are inserted and seen when their transaction
// commits. What commits late is therefore a number that was skipped before: a
// tail remembers which numbers it has skipped, and asks for them again until no
// transaction is left that could own them.
const (
	// tailWindow is how many numbers before the start are looked at for such.
	tailWindow = 20_000
	// tailStep is how many new numbers of a table are taken at a time.
	tailStep = 1000
	// maxGaps bounds what a tail remembers of a table where the account may not know
	// which transactions run. The oldest are given up then.
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
	// noted tells that owners is filled: the transactions that ran one look later,
	// by when each that had drawn a number had also written: annals stores the revision
	// before it draws any.
	noted  bool
	owners map[string]bool
	// over tells that they have all ended.
	over bool
}

// tailTable is where a tail stands in one audit table.
type tailTable struct {
	entity int
	table  layout.Table
	last   int64
	gaps   []gap
}

// tail implements storage.Tail.
type tail struct {
	store  *Store
	query  storage.Query
	tables []tailTable
	// cohorts that may still have gaps.
	cohorts []*cohort
}

// Tail implements storage.Follower.
//
// What Next cannot see: a transaction that was already running when the tail
// began and that had been overtaken by more than 20,000 entries of the same
// entity. On MySQL and MariaDB an account without the right PROCESS cannot tell
// which transactions run; skipped numbers are then remembered to the end, up to
// 10,000 ranges for each entity.
func (s *Store) Tail(ctx context.Context, q storage.Query) (storage.Tail, error) {
	q.Before, q.After, q.Ascending = annals.Position{}, annals.Position{}, true
	t := &tail{store: s, query: q}
	first := &cohort{}
	for n, entity := range q.Entities {
		table, err := s.audit(ctx, entity)
		if err != nil {
			return nil, err
		}
		start := tailTable{entity: n, table: table}
		if err := s.stand(ctx, &start, first); err != nil {
			return nil, s.explain(ctx, q, err)
		}
		t.tables = append(t.tables, start)
	}
	t.cohorts = []*cohort{first}
	return t, nil
}

// stand finds the last number of a table, and what is missing before it.
func (s *Store) stand(ctx context.Context, t *tailTable, c *cohort) error {
	b := &builder{d: s.cfg.Dialect}
	b.text("SELECT COALESCE(MAX(id), 0) FROM ")
	b.table(t.table.Name)
	err := query(ctx, s.cfg.DB, b, func(scan func(...any) error) error { return scan(&t.last) })
	if err != nil {
		return err
	}
	from := max(0, t.last-tailWindow)
	b = &builder{d: s.cfg.Dialect}
	b.text("SELECT id FROM ")
	b.table(t.table.Name)
	b.text(" WHERE id > ")
	b.bind(from)
	b.text(" AND id <= ")
	b.bind(t.last)
	b.text(" ORDER BY id")
	last := t.last
	t.last = from
	err = query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		t.pass(id, c)
		return err
	})
	t.last = last
	return err
}

// pass goes on to a higher number.
func (t *tailTable) pass(id int64, c *cohort) {
	if id > t.last+1 {
		t.gaps = append(t.gaps, gap{t.last + 1, id - 1, c})
	}
	t.last = id
}

// fill takes a number out of the gaps.
func (t *tailTable) fill(id int64) {
	i, found := slices.BinarySearchFunc(t.gaps, id, func(g gap, id int64) int {
		switch {
		case g.high < id:
			return -1
		case g.low > id:
			return 1
		}
		return 0
	})
	if !found {
		return
	}
	g := t.gaps[i]
	var rest []gap
	if g.low < id {
		rest = append(rest, gap{g.low, id - 1, g.cohort})
	}
	if id < g.high {
		rest = append(rest, gap{id + 1, g.high, g.cohort})
	}
	t.gaps = slices.Replace(t.gaps, i, i+1, rest...)
}

// Next implements storage.Tail. After an error it can be called again and loses
// nothing.
func (t *tail) Next(ctx context.Context) ([]annals.Entry, error) {
	// First who runs, then what there is: what has ended by now is seen below.
	var running map[string]bool
	known := false
	if len(t.cohorts) > 0 {
		var err error
		if running, known, err = t.store.eng.running(ctx, t.store.cfg.DB); err != nil {
			return nil, t.store.failRead("follow", "running transactions", err)
		}
	}
	out := []annals.Entry{}
	fresh := &cohort{}
	for at := range t.tables {
		next := t.tables[at]
		next.gaps = slices.Clone(next.gaps)
		found, err := t.look(ctx, &next, fresh)
		if err != nil {
			return nil, t.store.explain(ctx, t.query, err)
		}
		t.tables[at] = next
		out = append(out, found...)
	}
	t.settle(running, known, fresh)
	slices.SortFunc(out, func(x, y annals.Entry) int {
		a, b := x.Cursor(), y.Cursor()
		switch {
		case a.Before(b):
			return -1
		case b.Before(a):
			return 1
		}
		return cmp.Compare(x.Entity, y.Entity)
	})
	return out, nil
}

// look returns what is new in one table and moves t on.
func (t *tail) look(ctx context.Context, at *tailTable, fresh *cohort) ([]annals.Entry, error) {
	ids, err := t.late(ctx, at)
	if err != nil {
		return nil, err
	}
	for {
		b := t.numbers(at)
		b.text("id > ")
		b.bind(at.last)
		b.text(" ORDER BY id LIMIT ")
		b.number(tailStep)
		some, err := readIDs(ctx, t.store.cfg.DB, b)
		if err != nil {
			return nil, err
		}
		for _, id := range some {
			at.pass(id, fresh)
		}
		ids = append(ids, some...)
		if len(some) < tailStep {
			break
		}
	}
	if over := len(at.gaps) - maxGaps; over > 0 {
		at.gaps = slices.Delete(at.gaps, 0, over)
	}
	return t.read(ctx, at, ids)
}

// late returns the numbers that were skipped and are there now.
func (t *tail) late(ctx context.Context, at *tailTable) (ids []int64, err error) {
	for some := range slices.Chunk(slices.Clone(at.gaps), gapsAtOnce) {
		b := t.numbers(at)
		for i, g := range some {
			b.text([]string{"", " OR "}[min(i, 1)], "id BETWEEN ")
			b.bind(g.low)
			b.text(" AND ")
			b.bind(g.high)
		}
		found, err := readIDs(ctx, t.store.cfg.DB, b)
		if err != nil {
			return nil, err
		}
		for _, id := range found {
			at.fill(id)
		}
		ids = append(ids, found...)
	}
	return ids, nil
}

// numbers begins a statement that asks for numbers of a table.
func (t *tail) numbers(at *tailTable) *builder {
	b := &builder{d: t.store.cfg.Dialect}
	b.text("SELECT id FROM ")
	b.table(at.table.Name)
	b.text(" WHERE ")
	return b
}

// read returns the entries of these numbers that the query asks for.
func (t *tail) read(ctx context.Context, at *tailTable, ids []int64) ([]annals.Entry, error) {
	var out []annals.Entry
	for some := range slices.Chunk(ids, tailStep) {
		values := make([]any, len(some))
		for i, id := range some {
			values[i] = id
		}
		q := t.query
		q.Limit = len(some)
		found, err := t.store.findIn(ctx, q, []branch{{
			entity: at.entity, table: at.table, column: layout.ColID, values: values,
		}}, "")
		if err != nil {
			return nil, err
		}
		for i := range found {
			if storage.Match(q.Where, &found[i]) {
				out = append(out, found[i])
			}
		}
	}
	return out, nil
}

// settle forgets gaps that nobody can fill any more. running was read before the
// tables were.
func (t *tail) settle(running map[string]bool, known bool, fresh *cohort) {
	if known {
		for _, c := range t.cohorts {
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
	for i := range t.tables {
		at := &t.tables[i]
		at.gaps = slices.DeleteFunc(at.gaps, func(g gap) bool { return g.cohort.over })
		for _, g := range at.gaps {
			used[g.cohort] = true
		}
	}
	t.cohorts = slices.DeleteFunc(append(t.cohorts, fresh), func(c *cohort) bool { return !used[c] })
}

func readIDs(ctx context.Context, db dialect.Queryer, b *builder) (ids []int64, err error) {
	err = query(ctx, db, b, func(scan func(...any) error) error {
		var id int64
		err := scan(&id)
		ids = append(ids, id)
		return err
	})
	return ids, err
}

// nameSet reads the first column of b's rows.
func nameSet(ctx context.Context, db dialect.Queryer, b *builder) (map[string]bool, error) {
	out := map[string]bool{}
	err := query(ctx, db, b, func(scan func(...any) error) error {
		var name string
		err := scan(&name)
		out[name] = true
		return err
	})
	return out, err
}
