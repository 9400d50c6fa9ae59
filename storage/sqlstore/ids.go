package sqlstore

import (
	"context"
	"errors"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
)

// IDs fills in the ID of entries that were just written, through the transaction
// that wrote them: one query for each audit table, by its unique key.
func (s *Store) IDs(ctx context.Context, q dialect.Queryer, entries []annals.Entry) error {
	type place struct {
		seq  int64
		part int
	}
	byEntity := map[string]map[place]*annals.Entry{}
	var order []string
	for i := range entries {
		e := &entries[i]
		if byEntity[e.Entity] == nil {
			byEntity[e.Entity] = map[place]*annals.Entry{}
			order = append(order, e.Entity)
		}
		byEntity[e.Entity][place{e.Seq, e.Part}] = e
	}
	for _, entity := range order {
		wanted := byEntity[entity]
		var some *annals.Entry
		var low, high int64
		for _, e := range wanted {
			if some == nil {
				some, low, high = e, e.Seq, e.Seq
			}
			low, high = min(low, e.Seq), max(high, e.Seq)
		}
		err := s.numbers(ctx, q, *some, [2]int64{low, high}, func(id, seq int64, part int) {
			if e := wanted[place{seq, part}]; e != nil {
				e.ID = id
			}
		})
		if err != nil {
			return s.fail("read the numbers of", "entity "+entity, annals.ErrCapture, err)
		}
	}
	return nil
}

// numbers reads (id, seq, part) of the entries of e's transaction, in e's audit
// table, whose seq lies in a range.
func (s *Store) numbers(ctx context.Context, q dialect.Queryer, e annals.Entry, seqs [2]int64,
	found func(id, seq int64, part int),
) (err error) {
	table, err := s.audit(ctx, e.Entity)
	if err != nil {
		return err
	}
	b := &builder{d: s.cfg.Dialect}
	b.text("SELECT id, seq, part FROM ")
	b.table(table.Name)
	b.text(" WHERE source = ")
	b.bind(e.Source)
	b.text(" AND seq BETWEEN ")
	b.bind(seqs[0])
	b.text(" AND ")
	b.bind(seqs[1])
	b.text(" AND transaction_hash = ")
	b.bind(e.TransactionHash)
	rows, err := q.QueryContext(ctx, b.sql.String(), b.args...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var id, seq int64
		var part int
		if err := rows.Scan(&id, &seq, &part); err != nil {
			return err
		}
		found(id, seq, part)
	}
	return rows.Err()
}
