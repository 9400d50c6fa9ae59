package sqlstore

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/dialect"
	"github.com/seed-162b1470/annals/storage"
)

// batch is a storage.Batch as rows.
type batch struct {
	revisions [][]any
	groups    []group
	// hashes are those of the entries.
	hashes []any
}

// Write implements storage.Store.
//
// Repeated rows are found by their unique keys, (source, seq, part) and the
// hash, and only by them: other faults of the rows stay faults. Rows are stored
// in the order of their keys, so that a batch which is written twice at once is
// written one after the other. Receipts count the entries that were new and so
// are right when a batch repeats in part. An entry whose revision is neither in
// the batch nor stored is an error that matches annals.ErrNotFound.
//
// The account needs INSERT and SELECT, and UPDATE on annals_revision_entity
// alone.
func (s *Store) Write(ctx context.Context, b storage.Batch) error {
	if len(b.Revisions) == 0 && len(b.Entries) == 0 {
		return nil
	}
	rows, err := s.prepare(ctx, b)
	if err != nil {
		return err
	}
	return s.retry(ctx, func() error { return s.writeOnce(ctx, rows) })
}

func (s *Store) prepare(ctx context.Context, b storage.Batch) (batch, error) {
	const op = "write"
	var out batch
	seen := map[string]bool{}
	for i := range b.Revisions {
		row, err := s.revisionRow(op, &b.Revisions[i])
		if err != nil {
			return out, err
		}
		if hash := revisionKey().of(row); !seen[hash] {
			seen[hash] = true
			out.revisions = append(out.revisions, row)
		}
	}
	sortRows(out.revisions, revisionKey())
	groups, err := s.groups(ctx, op, b.Entries)
	if err != nil {
		return out, err
	}
	named := map[string]bool{}
	for i := range groups {
		g := &groups[i]
		sortRows(g.rows, entryKey())
		g.rows = slices.CompactFunc(g.rows, func(x, y []any) bool {
			return entryKey().of(x) == entryKey().of(y)
		})
		for _, row := range g.rows {
			if hash := textOf(row[rowHash]); !named[hash] {
				named[hash] = true
				out.hashes = append(out.hashes, hash)
			}
		}
	}
	slices.SortFunc(groups, func(x, y group) int { return strings.Compare(x.entity, y.entity) })
	out.groups = groups
	return out, nil
}

// sortRows puts rows into the order of a key: numbers by value.
func sortRows(rows [][]any, k key) {
	slices.SortStableFunc(rows, func(x, y []any) int {
		for _, at := range k.at {
			var c int
			if n, ok := x[at].(int64); ok {
				m, _ := y[at].(int64)
				c = cmp.Compare(n, m)
			} else {
				c = strings.Compare(textOf(x[at]), textOf(y[at]))
			}
			if c != 0 {
				return c
			}
		}
		return 0
	})
}

func (s *Store) writeOnce(ctx context.Context, b batch) error {
	tx, err := s.cfg.DB.BeginTx(ctx, nil)
	if err != nil {
		return s.fail("begin transaction", "", nil, err)
	}
	if err := s.writeIn(ctx, tx, b); err != nil {
		if back := tx.Rollback(); back != nil && !errors.Is(back, sql.ErrTxDone) {
			err = fmt.Errorf("%w (rollback: %w)", err, back)
		}
		return err
	}
	if err := tx.Commit(); err != nil {
		return s.fail("commit entries", "", nil, err)
	}
	return nil
}

func (s *Store) writeIn(ctx context.Context, tx dialect.Execer, b batch) error {
	limit := s.cfg.Dialect.Limits().Parameters
	ids := map[string]int64{}
	for _, part := range chunks(b.revisions, limit, s.eng.sizes) {
		some, err := s.eng.insertRevisions(ctx, tx, s.rev, part)
		if err != nil {
			return s.fail("store revisions", "", nil, err)
		}
		maps.Copy(ids, some)
	}
	var count tally
	for _, g := range b.groups {
		add := func(hash, typ string, entries int64) { count.add(hash, g.entity, typ, entries) }
		for _, part := range chunks(g.rows, limit, s.eng.sizes) {
			w := entriesWrite{table: g.table, rows: part, count: add}
			if err := s.eng.insertNew(ctx, tx, w); err != nil {
				return s.fail("store entries of", "entity "+g.entity, nil, err)
			}
		}
	}
	if err := s.findRevisions(ctx, tx, b.hashes, ids); err != nil {
		return err
	}
	return s.addReceipts(ctx, tx, count.list, ids)
}

func (s *Store) addReceipts(
	ctx context.Context, tx dialect.Execer, receipts []receipt, ids map[string]int64,
) error {
	slices.SortFunc(receipts, func(x, y receipt) int {
		return cmp.Or(strings.Compare(x.hash, y.hash), strings.Compare(x.entity, y.entity),
			strings.Compare(x.typ, y.typ))
	})
	rows := make([][]any, len(receipts))
	for i, r := range receipts {
		rows[i] = []any{ids[r.hash], r.entity, r.typ, r.entries}
	}
	for _, part := range chunks(rows, s.cfg.Dialect.Limits().Parameters, s.eng.sizes) {
		if err := s.eng.addReceipts(ctx, tx, part); err != nil {
			return s.fail("store receipts", "", nil, err)
		}
	}
	return nil
}

// findRevisions adds the ids that are missing from ids: of revisions that were
// stored before. It comes after the entries, since a transaction of SQLite that
// begins by reading may not be allowed to write.
func (s *Store) findRevisions(
	ctx context.Context, tx dialect.Execer, hashes []any, ids map[string]int64,
) error {
	var missing []any
	for _, hash := range hashes {
		if _, ok := ids[textOf(hash)]; !ok {
			missing = append(missing, hash)
		}
	}
	for part := range slices.Chunk(missing, maxRows) {
		b := &builder{d: s.cfg.Dialect}
		b.text("SELECT id, transaction_hash FROM ")
		b.table(s.rev.Name)
		b.text(" WHERE ")
		b.in("transaction_hash", part)
		found, err := idsByHash(ctx, tx, b)
		if err != nil {
			return s.fail("read revisions", "", nil, err)
		}
		maps.Copy(ids, found)
	}
	for _, hash := range missing {
		if _, ok := ids[textOf(hash)]; !ok {
			return &annals.Error{
				Op: "store entries of", Subject: "revision " + textOf(hash),
				Remedy: "put the revision into the batch",
				Err:    fmt.Errorf("neither in the batch nor stored: %w", annals.ErrNotFound),
			}
		}
	}
	return nil
}

// textOf is the text of a row's value.
func textOf(v any) string {
	s, _ := v.(string)
	return s
}
