package mirrorstore

import (
	"context"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/storage"
)

// ahead tells which receipts became visible since it was asked before.
type ahead interface {
	// next returns them in no order, and moves on when it is told to: after an error
	// it is asked again and loses nothing.
	next(ctx context.Context) (receipts []journal.Receipt, moveOn func(), err error)
}

// tail implements storage.Tail.
type tail struct {
	store *Store
	query storage.Query
	ahead ahead
}

// Tail implements storage.Follower. PostgreSQL tells by its snapshots what has become
// visible. MySQL and MariaDB number receipts when they are inserted: numbers that were
// skipped are asked for again until no transaction is left that could own them.
// SQLite's are in the order of commits.
//
// What Next cannot see on MySQL and MariaDB: a transaction that was already running
// when the tail began and that had been overtaken by more than 20,000 receipts. An
// account without the right PROCESS cannot tell which transactions run; skipped numbers
// are then remembered to the end, up to 10,000 ranges.
func (s *Store) Tail(ctx context.Context, q storage.Query) (storage.Tail, error) {
	q.Before, q.After, q.Ascending = annals.Position{}, annals.Position{}, true
	q.Limit = mostAtOnce
	l, err := s.fresh(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := s.ask(ctx, l, q); err != nil {
		return nil, err
	}
	t := &tail{store: s, query: q}
	t.ahead, err = s.eng.ahead(ctx, s)
	return t, err
}

// Next implements storage.Tail. After an error it can be called again and loses
// nothing.
func (t *tail) Next(ctx context.Context) ([]annals.Entry, error) {
	out := []annals.Entry{}
	receipts, moveOn, err := t.ahead.next(ctx)
	if err != nil {
		return nil, t.store.entries.FailRead("follow", "receipts", err)
	}
	if len(receipts) > 0 {
		err = t.store.current(ctx, func(l *journal.Ledger) (err error) {
			out, err = t.entries(ctx, l, slices.Clone(receipts))
			return err
		})
	}
	if err != nil {
		return nil, err
	}
	moveOn()
	return out, nil
}

// entries are those of receipts that the query asks for, oldest first.
func (t *tail) entries(
	ctx context.Context, l *journal.Ledger, receipts []journal.Receipt,
) ([]annals.Entry, error) {
	q := t.query
	q.Hashes, q.Actors, q.Where = nil, nil, nil // nothing is looked up: the entries tell
	a, err := t.store.ask(ctx, l, q)
	if err != nil {
		return nil, err
	}
	a.q.Hashes, a.q.Actors, a.q.Where = t.query.Hashes, t.query.Actors, t.query.Where
	receipts = slices.DeleteFunc(receipts, func(v journal.Receipt) bool {
		return !slices.ContainsFunc(a.wanted, func(w *wanted) bool { return w.sheet.Name == v.Target })
	})
	out := []annals.Entry{}
	for len(receipts) > 0 {
		n := 1
		for rows := receipts[0].Entries; n < len(receipts); n++ {
			if rows += receipts[n].Entries; rows > mostAtOnce {
				break
			}
		}
		p := &page{asking: a}
		f := a.longFeed(receipts[:n])
		if err := p.drain(ctx, f); err != nil {
			return nil, err
		}
		out = append(out, p.entries...)
		receipts = receipts[n:]
	}
	slices.SortStableFunc(out, func(x, y annals.Entry) int {
		p, q := x.Cursor(), y.Cursor()
		switch {
		case p == q:
			return 0
		case p.Before(q):
			return -1
		}
		return 1
	})
	return out, nil
}

// drain takes all entries of a feed.
func (p *page) drain(ctx context.Context, f *feed) error {
	for {
		items, err := merge(ctx, []*feed{f}, true, mostAtOnce)
		if err != nil || len(items) == 0 {
			return err
		}
		p.q.Limit = len(p.entries) + len(items)*mostParts
		if err := p.add(ctx, items); err != nil {
			return err
		}
		if len(items) < mostAtOnce {
			return p.label(ctx)
		}
	}
}

// mostParts is more than the entries that one mutation gives.
const mostParts = 1000
