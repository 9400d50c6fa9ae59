package sqlstore

import (
	"context"
	"fmt"

	"github.com/seed-162b1470/annals"
	"github.com/seed-162b1470/annals/layout"
	"github.com/seed-162b1470/annals/storage"
)

// Revision implements storage.Store.
func (s *Store) Revision(ctx context.Context, hash string) (annals.Revision, error) {
	b := &builder{d: s.cfg.Dialect}
	b.text("SELECT 1")
	s.columns(b, "r.", s.rev)
	b.text(" FROM ")
	b.table(s.rev.Name)
	b.text(" AS r WHERE r.transaction_hash = ")
	b.bind(clean(hash))
	var r annals.Revision
	found := false
	err := query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
		var one int
		var extra, at string
		found = true
		if err := scan(append([]any{&one}, revisionFields(&r, &extra, &at)...)...); err != nil {
			return err
		}
		return finishRevision(&r, extra, at)
	})
	if err != nil {
		return annals.Revision{}, s.failRead("read", "revision "+hash, err)
	}
	if !found {
		return annals.Revision{}, &annals.Error{
			Op: "read", Subject: "revision " + hash,
			Err: fmt.Errorf("no such revision: %w", annals.ErrNotFound),
		}
	}
	return r, nil
}

// Receipts implements storage.Store. They are ordered by entity, then type; a
// revision that is not there has none.
func (s *Store) Receipts(ctx context.Context, hash string) ([]storage.Receipt, error) {
	b := &builder{d: s.cfg.Dialect}
	b.text("SELECT x.entity, x.type, x.entries FROM ")
	b.table(s.rev.Name)
	b.text(" AS r JOIN ")
	b.table(annals.Table{Name: layout.RevisionEntityTable})
	b.text(" AS x ON x.revision = r.id WHERE r.transaction_hash = ")
	b.bind(clean(hash))
	b.text(" ORDER BY x.entity, x.type")
	out := []storage.Receipt{}
	err := query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
		var r storage.Receipt
		err := scan(&r.Entity, &r.Type, &r.Entries)
		out = append(out, r)
		return err
	})
	if err != nil {
		return nil, s.failRead("read receipts of revision", hash, err)
	}
	return out, nil
}

// Hashes implements storage.HashFinder.
func (s *Store) Hashes(ctx context.Context, prefix string, limit int) ([]string, error) {
	b := &builder{d: s.cfg.Dialect}
	b.text("SELECT r.transaction_hash FROM ")
	b.table(s.rev.Name)
	b.text(" AS r WHERE r.transaction_hash >= ")
	b.bind(clean(prefix))
	b.text(" AND r.transaction_hash < ")
	// Nothing sorts behind the last character there is.
	b.bind(clean(prefix) + "\U0010FFFF")
	b.text(" ORDER BY r.transaction_hash LIMIT ")
	b.number(limit)
	out := []string{}
	err := query(ctx, s.cfg.DB, b, func(scan func(...any) error) error {
		var hash string
		err := scan(&hash)
		out = append(out, hash)
		return err
	})
	if err != nil {
		return nil, s.failRead("find revisions by", "hash "+prefix, err)
	}
	return out, nil
}
