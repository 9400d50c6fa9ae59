package sqlstore

import (
	"context"
	"fmt"
	"slices"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// Count implements storage.Counter. It counts in the indexes that Find reads, no
// further than the limit; what has to be compared in Go is read.
func (s *Store) Count(ctx context.Context, q storage.Query) (int, error) {
	if len(q.Entities) == 0 || q.Limit < 1 {
		return 0, &annals.Error{
			Op: "count", Subject: "entries",
			Err: fmt.Errorf("no entity or no limit: %w", annals.ErrConfig),
		}
	}
	if slices.ContainsFunc(q.Where, func(c storage.Condition) bool { return !c.Exact() }) {
		return s.countRead(ctx, q)
	}
	q, none, err := s.byHash(ctx, q)
	if err != nil || none {
		return 0, err
	}
	branches, err := s.branches(ctx, q)
	if err != nil {
		return 0, err
	}
	total := 0
	for part := range slices.Chunk(branches, s.branchesAtOnce(branches, q)) {
		b := &builder{d: s.cfg.Dialect}
		b.text("SELECT COUNT(*) FROM (")
		s.union(b, part, func(_ int, br branch) {
			s.branch(b, q, br, term{ordinal: br.entity, columns: []string{layout.ColID}})
		})
		b.text(") AS u")
		err := query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
			var n int
			err := scan(&n)
			total += n
			return err
		})
		if err != nil {
			return 0, s.explain(ctx, q, err)
		}
		if total >= q.Limit {
			return q.Limit, nil
		}
	}
	return total, nil
}

// countRead counts what Find returns, page by page.
func (s *Store) countRead(ctx context.Context, q storage.Query) (int, error) {
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

var (
	_ storage.Counter  = (*Store)(nil)
	_ storage.Follower = (*Store)(nil)
)
