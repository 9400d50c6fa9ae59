package mirrorstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/journal"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// exactRows is how many rows of a revision are read to count its entries.
const exactRows = 10_000

// Count implements storage.Counter. What gives an entry is known when it is read, so
// that pages are read up to the limit.
func (s *Store) Count(ctx context.Context, q storage.Query) (int, error) {
	if len(q.Entities) == 0 || q.Limit < 1 {
		return 0, &annals.Error{
			Op: "count", Subject: "entries",
			Err: fmt.Errorf("no entity or no limit: %w", annals.ErrConfig),
		}
	}
	total, most := 0, q.Limit
	for {
		q.Limit = min(most-total, mostAtOnce)
		page, err := s.Find(ctx, q)
		if err != nil {
			return 0, err
		}
		total += len(page)
		if len(page) < q.Limit || total >= most {
			return total, nil
		}
		if last := page[len(page)-1].Cursor(); q.Ascending {
			q.After = last
		} else {
			q.Before = last
		}
	}
}

// Receipts implements storage.Store: how many entries of a type the revision has for
// an entity, ordered by entity, then type. Of a revision with more than 10,000 rows
// it tells the rows, as if each gave an entry of its operation.
func (s *Store) Receipts(ctx context.Context, hash string) ([]storage.Receipt, error) {
	var out []storage.Receipt
	err := s.current(ctx, func(l *journal.Ledger) (err error) {
		out, err = s.receiptsOf(ctx, l, hash)
		return err
	})
	return out, err
}

func (s *Store) receiptsOf(
	ctx context.Context, l *journal.Ledger, hash string,
) ([]storage.Receipt, error) {
	rows, total, err := s.firings(ctx, hash)
	if err != nil || len(rows) == 0 {
		return []storage.Receipt{}, err
	}
	counts := tally{}
	if total > exactRows {
		for _, f := range rows {
			counts.addFiring(l, f)
		}
		return counts.list(), nil
	}
	q := storage.Query{Hashes: []string{hash}, Limit: mostAtOnce, Ascending: true}
	for _, sheet := range l.Sheets() {
		q.Entities = append(q.Entities, sheet.Feeds()...)
	}
	slices.Sort(q.Entities)
	q.Entities = slices.Compact(q.Entities)
	for {
		a, err := s.ask(ctx, l, q)
		if err != nil {
			return nil, err
		}
		page, err := a.find(ctx)
		if err != nil {
			return nil, err
		}
		for i := range page {
			counts.add(page[i].Entity, page[i].Type, 1)
		}
		if len(page) < q.Limit {
			return counts.list(), nil
		}
		q.After = page[len(page)-1].Cursor()
	}
}

// firing is how many rows of a target an operation had.
type firing struct {
	target, typ string
	rows        int64
}

// firings of a revision, by target and type.
func (s *Store) firings(ctx context.Context, hash string) (out []firing, total int64, err error) {
	b := &builder{d: s.cfg.Dialect}
	entity, typ := b.col("r", layout.ColEntity), b.col("r", layout.ColType)
	b.text("SELECT ", entity, ", ", typ, ", SUM(", b.col("r", layout.ColEntries), ") FROM ")
	b.table(annals.Table{Name: layout.RevisionTable})
	b.text(" AS v JOIN ")
	b.table(annals.Table{Name: layout.RevisionEntityTable})
	b.text(" AS r ON ", b.col("r", layout.ColRevision), " = v.id")
	b.and()
	b.text("v.transaction_hash = ")
	b.bind(clean([]string{hash})[0])
	b.text(" GROUP BY ", entity, ", ", typ)
	err = query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
		var f firing
		err := scan(&f.target, &f.typ, &f.rows)
		out = append(out, f)
		total += f.rows
		return err
	})
	if err != nil {
		return nil, 0, s.entries.FailRead("read receipts of revision", hash, err)
	}
	return out, total, nil
}

// tally counts entries.
type tally map[storage.Receipt]int

func (t tally) add(entity string, typ annals.EntryType, n int) {
	t[storage.Receipt{Entity: entity, Type: typ}] += n
}

// addFiring counts rows as entries.
func (t tally) addFiring(l *journal.Ledger, f firing) {
	sheet := l.Sheet(f.target)
	if sheet == nil {
		return
	}
	own, link := annals.EntryType(f.typ), annals.EntryType("")
	switch annals.Operation(f.typ) {
	case annals.OpInsert:
		link = annals.Associate
	case annals.OpDelete:
		own, link = annals.Remove, annals.Dissociate
	case annals.OpUpdate, annals.OpTruncate, annals.OpEpoch:
	}
	for _, entity := range sheet.Feeds() {
		typ := own
		if !sheet.Owns(entity) {
			if typ = link; typ == "" {
				continue
			}
		}
		t.add(entity, typ, int(f.rows))
	}
}

func (t tally) list() []storage.Receipt {
	out := make([]storage.Receipt, 0, len(t))
	for r, n := range t {
		r.Entries = n
		out = append(out, r)
	}
	slices.SortFunc(out, func(x, y storage.Receipt) int {
		switch {
		case x.Entity != y.Entity && x.Entity < y.Entity, x.Entity == y.Entity && x.Type < y.Type:
			return -1
		}
		return 1
	})
	return out
}
