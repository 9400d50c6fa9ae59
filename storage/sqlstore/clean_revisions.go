package sqlstore

import (
	"context"
	"slices"
	"time"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// orphans are the revisions of a part of annals_revision that may have lost their
// last entry.
type orphans struct {
	ids    []int64
	hashes []string
}

// RemoveRevisions implements storage.Cleaning. Nothing is locked while revisions
// are looked at. What could still get an entry after that look is a revision whose
// delivery is later than the cut-off is old; revisions of transactions that are
// still open cannot be seen yet.
func (r *cleanRun) RemoveRevisions(
	ctx context.Context, s storage.RevisionSweep,
) (storage.RevisionsSwept, error) {
	out, err := r.sweepRevisions(ctx, s)
	if err != nil {
		return out, r.store.fail("remove revisions without entries", "", nil, err)
	}
	return out, nil
}

func (r *cleanRun) sweepRevisions(
	ctx context.Context, s storage.RevisionSweep,
) (out storage.RevisionsSwept, err error) {
	first, ok, err := r.firstRevision(ctx, s.After)
	if err != nil || !ok {
		return storage.RevisionsSwept{Done: err == nil}, err
	}
	out.Last = first + int64(s.Limit) - 1
	found, err := r.oldRevisions(ctx, first, out.Last, s.Before)
	if err != nil || len(found.ids) == 0 {
		return out, err
	}
	receipts, err := r.receiptsOf(ctx, found.ids)
	if err != nil {
		return out, err
	}
	for _, entity := range r.byLikelihood(receipts) {
		var since time.Time
		if s.DryRun && slices.Contains(s.Entities, entity) {
			since = s.Before
		}
		if err := r.keepNamed(ctx, &found, r.tables[entity], since); err != nil {
			return out, err
		}
		if len(found.ids) == 0 {
			return out, nil
		}
	}
	if s.DryRun {
		out.Revisions = len(found.ids)
		return out, nil
	}
	receipts = slices.DeleteFunc(receipts, func(k receiptKey) bool {
		_, gone := slices.BinarySearch(found.ids, k.revision)
		return !gone
	})
	out.Turn, err = r.turns.Take(ctx, s.NotBefore, func(tx dialect.Execer) error {
		return r.deleteRevisions(ctx, tx, found.ids, receipts)
	})
	if !out.Released.IsZero() {
		out.Revisions = len(found.ids)
	}
	return out, err
}

func (r *cleanRun) deleteRevisions(
	ctx context.Context, tx dialect.Execer, ids []int64, receipts []receiptKey,
) error {
	for part := range slices.Chunk(receipts, maxRows) {
		b := r.builder()
		r.eng.deleteReceipts(b, part)
		if _, err := tx.ExecContext(ctx, b.sql.String(), b.args...); err != nil {
			return err
		}
	}
	b := r.builder()
	r.eng.deleteByID(b, r.store.rev.Name, ids)
	_, err := tx.ExecContext(ctx, b.sql.String(), b.args...)
	return err
}

// firstRevision is the next number that is in use.
func (r *cleanRun) firstRevision(ctx context.Context, after int64) (id int64, ok bool, err error) {
	b := r.builder()
	b.text("SELECT id FROM ")
	b.table(r.store.rev.Name)
	b.text(" WHERE id > ")
	b.bind(after)
	b.text(" ORDER BY id LIMIT 1")
	ids, err := readIDs(ctx, r.conn, b)
	if err != nil || len(ids) == 0 {
		return 0, false, err
	}
	return ids[0], true, nil
}

// oldRevisions are those between two numbers, ascending.
func (r *cleanRun) oldRevisions(
	ctx context.Context, first, last int64, before time.Time,
) (found orphans, err error) {
	b := r.builder()
	b.text("SELECT id, transaction_hash FROM ")
	b.table(r.store.rev.Name)
	b.text(" WHERE id BETWEEN ")
	b.bind(first)
	b.text(" AND ")
	b.bind(last)
	b.text(" AND created_at < ")
	r.instant(b, before)
	b.text(" ORDER BY id")
	err = query(ctx, r.conn, b, func(scan func(...any) error) error {
		var id int64
		var hash string
		err := scan(&id, &hash)
		found.ids = append(found.ids, id)
		found.hashes = append(found.hashes, hash)
		return err
	})
	return found, err
}

func (r *cleanRun) receiptsOf(ctx context.Context, ids []int64) (out []receiptKey, err error) {
	values := make([]any, len(ids))
	for i, id := range ids {
		values[i] = id
	}
	b := r.builder()
	b.text("SELECT revision, entity, type FROM ")
	b.table(annals.Table{Name: layout.RevisionEntityTable})
	b.text(" WHERE ")
	b.in(b.d.Quote(layout.ColRevision), values)
	err = query(ctx, r.conn, b, func(scan func(...any) error) error {
		var k receiptKey
		err := scan(&k.revision, &k.entity, &k.typ)
		out = append(out, k)
		return err
	})
	return out, err
}

// revisionsOf are the numbers of revisions that receipts are about.
func revisionsOf(receipts []receiptKey) []int64 {
	ids := make([]int64, len(receipts))
	for i, k := range receipts {
		ids[i] = k.revision
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// byLikelihood puts the entities first that receipts name, those with the most
// of them ahead. All others are asked too: a receipt is no proof.
func (r *cleanRun) byLikelihood(receipts []receiptKey) []string {
	named := map[string]int{}
	for _, k := range receipts {
		named[k.entity]++
	}
	order := slices.Clone(r.order)
	slices.SortStableFunc(order, func(x, y string) int { return named[y] - named[x] })
	return order
}

// keepNamed drops the revisions that an entry of the table names; only entries
// from since on count where it is set.
func (r *cleanRun) keepNamed(
	ctx context.Context, found *orphans, table annals.Table, since time.Time,
) error {
	values := make([]any, len(found.hashes))
	for i, h := range found.hashes {
		values[i] = h
	}
	b := r.builder()
	b.text("SELECT DISTINCT transaction_hash FROM ")
	b.table(table)
	b.text(" WHERE ")
	b.in(b.d.Quote(layout.ColTransactionHash), values)
	if !since.IsZero() {
		b.text(" AND created_at >= ")
		r.instant(b, since)
	}
	named, err := nameSet(ctx, r.conn, b)
	if err != nil || len(named) == 0 {
		return err
	}
	var rest orphans
	for i, hash := range found.hashes {
		if !named[hash] {
			rest.ids = append(rest.ids, found.ids[i])
			rest.hashes = append(rest.hashes, hash)
		}
	}
	*found = rest
	return nil
}
