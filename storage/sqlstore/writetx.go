package sqlstore

import (
	"context"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/storage"
)

// WriteTx implements storage.Direct. Besides what that says: an entry without
// hash, source or time takes the revision's. The entries are changed only when
// all went well. Errors match annals.ErrCapture, annals.ErrSchema (a table is
// missing), annals.ErrEntryTooLarge or annals.ErrUnreachable.
func (s *Store) WriteTx(
	ctx context.Context, tx dialect.Execer, rev *annals.Revision, entries []annals.Entry,
) error {
	return s.write(ctx, tx, rev, entries, true)
}

// WritePart implements storage.Parts. Its errors are WriteTx's.
func (s *Store) WritePart(
	ctx context.Context, tx dialect.Execer, rev *annals.Revision, entries []annals.Entry,
) error {
	return s.write(ctx, tx, rev, entries, false)
}

// WriteReceipts implements storage.Parts.
func (s *Store) WriteReceipts(
	ctx context.Context, tx dialect.Execer, rev *annals.Revision, receipts []storage.Receipt,
) error {
	var count tally
	for _, r := range receipts {
		count.add(rev.Hash, r.Entity, string(r.Type), int64(r.Entries))
	}
	w := revisionWrite{table: s.rev, receipts: count.list, stored: rev.ID}
	b, err := s.eng.begin(ctx, tx, w)
	if err == nil {
		err = s.eng.finish(ctx, tx, w, b)
	}
	if err != nil {
		return s.fail("store receipts of revision", rev.Hash, annals.ErrCapture, err)
	}
	return nil
}

func (s *Store) write(ctx context.Context, tx dialect.Execer, rev *annals.Revision,
	entries []annals.Entry, receipts bool,
) error {
	const op = "store revision"
	row, err := s.revisionRow(op, rev)
	if err != nil {
		return err
	}
	var count tally
	var ordinals []int64
	work := make([]annals.Entry, len(entries))
	copy(work, entries)
	for i := range work {
		e := &work[i]
		if err := adopt(op, e, rev); err != nil {
			return err
		}
		ordinals = append(ordinals, e.Seq)
		if receipts {
			count.add(e.TransactionHash, e.Entity, string(e.Type), 1)
		}
	}
	slices.Sort(ordinals)
	ordinals = slices.Compact(ordinals)
	w := revisionWrite{
		table: s.rev, row: row, receipts: count.list, numbers: max(1, len(ordinals)),
	}
	if !receipts {
		w.stored = rev.ID
	}
	// What can be refused is refused before anything is sent.
	groups, err := s.groups(ctx, op, work)
	if err != nil {
		return err
	}
	b, err := s.eng.begin(ctx, tx, w)
	if err != nil {
		return s.fail(op, rev.Hash, annals.ErrCapture, err)
	}
	number := func(ordinal int64) int64 {
		n, _ := slices.BinarySearch(ordinals, ordinal)
		return b.numbers[n]
	}
	for _, g := range groups {
		for _, r := range g.rows {
			ordinal, _ := r[rowSeq].(int64)
			r[rowSeq] = number(ordinal)
		}
		for _, part := range chunks(g.rows, s.cfg.Dialect.Limits().Parameters, s.eng.sizes) {
			if err := s.eng.insert(ctx, tx, g.table, part); err != nil {
				return s.fail("store entries of", "entity "+g.entity, annals.ErrCapture, err)
			}
		}
	}
	if err := s.eng.finish(ctx, tx, w, b); err != nil {
		return s.fail(op, rev.Hash, annals.ErrCapture, err)
	}
	rev.ID = b.id
	for i := range work {
		work[i].Seq = number(work[i].Seq)
	}
	copy(entries, work)
	return nil
}

// adopt gives an entry what it takes from its revision.
func adopt(op string, e *annals.Entry, rev *annals.Revision) error {
	if e.TransactionHash == "" {
		e.TransactionHash = rev.Hash
	}
	if e.Source == "" {
		e.Source = rev.Source
	}
	if e.CreatedAt.IsZero() {
		e.CreatedAt = rev.CreatedAt
	}
	subject := "entry of entity " + e.Entity
	switch {
	case e.TransactionHash != rev.Hash || e.Source != rev.Source:
		return refuse(op, subject, "it belongs to another revision")
	case e.Seq < 1:
		return refuse(op, subject, "it has no number within its transaction")
	}
	return nil
}

// groups sorts entries by audit table, in the order in which each first appears,
// and makes their rows with the numbers they have.
func (s *Store) groups(ctx context.Context, op string, entries []annals.Entry) ([]group, error) {
	var groups []group
	at := map[string]int{}
	for i := range entries {
		e := &entries[i]
		n, ok := at[e.Entity]
		if !ok {
			table, err := s.audit(ctx, e.Entity)
			if err != nil {
				return nil, err
			}
			n = len(groups)
			at[e.Entity] = n
			groups = append(groups, group{entity: e.Entity, table: table})
		}
		row, err := s.entryRow(op, e, e.Seq)
		if err != nil {
			return nil, err
		}
		groups[n].rows = append(groups[n].rows, row)
	}
	return groups, nil
}
